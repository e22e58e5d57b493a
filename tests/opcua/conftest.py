"""A server to read from (asyncua's own on loopback) and certificates."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from asyncua import Server, ua

from plantwright_api.wire.config import OpcUaAddress, OpcUaSource, Signal
from plantwright_gateway.sources.opcua import client

PATIENCE_SECONDS = 15.0
NAMESPACE = "http://acme.example/press"
logging.getLogger("asyncua").setLevel(logging.CRITICAL)


class Plc:
    """An OPC UA server with variables in the press's namespace."""

    def __init__(self) -> None:
        self.port = 0
        self.server: Server | None = None
        self.nodes: dict[str, Any] = {}

    @property
    def url(self) -> str:
        return f"opc.tcp://127.0.0.1:{self.port}"

    async def start(
        self,
        variables: dict[str, Any],
        *,
        port: int = 0,
        prepare: Callable[[Server], Awaitable[None]] | None = None,
        before: Sequence[str] = (),
    ) -> None:
        """Serve these variables, name -> value or DataValue; namespaces of `before` come first."""
        server = Server()
        await server.init()
        server.set_endpoint(f"opc.tcp://127.0.0.1:{port}")
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        if prepare:
            await prepare(server)
        for uri in before:
            await server.register_namespace(uri)
        index = await server.register_namespace(NAMESPACE)
        self.server, self.nodes = server, {}
        for name, value in variables.items():
            await self.add(index, name, value)
        await server.start()
        self.port = server.bserver._server.sockets[0].getsockname()[1]

    async def add(self, index: int, name: str, value: Any) -> None:
        data = value if isinstance(value, ua.DataValue) else self.stamped(value)
        node = await self.server.nodes.objects.add_variable(ua.NodeId(name, index), name, data.Value)
        self.nodes[name] = node
        await self.write(name, data)

    async def write(self, name: str, value: Any) -> None:
        """Change a value, as the machine's own program does."""
        data = value if isinstance(value, ua.DataValue) else self.stamped(value)
        await self.server.write_attribute_value(self.nodes[name].nodeid, data)

    def stamped(self, value: Any) -> ua.DataValue:
        variant = value if isinstance(value, ua.Variant) else ua.Variant(value)
        now = datetime.now(UTC)
        return ua.DataValue(variant, SourceTimestamp=now, ServerTimestamp=now)

    def subscriptions(self) -> list[Any]:
        """The server's own view of its subscriptions."""
        return list(self.server.iserver.subscription_service.subscriptions.values())

    def swallow(self, subscription: Any, count: int, *, keep: bool) -> list[int]:
        """Let the next notifications vanish on their way; `keep`: the server would send them again."""
        original, numbers = subscription.publish_results, []
        pop = subscription._pop_publish_result

        async def publish_results(requestdata: Any = None) -> bool:
            waiting = bool(subscription._triggered_datachanges)
            if waiting and len(numbers) < count:
                result = pop()
                numbers.append(result.NotificationMessage.SequenceNumber)
                if not keep:
                    subscription._not_acknowledged_results.pop(numbers[-1])
                return False
            return await original(requestdata)

        subscription.publish_results = publish_results
        return numbers

    async def stop(self) -> None:
        if self.server:
            server, self.server = self.server, None
            await server.stop()


class Wire:
    """A TCP proxy before a server: it notes each service that is asked for, cuts, and goes silent."""

    def __init__(self, target_port: int) -> None:
        self.port = 0
        self.services: list[int] = []
        self.target_port = target_port
        self.silent = False
        self.lossy = False
        self.down = False
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []

    @property
    def url(self) -> str:
        return f"opc.tcp://127.0.0.1:{self.port}"

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def cut(self) -> None:
        """Break every connection without a word of OPC UA."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def stop(self) -> None:
        if self._server:
            self._server.close()
        self.cut()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.down:
            writer.transport.abort()
            return
        try:
            upstream_reader, upstream = await asyncio.open_connection("127.0.0.1", self.target_port)
        except OSError:
            writer.transport.abort()
            return
        self._writers += [writer, upstream]
        await asyncio.gather(self._pump(reader, upstream, up=True), self._pump(upstream_reader, writer, up=False))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, up: bool) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                header = await reader.readexactly(8)
                body = await reader.readexactly(int.from_bytes(header[4:8], "little") - 8)
                if up and header[:3] == b"MSG" and body[16:18] == b"\x01\x00":
                    self.services.append(int.from_bytes(body[18:20], "little"))
                if not (self.silent or (self.lossy and not up)):
                    writer.write(header + body)
        writer.close()


@pytest.fixture
async def wire(plc: Plc) -> AsyncIterator[Callable[[], Awaitable[Wire]]]:
    """`await wire()`: a proxy before the started server."""
    wires: list[Wire] = []

    async def start() -> Wire:
        wires.append(Wire(plc.port))
        await wires[-1].start()
        return wires[-1]

    yield start
    for one in wires:
        await one.stop()


@pytest.fixture
async def plc() -> AsyncIterator[Plc]:
    plc = Plc()
    yield plc
    await plc.stop()


@pytest.fixture
def signal() -> Callable[..., Signal]:
    """`signal("name")` reads the variable of the same name; `node_id=` another."""

    def build(name: str, *, node_id: str | None = None, interval_ms: int = 50) -> Signal:
        place = OpcUaAddress(node_id=node_id or f"nsu={NAMESPACE};s={name}")
        return Signal(name=name, contract="c", field=name, interval_ms=interval_ms, opcua=place)

    return build


@pytest.fixture
async def reading(recorder: Any) -> AsyncIterator[Callable[..., Awaitable[asyncio.Task[None]]]]:
    """`await reading(url, signals, **source)`: an OpcUaSource at work until the test ends, without security."""
    tasks: list[asyncio.Task[None]] = []

    async def start(url: str, signals: list[Signal], **source: Any) -> asyncio.Task[None]:
        defaults = {"timeout_ms": 1000, "publishing_interval_ms": 50, "security_mode": "None"}
        config = OpcUaSource(url=url, **(defaults | source))
        task = asyncio.create_task(client.OpcUaSource(config, signals, "press-1").run(recorder))
        tasks.append(task)
        return task

    yield start
    recorder.open.set()
    for task in tasks:
        task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.gather(*tasks)
