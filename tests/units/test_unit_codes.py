"""Codes: what is read, what is refused, and what a person is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plantwright_operator.decide import units
from plantwright_operator.decide.units import hints, table

CASE = "UCUM codes are case-sensitive, such as mm, kW.h, 1/min"

REFUSED = {
    "rpm": "rpm is no known UCUM unit; did you mean 1/min?",
    "°C": "°C is no known UCUM unit; did you mean Cel?",
    "psi": "psi is no known UCUM unit; did you mean [psi]?",
    "kWh": "kWh is no known UCUM unit; did you mean kW.h?",
    "Nm": "Nm is no known UCUM unit; did you mean N.m?",
    "l/MIN": "l/MIN: MIN is no known UCUM unit; did you mean l/min?",
    "U/min": "U/min: U is no known UCUM unit; did you mean 1/min?",
    "mm/sek": "mm/sek: sek is no known UCUM unit; did you mean mm/s?",
    "m³/h": "m³/h: m³ is no known UCUM unit; did you mean m3/h?",
    "m/s^2": "m/s^2: s^ is no known UCUM unit; did you mean m/s2?",
    "µm": "µm is no known UCUM unit; did you mean um?",
    "mΩ": "mΩ is no known UCUM unit; did you mean mOhm?",
    "mpa": "mpa is no known UCUM unit; did you mean mPa or MPa?",
    "KW": "KW is no known UCUM unit; did you mean kW?",
    "KG": "KG is no known UCUM unit; did you mean kg?",
    "Stk": "Stk is no known UCUM unit; did you mean {piece}?",
    "kWh/Stück": "kWh/Stück: kWh is no known UCUM unit; did you mean kW.h/{piece}?",
    "%RH": "%RH is no known UCUM unit; did you mean %{rh}?",
    "mm / s": "mm / s: unexpected ' '; did you mean mm/s?",
    "widgets": f"widgets is no known UCUM unit; {CASE}",
    "": f"a unit has 1 to 64 characters; {CASE}",
    "{}": "{}: unexpected '{'; " + CASE,
    "kg.": "kg.: it ends too early; did you mean kg?",
    "(m/s": f"(m/s: a parenthesis is not closed; {CASE}",
    "m)": f"m): unexpected ')'; {CASE}",
    "2m": f"2m: unexpected 'm'; {CASE}",
    "0.m": f"0.m: unexpected '0'; {CASE}",
    "m0": f"m0: exponent 0 is not within 1 and 99; {CASE}",
    "m999": f"m999: exponent 999 is not within 1 and 99; {CASE}",
    "kmin": "kmin is no known UCUM unit; did you mean min?",
    "Cel/min": f"Cel/min: a temperature with an offset stands alone; write products and rates with K; {CASE}",
    "dB.m": f"dB.m: B is a logarithmic unit and stands alone; {CASE}",
    "[iU]/L": "[iU]/L: [iU] is an arbitrary unit and stands alone; did you mean [iU]?",
}

ACCEPTED = [
    "s",
    "min",
    "h",
    "d",
    "ms",
    "us",
    "m",
    "mm",
    "um",
    "cm",
    "km",
    "[in_i]",
    "[ft_i]",
    "g",
    "kg",
    "t",
    "N",
    "kN",
    "Pa",
    "kPa",
    "bar",
    "mbar",
    "MPa",
    "[psi]",
    "J",
    "kJ",
    "kW.h",
    "W",
    "kW",
    "A",
    "mA",
    "V",
    "mV",
    "kV",
    "Ohm",
    "Hz",
    "kHz",
    "1/min",
    "/min",
    "min-1",
    "Cel",
    "K",
    "[degF]",
    "L",
    "l",
    "mL",
    "L/min",
    "l/min",
    "m3/h",
    "mm/s",
    "mm/min",
    "m/s",
    "m/s2",
    "[g]",
    "deg",
    "rad",
    "%",
    "[ppm]",
    "N.m",
    "lm",
    "lx",
    "dB",
    "{part}",
    "{piece}",
    "{rpm}",
    "1",
    "10*3",
    "10^3",
    "10*-3/L",
    "kg.m/s2",
    "kg.m.s-2",
    "(kg.m)/s2",
    "W/(m2.K)",
    "mm[H2O]",
    "[in_i'H2O]",
    "dB{A}",
    "B[SPL]",
    "[pH]",
    "[arb'U]",
    "kW{therm}",
    "%{rh}",
    "g/(8.h){shift}",
    "KiBy/s",
    "V.A",
    "daN",
    "100.mm",
    "{part}/h",
    "1/m3",
    "m+2",
]

MEASURES = {
    "1/min": "frequency",
    "Hz": "frequency",
    "rad/s": "angular speed",
    "Cel": "temperature",
    "[psi]": "pressure",
    "kW.h": "energy or torque",
    "L/min": "volume flow",
    "cSt": "kinematic viscosity",
    "lx": "illuminance",
    "%": "a share of a whole",
    "{part}": "a count",
    "1": "a pure number",
    "dB": "a logarithmic quantity",
    "kg.m2/s": "length2·mass/time",
    "1/K": "1/temperature",
}

APART = {
    ("1/min", "Cel"): "1/min measures frequency, Cel measures temperature",
    ("1/min", "rad/s"): "1/min measures frequency, rad/s measures angular speed",
    (
        "{rpm}",
        "1/min",
    ): "{rpm} measures a count, 1/min measures frequency (UCUM reads {rpm} as a count, since braces carry "
    "no meaning; did you mean 1/min?)",
    (
        "{part}",
        "%",
    ): "{part} measures a count, % measures a share of a whole, and how many make up the whole nobody says",
    (
        "%",
        "10*3{part}",
    ): "% measures a share of a whole, 10*3{part} measures a count, and how many make up the whole nobody says",
    (
        "{part}",
        "{piece}",
    ): "{part} and {piece} name different things in braces; where both mean the same, write {piece}",
    (
        "%{vol}",
        "%{mass}",
    ): "%{vol} and %{mass} name different things in braces; where both mean the same, write %{mass}",
    (
        "dB",
        "1",
    ): "dB measures a logarithmic quantity, 1 measures a pure number; such a unit is never converted",
    (
        "dB",
        "B",
    ): "dB measures a logarithmic quantity, B measures a logarithmic quantity; such a unit is never converted",
    (
        "[iU]",
        "1",
    ): "[iU] measures an arbitrary quantity, 1 measures a pure number; such a unit is never converted",
    ("C", "Cel"): "C measures electric charge, Cel measures temperature (UCUM reads C as coulomb; did you mean Cel?)",
    ("ft", "m"): "ft measures mass, m measures length (UCUM reads ft as femtotonne; did you mean [ft_i]?)",
    ("mol", "1"): "mol measures amount of substance, 1 measures a pure number",
    ("By", "1"): "By measures information, 1 measures a pure number",
}


@pytest.mark.parametrize("code", REFUSED)
def test_refused_with_a_word(code: str) -> None:
    assert units.judge(code) == REFUSED[code]


@pytest.mark.parametrize("code", ACCEPTED)
def test_accepted(code: str) -> None:
    assert units.judge(code) is None


@pytest.mark.parametrize("code", MEASURES)
def test_says_what_it_measures(code: str) -> None:
    assert units.quantity(code) == MEASURES[code]


@pytest.mark.parametrize("pair", APART, ids="->".join)
def test_says_why_no_conversion_exists(pair: tuple[str, str]) -> None:
    with pytest.raises(units.IncompatibleUnitsError) as refused:
        units.conversion(*pair)
    assert str(refused.value) == APART[pair]


def test_every_unit_of_the_table_can_be_read() -> None:
    codes = [*table.BASES, *table.ATOMS, *table.OFFSET_UNITS, *table.OPAQUE_UNITS]
    assert [code for code in codes if units.judge(code)] == []
    assert len(codes) == len(set(codes)) >= 120


def test_no_two_words_for_one_dimension() -> None:
    by_dimension: dict[tuple[int, ...], list[str]] = {}
    for code in table.WORDS:
        by_dimension.setdefault(units.parse(code).dimension, []).append(code)
    assert [codes for codes in by_dimension.values() if len(codes) > 1] == []


def test_what_is_suggested_is_valid() -> None:
    assert [meant for meant in hints.MEANT.values() if units.judge(meant)] == []
    assert [meant for _, meant in hints.TRAPS.values() if units.judge(meant)] == []
    assert [code for code in hints.TRAPS if units.judge(code)] == []


@given(st.text(max_size=70))
def test_any_text_is_answered(text: str) -> None:
    verdict = units.judge(text)
    assert verdict is None or "; " in verdict
    assert all(units.judge(code) is None for code in units.suggestions(text))


@given(st.text(alphabet="mskgK%/.()[]{}0123456789+-*^'Celbardu", max_size=32))
def test_what_looks_like_a_unit_is_read_or_refused(text: str) -> None:
    if units.judge(text) is None:
        assert units.conversion(text, text).nothing
