"""ODCS document → DataContract specs. Pure: a dict goes in; specs and the list of what was lost come out.

Each schema object becomes a contract of its own. What has no place here is listed, never dropped silently; what cannot become
a contract at all is refused with its path.
"""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, NamedTuple, get_args

from pydantic import Field, TypeAdapter, ValidationError

from plantwright_api.v1alpha1.base import DNS_SUBDOMAIN, ContractRef
from plantwright_api.v1alpha1.datacontract import Classification, Consumer, DataContractSpec
from plantwright_cli.odcs import vocabulary
from plantwright_cli.odcs.document import OdcsError, check
from plantwright_cli.odcs.fields import field, wording
from plantwright_cli.odcs.ledger import Cursor, Ledger, Loss
from plantwright_cli.odcs.numbers import text_of

_NO_FIELDS = (
    "no property can be a field of a contract: that takes a name and a logicalType of "
    f"{', '.join((*vocabulary.TYPES, *sorted(vocabulary.TEXT_TYPES)))}"
)
_VERSION = re.compile(r"v?([0-9]{1,6})(?:\.([0-9]{1,6}))?(?:\.([0-9]{1,6}))?")


class Imported(NamedTuple):
    """What a document gave: a spec per schema object, the id to remember it by, and what was lost."""

    specs: list[dict[str, Any]]
    ids: list[str]
    losses: list[Loss]


def import_odcs(document: Mapping[str, Any]) -> Imported:
    """Translate a document.

    Raises:
        OdcsError: it is no valid ODCS document, or a part of it cannot become a contract.
    """
    check(document)
    ledger = Ledger(document)
    root = ledger.root()
    objects = root.children("schema")
    if not objects:
        raise OdcsError("schema", "there is no schema object, so there is nothing to promise; add one with properties")
    for key in ("apiVersion", "kind"):
        root.get(key)
    common = _common(root)
    translated = [(schema, _spec(root, schema, common, alone=len(objects) == 1)) for schema in objects]
    kept = [(schema, spec) for schema, spec in translated if spec is not None]
    if not kept:
        raise OdcsError(objects[0].label("properties"), _NO_FIELDS)
    specs = [spec for _, spec in kept]
    _distinct([schema for schema, _ in kept], specs)
    return Imported(specs, _ids(str(root.get("id")), specs), ledger.losses())


def _common(root: Cursor) -> dict[str, Any]:
    """What all contracts of the document share."""
    found: dict[str, Any] = {"version": _version(root), "lifecycle": _lifecycle(root)}
    owner = _owner(root)
    return found | ({"owner": owner} if owner else {}) | _ours(root)


def _spec(root: Cursor, schema: Cursor, common: Mapping[str, Any], *, alone: bool) -> dict[str, Any] | None:
    """The contract of one schema object, None where none of its properties can be a field."""
    made = {prop.peek("name"): field(prop) for prop in schema.children("properties")}
    fields = [field_ for field_ in made.values() if field_]
    if not fields:
        schema.lose(_NO_FIELDS)
        return None
    schema.get("logicalType")
    spec: dict[str, Any] = {"name": _family(root, schema, alone=alone), **common}
    description = _description(root, schema, alone=alone)
    if description:
        spec["description"] = description
    spec |= _classification(schema, common.get("classification"), made)
    spec |= _freshness(root, schema, made) | _retention(root, schema)
    rules = [rule for check_ in schema.children("quality") if (rule := _rule(check_))]
    spec |= {"rules": rules} if rules else {}
    return _valid(schema, {**spec, "fields": fields})


def _version(root: Cursor) -> str:
    written = str(root.get("version"))
    found = _VERSION.fullmatch(written.strip())
    if found is None:
        raise OdcsError("version", f"{written!r} is no semantic version; write MAJOR.MINOR.PATCH")
    version = ".".join(str(int(part or 0)) for part in found.groups())
    if version != written:
        root.lose(f"written as {version}: a version here is MAJOR.MINOR.PATCH", "version")
    return version


def _lifecycle(root: Cursor) -> str:
    status = root.get("status")
    lifecycle = vocabulary.LIFECYCLES.get(str(status or "draft").lower())
    if lifecycle is None or (status and status not in vocabulary.LIFECYCLES):
        root.lose(f"taken as {vocabulary.STATUSES[lifecycle or 'Draft']}", "status")
    return lifecycle or "Draft"


def _family(root: Cursor, schema: Cursor, *, alone: bool) -> str:
    """A document with one object is that contract and goes by its own name; several go by theirs."""
    named = root if alone and root.peek("name") else schema
    written = str(named.get("name"))
    name = written if _is_name(written) else re.sub(r"[^a-z0-9.]+", "-", written.lower()).strip("-.")[:253].rstrip("-.")
    if not _is_name(name):
        raise OdcsError(named.label("name"), f"{written!r} gives no name; write lower-case letters, digits and hyphens")
    if name != written:
        named.lose(f"written as {name}: the name of an object is a DNS name", "name")
    other = schema.peek("name") if named is root else None
    if other == written:
        schema.get("name")
    return name


def _is_name(text: str) -> bool:
    return len(text) <= 253 and re.fullmatch(DNS_SUBDOMAIN, text) is not None


def _description(root: Cursor, schema: Cursor, *, alone: bool) -> str | None:
    """The purpose of a document with one object; of several, what the object says of itself comes first."""
    purpose, own = (root.child("description"), "purpose"), (schema, "description")
    for place, key in (purpose, own) if alone else (own, purpose):
        if place.peek(key):
            return wording(place, key, vocabulary.MAX_TEXT)
    return None


def _owner(root: Cursor) -> dict[str, str] | None:
    team = root.child("team")
    members = team.children("members") if isinstance(team.value, Mapping) else root.children("team")
    present = [member for member in members if not member.peek("dateOut")]
    name = wording(team, "name", vocabulary.MAX_SHORT_TEXT) or _by_role(present, vocabulary.OWNER_ROLES)
    if not name:
        return None
    channels = [place for place in root.children("support") if place.peek("channel")]
    contact = wording(channels[0], "channel", vocabulary.MAX_SHORT_TEXT) if channels else None
    steward = _by_role(present, vocabulary.STEWARD_ROLES)
    said = {"team": name, "contact": contact, "steward": steward}
    return {key: value for key, value in said.items() if value}


def _by_role(members: Sequence[Cursor], roles: frozenset[str]) -> str | None:
    for member in members:
        if str(member.peek("role")).lower() in roles:
            member.get("role")
            return wording(member, "username", vocabulary.MAX_SHORT_TEXT)
    return None


_OURS: Mapping[str, tuple[TypeAdapter[Any], str]] = {
    "extends": (TypeAdapter(ContractRef), "no reference to a contract: write name and version"),
    "consumers": (TypeAdapter(list[Consumer]), "no list of consumers: write name and owner of each"),
    "completenessPercent": (
        TypeAdapter(Annotated[int, Field(strict=True, ge=1, le=100)]),
        "no whole number from 1 to 100",
    ),
    "completenessWindowSeconds": (
        TypeAdapter(Annotated[int, Field(strict=True, ge=60, le=604_800)]),
        "no whole number of seconds from 60 to 604800",
    ),
    "classification": (
        TypeAdapter(Classification),
        f"no class of ours: write one of {', '.join(get_args(Classification))}",
    ),
}
"""Parts of ours that the standard has no words for, as custom properties of the document; and what is wrong with one that is
none."""


def _ours(root: Cursor) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for custom in root.children("customProperties"):
        name = custom.peek("property")
        if custom.peek("vendor") != vocabulary.VENDOR or name not in _OURS or name in found:
            continue
        adapter, wrong = _OURS[name]
        try:
            value = adapter.validate_python(custom.peek("value"))
        except ValidationError:
            custom.lose(wrong)
            continue
        custom.take()
        found[name] = adapter.dump_python(value, mode="json", by_alias=True, exclude_none=True)
    return found


def _classification(schema: Cursor, whole: str | None, fields: Mapping[str, dict[str, Any] | None]) -> dict[str, str]:
    """The standard classifies each property. The contract takes the most closed class, unless it said its own; fields of
    another class say theirs."""
    found: dict[str, str] = {}
    for prop in schema.children("properties"):
        written = prop.peek("classification")
        class_ = vocabulary.CLASSES.get(str(written).lower())
        if class_ is None:
            if written is not None:
                prop.lose(f"none of {', '.join(vocabulary.CLASSES)}", "classification")
        elif fields.get(prop.peek("name")) is not None:
            found[prop.peek("name")] = class_
            prop.get("classification")
            if written != class_.lower():
                prop.lose(f"taken as {class_.lower()}", "classification")
    own = whole or max(found.values(), key=list(vocabulary.CLASSES.values()).index, default=None)
    for name, class_ in found.items():
        field_ = fields[name]
        if class_ != own and field_ is not None:
            field_["classification"] = class_
    return {"classification": own} if own else {}


def _retention(root: Cursor, schema: Cursor) -> dict[str, int]:
    """For how long the object's data is kept, in days."""
    for level in root.children("slaProperties"):
        whole = level.peek("element") in (None, "", schema.peek("name"))
        if str(level.peek("property")).lower() in vocabulary.RETENTION and whole:
            return _measured(level, _RETENTION)
    return {}


def _freshness(root: Cursor, schema: Cursor, fields: Mapping[str, dict[str, Any] | None]) -> dict[str, int]:
    """Latencies of the whole object and of single fields; the fields', known by their property, are written into them."""
    found: dict[str, int] = {}
    for level in root.children("slaProperties"):
        if str(level.peek("property")).lower() not in vocabulary.LATENCY:
            continue
        element = str(level.peek("element") or "")
        owner, _, name = element.partition(".")
        target: dict[str, Any] | None = None
        if not element or element == schema.peek("name"):
            target = found
        elif owner == schema.peek("name"):
            target = fields.get(name)
        if target is not None and "freshnessSeconds" not in target:
            target |= _measured(level, _FRESHNESS)
    return found


class _Measure(NamedTuple):
    """A service level as a whole number of one unit: what it is called here, in which units it may come, and its bound."""

    attribute: str
    units: Mapping[str, Decimal]
    words: str
    unit: str
    most: int


_FRESHNESS = _Measure("freshnessSeconds", vocabulary.SECONDS, "ms, s, min, h or d", "s", vocabulary.MAX_FRESHNESS)
_RETENTION = _Measure("retentionDays", vocabulary.DAYS, "d, w or y", "d", vocabulary.MAX_RETENTION)


def _measured(level: Cursor, measure: _Measure) -> dict[str, int]:
    name, unit, value = level.peek("property"), measure.units.get(str(level.peek("unit"))), level.peek("value")
    number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    if unit is None or not number or text_of(value) is None:
        level.lose(f"no {name} in {measure.words}")
        return {}
    exact = Decimal(str(value)) * unit
    if exact <= 0:
        level.lose(f"a {name} is above 0")
        return {}
    taken = int(min(max(exact, Decimal(1)), Decimal(measure.most)))
    level.get("property"), level.get("unit"), level.get("value"), level.get("element")
    if taken != exact:
        level.lose(f"taken as {taken} {measure.unit}: {measure.attribute} is whole, {measure.most} at most", "value")
    return {measure.attribute: taken}


def _rule(check_: Cursor) -> dict[str, str] | None:
    """A rule over several fields, where the check is one of ours."""
    written = (check_.peek("type"), check_.peek("engine"))
    expression, name = check_.peek("implementation"), check_.peek("name")
    if written != ("custom", vocabulary.RULE_ENGINE) or not isinstance(expression, str) or not name:
        return None
    for key in ("type", "engine", "implementation", "name"):
        check_.get(key)
    rule = {
        "name": str(name),
        "expression": expression,
        "message": str(check_.get("description") or f"{name} does not hold"),
    }
    for custom in check_.children("customProperties"):
        if custom.peek("vendor") == vocabulary.VENDOR and custom.peek("property") == "onViolation":
            rule["onViolation"] = str(custom.peek("value"))
            custom.take()
    return rule


def _valid(schema: Cursor, spec: dict[str, Any]) -> dict[str, Any]:
    try:
        DataContractSpec.model_validate(spec)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise OdcsError(schema.label(), f"spec.{where} of the contract made from it: {first['msg']}") from error
    return spec


def _distinct(objects: Sequence[Cursor], specs: Sequence[Mapping[str, Any]]) -> None:
    names = [spec["name"] for spec in specs]
    for place, spec in zip(objects, specs, strict=True):
        if names.count(spec["name"]) > 1:
            raise OdcsError(place.label("name"), f"two schema objects become contract {spec['name']}; rename one")
        fields = [f["name"] for f in spec["fields"]]
        twice = next((name for name in fields if fields.count(name) > 1), None)
        if twice is not None:
            raise OdcsError(place.label("properties"), f"two properties become field {twice}; rename one")


def _ids(document_id: str, specs: Sequence[Mapping[str, Any]]) -> list[str]:
    """One id per contract: the document's own, told apart by name where there are several."""
    return [document_id if len(specs) == 1 else f"{document_id}/{spec['name']}" for spec in specs]
