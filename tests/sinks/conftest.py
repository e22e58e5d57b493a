"""Servers on loopback, secrets in folders, and a certificate authority."""

import asyncio
import contextlib
import shutil
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

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


class Broker:
    """A mosquitto of the test's own."""

    def __init__(self, folder: Path, program: str) -> None:
        self.folder, self._program = folder, program
        self.process: asyncio.subprocess.Process | None = None
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            self.port = found.getsockname()[1]

    async def start(self, *lines: str) -> None:
        config = self.folder / "mosquitto.conf"
        config.write_text("\n".join([f"listener {self.port} 127.0.0.1", "user root", *lines]) + "\n")
        self.process = await asyncio.create_subprocess_exec(
            self._program, "-c", str(config), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        async with asyncio.timeout(10):
            while not await self._answers():  # noqa: ASYNC110 another process
                await asyncio.sleep(0.02)

    async def _answers(self) -> bool:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            writer.close()
            return True
        return False

    async def stop(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Any]:
    program = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if program is None:
        pytest.skip("mosquitto is not installed")
    found = Broker(tmp_path, program)
    yield found
    await found.stop()
