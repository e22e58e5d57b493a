"""A machine's registers: which value lies where, and what a read of them gives. Pure."""

import struct
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from plantwright_shopfloor.behaviour import Value
from plantwright_shopfloor.modbus.frame import Read, Table

Type = Literal["Bool", "Int16", "UInt16", "Int32", "UInt32", "Float32", "String"]
WordOrder = Literal["HighWordFirst", "LowWordFirst"]

COUNTERS = ("goodParts", "rejectedParts")
FORMATS: dict[str, str] = {"Int16": ">h", "UInt16": ">H", "Int32": ">i", "UInt32": ">I", "Float32": ">f"}


class Point(NamedTuple):
    """One value: raw = value / scale, whole numbers wrapping as a PLC's do. `length` is a String's, in bytes."""

    signal: str
    table: Table
    address: int
    type: Type
    scale: float = 1.0
    length: int = 0

    def size(self) -> int:
        """How many bits or registers it takes."""
        if self.type == "Bool":
            return 1
        return self.length // 2 if self.type == "String" else struct.calcsize(FORMATS[self.type]) // 2


class Layout(NamedTuple):
    """A machine's map. Addresses in `blocks` exist and read as 0 where no point lies; all others are refused."""

    points: Sequence[Point]
    word_order: WordOrder = "HighWordFirst"
    blocks: Sequence[tuple[Table, int, int]] = ()
    """(table, first address, count)."""

    def sequence(self) -> Point:
        """The point that carries the sequence number."""
        return next(point for point in self.points if point.signal == "sequence")


class Image:
    """The addresses of one layout, ready to be read."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._mapped: dict[Table, frozenset[int]] = {
            table: _mapped(layout, table) for table in ("Coil", "DiscreteInput", "InputRegister", "HoldingRegister")
        }

    def exists(self, read: Read) -> bool:
        """Whether every address of the read exists."""
        return self._mapped[read.table].issuperset(range(read.address, read.address + read.quantity))

    def covers_sequence(self, read: Read) -> bool:
        """Whether the read takes the number: it covers the first register of `sequence`."""
        point = self._layout.sequence()
        return read.table == point.table and read.address <= point.address < read.address + read.quantity

    def covers_counters(self, read: Read) -> bool:
        """Whether the read takes a part counter; a layout has them side by side, behind the number in the order of reading."""
        points = (point for point in self._layout.points if point.signal in COUNTERS and point.table == read.table)
        return any(read.address <= point.address < read.address + read.quantity for point in points)

    def read(self, read: Read, values: Mapping[str, Value]) -> list[int]:
        """The bits or registers of a read that exists."""
        cells = [0] * read.quantity
        for point in self._layout.points:
            offset = point.address - read.address
            if point.table != read.table or offset >= read.quantity or offset + point.size() <= 0:
                continue
            for index, word in enumerate(words(point, values[point.signal], self._layout.word_order)):
                if 0 <= offset + index < read.quantity:
                    cells[offset + index] = word
        return cells


def words(point: Point, value: Value, order: WordOrder) -> list[int]:
    """A value as the bits or registers that carry it."""
    if point.type == "Bool":
        return [int(bool(value))]
    if point.type == "String":
        content = str(value).encode("ascii", "replace")[: point.length].ljust(point.length, b"\0")
        return list(struct.unpack(f">{point.length // 2}H", content))
    raw = float(value) / point.scale
    packed = struct.pack(FORMATS[point.type], raw if point.type == "Float32" else _wrapped(round(raw), point.type))
    registers = list(struct.unpack(f">{len(packed) // 2}H", packed))
    return registers if order == "HighWordFirst" else registers[::-1]


def _wrapped(raw: int, type_: str) -> int:
    bits = 16 if type_.endswith("16") else 32
    raw %= 1 << bits
    return raw - (1 << bits) if type_.startswith("Int") and raw >= 1 << (bits - 1) else raw


def _mapped(layout: Layout, table: Table) -> frozenset[int]:
    addresses = {a for t, first, count in layout.blocks if t == table for a in range(first, first + count)}
    for point in layout.points:
        if point.table == table:
            addresses.update(range(point.address, point.address + point.size()))
    return frozenset(addresses)
