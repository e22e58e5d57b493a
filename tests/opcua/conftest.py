"""A server to read from (asyncua's own on loopback) and certificates."""

import asyncio
import contextlib
import ipaddress
import logging
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from asyncua import Server, ua
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from plantwright_api.wire.config import OpcUaAddress, OpcUaSource, Signal
from plantwright_gateway.sources.opcua import client

sys.path.insert(0, str(Path(__file__).parents[1] / "chaos" / "tools"))
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
    """A TCP proxy before a server: it notes each service that is asked for and each byte sent, cuts, delays answers, and goes silent."""

    def __init__(self, target_port: int) -> None:
        self.port = 0
        self.services: list[int] = []
        self.sent = bytearray()
        self.target_port = target_port
        self.silent = False
        self.lossy = False
        self.delay = 0.0
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
                if up:
                    self.sent += header + body
                if up and header[:3] == b"MSG" and body[16:18] == b"\x01\x00":
                    self.services.append(int.from_bytes(body[18:20], "little"))
                if not up:
                    await asyncio.sleep(self.delay)
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


class Pair:
    """A certificate and its key."""

    def __init__(self, certificate: x509.Certificate, key: rsa.RSAPrivateKey) -> None:
        self.certificate, self.key = certificate, key

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


def make(
    name: str,
    *,
    issuer: Pair | None = None,
    ca: bool = False,
    host: str = "127.0.0.1",
    days: tuple[int, int] = (-1, 30),
) -> Pair:
    key = rsa.generate_private_key(65537, 2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    address: x509.GeneralName = x509.DNSName(host)
    if host[0].isdigit():
        address = x509.IPAddress(ipaddress.ip_address(host))
    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(f"urn:test:{name}"), address])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(names, critical=False)
    )
    return Pair(builder.sign(issuer.key if issuer else key, hashes.SHA256()), key)


@pytest.fixture(scope="session")
def pairs() -> dict[str, Pair]:
    authority = make("authority", ca=True)
    return {
        "authority": authority,
        "gateway": make("gateway"),
        "server": make("server", issuer=authority),
        "self-signed": make("self-signed"),
        "expired": make("expired", issuer=authority, days=(-30, -1)),
        "other host": make("other-host", issuer=authority, host="press.acme.example"),
        "no authority": make("not-an-authority", issuer=make("authority")),
    }


@pytest.fixture(scope="session")
def make_pair() -> Callable[..., Pair]:
    """`make_pair("name", issuer=…, days=(-1, 30))`."""
    return make


@pytest.fixture
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pairs: dict[str, Pair]) -> Callable[..., None]:
    """`secrets(trusted="authority")`: mounted Secrets `cert`, `trust` and `login`."""
    monkeypatch.setenv("PLANTWRIGHT_SECRETS_DIR", str(tmp_path / "secrets"))

    def mount(trusted: str = "authority", identity: str = "gateway") -> None:
        content = {
            "cert/tls.crt": pairs[identity].pem,
            "cert/tls.key": pairs[identity].key_pem,
            "trust/machine.crt": pairs[trusted].pem,
            "login/username": b"reader",
            "login/password": b"hunter2-very-secret",
        }
        for name, data in content.items():
            path = tmp_path / "secrets" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

    return mount


@pytest.fixture
def secured(plc, tmp_path: Path, pairs: dict[str, Pair]) -> Callable[..., object]:
    """`await secured("server", policy="…")`: a server with this certificate and one secured endpoint."""

    async def start(
        pair: str = "server",
        policy: str = "Basic256Sha256",
        mode: str = "SignAndEncrypt",
        validator=None,
        users=None,
        tokens=None,
    ) -> None:
        async def prepare(server) -> None:
            (tmp_path / "server.pem").write_bytes(pairs[pair].pem)
            (tmp_path / "server-key.pem").write_bytes(pairs[pair].key_pem)
            await server.set_application_uri(f"urn:test:{pair}")
            await server.load_certificate(str(tmp_path / "server.pem"))
            await server.load_private_key(str(tmp_path / "server-key.pem"))
            server.set_security_policy([getattr(ua.SecurityPolicyType, f"{policy.replace('_', '')}_{mode}")])
            if validator:
                server.set_certificate_validator(validator)
            if users:
                server.iserver.user_manager = users
            if tokens:
                server.set_identity_tokens(tokens)

        await plc.start({"a": 1}, prepare=prepare)

    return start
