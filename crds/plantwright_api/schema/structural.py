"""Turns pydantic's JSON schema into the structural schema that a CRD needs.

Pure: models in, plain dictionaries out. Kubernetes allows neither `$ref` nor `anyOf` with types, wants defaults
pruned to what it can apply, and takes `nullable` instead of a null type.
"""

from typing import Any

from plantwright_api.v1alpha1.base import KubernetesObject

Schema = dict[str, Any]

KEPT = (
    "description",
    "type",
    "format",
    "enum",
    "pattern",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "minItems",
    "maxItems",
    "default",
)
"""Keywords that mean the same in both dialects, in the order in which they are written."""


class NotStructuralError(ValueError):
    """A model uses something a structural schema cannot say; the message names the place."""


def resolve(schema: Schema, definitions: dict[str, Schema]) -> Schema:
    """Follow a `$ref` or a lone `allOf`, keeping what stands beside it (a field's own description and default)."""
    if "$ref" in schema:
        target = definitions[schema["$ref"].rsplit("/", 1)[-1]]
        return {**target, **{key: value for key, value in schema.items() if key != "$ref"}}
    return schema


def without_null(schema: Schema, path: str) -> Schema:
    """`X | None` becomes an optional X: absence is the only way to say nothing in a Kubernetes object."""
    branches = [branch for branch in schema.get("anyOf", ()) if branch.get("type") != "null"]
    if "anyOf" not in schema:
        return schema
    if len(branches) != 1:
        raise NotStructuralError(f"{path}: a union of types has no structural schema")
    beside = {key: value for key, value in schema.items() if key not in ("anyOf",)}
    if beside.get("default", "") is None:
        del beside["default"]
    return {**branches[0], **beside}


def structural(schema: Schema, definitions: dict[str, Schema], path: str = "") -> Schema:
    """One node of the schema and all below it.

    Raises:
        NotStructuralError: naming the path, when a construct cannot be said or a string or list has no bound.
    """
    node = resolve(without_null(resolve(schema, definitions), path), definitions)
    if "const" in node:
        node = {**node, "enum": [node["const"]]}
    if node.get("type") == "string" and "enum" in node:
        node = {key: value for key, value in node.items() if key not in ("minLength", "maxLength")}
    check_bounds(node, path)
    out: Schema = {key: node[key] for key in KEPT if key in node}
    if node.get("type") == "object":
        out |= structural_object(node, definitions, path)
    if "items" in node:
        out["items"] = without_description(structural(node["items"], definitions, f"{path}[]"))
    out |= {key: value for key, value in node.items() if key.startswith("x-kubernetes-")}
    return with_words(out, node[SAYS]) if SAYS in node else out


SAYS = "x-plantwright-says"


def with_words(schema: Schema, message: str) -> Schema:
    """A pattern as a CEL rule: it refuses the same, and answers with words instead of a regular expression."""
    plain = {key: value for key, value in schema.items() if key != "pattern"}
    rule = {"rule": f"self.matches(r'{schema['pattern']}')", "message": message}
    return plain | {"x-kubernetes-validations": [*schema.get("x-kubernetes-validations", ()), rule]}


def structural_object(node: Schema, definitions: dict[str, Schema], path: str) -> Schema:
    """The properties of an object; a default that only repeats the defaults below it is written as {}."""
    properties = {
        name: structural(child, definitions, f"{path}.{name}") for name, child in node.get("properties", {}).items()
    }
    for child in properties.values():
        if child.get("type") == "object" and "default" in child:
            child["default"] = {}
    out: Schema = {"properties": properties}
    required = [name for name in node.get("required", ()) if "default" not in properties[name]]
    return out | ({"required": required} if required else {})


def without_description(schema: Schema) -> Schema:
    """Entries of a list keep their text only where they are objects: kubectl explain shows it once."""
    if schema.get("type") == "object":
        return schema
    return {key: value for key, value in schema.items() if key != "description"}


def check_bounds(node: Schema, path: str) -> None:
    """Every string and list has an end, else the API server cannot bound the cost of a rule."""
    kind = node.get("type")
    bounded = {"string": ("maxLength", "enum"), "array": ("maxItems",)}.get(kind or "", ())
    if bounded and not any(key in node for key in bounded):
        raise NotStructuralError(f"{path}: a {kind} needs one of {', '.join(bounded)}")
    if kind == "number":
        raise NotStructuralError(f"{path}: no floats in an object; write a decimal string")
    if kind is None:
        raise NotStructuralError(f"{path}: no type")


def object_schema(model: type[KubernetesObject]) -> Schema:
    """The openAPIV3Schema of a kind: spec and status from the model, the envelope as every CRD writes it."""
    document = model.model_json_schema(by_alias=True)
    definitions = document.get("$defs", {})
    spec = structural(document["properties"]["spec"], definitions, "spec")
    status = structural(document["properties"]["status"], definitions, "status")
    status["default"] = {"observedGeneration": -1}
    return {
        "description": model.crd.description,
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": spec,
            "status": status,
        },
    }
