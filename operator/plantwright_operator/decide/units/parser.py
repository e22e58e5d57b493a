"""Read a UCUM code, case-sensitive form (UCUM section 7):

main-term  = ["/"] term
term       = component *(("." / "/") component)        evaluated from left to right
component  = symbol [exponent] [annotation] / annotation / factor / "(" term ")" [annotation]

A symbol is a unit of the table, or a prefix and a metric unit of it. Exponents have at most two digits, so that no text of
the length an object may hold makes a number of more than some thousand digits.
"""

import re
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from typing import Final, NamedTuple

from plantwright_operator.decide.units import table
from plantwright_operator.decide.units.model import Unit, UnknownUnitError

LONGEST: Final = 64
"""Characters of a unit; objects hold at most 32."""
_NONE: Final = (0,) * len(table.DIMENSIONS)
_ONE: Final = Unit(_NONE, Fraction(1))
_TOKEN: Final = re.compile(
    r"(?P<mark>[()./])"
    r"|\{(?P<note>[!-z|~]+)\}"
    r"|(?P<symbol>10[*^]|(?:\[[^\[\]{}\s]+\]|[^\s\d./(){}\[\]+-])+)"
    r"|(?P<number>[+-]?[0-9]+)"
)
_END: Final = ("end", "")


class _Token(NamedTuple):
    kind: str
    text: str


@lru_cache(maxsize=4096)
def parse(code: str) -> Unit:
    """The unit that a UCUM code stands for.

    Raises:
        UnknownUnitError: it is none, or holds a unit that is not in the table.
    """
    if not 0 < len(code) <= LONGEST:
        raise UnknownUnitError(f"a unit has 1 to {LONGEST} characters")
    reader = _Reader(_tokens(code))
    unit = reader.main_term()
    if reader.peek() != _END:
        raise UnknownUnitError(f"unexpected {reader.peek().text!r}")
    return unit


def _tokens(code: str) -> list[_Token]:
    found, position = [], 0
    while position < len(code):
        match = _TOKEN.match(code, position)
        if match is None:
            raise UnknownUnitError(f"unexpected {code[position]!r}")
        kind = match.lastgroup or ""
        found.append(_Token(kind, match[kind]))
        position = match.end()
    return found


class _Reader:
    """Recursive descent over the tokens of one code; its depth is bounded by the code's length."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._next = 0

    def peek(self) -> _Token:
        return self._tokens[self._next] if self._next < len(self._tokens) else _Token(*_END)

    def main_term(self) -> Unit:
        return self._rest_of_term(_ONE) if self.peek().text == "/" else self._term()

    def _term(self) -> Unit:
        return self._rest_of_term(self._component())

    def _rest_of_term(self, unit: Unit) -> Unit:
        while self.peek() in (("mark", "."), ("mark", "/")):
            sign = 1 if self._take().text == "." else -1
            unit = _product(unit, _power(self._component(), sign))
        return unit

    def _component(self) -> Unit:
        kind, text = self._take()
        if kind == "note":
            return replace(_ONE, counts=True, annotations=frozenset({text}))
        if kind == "number" and text.isdigit() and int(text):
            return replace(_ONE, factor=Fraction(int(text)))
        if kind == "symbol":
            return self._annotated(self._raised(_symbol(text)))
        if (kind, text) == ("mark", "("):
            unit = self._term()
            if self._take() != ("mark", ")"):
                raise UnknownUnitError("a parenthesis is not closed")
            return self._annotated(unit)
        raise UnknownUnitError("it ends too early" if kind == "end" else f"unexpected {text!r}")

    def _raised(self, unit: Unit) -> Unit:
        if self.peek().kind != "number":
            return unit
        exponent = self._take().text
        if len(exponent.lstrip("+-")) > 2 or int(exponent) == 0:
            raise UnknownUnitError(f"exponent {exponent} is not within 1 and 99")
        return _power(unit, int(exponent))

    def _annotated(self, unit: Unit) -> Unit:
        if self.peek().kind != "note":
            return unit
        number = not (any(unit.dimension) or unit.shares or unit.opaque)
        return replace(unit, counts=unit.counts or number, annotations=unit.annotations | {self._take().text})

    def _take(self) -> _Token:
        token = self.peek()
        self._next += 1
        return token


def _symbol(text: str) -> Unit:
    known = _atom(text)
    if known is not None:
        return known
    for prefix, factor in table.PREFIXES.items():
        rest = text.removeprefix(prefix)
        if rest != text and _is_metric(rest):
            unit = _atom(rest)
            assert unit is not None  # noqa: S101  (metric units are units)
            return replace(unit, factor=unit.factor * factor)
    raise UnknownUnitError(f"{text} is no known UCUM unit")


@lru_cache(maxsize=512)
def _atom(code: str) -> Unit | None:
    """The unit of the table, by its definition; None where the table has none of that code."""
    if code in table.BASES:
        return Unit(tuple(int(place == table.BASES[code]) for place in range(len(_NONE))), Fraction(1))
    if code in table.OFFSET_UNITS:
        scale = table.OFFSET_UNITS[code]
        return Unit(parse("K").dimension, scale.factor, scale.offset)
    if code in table.OPAQUE_UNITS:
        return Unit(_NONE, Fraction(1), opaque=code, opaque_word=table.OPAQUE_UNITS[code].word)
    atom = table.ATOMS.get(code)
    if atom is None:
        return None
    defined = parse(atom.unit)
    return replace(defined, factor=defined.factor * Fraction(atom.value), shares=code in table.FRACTIONS)


def _is_metric(code: str) -> bool:
    if code in table.BASES:
        return True
    found = table.ATOMS.get(code) or table.OFFSET_UNITS.get(code) or table.OPAQUE_UNITS.get(code)
    return found is not None and found.metric


def _power(unit: Unit, exponent: int) -> Unit:
    if exponent == 1:
        return unit
    _refuse_special(unit)
    return replace(unit, dimension=tuple(d * exponent for d in unit.dimension), factor=unit.factor**exponent)


def _product(one: Unit, other: Unit) -> Unit:
    _refuse_special(one)
    _refuse_special(other)
    return Unit(
        dimension=tuple(a + b for a, b in zip(one.dimension, other.dimension, strict=True)),
        factor=one.factor * other.factor,
        counts=one.counts or other.counts,
        shares=one.shares or other.shares,
        annotations=one.annotations | other.annotations,
    )


def _refuse_special(unit: Unit) -> None:
    if unit.opaque:
        raise UnknownUnitError(f"{unit.opaque} is {unit.opaque_word} unit and stands alone")
    if unit.offset:
        raise UnknownUnitError("a temperature with an offset stands alone; write products and rates with K")
