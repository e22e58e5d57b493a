"""What a Modbus TCP answer must look like, byte for byte.

The client library matches transaction and unit, yet takes transaction 0 for any, and does not compare the byte count
with what was asked. A value of the wrong request must never come through, so each answer is held to its request here.
"""

from typing import Literal, NamedTuple

from plantwright_gateway.sources.modbus.decode import BIT_TABLES
from plantwright_gateway.sources.modbus.plan import Request

FUNCTIONS = {"Coil": 1, "DiscreteInput": 2, "HoldingRegister": 3, "InputRegister": 4}
"""Table -> read function. No other function is ever sent."""
HEADER = 7
"""Bytes of the MBAP header: transaction, protocol, length, unit."""
NO_TRANSACTION = b"\0\0"
"""We never send it, and the client library takes it for any."""

Cure = Literal["Refuse", "Split", "Retry", "Pause"]


class DeviceException(NamedTuple):
    """What a Modbus exception code means for us.

    Refuse: no part of the range can be read. Split: a part may be. Retry: at the next poll. Pause: the unit is away, and
    asking costs time.
    """

    words: str
    cure: Cure


EXCEPTIONS = {
    1: DeviceException("the device knows no such function", "Refuse"),
    2: DeviceException("illegal data address", "Split"),
    3: DeviceException("illegal data value", "Split"),
    4: DeviceException("the device failed to read it", "Split"),
    5: DeviceException("the device needs more time", "Retry"),
    6: DeviceException("the device is busy", "Retry"),
    8: DeviceException("memory parity error", "Retry"),
    10: DeviceException("the Modbus gateway has no path to the unit", "Pause"),
    11: DeviceException("the unit behind the Modbus gateway does not answer", "Pause"),
}
UNKNOWN_EXCEPTION = "the device answered with an unknown exception"


class RefusedError(Exception):
    """The device answers, and does not give this range."""

    def __init__(self, words: str, cure: Cure) -> None:
        super().__init__(words)
        self.cure: Cure = cure


class MismatchError(Exception):
    """The answer does not belong to the request; whatever comes on this connection cannot be trusted."""


def first_frame(received: bytes) -> bytes:
    """The first frame of what has arrived, without anything sent after it."""
    return received[: 6 + int.from_bytes(received[4:6], "big")] if received[2:4] == b"\0\0" else received


def is_complete(received: bytes) -> bool:
    """Whether a whole frame has arrived, or what has arrived can never become one of Modbus TCP."""
    if len(received) < HEADER:
        return False
    return received[2:4] != b"\0\0" or len(received) >= 6 + int.from_bytes(received[4:6], "big")


def stale_bytes(received: bytes, transaction: bytes) -> int:
    """How many leading bytes are whole answers to other transactions: repeated or late ones, to be skipped."""
    start = 0
    while (rest := received[start:]) and is_complete(rest) and rest[2:4] == b"\0\0":
        if rest[0:2] in (transaction, NO_TRANSACTION):
            break
        start += 6 + int.from_bytes(rest[4:6], "big")
    return start


def payload(frame: bytes, request: Request) -> bytes:
    """The data bytes of an answer to the request's transaction: exactly as many as were asked for.

    Raises:
        RefusedError: a Modbus exception, or an answer of another length than asked for.
        MismatchError: the frame is not an answer to this request.
    """
    function = FUNCTIONS[request.area.table]
    if frame[2:4] != b"\0\0":
        raise MismatchError("an answer that is not Modbus TCP")
    if len(frame) < HEADER + 2 or int.from_bytes(frame[4:6], "big") != len(frame) - 6:
        raise MismatchError("an answer with a wrong length")
    if frame[0:2] == NO_TRANSACTION:
        raise MismatchError("an answer without the request's transaction number")
    if request.area.unit_id and frame[6] != request.area.unit_id:
        raise MismatchError("an answer of another unit")
    if frame[7] == function | 0x80:
        raise _refusal(frame[8])
    if frame[7] != function:
        raise MismatchError("an answer to another function")
    data = frame[HEADER + 2 :]
    if frame[8] != len(data):
        raise MismatchError("an answer with a wrong byte count")
    if len(data) != _size(request):
        raise RefusedError(f"the device sent {len(data)} bytes where {_size(request)} were asked for", "Split")
    return data


def _size(request: Request) -> int:
    return (request.length + 7) // 8 if request.area.table in BIT_TABLES else 2 * request.length


def _refusal(code: int) -> RefusedError:
    known = EXCEPTIONS.get(code, DeviceException(UNKNOWN_EXCEPTION, "Retry"))
    return RefusedError(f"{known.words} (Modbus exception {code})", known.cure)
