"""B6: Secrets that are missing, wrong, rotated, huge or no text, under a real gateway process, whose every word is searched.

The machine is a Modbus device on the loopback, the MES an HTTP server that keeps the heads of what it was asked.
"""

import asyncio
import os
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import pytest
from evil_http import EvilMes
from evil_modbus import EvilDevice, right_answer

from plantwright_api.wire import status as wire
from plantwright_api.wire.config import (
    Buffer,
    Contract,
    ContractField,
    GatewayConfig,
    HttpSink,
    Location,
    Machine,
    ModbusAddress,
    ModbusSource,
    Signal,
    encode,
)

pytestmark = pytest.mark.slow
TAKEN_UP_SECONDS = 30.0


class Process:
    """The gateway, its Secrets and all that it says."""

    def __init__(self, folder: Path, device: EvilDevice, mes: EvilMes) -> None:
        self.folder, self.device, self.mes = folder, device, mes
        self.said = folder / "said.txt"
        self.pages: list[str] = []
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.process: asyncio.subprocess.Process | None = None

    def secret(self, key: str, value: bytes | None) -> None:
        """Mount one key as the kubelet does, or take it away."""
        path = self.folder / "secrets" / "mes-token" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        if value is None:
            path.unlink(missing_ok=True)
            return
        new = path.with_name(".new")
        new.write_bytes(value)
        new.replace(path)

    async def start(self) -> None:
        machine = Machine(
            uid="uid",
            name="lathe-07",
            namespace="plant",
            plant="stuttgart",
            profile="lathe/1.0.0",
            location=Location(enterprise="acme", site="s", area="a", line="l"),
            source=ModbusSource(host="127.0.0.1", port=self.device.port),
            contracts=[Contract(name="c", version="1.0.0", fields=[ContractField(name="f", type="Integer")])],
            signals=[
                Signal(
                    name="f",
                    contract="c",
                    field="f",
                    interval_ms=100,
                    modbus=ModbusAddress(table="HoldingRegister", address=3, type="UInt16"),
                )
            ],
            sinks=[HttpSink(name="mes", url=f"http://127.0.0.1:{self.mes.port}/v1", token_secret="mes-token")],
            buffer=Buffer(path=str(self.folder / "m.db"), max_bytes=2**26),
        )
        config = self.folder / "config"
        config.mkdir()
        (config / "config.json").write_bytes(encode(GatewayConfig(machines=[machine])))
        settings = {
            "PLANTWRIGHT_CONFIG_DIR": str(config),
            "PLANTWRIGHT_BUFFER_DIR": str(self.folder),
            "PLANTWRIGHT_SECRETS_DIR": str(self.folder / "secrets"),
            "PLANTWRIGHT_LISTEN_PORT": str(self.port),
            "PLANTWRIGHT_TERMINATION_LOG": str(self.folder / "none"),
        }
        with self.said.open("wb") as said:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "plantwright_gateway.app",
                env={**os.environ, **settings},
                stdout=said,
                stderr=said,
            )

    async def page(self, path: str) -> str:
        try:
            timeout = aiohttp.ClientTimeout(total=2)
            url = f"http://127.0.0.1:{self.port}{path}"
            async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as response:
                self.pages.append(await response.text())
                return self.pages[-1]
        except (TimeoutError, aiohttp.ClientError):
            return ""

    async def error(self) -> str:
        """What the gateway says of its sink."""
        text = await self.page("/status")
        sinks = [sink for machine in wire.decode(text.encode()).machines for sink in machine.sinks] if text else []
        return sinks[0].last_error if sinks else "does not run yet"

    async def until_error(self, words: str) -> float:
        """Wait until the sink's error holds these words ("": until there is none); returns the seconds it took."""
        began = time.monotonic()
        async with asyncio.timeout(TAKEN_UP_SECONDS):
            while not (words in (said := await self.error()) and (words or not said)):  # noqa: ASYNC110 another process
                await asyncio.sleep(0.1)
        return time.monotonic() - began

    def everything(self) -> bytes:
        """All that left the process, but what was sent to the MES."""
        kept = [path.read_bytes() for path in (self.said, *self.folder.glob("m.db*"))]
        return b"".join([*kept, *(page.encode() for page in self.pages)])


@pytest.fixture
async def process(tmp_path: Path) -> AsyncIterator[Process]:
    device, mes = EvilDevice(lambda request: [right_answer(request)]), EvilMes()
    await device.start()
    await mes.start()
    found = Process(tmp_path, device, mes)
    yield found
    if found.process is not None:
        found.process.terminate()
        await asyncio.wait_for(found.process.wait(), 15)
    device.stop()
    await mes.stop()


SECRETS = (b"s3cret-first", b"s3cret-second", b"s3cret-line", b"s3cret-huge", b"s3cret-other")
STATES: dict[str, tuple[str, bytes | None, str]] = {
    "missing": ("token", None, "SecretNotFound: Secret mes-token, key token"),
    "a wrong key": ("password", b"s3cret-other", "SecretNotFound: Secret mes-token, key token"),
    "binary": ("token", b"\xff\xfe\x00\x81" * 8, "is no text"),
    "two lines": ("token", b"s3cret-line\r\nX-Evil: 1", "not fit for a header"),
    "1 MB": ("token", b"s3cret-huge" * 95_000, "not fit for a header"),
    "right": ("token", b"s3cret-first\n", ""),
    "rotated": ("token", b"s3cret-second", ""),
}


@pytest.mark.row("B6")
async def test_a_secret_in_every_state(process: Process, measured: Callable[[str], None]) -> None:
    await process.start()
    await process.until_error("SecretNotFound")
    slowest = 0.0
    for key, value, words in STATES.values():
        process.secret(key, value)
        slowest = max(slowest, await process.until_error(words))
    async with asyncio.timeout(TAKEN_UP_SECONDS):
        while b"s3cret-second" not in process.mes.requests[-1]:  # noqa: ASYNC110 another process
            await asyncio.sleep(0.05)
    heads = b"".join(process.mes.requests)
    assert b"authorization: bearer s3cret-first\r\n" in heads.lower()
    assert b"X-Evil" not in heads
    assert process.mes.stored
    await process.page("/metrics")
    await process.page("/quarantine")
    everything = process.everything()
    assert [secret for secret in SECRETS if secret in everything] == []
    assert b"Traceback" not in everything
    assert len(everything) > 10_000
    measured(
        f"{len(STATES)}/{len(STATES)} states named or taken up, the slowest after {slowest:.1f} s; "
        f"no value in {len(everything):,} bytes of log, pages and buffer"
    )
