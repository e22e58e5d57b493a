"""Units as machines spell them, read as UCUM codes. Pure."""

from fractions import Fraction
from functools import lru_cache
from typing import Final, NamedTuple

from plantwright_operator.decide.units import IncompatibleUnitsError, Unit, UnknownUnitError, conversion, parse

SPELLINGS: Final = {
    "1/min": "1/min rpm u/min upm rev/min r/min min-1 min^-1 1/minute revolution/minute umdr/min umdrehungen/min "
    "revolutionsperminute hub/min hübe/min spm takte/min",
    "Hz": "hz hertz",
    "Cel": "°c degc ℃ celsius grad_c gradc grd c deg_c degreecelsius degreescelsius ºc",
    "[degF]": "°f degf fahrenheit",
    "K": "k kelvin",
    "%": "% percent prozent pct proz",
    "bar": "bar",
    "mbar": "mbar millibar",
    "MPa": "mpa megapascal",
    "kPa": "kpa kilopascal",
    "Pa": "pa pascal",
    "[psi]": "psi",
    "kW": "kw kilowatt",
    "W": "w watt",
    "kW.h": "kwh kw.h kw*h kilowattstunden kilowatthour",
    "W.h": "wh watthour",
    "MW.h": "mwh",
    "s": "s sec sek second seconds sekunden",
    "ms": "ms millisecond millisekunden",
    "us": "us µs μs microsecond",
    "min": "min minute minuten minutes",
    "h": "h std hour hours stunden",
    "mm": "mm millimeter millimetre",
    "m": "m meter metre",
    "um": "um µm μm",
    "mm/min": "mm/min millimeter/minute",
    "mm/s": "mm/s mm/sec millimeter/second",
    "m/min": "m/min",
    "m/s": "m/s",
    "N.m": "nm n.m n*m",
    "N": "n newton",
    "kN": "kn",
    "V": "v volt",
    "A": "a ampere amp",
    "L/min": "l/min",
    "m3/h": "m3/h m³/h",
    "{part}": "stk stck stück stueck pcs pieces pc part parts teile {part} {piece} ea each",
    "kg": "kg",
    "deg": "° deg degree grad",
}
"""UCUM code -> how machines write it, in lower case and without spaces."""
CODES: Final = {spelling: code for code, spellings in SPELLINGS.items() for spelling in spellings.split()}
KIN: Final = {"var": "reactive power", "kvar": "reactive power", "va": "apparent power", "kva": "apparent power"}
"""Units that have the dimension of power (or energy with an h) and are not what a consumer means by power."""
FAR: Final = 60
"""Times that differ by this factor are not measured for the same purpose: a cycle in hours is none."""


class Agreement(NamedTuple):
    """How well two units agree, 0..1, why, and whether they exclude each other."""

    share: float
    reason: str
    excludes: bool = False


def code_of(written: str) -> str | None:
    """The UCUM code of a unit as a machine writes it, or None where we do not know it."""
    text = written.strip()
    if not text:
        return None
    known = CODES.get(text.replace(" ", "").casefold())
    if known is not None:
        return known
    return text if _parsed(text) is not None else None


def is_kin(written: str) -> str:
    """What a unit measures that only looks like power or energy; "" for all others."""
    return KIN.get(written.strip().casefold().removesuffix("h"), "")


def agree(wanted: str | None, written: str) -> Agreement:
    """Hold a machine's unit to the contract's."""
    if is_kin(written):
        return Agreement(0, f"unit {written} is {is_kin(written)}", excludes=True)
    code = code_of(written)
    if wanted is None:
        return Agreement(1, "") if code is None else Agreement(0.3, f"unit {written}, and the contract has none")
    if code is None:
        return Agreement(0.5, f"unit {written} is unknown" if written else "the machine names no unit")
    one, other = _parsed(wanted), _parsed(code)
    if one is None or other is None:
        return Agreement(1 if wanted == code else 0.4, f"unit {written}")
    if one.dimension != other.dimension or one.counts != other.counts or one.shares != other.shares:
        return Agreement(0, f"unit {written} is not of the kind of {wanted}", excludes=True)
    if one.factor == other.factor:
        return Agreement(1, f"unit {written} agrees")
    ratio = max(one.factor / other.factor, other.factor / one.factor)
    far = code in ("s", "ms", "us", "min", "h") and ratio >= FAR
    return Agreement(0.5 if far else 0.9, f"unit {written} converts to {wanted}")


def converted(value: float, written: str, wanted: str | None) -> float | None:
    """A value in the contract's unit, or None where no conversion is known."""
    code = code_of(written)
    if wanted is None or code is None or code == wanted:
        return value
    try:
        found = conversion(code, wanted)
    except (UnknownUnitError, IncompatibleUnitsError):
        return None
    return float(Fraction(value) * found.scale + found.offset)


def quantity(written: str) -> str:
    """The concept that a unit alone gives away, or ""."""
    return IMPLIED.get(code_of(written) or "", "")


IMPLIED: Final = {
    "1/min": "speed",
    "Cel": "temperature",
    "[degF]": "temperature",
    "bar": "pressure",
    "mbar": "pressure",
    "MPa": "pressure",
    "kPa": "pressure",
    "[psi]": "pressure",
    "kW": "power",
    "W": "power",
    "kW.h": "energy",
    "W.h": "energy",
    "MW.h": "energy",
    "h": "hours",
    "mm/min": "feed",
    "mm/s": "speed",
    "m/min": "speed",
    "m/s": "speed",
    "{part}": "part",
    "N.m": "torque",
    "kN": "force",
    "N": "force",
    "V": "voltage",
    "A": "current",
    "s": "time",
    "min": "time",
    "mm": "position",
    "Hz": "frequency",
}
"""UCUM code -> the quantity that such a value nearly always is."""


@lru_cache(maxsize=4096)
def _parsed(code: str) -> Unit | None:
    try:
        return parse(code)
    except UnknownUnitError:
        return None
