"""Steps of a check, each a small function made once per signal: raw value in, value out, or `RefusedError`.

Nothing here knows signals, time or I/O.
"""

import math
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from plantwright_api.pattern import compile_pattern
from plantwright_api.wire.config import ContractField, FieldRule
from plantwright_api.wire.delivery import Scalar
from plantwright_gateway.check import reasons

Step = Callable[[Scalar], Scalar]
Rule = Callable[[Scalar], str]
"""A value of the right type in, the reason why it does not meet the field out ("" when it does)."""

SMALLEST_INTEGER: Final = -(2**63)
LARGEST_INTEGER: Final = 2**64 - 1
"""What the wire can carry; more is no counter of any machine."""
LONGEST_TEXT: Final = 64 * 1024
"""Characters; a longer text is no value of any machine, and is refused before any rule looks at it."""
NUMERIC: Final = frozenset({"Integer", "Number"})
RELATIVE_TOLERANCE: Final = 1e-9
"""Scaling with a binary float may leave 3 as 3.0000000000000004; within this it still is the whole number."""


class RefusedError(Exception):
    """The value cannot be interpreted as the field's type; `reason` is a word of the catalogue."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def code_of(raw: Scalar) -> str:
    """How a machine's code is written in a configuration: 3, 3.0 and "3" are "3", True is "true"."""
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, float) and raw.is_integer():
        return str(int(raw))
    return str(raw)


def divisor_of(scale: float) -> int:
    """The whole number n of which a scale is 1/n, or 0 where there is none."""
    divisor = round(1 / scale) if scale and abs(1 / scale) < 1e15 else 0
    return divisor if abs(divisor) > 1 and 1 / divisor == scale else 0


def scaler(scale: float, offset: float) -> Step:
    """`raw x scale + offset`; exact integers stay exact where nothing is scaled.

    A scale of 1/n divides by n: 3 x 0.1 is 0.3, as the machine's display says, and not 0.30000000000000004.
    """
    divisor = divisor_of(scale)

    def scaled(raw: Scalar) -> Scalar:
        if isinstance(raw, bool) or not isinstance(raw, (int, float)):
            raise RefusedError(reasons.WRONG_TYPE)
        try:
            return (raw / divisor if divisor else raw * scale) + offset
        except OverflowError as error:
            raise RefusedError(reasons.NOT_A_NUMBER) from error

    return scaled


def to_boolean(raw: Scalar) -> Scalar:
    """A bool, or a register that holds 0 or 1."""
    if isinstance(raw, bool):
        return raw
    if isinstance(raw, (int, float)) and raw in (0, 1):
        return bool(raw)
    raise RefusedError(reasons.WRONG_TYPE)


def to_integer(raw: Scalar) -> Scalar:
    """An int that the wire can carry; a float only where it is whole."""
    if isinstance(raw, float):
        raw = _whole(raw)
    if isinstance(raw, bool) or not isinstance(raw, int) or not SMALLEST_INTEGER <= raw <= LARGEST_INTEGER:
        raise RefusedError(reasons.WRONG_TYPE)
    return raw


def _whole(raw: float) -> int:
    if not math.isfinite(raw):
        raise RefusedError(reasons.NOT_A_NUMBER)
    nearest = round(raw)
    if abs(raw - nearest) > RELATIVE_TOLERANCE * max(1.0, abs(raw)):
        raise RefusedError(reasons.WRONG_TYPE)
    return nearest


def to_number(raw: Scalar) -> Scalar:
    """A finite float, or an int that the wire can carry."""
    if isinstance(raw, float):
        if math.isfinite(raw):
            return raw
        raise RefusedError(reasons.NOT_A_NUMBER)
    if isinstance(raw, bool) or not isinstance(raw, int) or not SMALLEST_INTEGER <= raw <= LARGEST_INTEGER:
        raise RefusedError(reasons.WRONG_TYPE)
    return raw


def to_string(raw: Scalar) -> Scalar:
    """Text that can be written as UTF-8: half a surrogate pair is a decoding gone wrong."""
    if not isinstance(raw, str):
        raise RefusedError(reasons.WRONG_TYPE)
    if not raw.isascii():
        try:
            raw.encode()
        except UnicodeEncodeError as error:
            raise RefusedError(reasons.WRONG_TYPE) from error
    return raw


def to_timestamp(raw: Scalar) -> Scalar:
    """RFC 3339 text with its offset; it stays as the machine wrote it."""
    if not isinstance(raw, str):
        raise RefusedError(reasons.WRONG_TYPE)
    try:
        zone = datetime.fromisoformat(raw).tzinfo
    except ValueError as error:
        raise RefusedError(reasons.WRONG_TYPE) from error
    if zone is None:
        raise RefusedError(reasons.WRONG_TYPE)
    return raw


READERS: Final[Mapping[str, Step]] = {
    "Boolean": to_boolean,
    "Integer": to_integer,
    "Number": to_number,
    "String": to_string,
    "Timestamp": to_timestamp,
}


def named(name: str, field_type: str) -> Scalar:
    """The value that a configured name stands for in a field of this type: "true" fills a Boolean, "7" an Integer."""
    parse = NAME_PARSERS.get(field_type)
    if parse is None:
        return name
    try:
        return parse(name)
    except (ValueError, KeyError):
        return name


NAME_PARSERS: Final[Mapping[str, Callable[[str], Scalar]]] = {
    "Boolean": {"true": True, "false": False}.__getitem__,
    "Integer": int,
    "Number": float,
}


def range_rule(minimum: float | None, maximum: float | None) -> Rule:
    """Bounds of a number, both included; None is open."""
    low = -math.inf if minimum is None else minimum
    high = math.inf if maximum is None else maximum

    def check(value: Scalar) -> str:
        return "" if low <= value <= high else reasons.OUT_OF_RANGE  # type: ignore[operator]

    return check


def enum_rule(allowed: list[str]) -> Rule:
    """Values allowed, written as codes are."""
    codes = frozenset(allowed)

    def check(value: Scalar) -> str:
        return "" if code_of(value) in codes else reasons.NOT_IN_ENUM

    return check


def length_rule(shortest: int | None, longest: int | None) -> Rule:
    """Bounds of a text's length in characters, both included; None is open."""
    low = shortest or 0
    high = LARGEST_INTEGER if longest is None else longest

    def check(value: Scalar) -> str:
        length = len(value)  # type: ignore[arg-type]
        if length < low:
            return reasons.TOO_SHORT
        return "" if length <= high else reasons.TOO_LONG

    return check


def pattern_rule(pattern: str) -> Rule:
    """A regular expression that must be found.

    Raises:
        PatternError: RE2 refuses it.
    """
    found = compile_pattern(pattern)

    def check(value: Scalar) -> str:
        return "" if found(value) else reasons.PATTERN_MISMATCH  # type: ignore[arg-type]

    return check


def rules_of(field: ContractField) -> dict[FieldRule, Rule]:
    """The rules of a field that need nothing but the value, in the order in which they are judged.

    Raises:
        PatternError: the field's pattern is no regular expression of RE2.
    """
    rules: dict[FieldRule, Rule] = {}
    if field.type in NUMERIC and (field.minimum is not None or field.maximum is not None):
        rules["Range"] = range_rule(field.minimum, field.maximum)
    if field.enum:
        rules["Enum"] = enum_rule(field.enum)
    if field.type == "String" and (field.min_length is not None or field.max_length is not None):
        rules["Length"] = length_rule(field.min_length, field.max_length)
    if field.type == "String" and field.pattern is not None:
        rules["Pattern"] = pattern_rule(field.pattern)
    return rules
