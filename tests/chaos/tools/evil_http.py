"""An MES that answers wrongly, byte by byte as it likes.

`EvilMes` stores by watermark as the protocol says. While `wrong` holds answers, each request is met by the next one instead:
raw bytes, or a coroutine that has the connection to itself. What it was asked is kept: `requests` (heads), `stored` (events).
"""

import asyncio
import contextlib
import gzip
import json
import ssl
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

Event = dict[str, Any]
Answer = Callable[["EvilMes", list[Event], asyncio.StreamWriter], Awaitable[None]]


def plain(status: str, body: bytes = b"", *headers: str) -> bytes:
    """A whole HTTP answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def saying(status: str, body: bytes = b"", *headers: str) -> Answer:
    """Always the same, whatever was sent."""

    async def answer(_mes: "EvilMes", _batch: list[Event], writer: asyncio.StreamWriter) -> None:
        writer.write(plain(status, body, *headers))

    return answer


def receipt(watermark: Callable[["EvilMes", list[Event]], int], **other: str) -> Answer:
    """A receipt that says what is not so; nothing is stored."""

    async def answer(mes: "EvilMes", batch: list[Event], writer: asyncio.StreamWriter) -> None:
        said = {"gatewayuid": batch[0]["gatewayuid"], "epoch": batch[0]["epoch"], "watermark": watermark(mes, batch)}
        writer.write(plain("200 OK", json.dumps({**said, **other}).encode()))

    return answer


async def drip(_mes: "EvilMes", _batch: list[Event], writer: asyncio.StreamWriter) -> None:
    """A body that never comes to its end, a byte at a time."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    with contextlib.suppress(OSError):
        while not writer.is_closing():
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.02)


async def chunks_for_ever(_mes: "EvilMes", _batch: list[Event], writer: asyncio.StreamWriter) -> None:
    """Chunks without a last one, as fast as they are taken."""
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    with contextlib.suppress(OSError):
        while not writer.is_closing():
            writer.write(b"1000\r\n" + b" " * 4096 + b"\r\n")
            await writer.drain()


async def stored_and_cut(mes: "EvilMes", batch: list[Event], writer: asyncio.StreamWriter) -> None:
    """The batch is stored and the receipt never sent."""
    mes.store(batch)
    writer.transport.abort()


async def silence(_mes: "EvilMes", _batch: list[Event], writer: asyncio.StreamWriter) -> None:
    """Nothing at all, on a connection that stays open."""
    while not writer.is_closing():  # noqa: ASYNC110 a closed peer has no event
        await asyncio.sleep(0.05)


def bomb(megabytes: int) -> bytes:
    """So many MB of a receipt's white space in a few kB of gzip."""
    return gzip.compress(b" " * megabytes * 1_000_000)


class EvilMes:
    """See the module. `poison` are the numbers (`n` of the data) that it refuses with 400, `most_bytes` what it takes at once."""

    def __init__(self) -> None:
        self.wrong: deque[Answer] = deque()
        self.stored: list[Event] = []
        self.watermark = 0
        self.requests: list[bytes] = []
        self.poison: set[int] = set()
        self.most_bytes = 2**30
        self.server: asyncio.Server | None = None
        self.port = 0
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self, tls: ssl.SSLContext | None = None, port: int = 0) -> None:
        """Listen on the loopback."""
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", port, ssl=tls)
        self.port = self.server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Listen no more, and end what is open."""
        if self.server is not None:
            self.server.close()
            for writer in self._writers:
                writer.transport.abort()
            self.server = None

    def store(self, batch: list[Event]) -> None:
        """Each event above the watermark, once."""
        self.stored += [event for event in batch if int(event["sequence"]) > self.watermark]
        self.watermark = max(self.watermark, int(batch[-1]["sequence"]))

    def numbers(self) -> list[int]:
        """What was stored, in its order."""
        return [event["n"] for event in self.stored if "n" in event]

    def gaps(self) -> list[Event]:
        """The gap records that were stored."""
        return [event for event in self.stored if "gap" in event]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.requests.append(head)
                body = await reader.readexactly(_length(head))
                await self._answer(json.loads(body), len(body), writer)
                await writer.drain()
        writer.close()
        self._writers.discard(writer)

    async def _answer(self, batch: list[Event], size: int, writer: asyncio.StreamWriter) -> None:
        if self.wrong:
            await self.wrong.popleft()(self, batch, writer)
        elif size > self.most_bytes:
            writer.write(plain("413 Content Too Large"))
        elif any(event.get("n") in self.poison for event in batch):
            writer.write(plain("400 Bad Request", b"a field is wrong"))
        else:
            hole = int(batch[0]["previoussequence"]) > self.watermark
            if not hole:
                self.store(batch)
            said = {"gatewayuid": batch[0]["gatewayuid"], "epoch": batch[0]["epoch"], "watermark": self.watermark}
            writer.write(plain("409 Conflict" if hole else "200 OK", json.dumps(said).encode()))


def _length(head: bytes) -> int:
    [value] = [line[15:] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return int(value)
