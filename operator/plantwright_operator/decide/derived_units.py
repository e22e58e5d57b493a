"""Units in expressions, as far as they can be known: what is added, compared or chosen between must be of one unit.

A product or a quotient has a unit that nobody wrote down, and a number that is added may be a conversion (Celsius + 273.15), so
their unit is not known, and what is not known fits everything.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from plantwright_api.expression import syntax
from plantwright_api.v1alpha1.datacontract import ContractField
from plantwright_operator.decide import units
from plantwright_operator.model import ResolvedSignal

Fields = Mapping[tuple[str, str], ContractField]
_ALIKE: Final = frozenset({"+", "-", "<", "<=", ">", ">=", "==", "!="})
_KEEPING: Final = frozenset({"abs", "min", "max", "round", "floor", "ceil"})


class _MixedError(Exception):
    """Two units that are not one; the message says which."""


def judge(resolved: ResolvedSignal, by_name: Mapping[str, ResolvedSignal], fields: Fields) -> str | None:
    """What is wrong with the units of a computed signal, with the cure, or None."""
    codes = {name: _code(other, fields) for name, other in by_name.items()}
    try:
        given = _Units(codes).of(syntax.parse(resolved.signal.expression or ""))
    except _MixedError as error:
        return f"{error}; convert one of them, such as power * 1000.0"
    wanted = _code(resolved, fields)
    if given is None or wanted is None or _one(given, wanted):
        return None
    return f"it gives {given}, and the signal is taken for {wanted}; set its unit to {given}, or convert"


def _code(resolved: ResolvedSignal, fields: Fields) -> str | None:
    """The unit that a signal gives: its own, else that of the field it fills."""
    field = fields.get((resolved.contract, resolved.field))
    return resolved.signal.unit or (field.unit if field is not None else None)


def _one(code: str, other: str) -> bool:
    """Whether both codes are spellings of one unit; what we cannot read is judged elsewhere."""
    try:
        return units.conversion(code, other).nothing
    except units.IncompatibleUnitsError:
        return False
    except units.UnknownUnitError:
        return True


class _Units:
    """Gives a node its unit, None where it is not known."""

    def __init__(self, codes: Mapping[str, str | None]) -> None:
        self._codes = codes

    def of(self, node: syntax.Node) -> str | None:
        rule = _RULES.get(type(node))
        return rule(self, node) if rule else None

    def name(self, node: syntax.Name) -> str | None:
        return self._codes.get(node.name)

    def unary(self, node: syntax.Unary) -> str | None:
        return self.of(node.operand)

    def binary(self, node: syntax.Binary) -> str | None:
        sides = [self.of(node.left), self.of(node.right)]
        common = self._common(sides) if node.operator in _ALIKE else None
        return common if node.operator in ("+", "-") and None not in sides else None

    def choice(self, node: syntax.Choice) -> str | None:
        self.of(node.condition)
        return self._common([self.of(node.then), self.of(node.otherwise)])

    def call(self, node: syntax.Call) -> str | None:
        given = [self.of(argument) for argument in node.arguments]
        return self._common(given) if node.function in _KEEPING else None

    def _common(self, codes: Iterable[str | None]) -> str | None:
        known = [code for code in codes if code is not None]
        other = next((code for code in known[1:] if not _one(known[0], code)), None)
        if other is not None:
            raise _MixedError(f"{known[0]} and {other} are not one unit")
        return known[0] if known else None


_RULES: Final[dict[type, Callable[[_Units, Any], str | None]]] = {
    syntax.Name: _Units.name,
    syntax.Unary: _Units.unary,
    syntax.Binary: _Units.binary,
    syntax.Choice: _Units.choice,
    syntax.Call: _Units.call,
}
