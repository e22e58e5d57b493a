"""How makers write the columns, types, tables and scales of a Modbus map. Data and small readers, no I/O."""

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Final

from plantwright_api.v1alpha1.signals import ModbusTable, ModbusType
from plantwright_cli.discover.candidates import Kind
from plantwright_cli.discover.words import UMLAUTS

COLUMNS: Final[Mapping[str, str]] = {
    "address": "address addr adresse register registeradresse registeraddress reg offset modbusadresse modbusaddress "
    "regaddr registernr registernumber registernummer startadresse startaddress addressdec adressedez dez dec",
    "name": "name bezeichnung signal tag symbol variable parameter register name signalname tagname label kurzname "
    "bezeichner variablenname signalbezeichnung datapoint datenpunkt",
    "description": "description beschreibung comment kommentar bemerkung remark remarks meaning bedeutung text note "
    "erlaeuterung langtext notes funktion",
    "type": "type datatype datentyp typ format dataformat datenformat datatyp",
    "unit": "unit einheit units eu engineeringunit dimension",
    "factor": "scale factor faktor skalierung multiplier scaling aufloesung resolution scalefactor skalierungsfaktor "
    "gewichtung",
    "divisor": "divisor teiler gain divider",
    "offset_value": "valueoffset nullpunkt wertoffset",
    "table": "table tabelle registertype registertyp area bereich function funktionscode functioncode fc objecttype "
    "objekttyp registerart",
    "bit": "bit bitnr bitnummer bitno bitposition",
    "length": "length laenge len size words anzahlregister registers count groesse",
    "access": "access zugriff rw readwrite lesenschreiben r/w",
}
"""What we need -> how the column is called, in lower case, letters only."""

TABLES: Final[Mapping[str, ModbusTable]] = {
    **dict.fromkeys(("coil", "coils", "do", "0x", "1", "fc1", "fc01", "digitaloutput", "ausgang"), "Coil"),
    **dict.fromkeys(
        ("discreteinput", "discreteinputs", "di", "1x", "2", "fc2", "fc02", "inputstatus", "eingang", "discrete"),
        "DiscreteInput",
    ),
    **dict.fromkeys(
        ("inputregister", "inputregisters", "ir", "3x", "4", "fc4", "fc04", "input", "eingangsregister", "ai"),
        "InputRegister",
    ),
    **dict.fromkeys(
        ("holdingregister", "holdingregisters", "hr", "4x", "3", "fc3", "fc03", "holding", "halteregister", "ao"),
        "HoldingRegister",
    ),
}
LEADING: Final[Mapping[str, ModbusTable]] = {
    "0": "Coil",
    "1": "DiscreteInput",
    "3": "InputRegister",
    "4": "HoldingRegister",
}
"""The first digit of 40001-style numbers."""

TYPES: Final[Mapping[str, ModbusType]] = {
    **dict.fromkeys(("bool", "bit", "boolean", "coil", "digital"), "Bool"),
    **dict.fromkeys(("int16", "int", "s16", "i16", "short", "sint16", "signed16", "signedint", "signed"), "Int16"),
    **dict.fromkeys(
        ("uint16", "uint", "u16", "word", "ushort", "unsigned16", "unsigned", "unsignedint", "enum", "enum16", "w"),
        "UInt16",
    ),
    **dict.fromkeys(("int32", "dint", "s32", "i32", "long", "sint32", "signed32", "longint"), "Int32"),
    **dict.fromkeys(("uint32", "udint", "u32", "dword", "ulong", "unsigned32", "acc32", "dw"), "UInt32"),
    **dict.fromkeys(("int64", "lint", "s64", "i64", "sint64"), "Int64"),
    **dict.fromkeys(("uint64", "ulint", "u64", "lword", "acc64", "unsigned64"), "UInt64"),
    **dict.fromkeys(("float32", "float", "real", "f32", "single", "ieee754", "realieee", "floatieee"), "Float32"),
    **dict.fromkeys(("float64", "double", "lreal", "f64"), "Float64"),
    **dict.fromkeys(("string", "text", "char", "ascii", "str", "zeichenkette"), "String"),
}
KINDS: Final[Mapping[ModbusType, Kind]] = {
    "Bool": "Boolean",
    "String": "String",
    "Float32": "Number",
    "Float64": "Number",
    **dict.fromkeys(("Int16", "UInt16", "Int32", "UInt32", "Int64", "UInt64"), "Integer"),
}
BITS: Final = re.compile(r"(unsigned|signed|u|s|i)?(?:int)?(16|32|64)(?:bit|bits)?(float|unsigned|signed)?")


def plain(text: str) -> str:
    """Lower case without umlauts, spaces and signs, as the tables above are written."""
    return re.sub(r"[^a-z0-9/]", "", text.translate(UMLAUTS).lower()).strip("/")


def column(header: str) -> str | None:
    """What a column holds, or None where it is none that we need."""
    head = plain(header.partition("[")[0].partition("(")[0])
    return next((what for what, names in COLUMNS.items() if head in names.split()), None)


def type_of(text: str) -> tuple[ModbusType | None, int | None]:
    """The type, and the length of a text in bytes: `STRING[16]` is (String, 16). None where it is no type we know."""
    head, _, rest = text.replace("(", "[").partition("[")
    length = int(digits[0]) if (digits := re.findall(r"\d+", rest)) else None
    known = TYPES.get(plain(head))
    if known is not None:
        return known, length
    word = plain(text)
    if word.startswith(("string", "char", "ascii")) and (digits := re.findall(r"\d+", word)):
        return "String", int(digits[0])
    return _by_bits(word), None


def _by_bits(word: str) -> ModbusType | None:
    match = BITS.fullmatch(word)
    if match is None:
        return None
    before, bits, after = match.groups()
    if after == "float":
        return TYPES.get(f"float{bits}")
    sign = "int" if before in ("s", "i", "signed") or after == "signed" else "uint"
    return TYPES.get(f"{sign}{bits}")


def decimal(text: str) -> Decimal | None:
    """A number as a person writes it: `0,1`, `0.1`, `1/10`, `x0.1`, `/10`; None where it is none."""
    raw = text.strip().lower().replace(",", ".").lstrip("x*×").strip()
    above, slash, below = raw.partition("/")
    try:
        number = Decimal(above or "1") / Decimal(below) if slash else Decimal(raw)
    except (InvalidOperation, ZeroDivisionError):
        return None
    return number if number.is_finite() else None
