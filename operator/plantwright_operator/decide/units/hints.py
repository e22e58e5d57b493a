"""What was perhaps meant by a text that is no UCUM code, or by one that is and means something else than most think."""

import re
from difflib import get_close_matches
from functools import cache
from typing import Final

from plantwright_operator.decide.units import table
from plantwright_operator.decide.units.model import UnknownUnitError
from plantwright_operator.decide.units.parser import LONGEST, parse

MOST: Final = 3
"""Suggestions in one message."""

MEANT: Final = {
    "rpm": "1/min",
    "rps": "1/s",
    "u": "1",
    "umdr": "{revolution}",
    "rev": "{revolution}",
    "bpm": "1/min",
    "cpm": "1/min",
    "spm": "1/min",
    "fpm": "[ft_i]/min",
    "ipm": "[in_i]/min",
    "mph": "[mi_i]/h",
    "kmh": "km/h",
    "kph": "km/h",
    "cfm": "[cft_i]/min",
    "gpm": "[gal_us]/min",
    "lpm": "L/min",
    "slpm": "L/min",
    "sec": "s",
    "sek": "s",
    "seconds": "s",
    "msec": "ms",
    "mins": "min",
    "minutes": "min",
    "hr": "h",
    "hrs": "h",
    "hour": "h",
    "hours": "h",
    "std": "h",
    "day": "d",
    "days": "d",
    "°c": "Cel",
    "ºc": "Cel",
    "℃": "Cel",
    "degc": "Cel",
    "deg_c": "Cel",
    "celsius": "Cel",
    "°f": "[degF]",
    "ºf": "[degF]",
    "℉": "[degF]",
    "degf": "[degF]",
    "deg_f": "[degF]",
    "fahrenheit": "[degF]",
    "kelvin": "K",
    "°": "deg",
    "grad": "deg",
    "degree": "deg",
    "degrees": "deg",
    "turns": "circ",
    "micron": "um",
    "meter": "m",
    "in": "[in_i]",
    "inch": "[in_i]",
    '"': "[in_i]",
    "ft": "[ft_i]",
    "feet": "[ft_i]",
    "yd": "[yd_i]",
    "mile": "[mi_i]",
    "mil": "[mil_i]",
    "lb": "[lb_av]",
    "lbs": "[lb_av]",
    "oz": "[oz_av]",
    "ton": "t",
    "to": "t",
    "lbf": "[lbf_av]",
    "kp": "kgf",
    "gal": "[gal_us]",
    "liter": "L",
    "litre": "L",
    "ltr": "L",
    "ccm": "cm3",
    "cc": "cm3",
    "cbm": "m3",
    "qm": "m2",
    "psi": "[psi]",
    "mmhg": "mm[Hg]",
    "inhg": "[in_i'Hg]",
    "mmh2o": "mm[H2O]",
    "nm": "N.m",
    "wh": "W.h",
    "kwh": "kW.h",
    "mwh": "MW.h",
    "gwh": "GW.h",
    "ah": "A.h",
    "mah": "mA.h",
    "ws": "W.s",
    "va": "V.A",
    "kva": "kV.A",
    "var": "V.A{reactive}",
    "kvar": "kV.A{reactive}",
    "hp": "[HP]",
    "ps": "[HP]",
    "btu": "[Btu_IT]",
    "ohms": "Ohm",
    "ppm": "[ppm]",
    "ppb": "[ppb]",
    "‰": "[ppth]",
    "percent": "%",
    "prozent": "%",
    "pct": "%",
    "%rh": "%{rh}",
    "rh": "%{rh}",
    "ph": "[pH]",
    "dba": "dB{A}",
    "db(a)": "dB{A}",
    "pcs": "{piece}",
    "pc": "{piece}",
    "piece": "{piece}",
    "pieces": "{piece}",
    "part": "{part}",
    "parts": "{part}",
    "stk": "{piece}",
    "stück": "{piece}",
    "stueck": "{piece}",
    "count": "{count}",
    "counts": "{count}",
    "cycles": "{cycle}",
    "byte": "By",
    "bytes": "By",
    "bits": "bit",
    "g-force": "[g]",
    "none": "1",
    "-": "1",
}
"""Common spelling in lower case -> UCUM."""

TRAPS: Final = {
    "C": ("coulomb", "Cel"),
    "F": ("farad", "[degF]"),
    "S": ("siemens", "s"),
    "H": ("henry", "h"),
    "ft": ("femtotonne", "[ft_i]"),
    "pt": ("picotonne", "[pt_us]"),
    "cd": ("candela", "cm"),
    "nm": ("nanometre", "N.m"),
    "g": ("gram", "[g]"),
    "{rpm}": ("a count, since braces carry no meaning", "1/min"),
    "{rps}": ("a count, since braces carry no meaning", "1/s"),
    "{%}": ("a count, since braces carry no meaning", "%"),
}
"""Codes that are right and often meant otherwise: what UCUM reads, and what would have been the code."""

_WRITING: Final = str.maketrans(
    {
        "²": "2",
        "³": "3",
        "·": ".",
        "×": ".",
        "*": ".",
        "µ": "u",
        "μ": "u",
        "\N{OHM SIGN}": "Ohm",
        "\N{GREEK CAPITAL LETTER OMEGA}": "Ohm",
        "^": "",
        " ": "",
    }
)
_SEPARATOR: Final = re.compile(r"([./])")
_PIECE: Final = re.compile(r"(?P<name>.*?[^\d+-])(?P<exponent>[+-]?\d*)")
_RARE: Final = frozenset({"G", "P", "st", "ph", "Mx", "dyn", "erg"})
"""Units that nobody meant: gauss is not offered to who wrote KG."""
_COMMON_PREFIXES: Final = ("", "n", "u", "m", "c", "d", "h", "k", "M", "G")


def suggestions(text: str) -> tuple[str, ...]:
    """Up to three UCUM codes that the text may have meant, the likeliest first; all of them are valid."""
    written = text.translate(_WRITING)
    for guess in (_known, _other_case, _by_pieces, _close):
        found = [code for code in guess(written) if code != text and _valid(code)]
        if found:
            return tuple(dict.fromkeys(found))[:MOST]
    return ()


def _known(text: str) -> list[str]:
    return [MEANT.get(text.lower(), ""), text]


def _other_case(text: str) -> list[str]:
    """Units that differ from the text in upper and lower case only, those that differ least first."""
    found = [code for code in _spellings() if code.lower() == text.lower()]
    return sorted(found, key=lambda code: sum(a != b for a, b in zip(code, text, strict=True)))


def _by_pieces(text: str) -> list[str]:
    return ["".join(_translated(piece) for piece in _SEPARATOR.split(text))]


def _translated(piece: str) -> str:
    """One factor of a product, in UCUM, its exponent kept; an unknown one stays as it is."""
    match = _PIECE.fullmatch(piece)
    if match is None or _SEPARATOR.fullmatch(piece) or _valid(piece):
        return piece
    name, exponent = match["name"], match["exponent"]
    known = MEANT.get(name.lower()) or next(iter(_other_case(name)), name)
    return (f"({known})" if "/" in known else known) + exponent


def _close(text: str) -> list[str]:
    return get_close_matches(text, _spellings(), n=MOST, cutoff=0.75) if 2 < len(text) <= LONGEST else []


@cache
def _spellings() -> tuple[str, ...]:
    """The units people write most, with their common prefixes."""
    metric = [
        *table.BASES,
        *(code for code, atom in table.ATOMS.items() if atom.metric and code.isalpha() and code not in _RARE),
    ]
    plain = [*table.ATOMS, *table.OFFSET_UNITS, *table.OPAQUE_UNITS]
    return (*(f"{prefix}{code}" for code in metric for prefix in _COMMON_PREFIXES), *plain)


def _valid(code: str) -> bool:
    try:
        parse(code)
    except UnknownUnitError:
        return False
    return True
