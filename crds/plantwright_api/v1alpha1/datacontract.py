"""DataContract: one version of what a consumer may rely on."""

from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from plantwright_api.v1alpha1.base import (
    AGE,
    LIST_SET,
    ApiModel,
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
    Unit,
    condition_column,
    immutable_once_published,
    list_map,
    rules,
)

FieldType = Literal["Boolean", "Integer", "Number", "String", "Timestamp"]


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
    max_length: Annotated[int, Field(ge=1, le=65536)] | None = Field(
        default=None, description="Longest string allowed, in characters.", json_schema_extra={"format": "int32"}
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
        description="For a readable value outside its range or enum. Flag: deliver and mark it. Quarantine: keep it out "
        "of the stream with its reason. What cannot be interpreted is always quarantined.",
    )

    model_config = ConfigDict(
        json_schema_extra=rules(
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
        )
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
    classification: Literal["Public", "Internal", "Confidential", "Restricted", "Personal"] = Field(
        default="Internal", description="Who may see the data."
    )
    freshness_seconds: Annotated[int, Field(ge=1, le=86400)] = Field(
        default=30,
        description="Oldest age at which a machine's data counts as fresh, in seconds.",
        json_schema_extra={"format": "int32"},
    )
    fields: Annotated[list[ContractField], Field(min_length=1, max_length=500)] = Field(
        description="Fields of the data.", json_schema_extra=list_map("name")
    )

    model_config = ConfigDict(
        json_schema_extra=rules(
            immutable_once_published(
                ["version", "classification", "freshnessSeconds", "fields"], ["name", "description", "owner"]
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
