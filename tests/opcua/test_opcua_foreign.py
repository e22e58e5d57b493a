"""The OPC UA source against a server that shares no code with it: node-opcua, judged by its own ledger."""

import asyncio
import math
import os
import shutil
import signal as signals
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from chaosproxy import ChaosProxy, chaos_proxy

from plantwright_gateway.sources.opcua import link, subscription
from plantwright_shopfloor import certificates
from plantwright_shopfloor.ledger import Offer, read
from plantwright_shopfloor.verdict import Gap, Judgement, Stored, judge

pytestmark = pytest.mark.slow

SERVER = Path(__file__).parents[2] / "examples" / "foreign" / "node-opcua"
MACHINE = "foreign-opcua"
TICK_MS = 300
"""node-opcua samples every 50 ms at most, and skips samples while it is busy with keys: what it never saw it cannot send."""
CUT_SECONDS = 3.0
BACK_SECONDS = 6.0
"""Until a link that works again is used again, at most."""
START_SECONDS = 60.0
SECURITY = {"security_mode": "SignAndEncrypt", "certificate_secret": "cert", "trust_secret": "trust"}
PASSWORD = "hunter2-very-secret"


class Mill:
    """The node-opcua server as a process; its port and its ledger outlive each start."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self._http = _free_ports()
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, **env: str) -> None:
        """Start it and wait until it serves."""
        settings = {
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "HTTP_PORT": str(self._http),
            "TICK_MS": str(TICK_MS),
            "LEDGER_DIR": str(self.folder),
            "CERTIFICATES": str(self.folder / "certificates"),
            "PKI_DIR": str(self.folder / "pki"),
        }
        self._process = await asyncio.create_subprocess_exec(
            "node", "server.js", env=os.environ | settings | env, cwd=SERVER, stdout=asyncio.subprocess.PIPE
        )
        assert self._process.stdout is not None
        async with asyncio.timeout(START_SECONDS):
            while f"at port {self.port}".encode() not in (line := await self._process.stdout.readline()):
                assert line, "the server ended"

    async def kill(self) -> None:
        """End it without a word."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signals.SIGKILL)
            await process.wait()

    def offers(self) -> list[Offer]:
        """What its variable Sequence has shown so far."""
        return read((self.folder / f"{MACHINE}.jsonl").read_bytes().splitlines()).get(MACHINE, [])


def _free_ports() -> tuple[int, int]:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        return one.getsockname()[1], two.getsockname()[1]


@pytest.fixture(scope="module")
def authority() -> certificates.Authority:
    if not (SERVER / "node_modules").is_dir() or shutil.which("node") is None:
        pytest.skip("npm ci in examples/foreign/node-opcua")
    return certificates.make_authority(datetime.now(UTC))


def client_certificate(authority: certificates.Authority) -> dict[str, bytes]:
    """A new one for the gateway, by the names of its Secret's keys."""
    made = certificates.issue(authority, "gateway", certificates.CLIENT_URI, [], datetime.now(UTC), server=False)
    return {"tls.crt": made.certificate, "tls.key": made.key}


@pytest.fixture
def remount(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, dict[str, bytes]], None]:
    """`remount("cert", {"tls.crt": b"…"})`: a mounted Secret appears or changes, each key at once."""
    monkeypatch.setenv("PLANTWRIGHT_SECRETS_DIR", str(tmp_path / "secrets"))

    def change(secret: str, content: dict[str, bytes]) -> None:
        folder = tmp_path / "secrets" / secret
        folder.mkdir(parents=True, exist_ok=True)
        for key, data in content.items():
            (folder / ".new").write_bytes(data)
            (folder / ".new").replace(folder / key)

    return change


@pytest.fixture
async def mill(
    authority: certificates.Authority,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    remount: Callable[[str, dict[str, bytes]], None],
) -> AsyncIterator[Mill]:
    """Not started yet; the gateway's Secrets are mounted, the Secret's changes noticed soon."""
    monkeypatch.setattr(link, "SECRETS_SECONDS", 0.1)
    now, trust = datetime.now(UTC), certificates.pem(authority.certificate)
    uri = f"urn:plantwright.example:shopfloor:{MACHINE}"
    made = certificates.issue(authority, MACHINE, uri, ["127.0.0.1"], now, server=True)
    folder = tmp_path / "certificates"
    folder.mkdir()
    files = {"tls.crt": made.certificate, "tls.key": made.key, "ca.crt": trust}
    for name, content in (files | {"ca.crl": certificates.revocations(authority, now)}).items():
        (folder / name).write_bytes(content)
    remount("cert", client_certificate(authority))
    remount("trust", {"ca.crt": trust})
    remount("login", {"username": b"reader", "password": PASSWORD.encode()})
    found = Mill(tmp_path)
    yield found
    await found.kill()


@pytest.fixture
def observe(signal: Callable[..., Any], reading: Callable[..., Awaitable[Any]], recorder: Any) -> Callable[..., Any]:
    """`await observe(port)`: the gateway's source reads the mill's numbers there; returns once some have come, or it is `refused`."""

    async def start(port: int, *, refused: bool = False, **source: Any) -> None:
        node = "nsu=http://plantwright.example/foreign;s=Mill.Sequence"
        numbers = signal("sequence", node_id=node)
        await reading(f"opc.tcp://127.0.0.1:{port}", [numbers], **SECURITY | source)
        await recorder.until(lambda: len(recorder.connections) > 1 if refused else len(recorder.samples) > 3)

    return start


def judged(mill: Mill, recorder: Any) -> Judgement:
    """What was read, held against the ledger and the gaps told."""
    stored = [Stored("source", place, number) for place, number in enumerate(recorder.values("sequence"))]
    return judge(MACHINE, mill.offers(), stored, [Gap(gap.start_ns, gap.end_ns) for gap in recorder.gaps])


async def more(recorder: Any, count: int = 8) -> None:
    """Wait for so many numbers more."""
    seen = len(recorder.samples)
    await recorder.until(lambda: len(recorder.samples) > seen + count)


async def cut(proxy: ChaosProxy, way: str) -> None:
    """For a while every connection is refused, or taken and silent."""
    if way == "refuse":
        await proxy.refuse()
    proxy.faults.hold = way == "hold"
    for _ in range(round(CUT_SECONDS / 0.5)):
        await asyncio.sleep(0.5)
    if way == "refuse":
        await proxy.listen()
    proxy.faults.hold = False


@pytest.mark.row("B11")
@pytest.mark.parametrize(("queued", "gaps"), [(200, 0), (4, 2)], ids=["kept", "overflowed"])
async def test_a_link_that_was_cut_loses_nothing_that_the_server_has_kept(
    queued: int, gaps: int, mill: Mill, observe: Any, recorder: Any, monkeypatch: Any, measured: Any
) -> None:
    monkeypatch.setattr(subscription, "QUEUED_MS", 0)
    monkeypatch.setattr(subscription, "QUEUED_INTERVALS", queued)
    await mill.start()
    async with chaos_proxy(mill.port) as proxy:
        await observe(proxy.port)
        for way in ("refuse", "hold"):
            await cut(proxy, way)
            await recorder.until(lambda: recorder.reasons[-1] == "SessionUp")
            await more(recorder)
    found, reasons = judged(mill, recorder), [gap.reason for gap in recorder.gaps]
    measured(
        f"node-opcua, link cut for {CUT_SECONDS:.0f} s and silent as long, queue of {queued}: {found.lost} of {found.offered} lost,"
        f" {found.excused} within {len(reasons)} gaps, {found.stored_twice} stored twice"
    )
    assert found.holds(), found
    assert reasons == ["QueueOverflow"] * gaps
    assert bool(found.excused) == bool(gaps)
    assert found.gap_seconds <= 2 * (CUT_SECONDS + BACK_SECONDS)


@pytest.mark.row("F13")
@pytest.mark.row("B11")
@pytest.mark.parametrize("kills", [pytest.param(3, id="quick"), pytest.param(50, id="long", marks=pytest.mark.chaos)])
async def test_a_foreign_server_killed_again_and_again(
    kills: int, mill: Mill, observe: Any, recorder: Any, measured: Any
) -> None:
    """It shows another value after each start, so that each kill is a real gap; between the kills a gap would be a false one."""
    await mill.start()
    await observe(mill.port)
    took: list[float] = []
    for number in range(1, kills + 1):
        await more(recorder, 3)
        await mill.kill()
        await recorder.until(lambda: recorder.connections[-1][0] == "False")
        await mill.start()
        began = time.monotonic()
        await more(recorder, 0)
        took.append(time.monotonic() - began)
        assert len(recorder.gaps) == number
    found, p95 = judged(mill, recorder), sorted(took)[math.ceil(0.95 * kills) - 1]
    measured(
        f"node-opcua, {kills} kills: reconnected and subscribed {kills}/{kills}, p95 {p95:.1f} s; {len(recorder.gaps)}/{kills} real gaps told,"
        f" 0 false; {found.lost} of {found.offered} lost outside of them, {found.stored_twice} stored twice"
    )
    assert found.holds(), found
    assert p95 <= 5


@pytest.mark.row("B11")
async def test_a_client_certificate_is_renewed_without_a_gap(
    authority: certificates.Authority, mill: Mill, observe: Any, recorder: Any, remount: Any, measured: Any
) -> None:
    await mill.start()
    await observe(mill.port)
    for _ in range(3):
        renewed = client_certificate(authority)
        remount("cert", renewed)
        await recorder.until(lambda pem=renewed["tls.crt"]: recorder.shown[0].pem.encode() == pem)
        await more(recorder)
    found = judged(mill, recorder)
    measured(
        f"node-opcua, client certificate renewed 3 times: {len(recorder.gaps)} gaps, {found.lost} of {found.offered} lost,"
        f" {found.stored_twice} stored twice"
    )
    assert found.holds(), found
    assert recorder.gaps == []
    assert recorder.reasons == ["Connecting", "SessionUp"]


@pytest.mark.row("B10")
async def test_a_foreign_server_refuses_a_strange_certificate(
    mill: Mill, observe: Any, recorder: Any, remount: Any, measured: Any
) -> None:
    await mill.start()
    remount("cert", client_certificate(certificates.make_authority(datetime.now(UTC))))
    await observe(mill.port, refused=True)
    _, reason, message = recorder.connections[1]
    assert reason == "CertificateRejected"
    assert "trust it at the server (thumbprint " in message
    assert recorder.samples == []
    measured(f"node-opcua refuses a strange client certificate: {reason}")


@pytest.mark.row("B10")
@pytest.mark.parametrize(("password", "reason"), [(PASSWORD, "SessionUp"), ("another", "CredentialsRejected")])
@pytest.mark.parametrize("named", [True, False], ids=["by name", "anonymous"])
async def test_a_login_at_a_foreign_server(
    named: bool, password: str, reason: str, mill: Mill, observe: Any, recorder: Any, measured: Any
) -> None:
    await mill.start(LOGIN_USER="reader", LOGIN_PASSWORD=password)
    reason = reason if named else "CredentialsRejected"
    await observe(mill.port, refused=reason != "SessionUp", credentials_secret="login" if named else None)
    assert recorder.reasons[1] == reason
    assert PASSWORD not in str(recorder.connections)
    measured(f"node-opcua, login {'by name' if named else 'anonymous'}: {reason}")
