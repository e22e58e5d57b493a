"""A TCP relay that delays, drips, holds, refuses, cuts and doubles what passes through it.

    proxy = ChaosProxy(port)                  relays to 127.0.0.1:port
    await proxy.listen()                      its own port is `proxy.port`, the same after `refuse` and `listen`
    proxy.faults.delay = 0.2                  each chunk waits so many seconds, in both directions
    proxy.faults.drip = 10                    so many bytes per second pass, in both directions
    proxy.faults.hold = True                  half open: connections are taken, nothing passes, nothing is said
    proxy.faults.cut_after = 300              a connection is reset after so many bytes from the server
    proxy.faults.cut_reply = lambda: …        asked when the server begins to answer: True resets the connection instead
    proxy.faults.double = lambda: …           asked likewise: None, or after how many seconds the same request comes again,
                                              over a connection of its own, its answer thrown away
    await proxy.refuse()                      connections are reset, and new ones refused until `listen`

Whatever a client sends until the server answers is one request, as in HTTP/1.1 without pipelining and in Modbus with one request
under way. `seen` counts connections, requests, cut and doubled ones.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

CHUNK_BYTES = 65536
ANSWER_SECONDS = 10.0
TICK_SECONDS = 0.05


@dataclass
class Faults:
    """What is wrong now; may be changed at any time, open connections notice."""

    delay: float = 0.0
    drip: int = 0
    hold: bool = False
    cut_after: int | None = None
    cut_reply: Callable[[], bool] = lambda: False
    double: Callable[[], float | None] = lambda: None


class _Connection:
    """Two pumps, and the request that the server has not answered yet."""

    def __init__(self, proxy: "ChaosProxy", client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self._proxy, self._client, self._server = proxy, client, server
        self._request = bytearray()
        self._received = 0

    async def pump(self, source: asyncio.StreamReader, up: bool) -> None:
        while chunk := await source.read(CHUNK_BYTES):
            await self._proxy.hinder()
            if up:
                self._request += chunk
            elif not self._answered(chunk):
                return
            await self._proxy.forward(chunk, self._server if up else self._client)

    def _answered(self, chunk: bytes) -> bool:
        """Whether the answer goes on its way to the client."""
        proxy, request = self._proxy, bytes(self._request)
        self._request.clear()
        self._received += len(chunk)
        limit = proxy.faults.cut_after
        cut = limit is not None and self._received > limit
        if request:
            proxy.seen["requests"] += 1
            after = proxy.faults.double()
            if after is not None:
                proxy.double(request, after)
            cut = cut or proxy.faults.cut_reply()
        proxy.seen["cut"] += cut
        return not cut

    def reset(self) -> None:
        for writer in (self._client, self._server):
            writer.transport.abort()


class ChaosProxy:
    """See the module."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self.faults = Faults()
        self.seen: Counter[str] = Counter()
        self.port = 0
        self._host, self._target = host, port
        self._server: asyncio.Server | None = None
        self._open: set[_Connection] = set()
        self._doubles: set[asyncio.Task[None]] = set()

    async def listen(self) -> None:
        """Take connections (again)."""
        self._server = await asyncio.start_server(self._serve, self._host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """Take none, and reset those that there are."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in set(self._open):
            connection.reset()

    async def close(self) -> None:
        """End everything."""
        await self.refuse()
        for task in self._doubles:
            task.cancel()
        await asyncio.gather(*self._doubles, return_exceptions=True)

    async def hinder(self) -> None:
        """Wait as the faults say."""
        if self.faults.delay:
            await asyncio.sleep(self.faults.delay)
        while self.faults.hold:  # noqa: ASYNC110 a plain switch is what tests set
            await asyncio.sleep(TICK_SECONDS)

    async def forward(self, chunk: bytes, writer: asyncio.StreamWriter) -> None:
        """Pass a chunk on, drop by drop where it drips."""
        while self.faults.drip and chunk:
            size = max(1, int(self.faults.drip * TICK_SECONDS))
            writer.write(chunk[:size])
            chunk = chunk[size:]
            await asyncio.sleep(size / self.faults.drip)
        writer.write(chunk)
        await writer.drain()

    def double(self, request: bytes, after: float) -> None:
        """Send a request again later."""
        task = asyncio.create_task(self._again(request, after))
        self._doubles.add(task)
        task.add_done_callback(self._doubles.discard)

    async def _again(self, request: bytes, after: float) -> None:
        await asyncio.sleep(after)
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(ANSWER_SECONDS):
                reader, writer = await asyncio.open_connection(self._host, self._target)
                writer.write(request)
                await reader.read(CHUNK_BYTES)
                self.seen["doubled"] += 1
                writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.seen["connections"] += 1
        while self.faults.hold:  # noqa: ASYNC110 a plain switch is what tests set
            await asyncio.sleep(TICK_SECONDS)
        try:
            server_reader, server = await asyncio.open_connection(self._host, self._target)
        except OSError:
            writer.transport.abort()
            return
        connection = _Connection(self, writer, server)
        self._open.add(connection)
        pumps = {
            asyncio.create_task(connection.pump(reader, up=True)),
            asyncio.create_task(connection.pump(server_reader, up=False)),
        }
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._open.discard(connection)
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            connection.reset()


@contextlib.asynccontextmanager
async def chaos_proxy(port: int) -> AsyncIterator[ChaosProxy]:
    """A listening proxy before a port of the loopback, for as long as the context lasts."""
    proxy = ChaosProxy(port)
    await proxy.listen()
    try:
        yield proxy
    finally:
        await proxy.close()
