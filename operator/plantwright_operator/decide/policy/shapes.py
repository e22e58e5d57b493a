"""What the variables of a rule look like, and objects brought into the form in which the API server keeps them.

A rule must see the same object in a file, at admission and in the operator. So it sees only what is the same at all three:
kind, name, namespace, labels, annotations and the spec, with the API server's defaults filled in. Both come from the schema
that the CRDs are made of.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

from plantwright_api.schema.structural import object_schema
from plantwright_api.v1alpha1 import MODELS, KubernetesObject
from plantwright_operator.model import Obj

ShapeKind = Literal["object", "array", "map", "string", "integer", "boolean", "optional", "any"]
LONGEST_STRING = 4096
MOST_ENTRIES = 256
"""Assumed where a bound is not known: of labels, annotations and what functions make."""

OTHERS: dict[str, tuple[str, ...]] = {
    "Machine": ("plant", "profile", "contracts"),
    "MachineProfile": ("contracts",),
}
"""The variables besides `object` that a rule about a kind may use."""

_METADATA = ("name", "namespace", "labels", "annotations")
_TYPES: dict[str, ShapeKind] = {"string": "string", "integer": "integer", "boolean": "boolean"}


@dataclass(frozen=True, slots=True)
class Shape:
    """Type and bounds of a value. `most` counts characters or entries; `items` is what a list, map or optional holds."""

    kind: ShapeKind
    most: int = 0
    items: "Shape | None" = None
    fields: Mapping[str, "Shape"] = field(default_factory=dict)
    enum: tuple[str, ...] = ()


ANY = Shape("any", MOST_ENTRIES)
BOOLEAN = Shape("boolean")
INTEGER = Shape("integer")
STRING = Shape("string", LONGEST_STRING)


def array(items: Shape, most: int) -> Shape:
    """A list of at most so many."""
    return Shape("array", most, items)


def optional(items: Shape) -> Shape:
    """A value that may not be there, as `.?` gives it."""
    return items if items.kind == "optional" else Shape("optional", items=items)


def variables(kind: str) -> dict[str, Shape]:
    """The variables that a rule about this kind may use."""
    profile = _of_kind("MachineProfile")
    most_contracts = profile.fields["spec"].fields["contractRefs"].most
    known = {
        "plant": _of_kind("Plant"),
        "profile": profile,
        "contracts": array(_of_kind("DataContract"), most_contracts),
    }
    return {"object": _of_kind(kind)} | {name: known[name] for name in OTHERS.get(kind, ())}


def canonical(model: KubernetesObject) -> Obj:
    """The object as rules see it. A namespace that is not written is `default`, as kubectl has it."""
    body = model.model_dump(mode="json", by_alias=True, exclude_unset=True)
    metadata = {key: body["metadata"][key] for key in _METADATA if body["metadata"].get(key)}
    metadata.setdefault("namespace", "default")
    spec = defaulted(body["spec"], spec_schema(model.kind))
    return {"apiVersion": model.api_version, "kind": model.kind, "metadata": metadata, "spec": spec}


def defaulted(value: Any, schema: Mapping[str, Any]) -> Any:
    """Fill in defaults as the API server does: where a field is absent, and then below it. null counts as absent."""
    if isinstance(value, dict):
        found = {key: part for key, part in value.items() if part is not None}
        for name, child in schema.get("properties", {}).items():
            if name not in found and "default" in child:
                found[name] = child["default"]
            if name in found:
                found[name] = defaulted(found[name], child)
        return found
    if isinstance(value, list):
        return [defaulted(part, schema.get("items", {})) for part in value]
    return value


@cache
def spec_schema(kind: str) -> Mapping[str, Any]:
    """The structural schema of a kind's spec, as its CRD has it."""
    found: Mapping[str, Any] = object_schema(MODELS[kind])["properties"]["spec"]
    return found


@cache
def _of_kind(kind: str) -> Shape:
    texts = Shape("map", MOST_ENTRIES, STRING)
    name = Shape("string", 253)
    metadata = dict(zip(_METADATA, (name, name, texts, texts), strict=True))
    return Shape(
        "object",
        fields={
            "apiVersion": name,
            "kind": Shape("string", 63, enum=tuple(MODELS)),
            "metadata": Shape("object", fields=metadata),
            "spec": _shape(spec_schema(kind)),
        },
    )


def _shape(schema: Mapping[str, Any]) -> Shape:
    kind = schema.get("type")
    if kind == "object":
        return Shape("object", fields={name: _shape(child) for name, child in schema["properties"].items()})
    if kind == "array":
        return array(_shape(schema["items"]), schema["maxItems"])
    enum = tuple(schema.get("enum", ()))
    most = schema.get("maxLength", max(map(len, enum), default=LONGEST_STRING)) if kind == "string" else 0
    return Shape(_TYPES.get(str(kind), "any"), most, enum=enum)
