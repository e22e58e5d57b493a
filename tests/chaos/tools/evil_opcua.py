"""OPC UA servers that nobody should have to talk to.

`Garbler` stands before a real server and damages what it sends, frame by frame: recorded frames with random mutations.
`Impostor` is no server at all and answers the first bytes with a script of its own. `python evil_opcua.py` runs a real server
whose variables hold values made to hurt , prints its port and goes on until it is ended.
"""

import asyncio
import contextlib
import logging
import random
import sys
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

from listener import Listener

NAMESPACE = "http://acme.example/evil"
LARGEST_FRAME = 2**24


class Garbler(Listener):
    """A proxy that damages about `share` of the frames from the server; `count` says how many. It cuts nothing itself."""

    def __init__(self, target_port: int, seed: int, share: float = 0.3) -> None:
        super().__init__()
        self.target_port, self.share = target_port, share
        self.random = random.Random(seed)
        self.count = 0
        self._former: list[bytes] = []

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            up_reader, up = await asyncio.open_connection("127.0.0.1", self.target_port)
            await first_ended(self._forward(reader, up), self._damage(up_reader, writer))
            up.close()
        except OSError:
            pass
        finally:
            writer.close()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()

    async def _damage(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            header = await reader.readexactly(8)
            frame = header + await reader.readexactly(int.from_bytes(header[4:8], "little") - 8)
            self._former = [*self._former[-50:], frame]
            if self.random.random() < self.share:
                self.count += 1
                frame = self.random.choice(MUTATIONS)(self, frame)
            writer.write(frame)
            await writer.drain()

    def flip(self, frame: bytes) -> bytes:
        """Some bits are others."""
        damaged = bytearray(frame)
        for _ in range(self.random.choice([1, 1, 2, 8])):
            damaged[self.random.randrange(len(damaged))] ^= 1 << self.random.randrange(8)
        return bytes(damaged)

    def bytes_replaced(self, frame: bytes) -> bytes:
        """A stretch is random."""
        at, size = self.random.randrange(len(frame)), self.random.randrange(1, 16)
        return frame[:at] + self.random.randbytes(size) + frame[at + size :]

    def number_replaced(self, frame: bytes) -> bytes:
        """Four bytes are a number that lengths must survive."""
        at = self.random.randrange(len(frame))
        number = self.random.choice([0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFFE, LARGEST_FRAME])
        return frame[:at] + number.to_bytes(4, "little") + frame[at + 4 :]

    def cut_short(self, frame: bytes) -> bytes:
        """The end is missing, and the header says so or not."""
        shorter = frame[: self.random.randrange(8, len(frame))]
        return self.random.choice([shorter, shorter[:4] + len(shorter).to_bytes(4, "little") + shorter[8:]])

    def another(self, frame: bytes) -> bytes:
        """A frame of before, in place of this one or before it."""
        former = self.random.choice(self._former)
        return self.random.choice([former, former + frame, frame + frame])

    def unfinished(self, frame: bytes) -> bytes:
        """A chunk that says that more will come, or that all was in vain."""
        return frame[:3] + self.random.choice([b"C", b"A", b"X"]) + frame[4:]

    def other_type(self, frame: bytes) -> bytes:
        """Another type of message, or none."""
        return self.random.choice([b"ERR", b"OPN", b"CLO", b"ACK", b"HEL", b"MSG", b"XXX"]) + frame[3:]

    def vanished(self, _frame: bytes) -> bytes:
        """Nothing."""
        return b""


MUTATIONS: tuple[Callable[[Garbler, bytes], bytes], ...] = (
    Garbler.flip,
    Garbler.flip,
    Garbler.bytes_replaced,
    Garbler.number_replaced,
    Garbler.cut_short,
    Garbler.another,
    Garbler.unfinished,
    Garbler.other_type,
    Garbler.vanished,
)


async def first_ended(*work: Coroutine[Any, Any, None]) -> None:
    """Run all until one ends, however it ends."""
    tasks = [asyncio.create_task(part) for part in work]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


ACKNOWLEDGE = b"ACKF\x1c\0\0\0" + b"\0\0\0\0" + (65535).to_bytes(4, "little") * 2 + b"\0" * 8


async def huge_header(writer: asyncio.StreamWriter) -> None:
    """A chunk of 2 GB, and as much of it as is taken."""
    writer.write(ACKNOWLEDGE + b"MSGF\xff\xff\xff\x7f")
    await _flood(writer, b"x" * 65536)


async def never_final(writer: asyncio.StreamWriter) -> None:
    """Chunks that all promise another one."""
    body = b"\x01\0\0\0" + b"\x01\0\0\0" + b"\x01\0\0\0" + b"\x02\0\0\0" + b"y" * 60_000
    await _flood(writer, ACKNOWLEDGE)
    await _flood(writer, b"MSGC" + (8 + len(body)).to_bytes(4, "little") + body)


async def empty_frames(writer: asyncio.StreamWriter) -> None:
    """Frames that say they have no bytes."""
    await _flood(writer, ACKNOWLEDGE + b"MSGF\0\0\0\0" * 1000)


async def http(writer: asyncio.StreamWriter) -> None:
    """A web server."""
    writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


async def drip(writer: asyncio.StreamWriter) -> None:
    """A byte at a time, and never a whole answer."""
    while True:
        writer.write(b"A")
        await writer.drain()
        await asyncio.sleep(0.02)


async def nothing(_writer: asyncio.StreamWriter) -> None:
    """No byte, and the connection ends."""


async def _flood(writer: asyncio.StreamWriter, piece: bytes) -> None:
    if piece == ACKNOWLEDGE:
        writer.write(piece)
        return
    while True:
        writer.write(piece)
        await writer.drain()


Script = Callable[[asyncio.StreamWriter], Awaitable[None]]
SCRIPTS: dict[str, Script] = {
    "2 GB header": huge_header,
    "chunks that are never final": never_final,
    "frames of no bytes": empty_frames,
    "HTTP": http,
    "a byte at a time": drip,
    "hangs up": nothing,
}


class Impostor(Listener):
    """Waits for the first bytes, then does what its script says; `connections` counts."""

    def __init__(self, script: Script) -> None:
        super().__init__()
        self.script = script

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(OSError):
            await reader.read(8)
            await self.script(writer)
        writer.close()


def nested(depth: int) -> bytes:
    """A Variant that holds a Variant that holds …, as bytes (OPC 10000-6, 5.2.2.16: type 24)."""
    return b"\x18" * depth + b"\x06\x07\0\0\0"


async def serve() -> None:
    """A real server with variables that hurt; `good` counts up, `shifting` changes its type."""
    from asyncua import Server, ua
    from asyncua.server.address_space import AddressSpace
    from asyncua.ua import ua_binary

    AddressSpace._is_expected_variant_type = lambda *_: True  # a variable of ours may become anything
    pack = ua_binary.variant_to_binary
    raw = {id(value): data for value, data in ((DEEP, nested(1000)), (DEEPER, nested(100_000)))}
    ua_binary.variant_to_binary = lambda var: raw[id(var.Value)] if id(var.Value) in raw else pack(var)
    values = {
        "array": [7] * 1_000_000,
        "bytes": b"\xff" * 10_000_000,
        "unknown": ua.ExtensionObject(TypeId=ua.NodeId(65000, 7), Body=b"\x01\x02\x03"),
        "text": "x" * 1_000_000,
        "matrix": [[1, 2], [3, 4]],
        "nested": DEEP,
        "deeper": DEEPER,
        "shifting": 1,
        "good": 0,
    }
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)
    server = Server()
    await server.init()
    server.set_endpoint("opc.tcp://127.0.0.1:0")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    index = await server.register_namespace(NAMESPACE)
    nodes = {}
    for name, value in values.items():
        nodes[name] = await server.nodes.objects.add_variable(ua.NodeId(name, index), name, 0)
        await server.write_attribute_value(nodes[name].nodeid, ua.DataValue(variant(value)))
    await server.start()
    print(server.bserver._server.sockets[0].getsockname()[1], flush=True)
    kinds: list[Any] = [1, "two", [3, 3], 4.5, None, True, b"six", datetime.now(UTC)]
    for number in range(10**9):
        stamp = datetime.now(UTC)
        for name, value in (("good", number), ("shifting", kinds[number % len(kinds)])):
            data = ua.DataValue(variant(value), SourceTimestamp=stamp, ServerTimestamp=stamp)
            await server.write_attribute_value(nodes[name].nodeid, data)
        await asyncio.sleep(0.1)


DEEP, DEEPER = "nested 1,000 deep", "nested 100,000 deep"
"""Texts in whose place the server sends those bytes."""


def variant(value: Any) -> Any:
    """A value as OPC UA carries it."""
    from asyncua import ua

    return ua.Variant(value)


if __name__ == "__main__":
    sys.exit(asyncio.run(serve()))
