"""Modbus TCP on the wire: bytes in, requests out; answers in, bytes out. No I/O.

A frame is the MBAP header (transaction, protocol 0, length, unit) and a PDU (function, data), as the Modbus application
protocol 1.1b3 has it.
"""

import struct
from collections.abc import Sequence
from typing import Literal, NamedTuple

Table = Literal["Coil", "DiscreteInput", "InputRegister", "HoldingRegister"]

HEADER = struct.Struct(">HHHB")
MAX_FRAME = 260
READS: dict[int, Table] = {1: "Coil", 2: "DiscreteInput", 3: "HoldingRegister", 4: "InputRegister"}
BIT_TABLES: frozenset[Table] = frozenset({"Coil", "DiscreteInput"})
MAX_BITS, MAX_REGISTERS = 2000, 125

ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE, DEVICE_BUSY, NO_TARGET = 1, 2, 3, 6, 11


class GarbageError(Exception):
    """What came is no Modbus TCP; the connection is of no more use."""


class Request(NamedTuple):
    """One request as it came."""

    transaction: int
    unit: int
    function: int
    data: bytes


class Read(NamedTuple):
    """A well-formed read."""

    table: Table
    address: int
    quantity: int


def split(buffer: bytes) -> tuple[list[Request], bytes]:
    """The complete requests in a buffer, and the rest.

    Raises:
        GarbageError: when the header is not one of Modbus TCP.
    """
    requests = []
    while len(buffer) >= HEADER.size:
        transaction, protocol, length, unit = HEADER.unpack_from(buffer)
        if protocol != 0 or not 2 <= length <= MAX_FRAME - 6:
            raise GarbageError(f"protocol {protocol}, length {length}")
        if len(buffer) < 6 + length:
            break
        requests.append(Request(transaction, unit, buffer[7], buffer[8 : 6 + length]))
        buffer = buffer[6 + length :]
    return requests, buffer


def read_of(request: Request) -> Read | int:
    """The read that a request asks for, or the exception code it earns."""
    table = READS.get(request.function)
    if table is None:
        return ILLEGAL_FUNCTION
    if len(request.data) != 4:
        return ILLEGAL_VALUE
    address, quantity = struct.unpack(">HH", request.data)
    if not 1 <= quantity <= (MAX_BITS if table in BIT_TABLES else MAX_REGISTERS):
        return ILLEGAL_VALUE
    return Read(table, address, quantity) if address + quantity <= 65536 else ILLEGAL_ADDRESS


def answer(request: Request, table: Table, values: Sequence[int]) -> bytes:
    """The frame that answers a read with these bits or registers."""
    data = pack_bits(values) if table in BIT_TABLES else struct.pack(f">{len(values)}H", *values)
    return _frame(request, bytes([request.function, len(data)]) + data)


def refusal(request: Request, code: int) -> bytes:
    """The frame that answers with an exception."""
    return _frame(request, bytes([request.function | 0x80, code]))


def pack_bits(values: Sequence[int]) -> bytes:
    """Bits as bytes, the first in the lowest bit."""
    packed = bytearray((len(values) + 7) // 8)
    for index, value in enumerate(values):
        packed[index // 8] |= bool(value) << index % 8
    return bytes(packed)


def _frame(request: Request, pdu: bytes) -> bytes:
    return HEADER.pack(request.transaction, 0, len(pdu) + 1, request.unit) + pdu
