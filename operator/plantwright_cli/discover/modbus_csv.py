"""Reads a Modbus map from CSV as makers and spreadsheets write it. Pure: text in, offer out.

Columns go by many names, in English and German; separators are `;`, `,`, tabs or `|`; lines above the header are left out.
Numbers from 40001 on (and 30001, 10001, 400001 …) are told apart from addresses counted from 0 over the whole map: one
manual never mixes the two.
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from plantwright_api.v1alpha1.signals import ModbusAddress, ModbusTable, ModbusType
from plantwright_cli.discover.candidates import Candidate, Offer
from plantwright_cli.discover.csv_words import KINDS, LEADING, TABLES, column, decimal, plain, type_of
from plantwright_cli.errors import UserError

HEADER_WITHIN: Final = 30
"""Lines above the header are a title or a version."""
LARGEST_MAP: Final = 20_000
SEPARATORS: Final = ";,\t|"
PLACE: Final = re.compile(
    r"(?:(?P<table>%?[a-zA-Z]{1,3}|[134]x)[ :_]?)?(?P<number>0x[0-9a-fA-F]+|\d+)(?:\s*-\s*\d+)?(?:[.:](?P<bit>\d{1,2}))?"
)
CLASSIC: Final = re.compile(r"[0134]\d{4,5}")
WRITE_ONLY: Final = frozenset({"w", "wo", "write", "schreiben", "writeonly"})
DEFAULT_STRING_BYTES: Final = 16

Row = Mapping[str, str]


class _Place(NamedTuple):
    """Where a row says that its value lies: `number` as written."""

    table: ModbusTable | None
    number: str
    bit: int | None


def parse(text: str, name: str, *, first_register: int = 0) -> Offer:
    """The candidates of a map.

    Args:
        text: the file's content.
        name: the file's name, for messages.
        first_register: the number that the map gives to wire address 0, where it is not 40001-style: 0 or 1.

    Raises:
        UserError: no line looks like a header, or no row gives an address.
    """
    rows = _rows(text, name)
    places = [_place(row.get("address", "")) for row in rows]
    classic = _is_classic(p.number for p in places if p is not None)
    warnings: list[str] = []
    candidates: list[Candidate] = []
    for number, (row, place) in enumerate(zip(rows, places, strict=True), 1):
        made = _candidate(row, place, classic, first_register)
        if isinstance(made, Candidate):
            candidates.append(made)
        elif made:
            warnings.append(f"row {number} ({row.get('name', '').strip() or 'no name'}) is left out: {made}")
    if not candidates:
        raise UserError(f"{name}: no row gives an address; the column is called Address, Register or Adresse")
    return Offer("ModbusTCP", name, tuple(candidates), tuple(warnings))


def _rows(text: str, name: str) -> list[Row]:
    """The rows under the header, by what their columns hold."""
    lines = text.lstrip("\ufeff").splitlines()[: LARGEST_MAP + HEADER_WITHIN]
    for at in range(min(HEADER_WITHIN, len(lines))):
        for separator in SEPARATORS:
            head = [column(cell) for cell in next(csv.reader([lines[at]], delimiter=separator))]
            if "address" in head and ("name" in head or "description" in head):
                body = csv.reader(io.StringIO("\n".join(lines[at + 1 :])), delimiter=separator)
                return [_row(head, cells) for cells in body if any(cell.strip() for cell in cells)]
    raise UserError(
        f"{name}: no header within the first {HEADER_WITHIN} lines; it needs a column for the address (Address, Register, "
        "Adresse) and one for the name (Name, Description, Bezeichnung)"
    )


def _row(head: Iterable[str | None], cells: Iterable[str]) -> Row:
    row: dict[str, str] = {}
    for what, cell in zip(head, cells, strict=False):
        if what is not None:
            row.setdefault(what, cell.strip())
    return row


def _place(text: str) -> _Place | None:
    match = PLACE.fullmatch(text.strip())
    if match is None:
        return None
    table = TABLES.get(plain(match["table"] or ""))
    return _Place(table, match["number"], int(match["bit"]) if match["bit"] else None)


def _is_classic(numbers: Iterable[str]) -> bool:
    """Whether every address is 40001-style: five or six digits, the first naming the table."""
    given = list(numbers)
    shaped = all(CLASSIC.fullmatch(n) and int(n[1:]) >= 1 for n in given)
    return bool(given) and shaped and any(n[0] in "134" for n in given)


def _candidate(row: Row, place: _Place | None, classic: bool, first_register: int) -> Candidate | str:
    """The row's candidate, or why there is none ("" for a row that only divides or heads a section)."""
    if place is None:
        return f"{row['address']!r} is no address" if row.get("address") and row.get("name") else ""
    if plain(row.get("access", "")) in WRITE_ONLY:
        return "it can only be written"
    type_text = row.get("type", "")
    kind, length = type_of(type_text)
    if type_text and kind is None:
        return f"type {type_text!r} is unknown"
    address = _address(row, place, kind, length, classic, first_register)
    if isinstance(address, str):
        return address
    name, description = row.get("name", ""), row.get("description", "")
    return Candidate(
        name=name or description,
        description=description if name else "",
        kind=KINDS[address.type],
        raw_type=address.type,
        unit=row.get("unit", "").strip("[]() "),
        scale=_scale(row, address.type),
        modbus=address,
    )


def _address(
    row: Row, place: _Place, kind: ModbusType | None, length: int | None, classic: bool, first_register: int
) -> ModbusAddress | str:
    table = LEADING[place.number[0]] if classic else place.table or TABLES.get(plain(row.get("table", "")))
    number = (
        int(place.number[1:]) - 1 if classic else int(place.number, 0 if "x" in place.number else 10) - first_register
    )
    if not 0 <= number <= 65535:
        return f"address {place.number} is not within 0 … 65535 on the wire"
    bit_text = row.get("bit", "")
    bit = int(bit_text) if bit_text.isdigit() else place.bit
    if bit is not None and not 0 <= bit <= 15:
        return f"bit {bit} is not within 0 … 15"
    table = table or ("Coil" if kind == "Bool" and bit is None else "HoldingRegister")
    if table in ("Coil", "DiscreteInput"):
        if kind not in (None, "Bool"):
            return f"a {table} holds a Bool and no {kind}"
        return ModbusAddress(table=table, address=number, type="Bool")
    if bit is not None:
        return ModbusAddress(table=table, address=number, type="Bool", bit=bit)
    if kind == "Bool":
        return "a Bool in a register needs its bit: 40060.0, or a column Bit"
    if kind == "String":
        return ModbusAddress(table=table, address=number, type=kind, length=_bytes(row, length))
    return ModbusAddress(table=table, address=number, type=kind or "UInt16")


def _bytes(row: Row, length: int | None) -> int:
    """Length of a text in bytes: the type's own, else the column's, which counts registers."""
    text = row.get("length", "")
    given = length or (2 * int(text) if text.isdigit() else 0) or DEFAULT_STRING_BYTES
    return min(max(given, 1), 246)


def _scale(row: Row, kind: ModbusType) -> str | None:
    """The factor as a decimal string, None for 1; texts and bits are not scaled."""
    if kind in ("Bool", "String"):
        return None
    factor, divisor = decimal(row.get("factor", "")), decimal(row.get("divisor", ""))
    if factor is None and divisor:
        factor = 1 / divisor
    if factor is None or factor in (0, 1):
        return None
    return format(factor.normalize(), "f")[:40]
