"""The configuration of a gateway, as the operator writes it into a ConfigMap and the gateway reads it.

Everything is resolved here: profile, contract, plant and overrides have been merged, quantities are numbers, names are
final. A gateway looks nothing up. Secrets appear as folders in which their keys are mounted, never as values.

The file is `config.json` in `CONFIG_DIR`; its `hash` is what the gateway reports in `/status` once it is in force.
"""

import hashlib
from typing import Literal

import msgspec

CONFIG_DIR = "/etc/plantwright/config"
CONFIG_FILE = "config.json"
SECRETS_DIR = "/etc/plantwright/secrets"
"""Secrets are mounted as `SECRETS_DIR/<secret name>/<key>`, optional: what is missing the gateway reports."""
BUFFER_DIR = "/var/lib/plantwright"
HTTP_PORT = 8080
"""Port of /status, /metrics, /healthz (live) and /readyz (ready)."""

SchemaVersion = Literal[1]
FieldType = Literal["Boolean", "Integer", "Number", "String", "Timestamp"]
OnViolation = Literal["Flag", "Quarantine"]
FieldRule = Literal["Type", "Range", "Enum", "Length", "Pattern", "RateOfChange"]
Action = Literal["Flag", "Quarantine", "Block"]
Overflow = Literal["Block", "DropOldest", "DropNewest"]


class Config(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Base of all parts: immutable, camelCase, defaults left out."""


class ContractField(Config, frozen=True):
    """One field of a contract, with bounds as numbers."""

    name: str
    type: FieldType
    unit: str | None = None
    required: bool = False
    minimum: float | None = None
    maximum: float | None = None
    max_length: int | None = None
    enum: list[str] = []
    on_violation: OnViolation = "Flag"
    min_length: int | None = None
    pattern: str | None = None
    max_change_per_second: float | None = None
    freshness_seconds: int | None = None
    actions: dict[FieldRule, Action] = {}
    pseudonymise: bool = False


class CrossFieldRule(Config, frozen=True):
    """A rule over several fields of a contract; `expression` is that of `plantwright_api.expression`."""

    name: str
    expression: str
    message: str = ""
    on_violation: OnViolation = "Flag"


class Contract(Config, frozen=True):
    """One version of a contract."""

    name: str
    version: str
    fields: list[ContractField]
    freshness_seconds: int = 30
    rules: list[CrossFieldRule] = []
    completeness_percent: int | None = None
    completeness_window_seconds: int | None = None
    retention_days: int | None = None


class ModbusAddress(Config, frozen=True):
    """Where a signal is found in a Modbus device; orders and unit are resolved.

    With `bit_count` the value is that many bits of a UInt16 register from `bit` on, as an unsigned integer.
    """

    table: Literal["Coil", "DiscreteInput", "InputRegister", "HoldingRegister"]
    address: int
    type: Literal["Bool", "Int16", "UInt16", "Int32", "UInt32", "Int64", "UInt64", "Float32", "Float64", "String"]
    unit_id: int = 1
    bit: int | None = None
    length: int | None = None
    byte_order: Literal["BigEndian", "LittleEndian"] = "BigEndian"
    word_order: Literal["HighWordFirst", "LowWordFirst"] = "HighWordFirst"
    bit_count: int | None = None


class OpcUaAddress(Config, frozen=True):
    """Where a signal is found in an OPC UA server."""

    node_id: str


class Counter(Config, frozen=True):
    """A counter of the machine, of which a running total is kept; `rollover` is where it begins again at 0, if known."""

    rollover: int | None = None


class Operand(Config, frozen=True):
    """How expressions see a signal: its type, and value = raw x scale + offset in the signal's own unit.

    Where the signal has names for its codes an expression sees those, and the type is String.
    """

    type: FieldType
    scale: float = 1.0
    offset: float = 0.0


class Signal(Config, frozen=True):
    """One value to read: address, scaling and the contract field it fills. Exactly one of address and expression is set.

    `operand` is set for a signal that expressions name. An `internal` one fills no field, its `contract` and `field` are "".
    """

    name: str
    contract: str
    field: str
    interval_ms: int
    modbus: ModbusAddress | None = None
    opcua: OpcUaAddress | None = None
    scale: float = 1.0
    offset: float = 0.0
    unit: str | None = None
    values: dict[str, str] = {}
    expression: str | None = None
    operand: Operand | None = None
    internal: bool = False
    counter: Counter | None = None


class ModbusSource(Config, frozen=True, tag="ModbusTCP", tag_field="protocol"):
    """How to reach a Modbus TCP device."""

    host: str
    port: int = 502
    timeout_ms: int = 3000
    max_registers_per_request: int = 125
    max_gap_registers: int = 16
    max_requests_per_second: int | None = None


class OpcUaSource(Config, frozen=True, tag="OPCUA", tag_field="protocol"):
    """How to reach an OPC UA server. Secrets are names of folders under SECRETS_DIR.

    Without `certificate_secret` the gateway makes a certificate of its own and keeps it beside its buffer.
    """

    url: str
    timeout_ms: int = 3000
    publishing_interval_ms: int = 500
    mode: Literal["Subscribe", "Read"] = "Subscribe"
    max_items_per_request: int | None = None
    max_requests_per_second: int | None = None
    security_mode: Literal["SignAndEncrypt", "Sign", "None"] = "SignAndEncrypt"
    security_policy: Literal["Aes256_Sha256_RsaPss", "Aes128_Sha256_RsaOaep", "Basic256Sha256"] = "Basic256Sha256"
    certificate_secret: str | None = None
    trust_secret: str | None = None
    credentials_secret: str | None = None
    user_certificate_secret: str | None = None
    history_backfill: bool = False


class HttpSink(Config, frozen=True, tag="HTTP", tag_field="type"):
    """A central MES that takes batches of CloudEvents by POST."""

    name: str
    url: str
    token_secret: str | None = None
    ca_secret: str | None = None
    certificate_secret: str | None = None
    max_requests_per_second: float | None = None
    """This machine's share of what the plant may send."""


class MqttSink(Config, frozen=True, tag="MQTT", tag_field="type"):
    """An MQTT broker that carries the Unified Namespace."""

    name: str
    url: str
    topic_prefix: str = "plantwright/v1"
    credentials_secret: str | None = None
    ca_secret: str | None = None
    certificate_secret: str | None = None
    max_requests_per_second: float | None = None
    """This machine's share of what the plant may send."""


class Location(Config, frozen=True):
    """ISA-95 place of a machine."""

    enterprise: str
    site: str
    area: str
    line: str


class Asset(Config, frozen=True):
    """Identity of a machine (OPC 40001-1)."""

    manufacturer: str | None = None
    model: str | None = None
    serial_number: str | None = None
    product_instance_uri: str | None = None
    asset_id: str | None = None


class StateInference(Config, frozen=True):
    """How the state is learnt from a signal that has no codes."""

    shortest_stop_seconds: int = 15


class StateModel(Config, frozen=True):
    """Which signal tells the state, and what its codes mean (ISO 22400 time elements), or how it is inferred.

    A stop in planned time that is longer than `stop_alert_seconds` raises an alert; None: none does.
    """

    signal: str
    values: dict[str, str]
    infer: StateInference | None = None
    stop_alert_seconds: int | None = None


class PartCounters(Config, frozen=True):
    """Which signals count parts."""

    good: str | None = None
    rejected: str | None = None
    reworked: str | None = None
    rollover: int | None = None
    planned_run_time_per_item_seconds: float | None = None


class ContextSignals(Config, frozen=True):
    """Which signals tell what is so around the machine: who works at it, why it stands, which part and order it is at."""

    person: str | None = None
    reason: str | None = None
    serial_number: str | None = None
    job_order: str | None = None


class HttpSchedule(Config, frozen=True, tag="HTTP", tag_field="type"):
    """Where the central MES tells a machine's orders (`wire.schedule`), by GET."""

    url: str
    token_secret: str | None = None
    ca_secret: str | None = None
    certificate_secret: str | None = None


class MqttSchedule(Config, frozen=True, tag="MQTT", tag_field="type"):
    """Where the central MES retains a machine's orders (`wire.schedule`), in the Unified Namespace."""

    url: str
    topic_prefix: str
    credentials_secret: str | None = None
    ca_secret: str | None = None
    certificate_secret: str | None = None


class Context(Config, frozen=True):
    """What is joined to values besides the machine's own identity.

    Source times that are off by more than the tolerance are replaced for the join by the gateway's clock.
    """

    signals: ContextSignals = ContextSignals()
    schedule: HttpSchedule | MqttSchedule | None = None
    clock_tolerance_ms: int = 2000
    pseudonymise_persons: bool = False


class Break(Config, frozen=True):
    """A planned pause; minutes after local midnight."""

    start_minute: int
    end_minute: int


class Shift(Config, frozen=True):
    """A shift; weekday 0 is Monday, minutes after local midnight, an end at or before the start is the next day."""

    name: str
    weekdays: list[int]
    start_minute: int
    end_minute: int
    breaks: list[Break] = []


class Calendar(Config, frozen=True):
    """When the plant works; no shifts: around the clock. Closures are local dates, YYYY-MM-DD."""

    time_zone: str = "Etc/UTC"
    shifts: list[Shift] = []
    closures: list[str] = []


class Buffer(Config, frozen=True):
    """Where a machine's backlog lies; the bound counts the WAL too."""

    path: str
    max_bytes: int
    overflow: Overflow = "Block"
    durable: bool = True


class Machine(Config, frozen=True):
    """One machine that the gateway reads."""

    uid: str
    name: str
    namespace: str
    plant: str
    location: Location
    source: ModbusSource | OpcUaSource
    contracts: list[Contract]
    signals: list[Signal]
    sinks: list[HttpSink | MqttSink]
    buffer: Buffer
    profile: str = ""
    asset: Asset = Asset()
    calendar: Calendar = Calendar()
    state: StateModel | None = None
    parts: PartCounters | None = None
    context: Context | None = None
    pseudonym_secret: str | None = None
    """Folder under SECRETS_DIR whose `key` makes the pseudonyms of fields that ask for them."""
    replay: str = ""
    """A word that a person chose: with another one the values in quarantine are judged and delivered anew, once."""

    @property
    def joined(self) -> Context:
        """What is joined to values, the defaults where nothing is said."""
        return self.context or Context()


class GatewayConfig(Config, frozen=True):
    """The whole file."""

    machines: list[Machine]
    hash: str = ""
    schema: SchemaVersion = 1


def encode(config: GatewayConfig) -> bytes:
    """The file's content: JSON with sorted keys, carrying its own hash.

    The hash covers everything but itself, so equal configurations have equal bytes.
    """
    blank = msgspec.structs.replace(config, hash="")
    digest = hashlib.sha256(msgspec.json.encode(blank, order="sorted")).hexdigest()[:16]
    return msgspec.json.encode(msgspec.structs.replace(config, hash=digest), order="sorted")


def decode(content: bytes) -> GatewayConfig:
    """Read a file's content.

    Raises:
        msgspec.ValidationError: naming the field that is wrong, such as `Expected int - at $.machines[0].signals[2]`.
        msgspec.DecodeError: when the content is no JSON.
    """
    return msgspec.json.decode(content, type=GatewayConfig)
