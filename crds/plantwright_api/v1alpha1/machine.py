"""Machine: one machine of a plant."""

from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from plantwright_api.v1alpha1.base import (
    AGE,
    ApiModel,
    CrdNames,
    KubernetesObject,
    Owner,
    PathSegment,
    PlantRef,
    PrinterColumn,
    ProfileRef,
    SecretRef,
    ShortText,
    SignalName,
    Status,
    condition_column,
    list_map,
    rules,
    says,
)
from plantwright_api.v1alpha1.plant import Buffer
from plantwright_api.v1alpha1.signals import ModbusAddress, OpcUaAddress


class Location(ApiModel):
    """Where in the plant the machine stands (ISA-95)."""

    area: PathSegment = Field(description="ISA-95 area; must be one of the Plant's spec.areas[].name.")
    line: PathSegment = Field(description="ISA-95 line; must be one of that area's lines[].name.")


class OpcUaSecurity(ApiModel):
    """How the OPC UA channel is protected. Absent means SignAndEncrypt."""

    mode: Literal["SignAndEncrypt", "Sign", "None"] = Field(
        default="SignAndEncrypt", description="Message security mode. None also needs allowInsecure."
    )
    policy: Literal["Aes256_Sha256_RsaPss", "Aes128_Sha256_RsaOaep", "Basic256Sha256"] = Field(
        default="Basic256Sha256", description="Security policy; older ones are broken and not offered."
    )
    allow_insecure: bool = Field(
        default=False, description="True allows mode None. It stays visible as a condition of the machine."
    )
    certificate_secret_ref: SecretRef | None = Field(
        default=None,
        description="Secret with `tls.crt` and `tls.key`; absent: the plant's; absent there too: the gateway makes its own, "
        "which a person trusts at the machine.",
    )
    trust_secret_ref: SecretRef | None = Field(
        default=None, description="Secret with trusted `*.crt` entries; absent: the plant's."
    )
    credentials_secret_ref: SecretRef | None = Field(
        default=None, description="Secret with `username` and `password`; absent: anonymous."
    )
    user_certificate_secret_ref: SecretRef | None = Field(
        default=None,
        description="Secret with `tls.crt` and `tls.key` of a user: login by certificate, instead of credentialsSecretRef.",
    )

    model_config = ConfigDict(
        json_schema_extra=rules(
            {
                "rule": "self.mode != 'None' || self.allowInsecure",
                "message": "mode None sends everything in clear: set allowInsecure: true to say that this is meant, "
                "or leave mode out for SignAndEncrypt",
                "fieldPath": ".mode",
                "reason": "FieldValueForbidden",
            },
            {
                "rule": "self.mode != 'None' || !has(self.credentialsSecretRef)",
                "message": "credentials are never sent over an unprotected channel: remove credentialsSecretRef or mode: None",
                "fieldPath": ".credentialsSecretRef",
                "reason": "FieldValueForbidden",
            },
            {
                "rule": "!has(self.userCertificateSecretRef) || (self.mode != 'None' && !has(self.credentialsSecretRef))",
                "message": "a login by certificate needs a protected channel and no other login: remove mode: None and "
                "credentialsSecretRef, or userCertificateSecretRef",
                "fieldPath": ".userCertificateSecretRef",
                "reason": "FieldValueForbidden",
            },
        )
    )


class Endpoint(ApiModel):
    """Where the machine is reached."""

    url: Annotated[
        str,
        Field(
            min_length=10,
            max_length=2048,
            pattern=r"^(opc\.tcp|modbus\+tcp)://([A-Za-z0-9_.-]+|\[[0-9a-fA-F:.]+\])(:[0-9]{1,5})?(/[^\s@]*)?$",
            json_schema_extra=says(
                "write opc.tcp://host:4840/path or modbus+tcp://host:502, without user name and password "
                "(those belong into a Secret, see security.credentialsSecretRef)"
            ),
        ),
    ] = Field(description="opc.tcp://host:4840/path or modbus+tcp://host:502. No user name or password.")
    unit_id: Annotated[int, Field(ge=0, le=255)] | None = Field(
        default=None,
        description="Modbus unit of this machine; absent: the profile's.",
        json_schema_extra={"format": "int32"},
    )
    security: OpcUaSecurity = Field(default_factory=OpcUaSecurity, description="OPC UA security; ignored under Modbus.")


class Asset(ApiModel):
    """Identity of the machine, as OPC UA Machinery (OPC 40001-1) names it."""

    manufacturer: ShortText | None = Field(default=None, description="Who built the machine.")
    model: ShortText | None = Field(default=None, description="Model name.")
    serial_number: ShortText | None = Field(default=None, description="Serial number given by the manufacturer.")
    product_instance_uri: ShortText | None = Field(default=None, description="Globally unique URI of this machine.")
    asset_id: ShortText | None = Field(default=None, description="The owner's inventory number.")


class SignalOverride(ApiModel):
    """What differs on this machine for one signal of the profile."""

    name: SignalName = Field(description="Signal of the profile.")
    disabled: bool = Field(default=False, description="True: this machine does not have the signal.")
    opcua: OpcUaAddress | None = Field(default=None, description="Other OPC UA address.")
    modbus: ModbusAddress | None = Field(default=None, description="Other Modbus address.")


class MachineSpec(ApiModel):
    """The machine as it should be connected."""

    plant_ref: PlantRef = Field(description="Plant the machine belongs to, in this namespace.")
    profile_ref: ProfileRef = Field(description="Profile that says how the machine is read.")
    location: Location = Field(description="Where in the plant it stands.")
    endpoint: Endpoint = Field(description="Where it is reached.")
    asset: Asset = Field(default_factory=Asset, description="Identity of the machine.")
    owner: Owner | None = Field(default=None, description="Who answers for the machine; absent: the plant's owner.")
    signal_overrides: Annotated[list[SignalOverride], Field(max_length=500)] = Field(
        default_factory=list, description="Small differences from the profile.", json_schema_extra=list_map("name")
    )
    buffer: Buffer | None = Field(default=None, description="Buffer of this machine; absent: the plant's.")
    buffer_on_delete: Literal["RetainUntilDrained", "Discard"] = Field(
        default="RetainUntilDrained",
        description="What happens to undelivered data when the machine is removed. RetainUntilDrained keeps the claim, "
        "so that adding the machine again delivers the rest.",
    )
    suspend: bool = Field(default=False, description="Stop acting on this machine; its gateway runs on unchanged.")

    model_config = ConfigDict(
        json_schema_extra=rules(
            {
                "rule": "!has(oldSelf.buffer) || !has(self.buffer) || oldSelf.buffer.medium == self.buffer.medium",
                "message": "a machine's buffer cannot change its medium while it may hold data: "
                "remove the machine, let it drain, add it again",
                "fieldPath": ".buffer",
                "reason": "FieldValueForbidden",
            }
        )
    )


class MachineStatus(Status):
    """The observed machine."""

    gateway_uid: Annotated[str, Field(max_length=64)] | None = Field(
        default=None, description="Identity of the gateway's buffer, as it appears in the observations."
    )
    config_hash: Annotated[str, Field(max_length=64)] | None = Field(
        default=None, description="Hash of the configuration in force."
    )
    profile: ShortText | None = Field(default=None, description="Profile and version in force.")
    contracts: Annotated[list[ShortText], Field(max_length=8)] = Field(
        default_factory=list,
        description="Contracts and versions in force.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    first_stored_time: Annotated[str, Field(max_length=64)] | None = Field(
        default=None,
        description="When the MES stored the machine's first value.",
        json_schema_extra={"format": "date-time"},
    )
    problem: Annotated[str, Field(max_length=1024)] | None = Field(
        default=None, description="The most important thing that is wrong, for `kubectl get`; absent: nothing."
    )


class Machine(KubernetesObject):
    """One machine: its plant, line, profile and endpoint. The operator turns it into a gateway pod."""

    kind: Literal["Machine"] = "Machine"
    spec: MachineSpec
    status: MachineStatus = Field(default_factory=MachineStatus)

    crd: ClassVar[CrdNames] = CrdNames(
        plural="machines",
        singular="machine",
        short_names=["mach"],
        description=__doc__ or "",
        columns=[
            condition_column("Ready", "Ready"),
            condition_column("Connected", "Connected"),
            condition_column("Fresh", "DataFresh"),
            PrinterColumn(
                name="Since",
                json_path='.status.conditions[?(@.type=="DataFresh")].lastTransitionTime',
                type="date",
                description="Since when data flows, or does not",
            ),
            PrinterColumn(name="Problem", json_path=".status.problem"),
            condition_column("Commissioned", "Commissioned", priority=1),
            condition_column("Contract", "ContractMet", priority=1),
            condition_column("Buffered", "Buffered", priority=1),
            condition_column("Durable", "Durable", priority=1),
            PrinterColumn(name="Profile", json_path=".status.profile", priority=1),
            PrinterColumn(name="Line", json_path=".spec.location.line", priority=1),
            PrinterColumn(name="Endpoint", json_path=".spec.endpoint.url", priority=1),
            AGE,
        ],
    )
