"""Units of measure by UCUM: read, compared by dimension, converted exactly. Pure, no floats.

    parse("kW.h")                  -> dimension, exact factor
    conversion("mbar", "bar")      -> value x 1/1000
    conversion("1/min", "Cel")     -> IncompatibleUnitsError: 1/min measures frequency, Cel measures temperature
    judge("rpm")                   -> "rpm is no known UCUM unit; did you mean 1/min?"

Own code and not a library, on purpose: those that read UCUM (ucumvert, which needs pint and lark) calculate in floats,
call percent and counts one thing, and cost the operator more memory than its decisions do.
"""

from functools import cache

from plantwright_operator.decide.units import table
from plantwright_operator.decide.units.hints import TRAPS, suggestions
from plantwright_operator.decide.units.model import (
    Conversion,
    Dimension,
    IncompatibleUnitsError,
    Unit,
    UnknownUnitError,
)
from plantwright_operator.decide.units.parser import parse

__all__ = [
    "Conversion",
    "IncompatibleUnitsError",
    "Unit",
    "UnknownUnitError",
    "conversion",
    "judge",
    "parse",
    "quantity",
    "suggestions",
]


def judge(code: str) -> str | None:
    """What is wrong with a unit, with what was perhaps meant; None where it is a unit that we know."""
    try:
        parse(code)
    except UnknownUnitError as error:
        found = suggestions(code)
        cure = (
            f"did you mean {' or '.join(found)}?" if found else "UCUM codes are case-sensitive, such as mm, kW.h, 1/min"
        )
        detail = str(error) if str(error).startswith(code) else f"{code}: {error}"
        return f"{detail}; {cure}"
    return None


def quantity(code: str) -> str:
    """What a unit measures, in words: "frequency" for 1/min.

    Raises:
        UnknownUnitError: it is no unit that we know.
    """
    unit = parse(code)
    if unit.opaque:
        return f"{unit.opaque_word} quantity"
    if any(unit.dimension):
        return _words().get(unit.dimension) or _formula(unit.dimension)
    if unit.shares:
        return "a share of a whole"
    return "a count" if unit.counts else "a pure number"


def conversion(source: str, target: str) -> Conversion:
    """The exact conversion of a value in `source` into one in `target`.

    Raises:
        UnknownUnitError: either is no unit that we know.
        IncompatibleUnitsError: none leads from one to the other; says why, and what was perhaps meant.
    """
    one, other = parse(source), parse(target)
    why = _apart(source, one, target, other)
    if why:
        raise IncompatibleUnitsError(why + _trap(source) + _trap(target))
    return Conversion(one.factor / other.factor, (one.offset - other.offset) / other.factor)


def _apart(source: str, one: Unit, target: str, other: Unit) -> str:
    """Why no conversion leads from one unit to the other; "" where one does."""
    measures = f"{source} measures {quantity(source)}, {target} measures {quantity(target)}"
    if one.opaque or other.opaque:
        same = one.opaque == other.opaque and one.factor == other.factor
        if not same:
            return f"{measures}; such a unit is never converted"
    elif one.dimension != other.dimension:
        return measures
    elif (one.shares and other.counts and not other.shares) or (other.shares and one.counts and not one.shares):
        return f"{measures}, and how many make up the whole nobody says"
    if one.annotations and other.annotations and one.annotations != other.annotations:
        return f"{source} and {target} name different things in braces; where both mean the same, write {target}"
    return ""


def _trap(code: str) -> str:
    if code not in TRAPS:
        return ""
    reading, meant = TRAPS[code]
    return f" (UCUM reads {code} as {reading}; did you mean {meant}?)"


@cache
def _words() -> dict[Dimension, str]:
    return {parse(code).dimension: word for code, word in table.WORDS.items()}


def _formula(dimension: Dimension) -> str:
    """A dimension that has no word, as a product: "mass·length2/time"."""
    parts = list(zip(table.DIMENSIONS, dimension, strict=True))
    above = "·".join(f"{name}{power if power > 1 else ''}" for name, power in parts if power > 0)
    below = "".join(f"/{name}{-power if power < -1 else ''}" for name, power in parts if power < 0)
    return f"{above or 1}{below}"
