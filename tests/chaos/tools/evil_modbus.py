"""A Modbus TCP device that answers wrongly, told apart by what it does to the right answer.

Every register holds its own address, so that a value of another request shows by its number. `EvilDevice` answers each request
with `answer(request)`: pieces that are sent one after the other, with the pauses between them. `mutated` makes such an answer out of
the right one with a random fault in everything but the data bytes, which Modbus TCP protects by nothing.
"""

import asyncio
import contextlib
import random
from collections.abc import Callable, Sequence

from listener import Listener

PAUSE_SECONDS = 0.002
"""Between two pieces of an answer: each travels by itself."""
HEADER = 9
"""Bytes before the data: MBAP header, function, byte count."""
Answer = Callable[[bytes], Sequence[bytes]]


def right_answer(request: bytes) -> bytes:
    """What a good device sends."""
    start, count = int.from_bytes(request[8:10], "big"), int.from_bytes(request[10:12], "big")
    data = b"".join((address % 65536).to_bytes(2, "big") for address in range(start, start + count))
    body = request[6:8] + bytes([len(data) % 256]) + data
    return request[:4] + len(body).to_bytes(2, "big") + body


def refusal(request: bytes, code: int) -> bytes:
    """A Modbus exception."""
    return request[:4] + b"\x00\x03" + request[6:7] + bytes([request[7] | 0x80, code])


class Mutator:
    """Random wrong answers, the same for the same seed. It remembers former requests to answer them late."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.count = 0
        self._former: list[bytes] = []

    def __call__(self, request: bytes) -> Sequence[bytes]:
        """An answer with one fault; every fourth is right, so that the source always has something to go on with."""
        self._former = [*self._former[-20:], request]
        if self.random.random() < 0.25:
            return [right_answer(request)]
        self.count += 1
        return self.random.choice(FAULTS)(self, request)

    def header_byte(self, request: bytes) -> Sequence[bytes]:
        """One byte before the data is another."""
        frame = bytearray(right_answer(request))
        at = self.random.randrange(HEADER)
        frame[at] ^= self.random.randrange(1, 256)
        return [bytes(frame)]

    def header_bytes(self, request: bytes) -> Sequence[bytes]:
        """All bytes before the data are random."""
        return [self.random.randbytes(HEADER) + right_answer(request)[HEADER:]]

    def shorter(self, request: bytes) -> Sequence[bytes]:
        """Less data than asked for, and a header that says so, or not; an odd number of bytes too."""
        frame = right_answer(request)
        data = frame[HEADER : HEADER + self.random.randrange(len(frame) - HEADER)]
        body = frame[6:8] + bytes([self.random.choice([len(data), frame[8]])]) + data
        return [frame[:4] + self.random.choice([len(body).to_bytes(2, "big"), frame[4:6]]) + body]

    def longer(self, request: bytes) -> Sequence[bytes]:
        """More data than asked for, up to beyond what an ADU may have."""
        frame = right_answer(request)
        data = frame[HEADER:] + self.random.randbytes(self.random.randrange(1, 300))
        body = frame[6:8] + bytes([len(data) % 256]) + data
        return [frame[:4] + len(body).to_bytes(2, "big") + body]

    def twice(self, request: bytes) -> Sequence[bytes]:
        """The same again, in one piece or two."""
        frame = right_answer(request)
        return self.random.choice([[frame + frame], [frame, frame]])

    def late(self, request: bytes) -> Sequence[bytes]:
        """The answer to a former request, alone or before the right one; with its own transaction number or this one's."""
        former = self.another(request[:2]) + right_answer(self.random.choice(self._former))[2:]
        if len(former) != len(right_answer(request)):  # else nothing but the number could tell the two apart
            former = self.random.choice([former, request[:2] + former[2:]])
        return self.random.choice([[former], [former + right_answer(request)], [former, right_answer(request)]])

    def another(self, transaction: bytes) -> bytes:
        """Another transaction number."""
        return ((int.from_bytes(transaction, "big") + self.random.randrange(1, 65536)) % 65536).to_bytes(2, "big")

    def in_pieces(self, request: bytes) -> Sequence[bytes]:
        """The right answer, split anywhere or byte by byte, in part or whole."""
        frame = right_answer(request)
        if self.random.random() < 0.3:
            return [frame[at : at + 1] for at in range(len(frame))]
        at = self.random.randrange(1, len(frame))
        return self.random.choice([[frame[:at], frame[at:]], [frame[:at]]])

    def exception(self, request: bytes) -> Sequence[bytes]:
        """A Modbus exception, known or not."""
        return [refusal(request, self.random.choice([*range(12), 255]))]

    def garbage(self, request: bytes) -> Sequence[bytes]:
        """No Modbus at all; nothing; more than anybody asked for."""
        size = self.random.choice([0, 1, 7, 8, 300, 5000])
        return [self.random.choice([self.random.randbytes(size), b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0" * size])]


FAULTS: tuple[Callable[[Mutator, bytes], Sequence[bytes]], ...] = (
    Mutator.header_byte,
    Mutator.header_bytes,
    Mutator.shorter,
    Mutator.longer,
    Mutator.twice,
    Mutator.late,
    Mutator.in_pieces,
    Mutator.exception,
    Mutator.garbage,
)


class EvilDevice(Listener):
    """Listens on the loopback and answers whole requests of 12 bytes; see the module."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                pieces = self.answer(await reader.readexactly(12))
                for number, piece in enumerate(pieces):
                    await asyncio.sleep(PAUSE_SECONDS if number else 0)
                    writer.write(piece)
                    await writer.drain()
        writer.close()
