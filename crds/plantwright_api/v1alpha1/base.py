"""What all kinds share: naming rules, bounded strings, references, conditions and the object envelope.

Every string and list is bounded: the API server refuses CEL rules whose cost it cannot bound, and etcd is no place for
a value without an end.
"""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class ApiModel(BaseModel):
    """A part of an object. Unknown fields are ignored, so that an older program reads a newer object."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True)


def rules(*validations: dict[str, str]) -> dict[str, Any]:
    """The JSON-schema extra that carries CEL rules (`x-kubernetes-validations`) for a model or field."""
    return {"x-kubernetes-validations": list(validations)}


def says(message: str) -> dict[str, Any]:
    """The JSON-schema extra of a string with a pattern: what the API server answers instead of the bare pattern."""
    return {"x-plantwright-says": message}


def list_map(*keys: str, **extra: Any) -> dict[str, Any]:
    """The JSON-schema extra of a list whose entries server-side apply merges by these keys."""
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys), **extra}


def immutable_once_published(required: list[str], optional: list[str]) -> dict[str, str]:
    """The CEL rule that freezes these fields (camelCase) once `lifecycle` has left Draft."""
    same = [f"self.{f} == oldSelf.{f}" for f in required]
    same += [f"has(self.{f}) == has(oldSelf.{f}) && (!has(self.{f}) || self.{f} == oldSelf.{f})" for f in optional]
    return {
        "rule": "oldSelf.lifecycle == 'Draft' || (self.lifecycle != 'Draft' && " + " && ".join(same) + ")",
        "message": "a published version is immutable: publish the change as a new object with a higher spec.version "
        "(only lifecycle may move on, never back to Draft)",
        "reason": "FieldValueForbidden",
    }


LIST_SET: dict[str, Any] = {"x-kubernetes-list-type": "set"}

DNS_LABEL = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
DNS_SUBDOMAIN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
DECIMAL = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$"
SEMVER = r"^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)$"
VERSION_RANGE = r"^(\s*(=|==|!=|>=|<=|>|<|~|\^)?\s*[0-9]+(\.[0-9]+){0,2}\s*,?)+$"
SIGNAL_NAME = r"^[A-Za-z]([A-Za-z0-9_]*[A-Za-z0-9])?$"
PATH_SEGMENT = r"^[A-Za-z0-9]([A-Za-z0-9 _.-]*[A-Za-z0-9])?$"

Label = Annotated[str, Field(min_length=1, max_length=63, pattern=DNS_LABEL)]
ObjectName = Annotated[str, Field(min_length=1, max_length=253, pattern=DNS_SUBDOMAIN)]
Decimal = Annotated[str, Field(min_length=1, max_length=40, pattern=DECIMAL)]
"""A decimal number written as a string: floats in a spec round differently in every client."""
SemVer = Annotated[
    str,
    Field(
        min_length=5,
        max_length=32,
        pattern=SEMVER,
        json_schema_extra=says("write three numbers, MAJOR.MINOR.PATCH, such as 1.4.0"),
    ),
]
VersionRange = Annotated[str, Field(min_length=1, max_length=64, pattern=VERSION_RANGE)]
SignalName = Annotated[str, Field(min_length=1, max_length=63, pattern=SIGNAL_NAME)]
PathSegment = Annotated[str, Field(min_length=1, max_length=63, pattern=PATH_SEGMENT)]
"""One level of the ISA-95 hierarchy; it becomes an MQTT topic level and a metric label, so no `/`, `+` or `#`."""
Text = Annotated[str, Field(min_length=1, max_length=1024)]
ShortText = Annotated[str, Field(min_length=1, max_length=256)]
Unit = Annotated[str, Field(min_length=1, max_length=32)]
TimeOfDay = Annotated[str, Field(min_length=5, max_length=5, pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
Date = Annotated[
    str, Field(min_length=10, max_length=10, pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$")
]

Lifecycle = Literal["Draft", "Published", "Deprecated", "Retired"]


class SecretRef(ApiModel):
    """Names a Secret in the object's own namespace. The operator never reads it: the gateway's pod mounts it."""

    name: ObjectName = Field(description="Name of the Secret, in the namespace of the object that refers to it.")


class PlantRef(ApiModel):
    """Names the Plant a machine belongs to, in the machine's own namespace."""

    kind: Literal["Plant"] = Field(default="Plant", description="Kind of the object referred to.")
    name: ObjectName = Field(description="Name of the Plant in this namespace.")


class ProfileRef(ApiModel):
    """Names a machine profile, by object or by family and version range."""

    kind: Literal["MachineProfile"] = Field(default="MachineProfile", description="Kind of the object referred to.")
    name: ObjectName = Field(
        description="The profile's spec.name (its family); a profile without one goes by its object name. "
        "Looked for in this namespace, then in the plant's catalogNamespace."
    )
    version: VersionRange | None = Field(
        default=None,
        description='Version or range, such as "1.4.0", "^1.2" or ">=1.2, <2". Absent: the highest published version, '
        "or the highest draft where none is published.",
    )


class ContractRef(ApiModel):
    """Names a data contract, by object or by family and version range."""

    kind: Literal["DataContract"] = Field(default="DataContract", description="Kind of the object referred to.")
    name: ObjectName = Field(
        description="The contract's spec.name (its family); a contract without one goes by its object name. "
        "Looked for in the plant's namespace, then in its catalogNamespace."
    )
    version: VersionRange | None = Field(
        default=None,
        description='Version or range, such as "1.4.0", "^1.2" or ">=1.2, <2". Absent: the highest published version, '
        "or the highest draft where none is published.",
    )


class Owner(ApiModel):
    """Who answers for a thing: the team that is called and the person who decides."""

    team: ShortText = Field(description="Team that is called when this breaks.")
    contact: ShortText | None = Field(default=None, description="How to reach the team: mail, chat channel or pager.")
    steward: ShortText | None = Field(default=None, description="Person or role who decides what the data means.")


class Condition(ApiModel):
    """One observation of an object's state, as metav1.Condition."""

    type: Annotated[str, Field(min_length=1, max_length=316)] = Field(description="What is observed, in PascalCase.")
    status: Literal["True", "False", "Unknown"] = Field(description="True, False or Unknown.")
    observed_generation: Annotated[int, Field(ge=0)] | None = Field(
        default=None,
        description="The metadata.generation this was observed for.",
        json_schema_extra={"format": "int64"},
    )
    last_transition_time: Annotated[str, Field(max_length=64)] = Field(
        description="When the status last changed.", json_schema_extra={"format": "date-time"}
    )
    reason: Annotated[
        str, Field(min_length=1, max_length=1024, pattern=r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$")
    ] = Field(description="Why, as one word from the catalogue of reasons.")
    message: Annotated[str, Field(max_length=32768)] = Field(
        description="What is wrong and what cures it, for a person. Empty where nothing is wrong."
    )


class Status(ApiModel):
    """What the operator observed."""

    observed_generation: int = Field(
        default=-1,
        description="The generation the operator last acted on; -1 until it has seen the object.",
        json_schema_extra={"format": "int64"},
    )
    conditions: Annotated[list[Condition], Field(max_length=32)] = Field(
        default_factory=list,
        description="The object's conditions, one per type.",
        json_schema_extra=list_map("type"),
    )


class ObjectMeta(ApiModel):
    """The part of metav1.ObjectMeta that our programs read."""

    name: str
    namespace: str = ""
    uid: str = ""
    generation: int = 0
    resource_version: str = ""
    creation_timestamp: str = ""
    deletion_timestamp: str | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)


class PrinterColumn(ApiModel):
    """One column of `kubectl get`."""

    name: str
    json_path: str
    type: Literal["string", "integer", "boolean", "date", "number"] = "string"
    priority: int = 0
    description: str = ""


class CrdNames(ApiModel):
    """How a kind is named and shown."""

    plural: str
    singular: str
    short_names: list[str]
    columns: list[PrinterColumn]
    description: str


class KubernetesObject(ApiModel):
    """The envelope of every kind."""

    crd: ClassVar[CrdNames]

    api_version: str = Field(default="plantwright.io/v1alpha1")
    kind: str
    metadata: ObjectMeta


def condition_column(name: str, type_: str, field: str = "status", **extra: Any) -> PrinterColumn:
    """A column that shows one field of one condition."""
    return PrinterColumn(name=name, json_path=f'.status.conditions[?(@.type=="{type_}")].{field}', **extra)


AGE = PrinterColumn(name="Age", json_path=".metadata.creationTimestamp", type="date")
