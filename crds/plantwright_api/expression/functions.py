"""The functions of the language: their types, and what runs. All are bounded and raise only ArithmeticError or ValueError."""

import math
import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from plantwright_api.pattern import compile_capture, compile_pattern

LONGEST_RESULT: Final = 4096
"""Characters of a text that an expression makes."""
SMALLEST_INTEGER: Final = -(2**63)
LARGEST_INTEGER: Final = 2**64 - 1
LONGEST_NUMBER: Final = 64
"""Characters of a text that is read as a number."""
MOST_PARTS: Final = 1000
"""Parts that a text is split into; what lies behind them is not looked for."""


class Function(NamedTuple):
    """One function: `arguments` are type names ("number" stands for Integer or Number); `at_most` ends a variadic one.

    `result` is a type name, or "same": the Integer or Number that the arguments are. A function whose last argument is a
    "pattern" has it compiled by `pattern` when the expression is, and is run with what that made of it.
    """

    arguments: tuple[str, ...]
    result: str
    run: Callable[..., Any]
    at_most: int = 0
    pattern: Callable[[str], Callable[[str], Any]] | None = None


def finite(value: float) -> float:
    """The value, where it is a number that the wire can carry: an int beyond 64 bits becomes a float.

    Raises:
        OverflowError: for infinity and NaN.
    """
    if value - value != 0:
        raise OverflowError
    return value if SMALLEST_INTEGER <= value <= LARGEST_INTEGER else float(value)


def whole(value: int) -> int:
    """The value, where the wire can carry it.

    Raises:
        OverflowError: beyond 64 bits.
    """
    if SMALLEST_INTEGER <= value <= LARGEST_INTEGER:
        return value
    raise OverflowError


def joined(left: str, right: str) -> str:
    """Both texts, one behind the other.

    Raises:
        OverflowError: beyond the bound of a result.
    """
    if len(left) + len(right) > LONGEST_RESULT:
        raise OverflowError
    return left + right


def remainder(left: int, right: int) -> int:
    """What is left by a division that rounds towards zero, as CEL has it: -7 % 3 is -1.

    Raises:
        ZeroDivisionError: by zero.
    """
    rest = abs(left) % abs(right)
    return -rest if left < 0 else rest


def _double(value: float | str) -> float:
    if isinstance(value, str) and (len(value) > 64 or not value.isascii() or "_" in value):
        raise ValueError
    return finite(float(value))


def _int(value: float | str) -> int:
    if isinstance(value, str) and not (len(value) <= 20 and value.isascii() and value.lstrip("+-").isdigit()):
        raise ValueError
    return whole(int(value))


def _round(value: float) -> int:
    """Halves go away from zero, as CEL and a machine's display have it."""
    return whole(int(math.copysign(math.floor(abs(value) + 0.5), value))) if isinstance(value, float) else value


_DECIMAL: Final = {
    mark: re.compile(
        rf"[+-]?(?:[0-9]+(?:{re.escape(mark)}[0-9]*)?|{re.escape(mark)}[0-9]+)(?:[eE][+-]?[0-9]+)?", re.ASCII
    )
    for mark in ".,"
}
"""A number as machines print it, by its decimal mark; every part is one class of characters, so matching is linear."""


def _number(text: str, mark: str = ".") -> float:
    """A decimal number with blanks around it; nothing else may stand in the text, no thousands marks either."""
    plain = text.strip() if len(text) <= LONGEST_NUMBER else ""
    if mark not in _DECIMAL or not _DECIMAL[mark].fullmatch(plain):
        raise ValueError
    return finite(float(plain.replace(",", ".")))


def _integer(text: str) -> int:
    """A whole decimal number with blanks around it."""
    return _int(text.strip() if len(text) <= LONGEST_NUMBER else "")


def _matches(text: str, found: Callable[[str], bool]) -> bool:
    return found(text)


def _capture(text: str, group: Callable[[str], str | None]) -> str:
    """The first group of the first match."""
    captured = group(text)
    if captured is None:
        raise ValueError
    return captured


def _split(text: str, separator: str, index: int) -> str:
    """Part `index`, from 0 on, of a text between separators."""
    if not 0 <= index < MOST_PARTS:
        raise ValueError
    parts = text.split(separator, index + 1)
    if index >= len(parts):
        raise ValueError
    return parts[index]


def _bits(value: int, first: int, count: int) -> int:
    """`count` bits from `first` on (0 is the lowest), as an unsigned number; a negative value is its two's complement."""
    if first < 0 or count < 1 or first + count > 64:
        raise ValueError
    return (value >> first) & ((1 << count) - 1)


FUNCTIONS: Final[dict[str, Function]] = {
    "abs": Function(("number",), "same", abs),
    "min": Function(("number", "number"), "same", min, 16),
    "max": Function(("number", "number"), "same", max, 16),
    "round": Function(("number",), "Integer", _round),
    "floor": Function(("number",), "Integer", lambda value: whole(math.floor(value))),
    "ceil": Function(("number",), "Integer", lambda value: whole(math.ceil(value))),
    "sqrt": Function(("number",), "Number", math.sqrt),
    "pow": Function(("number", "number"), "Number", lambda base, power: finite(math.pow(base, power))),
    "int": Function(("number or String",), "Integer", _int),
    "double": Function(("number or String",), "Number", _double),
    "size": Function(("String",), "Integer", len),
    "startsWith": Function(("String", "String"), "Boolean", str.startswith),
    "endsWith": Function(("String", "String"), "Boolean", str.endswith),
    "contains": Function(("String", "String"), "Boolean", str.__contains__),
    "matches": Function(("String", "pattern"), "Boolean", _matches, pattern=compile_pattern),
    "capture": Function(("String", "pattern"), "String", _capture, pattern=compile_capture),
    "split": Function(("String", "String", "Integer"), "String", _split),
    "trim": Function(("String",), "String", str.strip),
    "number": Function(("String",), "Number", _number, 2),
    "integer": Function(("String",), "Integer", _integer),
    "bits": Function(("Integer", "Integer", "Integer"), "Integer", _bits),
}
