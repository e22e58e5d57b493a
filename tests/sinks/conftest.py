"""Servers on loopback, secrets in folders, and a certificate authority."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import trustme
from aiohttp import web

from plantwright_api.wire.config import Location
from plantwright_gateway.ports.sink import Batch

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Serve = Callable[..., Awaitable[str]]


@pytest.fixture
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str, str], None]:
    """Write a key of a secret as the kubelet mounts it."""
    folder = tmp_path / "secrets"
    monkeypatch.setenv("PLANTWRIGHT_SECRETS_DIR", str(folder))

    def write(secret: str, key: str, value: str) -> None:
        (folder / secret).mkdir(parents=True, exist_ok=True)
        new = folder / secret / ".new"
        new.write_text(value)
        new.replace(folder / secret / key)

    return write


@pytest.fixture
def batch() -> Batch:
    place = Location(enterprise="acme", site="s", area="a", line="l")
    return Batch("uid", "epoch", "lathe-07", place, "state", 4, 9, 6, b'[{"n": 1}]')


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Serve a handler at /v1/events; returns the URL."""
    runners: list[web.AppRunner] = []

    async def start(handler: Handler, tls: ssl.SSLContext | None = None) -> str:
        app = web.Application()
        app.router.add_post("/v1/events", handler)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        runners.append(runner)
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        return f"{'https' if tls else 'http'}://localhost:{runner.addresses[0][1]}/v1/events"

    yield start
    for runner in runners:
        await runner.cleanup()


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context
