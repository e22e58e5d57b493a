"""The Modbus TCP server of the shop floor: several units at one port, and each number recorded before it is sent."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable

from plantwright_shopfloor.behaviour import Value
from plantwright_shopfloor.ledger import Counts, Ledger, counters_in
from plantwright_shopfloor.modbus.frame import (
    ILLEGAL_ADDRESS,
    NO_TARGET,
    GarbageError,
    Read,
    Request,
    answer,
    read_of,
    refusal,
    split,
)
from plantwright_shopfloor.modbus.image import Image, Layout

Clock = Callable[[], int]
"""Answers ns since the epoch."""


class Unit:
    """One machine behind the server. `look` answers its values now."""

    def __init__(self, layout: Layout, ledger: Ledger, look: Callable[[], dict[str, Value]], clock: Clock) -> None:
        self._image = Image(layout)
        self._ledger = ledger
        self._look = look
        self._clock = clock

    def answer(self, request: Request) -> bytes:
        """The answer to a request; one that carries the sequence takes the next number of the ledger."""
        read = read_of(request)
        if not isinstance(read, Read):
            return refusal(request, read)
        if not self._image.exists(read):
            return refusal(request, ILLEGAL_ADDRESS)
        values = self._look()
        self._record(read, counters_in(values) if self._image.covers_counters(read) else None)
        return answer(request, read.table, self._image.read(read, {**values, "sequence": self._ledger.last}))

    def _record(self, read: Read, counters: Counts | None) -> None:
        if self._image.covers_sequence(read):
            self._ledger.offer(self._clock(), counters)
        elif counters is not None:
            self._ledger.show(self._clock(), counters)


class ModbusServer:
    """A server for the units of one port. It can be stopped, started again, paused and rebooted."""

    def __init__(self, host: str, port: int, units: dict[int, Unit], max_sessions: int = 16) -> None:
        self._host = host
        self.port = port
        """The port; where any was asked for (0), the one it has got, kept over a restart."""
        self._units = units
        self._max_sessions = max_sessions
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._answering = asyncio.Event()
        self._answering.set()
        self.functions: Counter[int] = Counter()
        """Requests so far by function code; a reader's are 1 to 4."""
        self.refused_sessions = 0

    async def start(self) -> None:
        """Listen; does nothing where it does."""
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, self._host, self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Drop all connections and refuse new ones."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        if server is not None:
            await server.wait_closed()

    def pause(self) -> None:
        """Keep connections and take requests, but answer none until `resume`."""
        self._answering.clear()

    def resume(self) -> None:
        """Answer again."""
        self._answering.set()

    @property
    def sessions(self) -> int:
        """Connections that are open."""
        return len(self._writers)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._writers) >= self._max_sessions:
            self.refused_sessions += 1
            writer.transport.abort()
            return
        self._writers.add(writer)
        try:
            with contextlib.suppress(ConnectionError, GarbageError):
                await self._talk(reader, writer)
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        buffer = b""
        while chunk := await reader.read(4096):
            requests, buffer = split(buffer + chunk)
            for request in requests:
                await self._answering.wait()
                if writer.transport.is_closing():
                    return
                writer.write(self._answer(request))
            await writer.drain()

    def _answer(self, request: Request) -> bytes:
        self.functions[request.function] += 1
        unit = self._units.get(request.unit)
        return unit.answer(request) if unit else refusal(request, NO_TARGET)
