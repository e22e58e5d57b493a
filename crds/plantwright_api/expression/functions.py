"""The functions of the language: their types, and what runs. All are bounded and raise only ArithmeticError or ValueError."""

import math
from collections.abc import Callable
from typing import Any, Final, NamedTuple

LONGEST_RESULT: Final = 4096
"""Characters of a text that an expression makes."""
SMALLEST_INTEGER: Final = -(2**63)
LARGEST_INTEGER: Final = 2**64 - 1


class Function(NamedTuple):
    """One function: `arguments` are type names ("number" stands for Integer or Number); `at_most` ends a variadic one.

    `result` is a type name, or "same": the Integer or Number that the arguments are.
    """

    arguments: tuple[str, ...]
    result: str
    run: Callable[..., Any]
    at_most: int = 0


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
}
