"""Units of UCUM that machines use, as data: each by its definition in UCUM's own terms, so that a row can be compared.

Source: the Unified Code for Units of Measure, ucum-essence 2.1 (Regenstrief Institute), case-sensitive codes; its licence
lets anyone use the codes and their definitions. Left out: clinical, typographical and obsolete units, units for bits per
second. Where we are stricter than UCUM, on purpose: `mol`, `bit` and `By` are pure numbers there and dimensions of their
own here, so that moles do not turn into percent; counts and fractions are told apart (see `model`).
"""

from fractions import Fraction
from typing import Final, NamedTuple

DIMENSIONS: Final = (
    "length",
    "time",
    "mass",
    "angle",
    "temperature",
    "charge",
    "luminous intensity",
    "amount of substance",
    "information",
)
"""What a dimension vector counts, in its order: UCUM's seven, then the two that we keep apart."""

BASES: Final = {"m": 0, "s": 1, "g": 2, "rad": 3, "K": 4, "C": 5, "cd": 6, "mol": 7, "bit": 8}
"""Base unit -> its place in the dimension vector."""

PREFIXES: Final = {
    "Y": Fraction(10**24),
    "Z": Fraction(10**21),
    "E": Fraction(10**18),
    "P": Fraction(10**15),
    "T": Fraction(10**12),
    "G": Fraction(10**9),
    "M": Fraction(10**6),
    "k": Fraction(10**3),
    "h": Fraction(10**2),
    "da": Fraction(10),
    "d": Fraction(1, 10),
    "c": Fraction(1, 10**2),
    "m": Fraction(1, 10**3),
    "u": Fraction(1, 10**6),
    "n": Fraction(1, 10**9),
    "p": Fraction(1, 10**12),
    "f": Fraction(1, 10**15),
    "a": Fraction(1, 10**18),
    "z": Fraction(1, 10**21),
    "y": Fraction(1, 10**24),
    "Ki": Fraction(2**10),
    "Mi": Fraction(2**20),
    "Gi": Fraction(2**30),
    "Ti": Fraction(2**40),
}


class Atom(NamedTuple):
    """A unit as UCUM defines it: `value` times the UCUM expression `unit`; `metric` units take prefixes."""

    metric: bool
    value: str
    unit: str


_SI = (
    ("sr", "1", "rad2"),
    ("Hz", "1", "s-1"),
    ("N", "1", "kg.m/s2"),
    ("Pa", "1", "N/m2"),
    ("J", "1", "N.m"),
    ("W", "1", "J/s"),
    ("A", "1", "C/s"),
    ("V", "1", "J/C"),
    ("F", "1", "C/V"),
    ("Ohm", "1", "V/A"),
    ("S", "1", "Ohm-1"),
    ("Wb", "1", "V.s"),
    ("T", "1", "Wb/m2"),
    ("H", "1", "Wb/A"),
    ("lm", "1", "cd.sr"),
    ("lx", "1", "lm/m2"),
    ("l", "1", "dm3"),
    ("L", "1", "l"),
    ("ar", "100", "m2"),
    ("t", "1e3", "kg"),
    ("bar", "1e5", "Pa"),
    ("eV", "1.60217733e-19", "J"),
    ("By", "8", "bit"),
    ("[g]", "9.80665", "m/s2"),
    ("gf", "1", "g.[g]"),
    ("Gal", "1", "cm/s2"),
    ("dyn", "1", "g.cm/s2"),
    ("erg", "1", "dyn.cm"),
    ("P", "1", "dyn.s/cm2"),
    ("St", "1", "cm2/s"),
    ("G", "1e-4", "T"),
    ("Mx", "1e-8", "Wb"),
    ("ph", "1e-4", "lx"),
    ("cal", "4.184", "J"),
    ("cal_IT", "4.1868", "J"),
    ("cal_th", "4.184", "J"),
    ("tex", "1", "g/km"),
    ("m[H2O]", "9.80665", "kPa"),
    ("m[Hg]", "133.3220", "kPa"),
    ("st", "1", "m3"),
    ("mho", "1", "S"),
)
_OTHER = (
    ("10*", "10", "1"),
    ("10^", "10", "1"),
    ("[pi]", "3.1415926535897932384626433832795028841971693993751058209749445923", "1"),
    ("%", "1", "10*-2"),
    ("[ppth]", "1", "10*-3"),
    ("[ppm]", "1", "10*-6"),
    ("[ppb]", "1", "10*-9"),
    ("[pptr]", "1", "10*-12"),
    ("deg", "2", "[pi].rad/360"),
    ("'", "1", "deg/60"),
    ("''", "1", "'/60"),
    ("gon", "0.9", "deg"),
    ("circ", "2", "[pi].rad"),
    ("sph", "4", "[pi].sr"),
    ("min", "60", "s"),
    ("h", "60", "min"),
    ("d", "24", "h"),
    ("wk", "7", "d"),
    ("mo", "1", "a_j/12"),
    ("a_j", "365.25", "d"),
    ("a", "1", "a_j"),
    ("atm", "101325", "Pa"),
    ("att", "1", "kgf/cm2"),
    ("Ao", "0.1", "nm"),
    ("[in_i]", "2.54", "cm"),
    ("[ft_i]", "12", "[in_i]"),
    ("[yd_i]", "3", "[ft_i]"),
    ("[mi_i]", "5280", "[ft_i]"),
    ("[mil_i]", "1e-3", "[in_i]"),
    ("[nmi_i]", "1852", "m"),
    ("[kn_i]", "1", "[nmi_i]/h"),
    ("[sin_i]", "1", "[in_i]2"),
    ("[sft_i]", "1", "[ft_i]2"),
    ("[cin_i]", "1", "[in_i]3"),
    ("[cft_i]", "1", "[ft_i]3"),
    ("[cyd_i]", "1", "[yd_i]3"),
    ("[gal_us]", "231", "[in_i]3"),
    ("[bbl_us]", "42", "[gal_us]"),
    ("[qt_us]", "1", "[gal_us]/4"),
    ("[pt_us]", "1", "[qt_us]/2"),
    ("[foz_us]", "1", "[pt_us]/16"),
    ("[gal_br]", "4.54609", "l"),
    ("[gr]", "64.79891", "mg"),
    ("[lb_av]", "7000", "[gr]"),
    ("[oz_av]", "1", "[lb_av]/16"),
    ("[ston_av]", "2000", "[lb_av]"),
    ("[lton_av]", "2240", "[lb_av]"),
    ("[oz_tr]", "480", "[gr]"),
    ("[car_m]", "0.2", "g"),
    ("[lbf_av]", "1", "[lb_av].[g]"),
    ("[psi]", "1", "[lbf_av]/[in_i]2"),
    ("[in_i'H2O]", "1", "m[H2O].[in_i]/m"),
    ("[in_i'Hg]", "1", "m[Hg].[in_i]/m"),
    ("[HP]", "550", "[ft_i].[lbf_av]/s"),
    ("[Btu]", "1", "[Btu_th]"),
    ("[Btu_th]", "1.054350", "kJ"),
    ("[Btu_IT]", "1.05505585262", "kJ"),
    ("[degR]", "5", "K/9"),
    ("[den]", "1", "g/9/km"),
    ("[mesh_i]", "1", "/[in_i]"),
    ("[drp]", "1", "ml/20"),
)
ATOMS: Final = {
    **{code: Atom(True, value, unit) for code, value, unit in _SI},
    **{code: Atom(False, value, unit) for code, value, unit in _OTHER},
}

FRACTIONS: Final = frozenset({"%", "[ppth]", "[ppm]", "[ppb]", "[pptr]"})
"""Units of a share of a whole: pure numbers to UCUM, and yet no count."""


class OffsetUnit(NamedTuple):
    """A temperature scale: kelvin = value x factor + offset."""

    metric: bool
    factor: Fraction
    offset: Fraction


OFFSET_UNITS: Final = {
    "Cel": OffsetUnit(True, Fraction(1), Fraction("273.15")),
    "[degF]": OffsetUnit(False, Fraction(5, 9), Fraction("459.67") * Fraction(5, 9)),
}


class OpaqueUnit(NamedTuple):
    """A unit that equals itself and is converted into no other; `word` says of what sort, with its article."""

    metric: bool
    word: str


OPAQUE_UNITS: Final = {
    **{
        code: OpaqueUnit(True, "a logarithmic")
        for code in ("B", "Np", "B[SPL]", "B[V]", "B[mV]", "B[uV]", "B[W]", "B[kW]")
    },
    "[pH]": OpaqueUnit(False, "a logarithmic"),
    "%[slope]": OpaqueUnit(False, "a trigonometric"),
    **{code: OpaqueUnit(True, "an arbitrary") for code in ("[iU]", "[IU]")},
    **{code: OpaqueUnit(False, "an arbitrary") for code in ("[arb'U]", "[USP'U]", "[CFU]", "[EU]")},
}

WORDS: Final = {
    "1": "a pure number",
    "m": "length",
    "s": "time",
    "g": "mass",
    "rad": "angle",
    "K": "temperature",
    "C": "electric charge",
    "cd": "luminous intensity",
    "mol": "amount of substance",
    "bit": "information",
    "m2": "area",
    "m3": "volume",
    "/m": "number per length",
    "/m3": "number per volume",
    "m/s": "speed",
    "m/s2": "acceleration",
    "m/s3": "jerk",
    "Hz": "frequency",
    "rad/s": "angular speed",
    "rad/s2": "angular acceleration",
    "/s2": "change of frequency",
    "K/s": "change of temperature",
    "sr": "solid angle",
    "N": "force",
    "N/m": "force per length",
    "N.s": "impulse",
    "Pa": "pressure",
    "Pa/s": "change of pressure",
    "J": "energy or torque",
    "J/rad": "torque per angle",
    "W": "power",
    "W/m2": "power per area",
    "W/K": "thermal conductance",
    "A": "electric current",
    "A/m": "magnetic field strength",
    "A/m2": "current density",
    "V": "voltage",
    "V/m": "electric field strength",
    "V/s": "change of voltage",
    "Ohm": "electric resistance",
    "S": "electric conductance",
    "S/m": "electric conductivity",
    "F": "electric capacitance",
    "H": "inductance",
    "Wb": "magnetic flux",
    "T": "magnetic flux density",
    "lm": "luminous flux",
    "lx": "illuminance",
    "m3/s": "volume flow",
    "m2/s": "kinematic viscosity",
    "g/s": "mass flow",
    "g/m": "mass per length",
    "g/m2": "mass per area",
    "g/m3": "density",
    "Pa.s": "dynamic viscosity",
    "J/g": "specific energy",
    "mol/m3": "molar concentration",
    "By/s": "data rate",
}
"""A unit -> the word for its dimension. Where two quantities share a dimension UCUM cannot part them, so neither do we.
Rows whose dimension an earlier row has are not allowed; a test holds it."""
