"""Gateways that are killed, disks that lie, networks that cut: what the fault rows of the gateway stand on."""

import asyncio
import contextlib
import itertools
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import aiohttp
import asyncpg
import pytest
from chaosproxy import ChaosProxy, chaos_proxy
from ledger import kept
from swiftmes import SwiftMes, swift_mes

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
    Overflow,
    Signal,
    encode,
)
from plantwright_mes.app import running
from plantwright_mes.settings import Settings
from plantwright_mes.testing import PostgresMissingError, PrivatePostgres, private_postgres

TOOLS = Path(__file__).parents[1] / "tools"
MACHINE = "lathe-07"
PATIENCE_SECONDS = 30.0
EXIT_SECONDS = 20.0
INGEST = "/v1/observations"
_NUMBERS = itertools.count(1)


async def until(holds: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until something holds, a bounded time."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 conditions of many kinds, none with an event
            await asyncio.sleep(0.02)


class GatewayProcess:
    """The gateway as a process of its own with a numbering source (`numbering.py`); may be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.ledger, self.lag = folder, folder / "ledger", folder / "lag.json"
        self.buffer_dir = folder
        self.command: tuple[str, ...] = (sys.executable,)
        self.port = 0
        self.served = 0.0
        """When it last began to serve, by its own word, in seconds since the epoch."""
        self.output = ""
        self.process: asyncio.subprocess.Process | None = None

    def configure(self, url: str, fields: int = 10, max_bytes: int = 2**30, overflow: Overflow = "Block") -> None:
        """Deliver to an MES; `fields` numbers make an observation."""
        names = [f"s{number}" for number in range(fields)]
        kinds = [ContractField(name=name, type="Integer") for name in names] + [
            ContractField(name="pad", type="String")
        ]
        machine = Machine(
            uid="machine-uid",
            name=MACHINE,
            namespace="plant-stuttgart",
            plant="stuttgart",
            location=Location(enterprise="acme", site="stuttgart", area="machining", line="line-1"),
            source=ModbusSource(host="127.0.0.1"),
            contracts=[Contract(name="numbers", version="1.0.0", fields=kinds)],
            signals=[_signal(name) for name in [*names, "pad"]],
            sinks=[HttpSink(name="mes", url=url + INGEST)],
            buffer=Buffer(path=f"{MACHINE}.db", max_bytes=max_bytes, overflow=overflow),
        )
        new = self.folder / "new.json"
        new.write_bytes(encode(GatewayConfig(machines=[machine])))
        new.replace(self.folder / "config.json")

    async def start(self, **env: object) -> float:
        """Start it, and wait until it serves; when it was started, in seconds since the epoch."""
        settings = {
            "PLANTWRIGHT_CONFIG_DIR": str(self.folder),
            "PLANTWRIGHT_BUFFER_DIR": str(self.buffer_dir),
            "PLANTWRIGHT_LISTEN_PORT": "0",
            "PLANTWRIGHT_TERMINATION_LOG": str(self.folder / "farewell"),
            "LEDGER": str(self.ledger),
            **{name: str(value) for name, value in env.items()},
        }
        self.port, began = 0, time.time()
        self.process = await asyncio.create_subprocess_exec(
            *self.command,
            str(TOOLS / "numbering.py"),
            env={**os.environ, **settings},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        self._reader = asyncio.create_task(self._read(self.process))
        await until(lambda: self.port or self.ended, EXIT_SECONDS)
        return began

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            text = line.decode()
            self.output += text
            if '"started"' in text:
                told = json.loads(text)
                self.served = datetime.fromisoformat(told["time"]).timestamp()
                self.port = told["port"]

    @property
    def ended(self) -> bool:
        return self.process is None or self.process.returncode is not None

    async def end(self, number: int) -> int:
        """Send a signal and wait for the end; returns the exit code."""
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)
        return await self.wait()

    async def wait(self) -> int:
        """Wait for the end; returns the exit code."""
        assert self.process is not None
        async with asyncio.timeout(EXIT_SECONDS):
            code = await self.process.wait()
            await self._reader
        return code

    async def status(self) -> dict[str, Any]:
        """What it says of its machine."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{self.port}/status") as answer,
        ):
            assert answer.status == 200, self.output[-4000:]
            found: dict[str, Any] = next(iter((await answer.json())["machines"]), {})
            return found

    async def page(self, name: str) -> str:
        """One of its pages."""
        async with (
            aiohttp.ClientSession(raise_for_status=True) as session,
            session.get(f"http://127.0.0.1:{self.port}/{name}") as answer,
        ):
            return await answer.text()

    async def until_status(self, holds: Callable[[dict[str, Any]], object], seconds: float = PATIENCE_SECONDS) -> Any:
        """Its status, once something holds of it."""
        async with asyncio.timeout(seconds):
            while not ((found := await self.status()) and holds(found)):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        return found

    async def until_drained(self, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until every sink has everything."""
        await self.until_status(lambda found: found["sinks"] and not any(s["backlog"] for s in found["sinks"]), seconds)

    def kept(self) -> int:
        """How many numbers were accepted so far."""
        return len(kept(self.ledger))

    def resident_mib(self) -> float:
        assert self.process is not None
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def _signal(name: str) -> Signal:
    address = ModbusAddress(table="HoldingRegister", address=0, type="UInt16")
    return Signal(name=name, contract="numbers", field=name, interval_ms=1000, modbus=address)


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[GatewayProcess]:
    found = GatewayProcess(tmp_path)
    yield found
    if not found.ended:
        await found.end(signal.SIGKILL)


@pytest.fixture
async def mes() -> AsyncIterator[SwiftMes]:
    async with swift_mes() as found:
        yield found


@pytest.fixture
async def proxy(mes: SwiftMes) -> AsyncIterator[ChaosProxy]:
    """Before the swift MES."""
    async with chaos_proxy(urlsplit(mes.url).port or 0) as found:
        yield found


# -- the reference MES -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def postgres() -> Iterator[PrivatePostgres]:
    """The server may run as another user, who must pass through: pytest's own temporary folders let nobody in."""
    with tempfile.TemporaryDirectory(prefix="plantwright-postgres-") as folder:
        Path(folder).chmod(0o755)
        try:
            with private_postgres(Path(folder) / "cluster") as server:
                yield server
        except PostgresMissingError as error:
            pytest.skip(str(error))


class Central(NamedTuple):
    """The reference MES on PostgreSQL: where it listens, and its tables."""

    port: int
    pool: Any

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def stored(self) -> list[tuple[float, list[int]]]:
        """Observations in the order of their stream: when they were stored, and their numbers."""
        sql = (
            "SELECT extract(epoch FROM stored_time)::float8 AS at, fields FROM observations"
            " WHERE machine = $1 ORDER BY seq, stored_time"
        )
        rows = await self.pool.fetch(sql, MACHINE)
        return [(row["at"], list(json.loads(row["fields"]).values())) for row in rows]

    async def numbers(self) -> list[int]:
        """All numbers, in the order of their stream."""
        return [number for _, numbers in await self.stored() for number in sorted(numbers)]

    async def watermark(self) -> int:
        found: int | None = await self.pool.fetchval("SELECT max(watermark) FROM streams")
        return found or 0


@pytest.fixture
async def central(postgres: PrivatePostgres) -> AsyncIterator[Central]:
    dsn = postgres.database(f"chaos{next(_NUMBERS)}")
    async with running(Settings(dsn=dsn, host="127.0.0.1", port=0)) as service:
        await until(lambda: service.service.pool is not None)
        async with asyncpg.create_pool(dsn, min_size=1, max_size=2) as pool:
            yield Central(service.port, pool)


@pytest.fixture
async def cutting(central: Central) -> AsyncIterator[ChaosProxy]:
    """A chaos proxy before the reference MES."""
    async with chaos_proxy(central.port) as found:
        yield found
