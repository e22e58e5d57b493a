"""Hold an object to the CRD of its kind, as the API server does when it is created: fields, bounds and CEL rules.

The schema is the one that the CRDs are written from, and messages are in the API server's words. As there, null counts as
absent, defaults are filled in first, and rules run only where the fields are right. Rules about an update (`oldSelf`) have
nothing to look at in a file. Status is left out: it is not a person's to write.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from plantwright_api.pattern import compile_pattern
from plantwright_operator.decide.policy import cel
from plantwright_operator.decide.policy.shapes import defaulted, spec_schema
from plantwright_operator.model import Obj

Schema = Mapping[str, Any]
RULES = "x-kubernetes-validations"
TRANSITION = "oldSelf"
"""A rule that names it judges an update and not an object."""

_SELF = ("self",)
_ENVELOPE = frozenset(("apiVersion", "kind", "metadata", "spec", "status"))
# fmt: off
_METADATA = frozenset((
    "name", "generateName", "namespace", "labels", "annotations", "finalizers", "ownerReferences", "uid",
    "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds",
    "managedFields", "selfLink",
))
# fmt: on
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LONGEST_NAME = 253
_LARGEST_ANNOTATIONS = 256 * 1024
_TYPES: Mapping[str, type] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
}


class Problem(NamedTuple):
    """Why the API server would refuse an object: the field's path such as `spec.signals[2].modbus.bit`, and what is wrong."""

    field: str
    message: str


def problems(body: Obj) -> list[Problem]:
    """All that the API server would find wrong with a new object of one of our kinds."""
    schema = spec_schema(body["kind"])
    found = [*_envelope(body), *_metadata(body.get("metadata"))]
    spec = without_nulls(body.get("spec"))
    if spec is None:
        return [*found, Problem("spec", "Required value")]
    spec = defaulted(spec, schema) if isinstance(spec, dict) else spec
    found += _fields(spec, schema, "spec")
    return found or list(_rules(spec, schema, "spec"))


def _envelope(body: Obj) -> Iterator[Problem]:
    yield from (_unknown(name) for name in body if name not in _ENVELOPE)


def _metadata(metadata: Any) -> Iterator[Problem]:
    if not isinstance(metadata, dict):
        yield Problem("metadata", "Required value")
        return
    yield from (_unknown(f"metadata.{name}") for name in metadata if name not in _METADATA)
    name = metadata.get("name")
    if not name:
        yield Problem("metadata.name", "Required value: name or generateName is required")
    elif not isinstance(name, str) or len(name) > _LONGEST_NAME or not _NAME.fullmatch(name):
        yield Problem(
            "metadata.name", f"Invalid value: {_shown(name)}: must be lower-case letters, digits, '-' and '.'"
        )
    for field in ("labels", "annotations"):
        texts = metadata.get(field) or {}
        strange = [k for k, v in texts.items() if not isinstance(v, str)] if isinstance(texts, dict) else [""]
        yield from (
            Problem(f"metadata.{field}", f"{key}: must be of type string: write it in quotes") for key in strange
        )
    if len(str(metadata.get("annotations") or "").encode()) > _LARGEST_ANNOTATIONS:
        yield Problem("metadata.annotations", f"Too long: may not be more than {_LARGEST_ANNOTATIONS} bytes")


def without_nulls(value: Any) -> Any:
    """The value as the API server prunes it: fields that are null go, entries of lists stay and are of a wrong type."""
    if isinstance(value, dict):
        return {key: without_nulls(part) for key, part in value.items() if part is not None}
    return [without_nulls(part) for part in value] if isinstance(value, list) else value


def _fields(value: Any, schema: Schema, path: str) -> Iterator[Problem]:
    """What is wrong with the fields from here on down; below a value of a wrong type there is nothing to look at."""
    kind = schema["type"]
    if not _is(kind, value):
        yield Problem(path, f"Invalid value: {path} in body must be of type {kind}: {_shown(value)}")
        return
    for keyword, judge in _KEYWORDS.items():
        if keyword in schema:
            yield from (Problem(path, message.replace("{path}", path)) for message in judge(value, schema[keyword]))
    if kind == "object":
        yield from _members(value, schema, path)
    elif kind == "array":
        yield from _duplicates(value, schema, path)
        for at, entry in enumerate(value[: schema["maxItems"]]):
            yield from _fields(entry, schema["items"], f"{path}[{at}]")


def _is(kind: str, value: Any) -> bool:
    return isinstance(value, _TYPES[kind]) and not (kind == "integer" and isinstance(value, bool))


def _members(value: Obj, schema: Schema, path: str) -> Iterator[Problem]:
    known = schema["properties"]
    yield from (Problem(f"{path}.{name}", "Required value") for name in schema.get("required", ()) if name not in value)
    for name, part in value.items():
        if name in known:
            yield from _fields(part, known[name], f"{path}.{name}")
        else:
            yield _unknown(f"{path}.{name}")


def _duplicates(value: list[Any], schema: Schema, path: str) -> Iterator[Problem]:
    keys = schema.get("x-kubernetes-list-map-keys", ())
    if schema.get("x-kubernetes-list-type") not in ("map", "set"):
        return
    seen: set[str] = set()
    for at, entry in enumerate(value):
        names = {key: entry.get(key) for key in keys} if keys and isinstance(entry, dict) else entry
        if repr(names) in seen:
            yield Problem(f"{path}[{at}]", f"Duplicate value: {_shown(names)}")
        seen.add(repr(names))


def _unknown(path: str) -> Problem:
    return Problem(path, f'unknown field "{path}"')


def _shown(value: Any) -> str:
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= 80 else f"{text[:79]}…"


def _enum(value: Any, allowed: list[Any]) -> Iterator[str]:
    if value not in allowed:
        yield f"Unsupported value: {_shown(value)}: supported values: {', '.join(map(_shown, allowed))}"


def _pattern(value: str, pattern: str) -> Iterator[str]:
    if not _search(pattern)(value):
        yield f"Invalid value: {_shown(value)}: {{path}} in body should match '{pattern}'"


@cache
def _search(pattern: str) -> Callable[[str], bool]:
    return compile_pattern(pattern)


def _at_least(value: int, bound: int) -> Iterator[str]:
    if value < bound:
        yield f"Invalid value: {value}: {{path}} in body should be greater than or equal to {bound}"


def _at_most(value: int, bound: int) -> Iterator[str]:
    if value > bound:
        yield f"Invalid value: {value}: {{path}} in body should be less than or equal to {bound}"


def _not_shorter(value: str, bound: int) -> Iterator[str]:
    if len(value) < bound:
        yield f"Invalid value: {_shown(value)}: {{path}} in body should be at least {bound} chars long"


def _not_longer(value: str, bound: int) -> Iterator[str]:
    if len(value) > bound:
        yield f"Too long: may not be more than {bound} characters"


def _not_fewer(value: list[Any], bound: int) -> Iterator[str]:
    if len(value) < bound:
        yield f"Invalid value: {len(value)}: {{path}} in body should have at least {bound} items"


def _not_more(value: list[Any], bound: int) -> Iterator[str]:
    if len(value) > bound:
        yield f"Too many: {len(value)}: must have at most {bound} items"


_KEYWORDS: Mapping[str, Callable[[Any, Any], Iterator[str]]] = {
    "enum": _enum,
    "pattern": _pattern,
    "minimum": _at_least,
    "maximum": _at_most,
    "minLength": _not_shorter,
    "maxLength": _not_longer,
    "minItems": _not_fewer,
    "maxItems": _not_more,
}
"""Each gives what is wrong with a value of the right type."""


def _rules(value: Any, schema: Schema, path: str) -> Iterator[Problem]:
    """The CEL rules that do not hold, from here on down."""
    for rule in schema.get(RULES, ()):
        if TRANSITION not in rule["rule"] and not holds(rule["rule"], value):
            yield Problem(path + rule.get("fieldPath", ""), f"Invalid value: {rule['message']}")
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _rules(part, schema["properties"][name], f"{path}.{name}")
    elif isinstance(value, list):
        for at, entry in enumerate(value):
            yield from _rules(entry, schema["items"], f"{path}[{at}]")


def holds(rule: str, value: Any) -> bool:
    """Whether a rule of a CRD holds for the value that it stands at; one that cannot be judged does not, as in the API server."""
    try:
        return bool(_compiled(rule).run(cel.Bindings({"self": value}, _SELF)))
    except cel.EvaluationError:
        return False


@cache
def _compiled(rule: str) -> cel.Program:
    return cel.compile_text(rule, "bool", _SELF)
