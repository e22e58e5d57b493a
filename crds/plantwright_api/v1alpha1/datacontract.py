"""DataContract: one version of what a consumer may rely on."""

from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from plantwright_api.v1alpha1.base import (
    AGE,
    LIST_SET,
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
    ShortText,
    SignalName,
    Status,
    Text,
    Unit,
    condition_column,
    immutable_once_published,
    list_map,
)
from plantwright_api.v1alpha1.base import (
    rules as cel,
)

FieldType = Literal["Boolean", "Integer", "Number", "String", "Timestamp"]
Classification = Literal["Public", "Internal", "Confidential", "Restricted", "Personal"]
"""Who may see data, from open to closed."""
FieldRule = Literal["Type", "Range", "Enum", "Length", "Pattern", "RateOfChange"]
"""What a field can demand of a value, in the order in which it is judged; the first broken one counts."""
Action = Literal["Flag", "Quarantine", "Block"]
"""What follows from a broken rule.

Flag delivers the value and marks it. Quarantine keeps this value out of the stream, with its reason. Block does so too and
also keeps back the contract's other values of this machine, with reason Blocked, from the same reading on until a value
arrives that meets the rule: for fields without which the others mislead (a serial number, a mode). Nothing is lost: what is
kept back lies in the quarantine and can be replayed. A gateway that starts anew blocks from the first broken value on, not
before it: a signal that never comes is ContractMet's business and must not keep back everything else for ever.
"""


class RuleAction(ApiModel):
    """What follows when a value breaks one of its field's rules."""

    rule: FieldRule = Field(
        description="Type: the value cannot be interpreted. Range: minimum and maximum. Enum: enum, and codes without a "
        "name. Length: minLength and maxLength. Pattern: pattern. RateOfChange: maxChangePerSecond."
    )
    action: Action = Field(
        description="Flag: deliver and mark it. Quarantine: keep the value out of the stream with its reason. Block: "
        "quarantine it, and with reason Blocked also the contract's other values of this machine, until a value meets the rule."
    )

    model_config = ConfigDict(
        json_schema_extra=cel(
            {
                "rule": "self.rule != 'Type' || self.action != 'Flag'",
                "message": "what cannot be interpreted has no value to deliver: rule Type takes Quarantine or Block",
                "fieldPath": ".action",
            }
        )
    )


class ContractField(ApiModel):
    """One field the consumer may rely on."""

    name: SignalName = Field(description="Name of the field in the data, unique within the contract.")
    type: FieldType = Field(description="Type of the value.")
    description: Text | None = Field(default=None, description="What the value means.")
    unit: Unit | None = Field(default=None, description="Unit as a UCUM code, such as Cel, mm, 1/min or {part}.")
    required: bool = Field(
        default=False,
        description="True: a machine whose profile does not provide the field does not meet the contract.",
    )
    minimum: Decimal | None = Field(default=None, description="Lowest value allowed, as a decimal string.")
    maximum: Decimal | None = Field(default=None, description="Highest value allowed, as a decimal string.")
    min_length: Annotated[int, Field(ge=1, le=65536)] | None = Field(
        default=None, description="Shortest string allowed, in characters.", json_schema_extra={"format": "int32"}
    )
    max_length: Annotated[int, Field(ge=1, le=65536)] | None = Field(
        default=None, description="Longest string allowed, in characters.", json_schema_extra={"format": "int32"}
    )
    pattern: Annotated[str, Field(min_length=1, max_length=256)] | None = Field(
        default=None,
        description="Regular expression (RE2 syntax) that must be found in the string; ^ and $ tie it to the ends.",
    )
    max_change_per_second: Decimal | None = Field(
        default=None,
        description="Fastest change allowed, in the field's unit per second, as a decimal string above 0: against the last "
        "value that met the field's rules, over the time between their source times.",
    )
    freshness_seconds: Annotated[int, Field(ge=1, le=86400)] | None = Field(
        default=None,
        description="Oldest age at which this field's value counts as fresh, in seconds; absent: the contract's, and only "
        "for required fields.",
        json_schema_extra={"format": "int32"},
    )
    enum: (
        Annotated[list[Annotated[str, Field(min_length=1, max_length=128)]], Field(min_length=1, max_length=256)] | None
    ) = Field(
        default=None,
        description="Values allowed; numbers are written as strings.",
        json_schema_extra=LIST_SET,
    )
    semantic_id: Annotated[str, Field(min_length=1, max_length=512)] | None = Field(
        default=None, description="What the field means, as an IRI or IRDI (ECLASS, OPC UA companion specification)."
    )
    on_violation: Literal["Flag", "Quarantine"] = Field(
        default="Flag",
        description="For a readable value that breaks a rule which actions does not name. Flag: deliver and mark it. "
        "Quarantine: keep it out of the stream with its reason. What cannot be interpreted is always quarantined.",
    )
    actions: Annotated[list[RuleAction], Field(max_length=6)] = Field(
        default_factory=list,
        description="What follows per rule; for rules not named here onViolation says it.",
        json_schema_extra=list_map("rule"),
    )

    classification: Classification | None = Field(
        default=None, description="Who may see this field's values; absent: as the contract's classification says."
    )
    pseudonymise: bool = Field(
        default=False,
        description="True: a pseudonym made with the plant's key (Plant spec.pseudonymisation) is delivered instead of the "
        "value, the same one for equal values of fields of this name. Needs type String; rules are judged on the value itself.",
    )

    model_config = ConfigDict(
        json_schema_extra=cel(
            {
                "rule": "!(has(self.minimum) || has(self.maximum)) || self.type in ['Integer', 'Number']",
                "message": "minimum and maximum need type Integer or Number",
                "fieldPath": ".type",
            },
            {
                "rule": "!has(self.maxLength) || self.type == 'String'",
                "message": "maxLength needs type String",
                "fieldPath": ".maxLength",
            },
            {
                "rule": "!has(self.minLength) || self.type == 'String'",
                "message": "minLength needs type String",
                "fieldPath": ".minLength",
            },
            {
                "rule": "!has(self.minLength) || !has(self.maxLength) || self.minLength <= self.maxLength",
                "message": "minLength is above maxLength",
                "fieldPath": ".minLength",
            },
            {
                "rule": "!has(self.pattern) || self.type == 'String'",
                "message": "pattern needs type String",
                "fieldPath": ".pattern",
            },
            {
                "rule": "!has(self.maxChangePerSecond) || self.type in ['Integer', 'Number']",
                "message": "maxChangePerSecond needs type Integer or Number",
                "fieldPath": ".maxChangePerSecond",
            },
            {
                "rule": "!has(self.pseudonymise) || !self.pseudonymise || self.type == 'String'",
                "message": "pseudonymise needs type String",
                "fieldPath": ".pseudonymise",
            },
            {
                "rule": "!has(self.actions) || self.actions.all(a, a.rule in ['Type', 'Enum'] || "
                "(a.rule == 'Range' && (has(self.minimum) || has(self.maximum))) || "
                "(a.rule == 'Length' && (has(self.minLength) || has(self.maxLength))) || "
                "(a.rule == 'Pattern' && has(self.pattern)) || "
                "(a.rule == 'RateOfChange' && has(self.maxChangePerSecond)))",
                "message": "actions names a rule for which the field sets no bound",
                "fieldPath": ".actions",
            },
        )
    )


class CrossFieldRule(ApiModel):
    """A rule over several fields of one machine: judged when one of them changes, with the last values of the others."""

    name: SignalName = Field(description="Name of the rule, unique within the contract.")
    expression: Annotated[str, Field(min_length=1, max_length=1024)] = Field(
        description="What must hold, in a subset of CEL over the contract's field names, such as "
        "\"state != 'Idle' || power < 5\". Until every field in it has a value, and where it has none itself (a division by "
        "zero), the rule is not judged."
    )
    message: ShortText = Field(description="What is wrong where it does not hold, for a person.")
    on_violation: Literal["Flag", "Quarantine"] = Field(
        default="Flag",
        description="For the values that arrived together and broke the rule. Flag: deliver and mark them. Quarantine: keep "
        "them out of the stream with their reason.",
    )


class Consumer(ApiModel):
    """Someone who relies on the contract, so that a change names whom it breaks."""

    name: ObjectName = Field(description="Application or report that reads the data, such as oee-board.")
    owner: Owner = Field(description="Who is told before a change that breaks it.")
    fields: Annotated[list[SignalName], Field(max_length=500)] = Field(
        default_factory=list, description="Fields it reads; empty: all.", json_schema_extra=LIST_SET
    )


class DataContractSpec(ApiModel):
    """The contract's terms."""

    name: ObjectName | None = Field(
        default=None, description="Family of the contract, the same for all its versions; absent: the object's name."
    )
    version: SemVer = Field(description='Semantic version, "MAJOR.MINOR.PATCH".')
    lifecycle: Lifecycle = Field(
        default="Draft", description="Published makes this object immutable; drafts may change."
    )
    description: Text | None = Field(default=None, description="What the data is for.")
    owner: Owner | None = Field(default=None, description="Who answers for the data.")
    extends: ContractRef | None = Field(
        default=None,
        description="Contract that this one builds on: its fields and rules hold here too, and may be added to and "
        "tightened, never loosened.",
    )
    classification: Classification = Field(
        default="Internal", description="Who may see the data, as far as a field does not say it itself."
    )
    completeness_percent: Annotated[int, Field(ge=1, le=100)] | None = Field(
        default=None,
        description="Least share of the planned time, in percent, in which every required field of a machine must be there, "
        "fresh and within its terms; absent: only what is missing now counts.",
        json_schema_extra={"format": "int32"},
    )
    completeness_window_seconds: Annotated[int, Field(ge=60, le=604_800)] | None = Field(
        default=None,
        description="Over which time, sliding, completenessPercent is judged, in seconds; absent: 3600.",
        json_schema_extra={"format": "int32"},
    )
    retention_days: Annotated[int, Field(ge=1, le=36500)] | None = Field(
        default=None,
        description="Longest time for which an MES keeps the data, in days since it was recorded; absent: no limit is set.",
        json_schema_extra={"format": "int32"},
    )
    freshness_seconds: Annotated[int, Field(ge=1, le=86400)] = Field(
        default=30,
        description="Oldest age at which a machine's data counts as fresh, in seconds.",
        json_schema_extra={"format": "int32"},
    )
    fields: Annotated[list[ContractField], Field(min_length=1, max_length=500)] = Field(
        description="Fields of the data.", json_schema_extra=list_map("name")
    )
    rules: Annotated[list[CrossFieldRule], Field(max_length=64)] = Field(
        default_factory=list,
        description="Rules over several fields.",
        json_schema_extra=list_map("name"),
    )
    consumers: Annotated[list[Consumer], Field(max_length=100)] = Field(
        default_factory=list,
        description="Who relies on the contract. May change after publication: it is no term of the contract.",
        json_schema_extra=list_map("name"),
    )

    model_config = ConfigDict(
        json_schema_extra=cel(
            immutable_once_published(
                ["version", "classification", "freshnessSeconds", "fields"],
                [
                    "name",
                    "description",
                    "owner",
                    "extends",
                    "rules",
                    "retentionDays",
                    "completenessPercent",
                    "completenessWindowSeconds",
                ],
            )
        )
    )


class DataContractStatus(Status):
    """The observed contract."""

    machines: int = Field(
        default=0, description="Machines held to this version.", json_schema_extra={"format": "int32"}
    )


class DataContract(KubernetesObject):
    """What a consumer of machine data may rely on: fields, types, units, ranges, freshness, owner. One object is one version."""

    kind: Literal["DataContract"] = "DataContract"
    spec: DataContractSpec
    status: DataContractStatus = Field(default_factory=DataContractStatus)

    crd: ClassVar[CrdNames] = CrdNames(
        plural="datacontracts",
        singular="datacontract",
        short_names=["dct"],
        description=__doc__ or "",
        columns=[
            PrinterColumn(name="Version", json_path=".spec.version"),
            PrinterColumn(name="Lifecycle", json_path=".spec.lifecycle"),
            condition_column("Ready", "Ready"),
            PrinterColumn(name="Machines", json_path=".status.machines", type="integer"),
            PrinterColumn(name="Owner", json_path=".spec.owner.team", priority=1),
            condition_column("Message", "Ready", "message", priority=1),
            AGE,
        ],
    )

    def family(self) -> str:
        """The name that references use."""
        return self.spec.name or self.metadata.name
