"""MachineProfile: one version of how a type of machine is read."""

from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from plantwright_api.v1alpha1.base import (
    AGE,
    ApiModel,
    ContractRef,
    CrdNames,
    Decimal,
    KubernetesObject,
    Lifecycle,
    ObjectName,
    Owner,
    PrinterColumn,
    SemVer,
    SignalName,
    Status,
    Text,
    condition_column,
    immutable_once_published,
    list_map,
    rules,
)
from plantwright_api.v1alpha1.codetables import CodeTable
from plantwright_api.v1alpha1.signals import ByteOrder, Signal, WordOrder

Protocol = Literal["OPCUA", "ModbusTCP"]
MachineState = Literal["Production", "Setup", "Delay", "Idle", "PlannedDown"]
"""ISO 22400 time elements: APT, AUST, ADET, ADOT, planned downtime."""


class Acquisition(ApiModel):
    """How a machine of this type is read, and how hard it may be polled."""

    interval_milliseconds: Annotated[int, Field(ge=50, le=86_400_000)] = Field(
        default=1000, description="How often signals are read or sampled, in ms.", json_schema_extra={"format": "int32"}
    )
    publishing_interval_milliseconds: Annotated[int, Field(ge=50, le=3_600_000)] = Field(
        default=500,
        description="OPC UA: how often the server reports changes, in ms.",
        json_schema_extra={"format": "int32"},
    )
    mode: Literal["Subscribe", "Read"] = Field(
        default="Subscribe",
        description="OPC UA: Subscribe reports each change and falls back to Read where the server refuses; Read polls.",
    )
    timeout_milliseconds: Annotated[int, Field(ge=100, le=60_000)] = Field(
        default=3000, description="How long an answer may take, in ms.", json_schema_extra={"format": "int32"}
    )
    max_sessions: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=3,
        description="Sessions that one device of this type takes at its host and port; more machines than that are refused.",
        json_schema_extra={"format": "int32"},
    )
    max_requests_per_second: Annotated[int, Field(ge=1, le=10_000)] | None = Field(
        default=None,
        description="Requests per second that one device takes, over all machines at its host and port.",
        json_schema_extra={"format": "int32"},
    )
    max_items_per_request: Annotated[int, Field(ge=1, le=10_000)] | None = Field(
        default=None,
        description="OPC UA: most nodes in one request where the server does not announce its limit.",
        json_schema_extra={"format": "int32"},
    )
    history_backfill: bool = Field(
        default=False,
        description="OPC UA: true fills a gap from the server's history, where it keeps one: the values come with their "
        "own times, before the value that ends the gap, at most 10,000 per gap.",
    )


class ModbusDefaults(ApiModel):
    """How this type of machine speaks Modbus."""

    unit_id: Annotated[int, Field(ge=0, le=255)] = Field(
        default=1, description="Modbus unit.", json_schema_extra={"format": "int32"}
    )
    byte_order: ByteOrder = Field(default="BigEndian", description="Order of bytes in a register.")
    word_order: WordOrder = Field(default="HighWordFirst", description="Order of registers in a 32- or 64-bit value.")
    max_registers_per_request: Annotated[int, Field(ge=1, le=125)] = Field(
        default=125, description="Most registers in one request.", json_schema_extra={"format": "int32"}
    )
    max_gap_registers: Annotated[int, Field(ge=0, le=124)] = Field(
        default=16,
        description="Unused registers that may be read to save a request; 0 where the device refuses unmapped addresses.",
        json_schema_extra={"format": "int32"},
    )


class StateValue(ApiModel):
    """The state that one code stands for."""

    value: Annotated[str, Field(min_length=1, max_length=64)] = Field(description="Value as the signal gives it.")
    state: MachineState = Field(
        description="ISO 22400 time element: Production (APT), Setup (AUST), Delay (ADET: failure or minor stop), "
        "Idle (available, no order), PlannedDown."
    )


class StateInference(ApiModel):
    """How off, idle and producing are learnt from a signal that is no state: a current, or a power."""

    shortest_stop_seconds: Annotated[int, Field(ge=5, le=300)] = Field(
        default=15,
        description="Pauses that are shorter are never told as a stop; longer ones are not either where they come in every cycle.",
        json_schema_extra={"format": "int32"},
    )


class StateModel(ApiModel):
    """Which signal tells the state."""

    signal: SignalName = Field(
        description="Signal that carries the state; with inferFrom, the current or power from which it is learnt."
    )
    infer_from: StateInference | None = Field(
        default=None,
        description="The signal has no codes: the state is learnt from how high it is, and the data says that it is "
        "inferred. docs/guide-state.md says what it can and cannot tell.",
    )
    stop_alert_seconds: Annotated[int, Field(ge=10, le=86_400)] | None = Field(
        default=None,
        description="A stop in planned time that is longer raises the alert PlantwrightMachineStopped; absent: none does.",
        json_schema_extra={"format": "int32"},
    )
    values: Annotated[list[StateValue], Field(max_length=64)] = Field(
        default_factory=list,
        description="What each code means; they win over those of valuesFrom. A code that neither lists is unknown.",
        json_schema_extra=list_map("value"),
    )
    values_from: CodeTable | None = Field(
        default=None,
        description="What the codes of a standard mean, as docs/guide-units.md lists them: PackML, PackMLTMC, "
        "MTConnectExecution or MachineryItemState.",
    )

    model_config = ConfigDict(
        json_schema_extra=rules(
            {
                "rule": "has(self.inferFrom) || has(self.valuesFrom) || (has(self.values) && size(self.values) > 0)",
                "message": "state needs values, or valuesFrom with the name of a table of codes, or inferFrom",
                "fieldPath": ".values",
            },
            {
                "rule": "!has(self.inferFrom) || !(has(self.valuesFrom) || (has(self.values) && size(self.values) > 0))",
                "message": "state.inferFrom is for a signal without codes: leave out values and valuesFrom",
                "fieldPath": ".inferFrom",
            },
        )
    )


class PartCounters(ApiModel):
    """Which signals count parts."""

    good: SignalName | None = Field(default=None, description="Signal that counts good parts.")
    rejected: SignalName | None = Field(default=None, description="Signal that counts rejected parts.")
    reworked: SignalName | None = Field(
        default=None,
        description="Signal that counts parts that were reworked; they are good or rejected parts as well.",
    )
    rollover: Annotated[int, Field(ge=2, le=9_007_199_254_740_992)] | None = Field(
        default=None,
        description="Number at which the counters begin again at 0, such as 65536; absent: they never do. Not for "
        "signals with a counter of their own.",
        json_schema_extra={"format": "int64"},
    )
    planned_run_time_per_item_seconds: Decimal | None = Field(
        default=None, description="ISO 22400 PRI: planned time per part in seconds, as a decimal string."
    )


class ContextSignals(ApiModel):
    """Which signals tell what is so around the machine; what they say goes before what the MES says."""

    person: SignalName | None = Field(default=None, description="Signal with the id of whoever is logged on.")
    reason: SignalName | None = Field(default=None, description="Signal with the reason why the machine stands.")
    serial_number: SignalName | None = Field(
        default=None, description="Signal with the serial number of the part in work; values are traceable by it."
    )
    job_order: SignalName | None = Field(default=None, description="Signal with the id of the job order in work.")


def _known_signal(path: str) -> dict[str, str]:
    """The rule that a part of the specification names one of the profile's signals."""
    steps = path.split(".")
    has = " && ".join(f"has(self.{'.'.join(steps[:count])})" for count in range(1, len(steps) + 1))
    return {
        "rule": f"!({has}) || self.signals.exists(s, s.name == self.{path})",
        "message": f"{path} must be one of signals[].name",
        "fieldPath": f".{steps[0]}",
    }


class MachineProfileSpec(ApiModel):
    """How the machine is read."""

    name: ObjectName | None = Field(
        default=None, description="Family of the profile, the same for all its versions; absent: the object's name."
    )
    version: SemVer = Field(default="0.0.0", description='Semantic version, "MAJOR.MINOR.PATCH".')
    lifecycle: Lifecycle = Field(
        default="Draft", description="Published makes this object immutable; drafts may change."
    )
    description: Text | None = Field(default=None, description="Which machines this fits.")
    owner: Owner | None = Field(default=None, description="Who maintains the profile.")
    protocol: Protocol = Field(description="How the machine speaks.")
    contract_refs: Annotated[list[ContractRef], Field(min_length=1, max_length=8)] = Field(
        description="Contracts that the signals fulfil.", json_schema_extra=list_map("name")
    )
    acquisition: Acquisition = Field(
        default_factory=Acquisition, description="How often and how hard the machine is read."
    )
    modbus: ModbusDefaults = Field(default_factory=ModbusDefaults, description="Defaults under protocol ModbusTCP.")
    signals: Annotated[list[Signal], Field(min_length=1, max_length=500)] = Field(
        description="Values read from the machine.", json_schema_extra=list_map("name")
    )
    state: StateModel | None = Field(default=None, description="How the machine's state is known.")
    parts: PartCounters | None = Field(default=None, description="How parts are counted.")
    context: ContextSignals | None = Field(
        default=None,
        description="What the machine tells of the person, order and part it works with, and why it stands.",
    )

    model_config = ConfigDict(
        json_schema_extra=rules(
            immutable_once_published(
                ["version", "protocol", "contractRefs", "signals"],
                ["name", "description", "owner", "acquisition", "modbus", "state", "parts", "context"],
            ),
            {
                "rule": "self.signals.all(s, has(s.expression) || (self.protocol == 'OPCUA' ? has(s.opcua) : has(s.modbus)))",
                "message": "every signal needs an address for the profile's protocol: "
                "signals[].opcua for OPCUA, signals[].modbus for ModbusTCP; or an expression",
                "fieldPath": ".signals",
            },
            {
                "rule": "!has(self.state) || self.signals.exists(s, s.name == self.state.signal)",
                "message": "state.signal must be one of signals[].name",
                "fieldPath": ".state",
            },
            *map(
                _known_signal,
                [
                    *(f"parts.{name}" for name in ("good", "rejected", "reworked")),
                    *(f"context.{name}" for name in ("person", "reason", "serialNumber", "jobOrder")),
                ],
            ),
        )
    )


class MachineProfileStatus(Status):
    """The observed profile."""

    machines: int = Field(
        default=0, description="Machines that use this version.", json_schema_extra={"format": "int32"}
    )


class MachineProfile(KubernetesObject):
    """How one type of machine is read: protocol, signals, addresses, units, states. One object is one version."""

    kind: Literal["MachineProfile"] = "MachineProfile"
    spec: MachineProfileSpec
    status: MachineProfileStatus = Field(default_factory=MachineProfileStatus)

    crd: ClassVar[CrdNames] = CrdNames(
        plural="machineprofiles",
        singular="machineprofile",
        short_names=["mprof"],
        description=__doc__ or "",
        columns=[
            PrinterColumn(name="Protocol", json_path=".spec.protocol"),
            PrinterColumn(name="Version", json_path=".spec.version"),
            PrinterColumn(name="Lifecycle", json_path=".spec.lifecycle"),
            condition_column("Ready", "Ready"),
            PrinterColumn(name="Machines", json_path=".status.machines", type="integer"),
            condition_column("Message", "Ready", "message", priority=1),
            AGE,
        ],
    )

    def family(self) -> str:
        """The name that references use."""
        return self.spec.name or self.metadata.name
