"""ODCS property → field of a contract."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from plantwright_api.v1alpha1.base import SIGNAL_NAME
from plantwright_api.v1alpha1.datacontract import RuleAction
from plantwright_cli.odcs import vocabulary
from plantwright_cli.odcs.document import OdcsError
from plantwright_cli.odcs.ledger import Cursor
from plantwright_cli.odcs.numbers import text_of

Attributes = dict[str, Any]

_NUMERIC = frozenset({"Integer", "Number"})


def field(prop: Cursor) -> Attributes | None:
    """The field that a property becomes, None where its type has no place here; what is not carried is on the ledger.

    Raises:
        OdcsError: the property's name gives none.
    """
    type_ = _type(prop)
    if type_ is None:
        return None
    made: Attributes = {"name": _name(prop), "type": type_}
    description = wording(prop, "description", vocabulary.MAX_TEXT)
    made |= {"description": description} if description else {}
    if prop.get("required"):
        made["required"] = True
    options = prop.child("logicalTypeOptions")
    if type_ in _NUMERIC:
        made |= _range(options, type_)
    elif type_ == "String" and prop.peek("logicalType") == "string":
        made |= _text(options)
    return made | _enum(prop) | _meaning(prop) | _custom(prop, type_)


def wording(place: Cursor, key: str, limit: int) -> str | None:
    """A text, cut where it is longer than we can hold; None where there is none."""
    text = place.peek(key)
    if not isinstance(text, str) or not text:
        return None
    place.get(key)
    if len(text) > limit:
        place.lose(f"cut to {limit} characters", key)
    return text[:limit]


def _type(prop: Cursor) -> str | None:
    logical = prop.peek("logicalType")
    if logical is None:
        prop.lose("it has no logicalType, and a type is not guessed from the physical one")
        return None
    if logical in vocabulary.TEXT_TYPES:
        prop.lose("carried as text: it is no point in time", "logicalType")
        return "String"
    if logical not in vocabulary.TYPES:
        prop.lose(f"a field is one value, and {logical} is not")
        return None
    prop.get("logicalType")
    return vocabulary.TYPES[logical]


def _name(prop: Cursor) -> str:
    written = str(prop.get("name"))
    name = (
        re.sub(r"[^A-Za-z0-9]+", "_", written).lstrip("_0123456789")[:63].rstrip("_") if _strange(written) else written
    )
    if _strange(name):
        raise OdcsError(
            prop.label("name"), f"{written!r} gives no field name; begin with a letter, then letters, digits and _"
        )
    if name != written:
        prop.lose(f"written as {name}: a field name has letters, digits and _", "name")
    return name


def _strange(name: str) -> bool:
    return len(name) > 63 or re.fullmatch(SIGNAL_NAME, name) is None


def _range(options: Cursor, type_: str) -> Attributes:
    """Limits as decimal strings. For whole numbers an exclusive limit is the next one as an inclusive one."""
    found: Attributes = {}
    for key, exclusive, inward in (("minimum", "exclusiveMinimum", 1), ("maximum", "exclusiveMaximum", -1)):
        limit = _limit(options, key)
        edge = _limit(options, exclusive) if type_ == "Integer" and _whole(options.peek(exclusive)) else None
        candidates = [x for x in (limit, None if edge is None else Decimal(int(edge) + inward)) if x is not None]
        if candidates:
            found[key] = text_of(max(candidates) if inward > 0 else min(candidates))
    return {key: text for key, text in found.items() if text is not None}


def _limit(options: Cursor, key: str) -> Decimal | None:
    written = options.peek(key)
    if written is None or isinstance(written, bool):
        return None
    if text_of(written) is None:
        options.lose(f"a limit has at most {vocabulary.MAX_DECIMAL} characters", key)
        return None
    options.get(key)
    return Decimal(str(written))


def _whole(number: Any) -> bool:
    return isinstance(number, int | Decimal) and number == int(number) if _finite(number) else False


def _finite(number: Any) -> bool:
    return isinstance(number, int) or (isinstance(number, Decimal) and number.is_finite() and number.adjusted() < 40)


def _text(options: Cursor) -> Attributes:
    found: Attributes = {}
    for key in ("minLength", "maxLength"):
        length = options.peek(key)
        if isinstance(length, int) and 1 <= length <= vocabulary.MAX_LENGTH:
            found[key] = options.get(key)
        elif length is not None and (key, length) != ("minLength", 0):
            options.lose(f"a length is 1 to {vocabulary.MAX_LENGTH}", key)
    pattern = options.peek("pattern")
    if isinstance(pattern, str) and 0 < len(pattern) <= vocabulary.MAX_PATTERN:
        found["pattern"] = options.get("pattern")
    elif pattern is not None:
        options.lose(f"a pattern has 1 to {vocabulary.MAX_PATTERN} characters", "pattern")
    return found


def _enum(prop: Cursor) -> Attributes:
    """Values as text; one that cannot be carried gives up the list, because a shorter list would refuse good values."""
    members = prop.children("enum")
    texts = [_value(member.peek("value")) for member in members]
    if not members:
        return {}
    if len(members) > vocabulary.MAX_ENUM or None in texts:
        prop.lose(
            f"a list of values holds up to {vocabulary.MAX_ENUM}, each with 1 to {vocabulary.MAX_ENUM_VALUE} characters",
            "enum",
        )
        return {}
    for member in members:
        member.get("value")
    return {"enum": list(dict.fromkeys(texts))}


def _value(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = value if isinstance(value, str) else text_of(value) if isinstance(value, int | float | Decimal) else None
    return text if text and len(text) <= vocabulary.MAX_ENUM_VALUE else None


def _meaning(prop: Cursor) -> Attributes:
    for definition in prop.children("authoritativeDefinitions"):
        if definition.peek("type") == vocabulary.MEANING and 0 < len(definition.peek("url")) <= vocabulary.MAX_MEANING:
            definition.get("type")
            return {"semanticId": definition.get("url")}
    return {}


def _custom(prop: Cursor, type_: str) -> Attributes:
    """The custom properties that we know; the unit is anyone's, the others must be marked as ours."""
    found: Attributes = {}
    for custom in prop.children("customProperties"):
        name, ours = str(custom.peek("property")), custom.peek("vendor") == vocabulary.VENDOR
        read = _CUSTOM.get(name) if ours or name == "unit" else None
        if read is None or name in found:
            continue
        value = read(custom.peek("value"), type_)
        if value is None:
            custom.lose("not of the form that this property has here")
            continue
        for key in ("property", "value", "vendor"):
            custom.get(key)
        found[name] = value
    return found


def _unit(value: Any, _type: str) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= vocabulary.MAX_UNIT else None


def _on_violation(value: Any, _type: str) -> str | None:
    return value if value in ("Flag", "Quarantine") else None


def _pseudonymise(value: Any, type_: str) -> bool | None:
    return value if isinstance(value, bool) and type_ == "String" else None


def _actions(value: Any, _type: str) -> list[dict[str, Any]] | None:
    if not isinstance(value, list):
        return None
    try:
        return [RuleAction.model_validate(member).model_dump(by_alias=True) for member in value]
    except ValidationError:
        return None


def _speed(value: Any, type_: str) -> str | None:
    number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    return text_of(value) if number and type_ in _NUMERIC else None


_CUSTOM: Mapping[str, Callable[[Any, str], Any]] = {
    "unit": _unit,
    "onViolation": _on_violation,
    "pseudonymise": _pseudonymise,
    "actions": _actions,
    "maxChangePerSecond": _speed,
}
