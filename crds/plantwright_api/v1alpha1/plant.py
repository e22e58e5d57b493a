"""Plant: one site, where it is, when it works, how it reaches the central MES and how changes roll out."""

from typing import Annotated, Any, ClassVar, Final, Literal, get_args

from pydantic import ConfigDict, Field

from plantwright_api.v1alpha1.base import (
    AGE,
    LIST_SET,
    ApiModel,
    CrdNames,
    Date,
    KubernetesObject,
    Label,
    ObjectName,
    Owner,
    PathSegment,
    PrinterColumn,
    SecretRef,
    ShortText,
    Status,
    TimeOfDay,
    condition_column,
    list_map,
    rules,
    says,
)

Weekday = Literal["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
Quantity = Annotated[str, Field(min_length=1, max_length=32, pattern=r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$")]
Cidr = Annotated[str, Field(min_length=3, max_length=49, pattern=r"^[0-9a-fA-F.:]+/[0-9]{1,3}$")]


class Line(ApiModel):
    """A production line (ISA-95 work centre)."""

    name: PathSegment = Field(description="Name of the line, unique within its area.")
    flow: Literal["Parallel", "Serial"] = Field(
        default="Parallel",
        description="Parallel: the line's figures are sums over its machines. Serial: parts are counted at the exit "
        "machine and time at the bottleneck.",
    )
    bottleneck: Label | None = Field(default=None, description="Machine that paces a serial line.")
    exit: Label | None = Field(default=None, description="Machine at which a serial line's parts are counted.")

    model_config = ConfigDict(
        json_schema_extra=rules(
            {
                "rule": "self.flow != 'Serial' || (has(self.bottleneck) && has(self.exit))",
                "message": "a serial line needs its bottleneck (time is counted there) and its exit (parts are counted there)",
                "fieldPath": ".flow",
            }
        )
    )


class Area(ApiModel):
    """An area of the site (ISA-95)."""

    name: PathSegment = Field(description="Name of the area, unique within the site.")
    lines: Annotated[list[Line], Field(max_length=64)] = Field(
        default_factory=list, description="Production lines of the area.", json_schema_extra=list_map("name")
    )


WEEKDAYS: Final[tuple[str, ...]] = get_args(Weekday)
"""In their order, Monday first."""


def minute_of_day(time: str) -> int:
    """Minutes since midnight of a time such as "13:30"."""
    hours, minutes = time.split(":")
    return int(hours) * 60 + int(minutes)


class Break(ApiModel):
    """A pause within a shift: planned, so it is no downtime."""

    start: TimeOfDay = Field(description='Local time of day the break starts, "HH:MM".')
    end: TimeOfDay = Field(description='Local time of day the break ends, "HH:MM".')


class Shift(ApiModel):
    """A shift that repeats on weekdays, in the plant's local time."""

    name: PathSegment = Field(description="Name of the shift.")
    days: Annotated[list[Weekday], Field(min_length=1, max_length=7)] = Field(
        description="Weekdays on which the shift starts.", json_schema_extra=LIST_SET
    )
    start: TimeOfDay = Field(description='Local time of day the shift starts, "HH:MM".')
    end: TimeOfDay = Field(
        description='Local time of day the shift ends, "HH:MM"; at or before its start means the next day.'
    )
    breaks: Annotated[list[Break], Field(max_length=16)] = Field(
        default_factory=list, description="Planned breaks.", json_schema_extra={"x-kubernetes-list-type": "atomic"}
    )


class Calendar(ApiModel):
    """When the plant works. Without shifts it works around the clock."""

    shifts: Annotated[list[Shift], Field(max_length=32)] = Field(
        default_factory=list, description="Shifts of the plant.", json_schema_extra=list_map("name")
    )
    closures: Annotated[list[Date], Field(max_length=400)] = Field(
        default_factory=list,
        description='Local dates on which no shift starts, "YYYY-MM-DD".',
        json_schema_extra=LIST_SET,
    )


def _certificate_needs(scheme: str) -> dict[str, str]:
    """The rule that a client certificate is of no use without TLS."""
    return {
        "rule": f"!has(self.certificateSecretRef) || self.url.startsWith('{scheme}://')",
        "message": f"a client certificate is shown over TLS only: write {scheme}:// or remove certificateSecretRef",
        "fieldPath": ".certificateSecretRef",
        "reason": "FieldValueForbidden",
    }


_EXACTLY_ONE: Final = {
    "rule": "[has(self.http), has(self.mqtt)].filter(x, x).size() == 1",
    "message": "set exactly one of http and mqtt",
}


TopicPrefix = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^+#\s]+$")]


def _topic_prefix(last_level: str) -> Any:
    return Field(
        default="plantwright/v1",
        description=f"First levels of the topic; enterprise/site/area/line/machine/{last_level} follow.",
        json_schema_extra=says(
            "write topic levels such as plantwright/v1, without the wildcards + and # and without spaces"
        ),
    )


def _named(*refs: SecretRef | None) -> list[SecretRef]:
    return [ref for ref in refs if ref is not None]


class HttpSink(ApiModel):
    """A central MES that takes batches of CloudEvents by HTTP POST."""

    url: Annotated[str, Field(min_length=8, max_length=2048, pattern=r"^https?://[^\s@]+$")] = Field(
        description="URL that batches are posted to. No user name or password: name a Secret.",
        json_schema_extra=says("write https://host/path, without user name and password (name them in tokenSecretRef)"),
    )
    token_secret_ref: SecretRef | None = Field(
        default=None, description="Secret with key `token`, sent as bearer token."
    )
    ca_secret_ref: SecretRef | None = Field(
        default=None, description="Secret with key `ca.crt` that the server is held to."
    )
    certificate_secret_ref: SecretRef | None = Field(
        default=None,
        description="Secret with `tls.crt` and `tls.key`: the client certificate that gateways show (mutual TLS).",
    )

    model_config = ConfigDict(json_schema_extra=rules(_certificate_needs("https")))

    def secret_refs(self) -> list[SecretRef]:
        """The Secrets that it names."""
        return _named(self.token_secret_ref, self.ca_secret_ref, self.certificate_secret_ref)


class MqttSink(ApiModel):
    """An MQTT broker that carries the Unified Namespace."""

    url: Annotated[str, Field(min_length=8, max_length=2048, pattern=r"^mqtts?://[^\s@/]+$")] = Field(
        description="Broker, as mqtt://host:port or mqtts://host:port.",
        json_schema_extra=says(
            "write mqtts://host:8883 or mqtt://host:1883, without user name and password (name them in credentialsSecretRef)"
        ),
    )
    topic_prefix: TopicPrefix = _topic_prefix("_contract")
    credentials_secret_ref: SecretRef | None = Field(
        default=None, description="Secret with keys `username` and `password`."
    )
    ca_secret_ref: SecretRef | None = Field(
        default=None, description="Secret with key `ca.crt` that the broker is held to."
    )
    certificate_secret_ref: SecretRef | None = Field(
        default=None,
        description="Secret with `tls.crt` and `tls.key`: the client certificate that gateways show (mutual TLS).",
    )

    model_config = ConfigDict(json_schema_extra=rules(_certificate_needs("mqtts")))

    def secret_refs(self) -> list[SecretRef]:
        """The Secrets that it names."""
        return _named(self.credentials_secret_ref, self.ca_secret_ref, self.certificate_secret_ref)


class Sink(ApiModel):
    """One place observations go to; each sink keeps its own watermark."""

    name: Label = Field(description="Name of the sink, unique within the plant.")
    country: Annotated[str, Field(min_length=2, max_length=2, pattern="^[A-Z]{2}$")] | None = Field(
        default=None,
        description="Country in which the sink keeps data, ISO 3166-1 alpha-2; policies judge residency by it.",
    )
    max_requests_per_second: Annotated[int, Field(ge=1, le=100_000)] | None = Field(
        default=None,
        description="Most requests a second that all gateways of the plant together send to this sink, each an equal share; a "
        "request carries up to 500 events. Absent: no limit.",
        json_schema_extra={"format": "int32"},
    )
    http: HttpSink | None = Field(default=None, description="Set for a sink that takes HTTP.")
    mqtt: MqttSink | None = Field(default=None, description="Set for a sink that is an MQTT broker.")

    model_config = ConfigDict(json_schema_extra=rules(_EXACTLY_ONE))


class HttpSchedule(HttpSink):
    """A central MES that tells by HTTP GET what each machine is to make."""

    url: Annotated[str, Field(min_length=8, max_length=2048, pattern=r"^https?://[^\s@]+$")] = Field(
        description="URL that is asked with ?plant= and &equipment= for a machine's WorkSchedule (docs/guide-orders.md). No user "
        "name or password: name a Secret.",
        json_schema_extra=says("write https://host/path, without user name and password (name them in tokenSecretRef)"),
    )


class MqttSchedule(MqttSink):
    """An MQTT broker at which the central MES retains what each machine is to make."""

    topic_prefix: TopicPrefix = _topic_prefix("_schedule")


class Schedule(ApiModel):
    """Where orders, log-ons and stop reasons come from."""

    http: HttpSchedule | None = Field(default=None, description="Set for an MES that is asked by HTTP.")
    mqtt: MqttSchedule | None = Field(
        default=None, description="Set for an MES that retains schedules at an MQTT broker (docs/guide-orders.md)."
    )

    model_config = ConfigDict(json_schema_extra=rules(_EXACTLY_ONE))


class Mes(ApiModel):
    """How the plant reaches the central MES."""

    sinks: Annotated[list[Sink], Field(min_length=1, max_length=4)] = Field(
        description="Where observations go; the first is the one whose store makes a machine Commissioned.",
        json_schema_extra=list_map("name"),
    )
    schedule: Schedule | None = Field(
        default=None,
        description="Where gateways learn which order a machine works on, who works at it and why it stands. Absent: values "
        "carry what the machine itself tells.",
    )

    def services(self) -> list[tuple[str, HttpSink | MqttSink]]:
        """What gateways talk to, each with its field below spec.mes: sinks, and where orders come from."""
        holders: list[tuple[str, Sink | Schedule]] = [(f"sinks[{sink.name}]", sink) for sink in self.sinks]
        holders += [("schedule", self.schedule)] if self.schedule else []
        offered = [
            (f"{at}.{kind}", chosen)
            for at, each in holders
            for kind, chosen in (("http", each.http), ("mqtt", each.mqtt))
        ]
        return [(field, service) for field, service in offered if service is not None]


class Buffer(ApiModel):
    """Where a gateway keeps what the MES has not stored yet."""

    medium: Literal["PersistentVolumeClaim", "EmptyDir"] = Field(
        default="PersistentVolumeClaim",
        description="EmptyDir survives a restart of the container only, and shows as Durable=False.",
    )
    size: Quantity = Field(default="1Gi", description="Size of the claim; the buffer stays below nine tenths of it.")
    storage_class_name: ObjectName | None = Field(
        default=None, description="StorageClass of the claim; absent: the default."
    )
    overflow: Literal["Block", "DropOldest", "DropNewest"] = Field(
        default="Block",
        description="What happens when the buffer is full. Block pauses reading; the others drop and leave a gap record.",
    )


class OpcUaDefaults(ApiModel):
    """Certificates that the plant's gateways use towards OPC UA servers."""

    certificate_secret_ref: SecretRef | None = Field(
        default=None,
        description="Secret with `tls.crt` and `tls.key`: the client certificate of the plant's gateways, as cert-manager "
        "makes it. Absent: each gateway makes its own.",
    )
    trust_secret_ref: SecretRef | None = Field(
        default=None,
        description="Secret whose `*.crt` entries are the server certificates or authorities that are trusted.",
    )


class Resources(ApiModel):
    """Requests and limits of a gateway container."""

    cpu_request: Quantity = Field(default="10m", description="CPU requested per gateway.")
    memory_request: Quantity = Field(default="64Mi", description="Memory requested per gateway.")
    memory_limit: Quantity = Field(default="192Mi", description="Memory limit per gateway.")


class Gateway(ApiModel):
    """Defaults for the plant's gateways."""

    image: Annotated[str, Field(min_length=1, max_length=512)] | None = Field(
        default=None,
        description="Gateway image; absent: the one the operator was installed with when the machine was added.",
    )
    buffer: Buffer = Field(default_factory=Buffer, description="Store-and-forward buffer.")
    opcua: OpcUaDefaults = Field(default_factory=OpcUaDefaults, description="Certificates for OPC UA.")
    resources: Resources = Field(default_factory=Resources, description="Requests and limits of the container.")


class Network(ApiModel):
    """What the NetworkPolicy of each machine is built from."""

    egress_cidrs: Annotated[list[Cidr], Field(max_length=64)] = Field(
        default_factory=list,
        description="Networks in which endpoints and MES services given by host name live; a NetworkPolicy takes no names.",
        json_schema_extra=LIST_SET,
    )
    dns_cidrs: Annotated[list[Cidr], Field(max_length=16)] = Field(
        default_factory=list,
        description="Networks of DNS servers that are no pods of the cluster, such as a cloud's resolver. The cluster's own DNS "
        "and NodeLocal DNSCache (169.254.20.10) need not be named.",
        json_schema_extra=LIST_SET,
    )
    monitoring_namespace: Label | None = Field(
        default=None,
        description="Namespace whose pods may scrape metrics; absent: any pod of the cluster that is no gateway.",
    )


class Pseudonymisation(ApiModel):
    """How gateways of the plant make pseudonyms of fields whose contract asks for it."""

    secret_ref: SecretRef = Field(
        description="Secret with key `key`: at least 32 random bytes, from which pseudonyms are made (HMAC-SHA-256). Plants "
        "with the same key make the same pseudonyms; another key makes others."
    )


class Context(ApiModel):
    """What gateways join to the values of the plant's machines."""

    clock_tolerance_milliseconds: Annotated[int, Field(ge=50, le=600_000)] = Field(
        default=2000,
        description="How far a machine's clock may be from the gateway's. Beyond it orders and shifts are joined by the gateway's "
        "time, and the data says so (contextTime: Gateway).",
        json_schema_extra={"format": "int32"},
    )
    pseudonymise_persons: bool = Field(
        default=False,
        description="People at machines leave the plant as pseudonyms only; needs spec.pseudonymisation.",
    )


class Rollout(ApiModel):
    """How a change reaches gateways that already run."""

    mode: Literal["Automatic", "Manual"] = Field(
        default="Automatic",
        description="Automatic: changes go out as they come. Manual: a running gateway keeps its configuration until "
        "the annotation plantwright.io/approve-revision of its Machine names the new one.",
    )
    max_concurrent: Annotated[int, Field(ge=1, le=110)] = Field(
        default=10, description="How many gateways may restart at the same time.", json_schema_extra={"format": "int32"}
    )


class PlantSpec(ApiModel):
    """The desired plant."""

    enterprise: PathSegment = Field(description="ISA-95 enterprise: the company.")
    site: PathSegment = Field(description="ISA-95 site: this plant.")
    areas: Annotated[list[Area], Field(max_length=64)] = Field(
        default_factory=list, description="ISA-95 areas and their lines.", json_schema_extra=list_map("name")
    )
    time_zone: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z][A-Za-z0-9_+/-]*$")] = Field(
        default="Etc/UTC",
        description="IANA time zone of the site, such as Europe/Berlin; shifts are local times in it.",
    )
    country: Annotated[str, Field(min_length=2, max_length=2, pattern="^[A-Z]{2}$")] | None = Field(
        default=None, description="ISO 3166-1 alpha-2 country, for residency rules."
    )
    owner: Owner | None = Field(default=None, description="Who answers for the plant's machines.")
    calendar: Calendar = Field(default_factory=Calendar, description="Shifts and closures.")
    mes: Mes = Field(description="How the plant reaches the central MES.")
    catalog_namespace: Label | None = Field(
        default=None, description="The one other namespace in which profiles and contracts are looked for."
    )
    gateway: Gateway = Field(default_factory=Gateway, description="Defaults for the plant's gateways.")
    network: Network = Field(default_factory=Network, description="What gateways may reach and who may reach them.")
    pseudonymisation: Pseudonymisation | None = Field(
        default=None,
        description="How pseudonyms are made; needed by machines that fill a field with pseudonymise.",
    )
    context: Context = Field(default_factory=Context, description="What is joined to values, and by which clock.")
    rollout: Rollout = Field(default_factory=Rollout, description="How changes reach running gateways.")
    suspend: bool = Field(
        default=False, description="Stop acting on this plant and its machines; gateways run on unchanged."
    )
    description: ShortText | None = Field(default=None, description="What a newcomer should know about the site.")

    model_config = ConfigDict(
        json_schema_extra=rules(
            {
                "rule": "!has(self.context) || !has(self.context.pseudonymisePersons) || !self.context.pseudonymisePersons"
                " || has(self.pseudonymisation)",
                "message": "pseudonymisePersons needs pseudonymisation.secretRef, the key that pseudonyms are made with",
                "fieldPath": ".context",
            }
        )
    )


class OrphanedBuffer(ApiModel):
    """A claim that still holds undelivered data of a machine that is gone."""

    claim_name: ShortText = Field(description="PersistentVolumeClaim that holds the data.")
    machine: ShortText = Field(description="Machine it belonged to; add it again to deliver the rest.")


class PlantStatus(Status):
    """The observed plant."""

    machines: int = Field(default=0, description="Machines of this plant.", json_schema_extra={"format": "int32"})
    ready_machines: int = Field(
        default=0, description="Machines that are Ready.", json_schema_extra={"format": "int32"}
    )
    orphaned_buffers: Annotated[list[OrphanedBuffer], Field(max_length=500)] = Field(
        default_factory=list,
        description="Buffers left behind by removed machines.",
        json_schema_extra=list_map("claimName"),
    )


class Plant(KubernetesObject):
    """One site: where it is, when it works, how it reaches the central MES and how changes roll out."""

    kind: Literal["Plant"] = "Plant"
    spec: PlantSpec
    status: PlantStatus = Field(default_factory=PlantStatus)

    crd: ClassVar[CrdNames] = CrdNames(
        plural="plants",
        singular="plant",
        short_names=["plt"],
        description=__doc__ or "",
        columns=[
            condition_column("Ready", "Ready"),
            PrinterColumn(name="Machines", json_path=".status.machines", type="integer"),
            PrinterColumn(name="In-Force", json_path=".status.readyMachines", type="integer"),
            condition_column("Reason", "Ready", "reason"),
            condition_column("Calendar", "CalendarConsistent", "reason"),
            PrinterColumn(name="Site", json_path=".spec.site", priority=1),
            condition_column("Message", "Ready", "message", priority=1),
            AGE,
        ],
    )
