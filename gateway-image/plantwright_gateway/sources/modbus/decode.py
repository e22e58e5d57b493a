"""From the bytes of a Modbus answer to values. Bytes are as on the wire: two per register, the high one first."""

import struct
from collections.abc import Callable

from plantwright_api.wire.config import ModbusAddress
from plantwright_api.wire.delivery import Scalar

Decode = Callable[[bytes, int], Scalar]
"""(bytes of the block, offset of the value in bytes, or in bits for coils and discrete inputs) -> value."""

BIT_TABLES = frozenset({"Coil", "DiscreteInput"})
FORMATS = {
    "Int16": "h",
    "UInt16": "H",
    "Int32": "i",
    "UInt32": "I",
    "Int64": "q",
    "UInt64": "Q",
    "Float32": "f",
    "Float64": "d",
}
"""Type -> struct format; its size is the value's."""


def width(address: ModbusAddress) -> int:
    """How many registers (or bits of a bit table) the value takes."""
    if address.type == "Bool":
        return 1
    if address.type == "String":
        return ((address.length or 1) + 1) // 2
    return struct.calcsize(FORMATS[address.type]) // 2


def decoder(address: ModbusAddress) -> Decode:
    """The function that reads this address's value; made once per configuration."""
    if address.table in BIT_TABLES:
        return _bit_of_table
    if address.type == "Bool":
        return _bit_of_register(address.bit or 0, swapped=address.byte_order == "LittleEndian")
    if address.type == "String":
        return _text(address.length or 1, swapped=address.byte_order == "LittleEndian")
    if address.bit_count:
        return _bits_of_register(address.bit or 0, address.bit_count, swapped=address.byte_order == "LittleEndian")
    return _number(address)


def _bit_of_table(block: bytes, offset: int) -> bool:
    return bool(block[offset >> 3] >> (offset & 7) & 1)


def _bit_of_register(bit: int, *, swapped: bool) -> Decode:
    place = bit >> 3 if swapped else 1 - (bit >> 3)
    mask = 1 << (bit & 7)
    return lambda block, offset: bool(block[offset + place] & mask)


def _bits_of_register(first: int, count: int, *, swapped: bool) -> Decode:
    unpack_from = struct.Struct("<H" if swapped else ">H").unpack_from
    mask = (1 << count) - 1
    return lambda block, offset: unpack_from(block, offset)[0] >> first & mask


def _text(length: int, *, swapped: bool) -> Decode:
    """Fixed-length text: it ends at the first NUL, padding blanks go; UTF-8, or else Latin-1, which reads any byte."""
    size = 2 * ((length + 1) // 2)

    def decode(block: bytes, offset: int) -> str:
        raw = block[offset : offset + size]
        if swapped:
            raw = _swap_bytes(raw)
        raw = raw[:length].partition(b"\0")[0].rstrip(b" ")
        try:
            return raw.decode()
        except UnicodeDecodeError:
            return raw.decode("latin-1")

    return decode


def _number(address: ModbusAddress) -> Decode:
    little = address.byte_order == "LittleEndian"
    low_first = address.word_order == "LowWordFirst"
    form = FORMATS[address.type]
    size = struct.calcsize(form)
    if little == low_first or size == 2:
        # Both orders agree, so the value is plainly big- or little-endian and needs no copy.
        unpack_from = struct.Struct(("<" if little else ">") + form).unpack_from
        return lambda block, offset: unpack_from(block, offset)[0]
    unpack = struct.Struct((">" if little else "<") + form).unpack
    return lambda block, offset: unpack(_swap_bytes(block[offset : offset + size]))[0]


def _swap_bytes(raw: bytes) -> bytes:
    """Exchange the two bytes of each register."""
    swapped = bytearray(raw)
    swapped[0::2], swapped[1::2] = raw[1::2], raw[0::2]
    return bytes(swapped)
