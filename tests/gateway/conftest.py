"""A gateway in the test's own process, fed by hand, and an MES on loopback that keeps to the protocol and may misbehave."""

import asyncio
import contextlib
import importlib.util
import json
import os
import signal as signal_module
import sys
import uuid
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import web

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
from plantwright_gateway.app.adapters import SOURCES, Installed
from plantwright_gateway.app.clock import Clock
from plantwright_gateway.app.gateway import Gateway
from plantwright_gateway.app.settings import Settings
from plantwright_gateway.ports.source import GapNotice, Receiver, Sample

PATIENCE_SECONDS = 10.0
Answer = Callable[["Mes", list[dict[str, Any]]], web.Response]


class Mes:
    """Stores each event once per (uid, epoch), by watermark. `answers` are used up first, one per request."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.watermarks: dict[tuple[str, str], int] = {}
        self.requests = 0
        self.answers: deque[Answer] = deque()
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        self.requests += 1
        batch = json.loads(await request.read())
        return self.answers.popleft()(self, batch) if self.answers else self.take(batch)

    def take(self, batch: list[dict[str, Any]]) -> web.Response:
        key = (batch[0]["gatewayuid"], batch[0]["epoch"])
        watermark = self.watermarks.get(key, 0)
        if int(batch[0]["previoussequence"]) > watermark:
            return self.receipt(batch, watermark, status=409)
        for event in batch:
            if int(event["sequence"]) > watermark:
                self.events.append(event)
                watermark = int(event["sequence"])
        self.watermarks[key] = watermark
        return self.receipt(batch, watermark)

    @staticmethod
    def receipt(batch: list[dict[str, Any]], watermark: int, status: int = 200) -> web.Response:
        body = {"gatewayuid": batch[0]["gatewayuid"], "epoch": batch[0]["epoch"], "watermark": watermark}
        return web.json_response(body, status=status)

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event["data"] for event in self.events if event["type"] == f"io.plantwright.{kind}.v1"]

    def values(self, field: str) -> list[Any]:
        return [data["fields"][field] for data in self.of("observation") if field in data["fields"]]

    async def until(self, condition: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> None:
        await until(condition, seconds)


async def until(condition: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until the condition holds, a bounded time."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 conditions of many kinds, none with an event
            await asyncio.sleep(0.01)


@pytest.fixture
async def mes() -> AsyncIterator[Mes]:
    found = Mes()
    app = web.Application(client_max_size=2**21)
    app.router.add_post("/v1/events", found.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1/events"
    yield found
    await runner.cleanup()


class Hand:
    """A source fed by hand: what a test gives is accepted by whichever source runs."""

    def __init__(self) -> None:
        self.receiver: Receiver | None = None
        self.starts: list[list[str]] = []
        self.stops = 0
        self.failures: deque[Exception] = deque()

    def make(self, _config: object, signals: Sequence[Signal], _machine: str) -> "HandSource":
        return HandSource(self, [signal.name for signal in signals])

    async def running(self) -> Receiver:
        await until(lambda: self.receiver)
        assert self.receiver is not None
        return self.receiver

    async def give(self, *samples: Sample, gaps: Sequence[GapNotice] = ()) -> None:
        await (await self.running()).accept(samples, gaps)


class HandSource:
    def __init__(self, hand: Hand, signals: list[str]) -> None:
        self._hand, self._signals = hand, signals

    async def run(self, receiver: Receiver) -> None:
        if self._hand.failures:
            raise self._hand.failures.popleft()
        receiver.connection("True", "SessionUp")
        self._hand.receiver = receiver
        self._hand.starts.append(self._signals)
        try:
            await asyncio.Event().wait()
        finally:
            self._hand.receiver = None
            self._hand.stops += 1


def signal(name: str, **more: Any) -> Signal:
    address = ModbusAddress(table="HoldingRegister", address=0, type="UInt16")
    given = {"contract": "machine-state", "field": name, "interval_ms": 1000, "modbus": address, **more}
    return Signal(name=name, **given)


FIELDS = [
    ContractField(name="number", type="Integer", required=True),
    ContractField(name="temperature", type="Number", minimum=-20.0, maximum=90.5),
    ContractField(name="state", type="String", enum=["run", "stop"]),
    ContractField(name="good", type="Integer"),
    ContractField(name="bad", type="Integer"),
]


def machine_config(folder: Path, url: str, **more: Any) -> Machine:
    """One machine with one HTTP sink; every part may be replaced."""
    given: dict[str, Any] = {
        "uid": "machine-uid",
        "name": "lathe-07",
        "namespace": "plant-stuttgart",
        "plant": "stuttgart",
        "profile": "cnc-lathe/1.0.0",
        "location": Location(enterprise="acme", site="stuttgart", area="machining", line="line-1"),
        "source": ModbusSource(host="127.0.0.1"),
        "contracts": [Contract(name="machine-state", version="1.0.0", fields=FIELDS)],
        "signals": [signal("number"), signal("temperature")],
        "sinks": [HttpSink(name="mes", url=url)],
        "buffer": Buffer(path=str(folder / "lathe-07.db"), max_bytes=64 * 2**20),
    }
    return Machine(**{**given, **more})


def content(*machines: Machine) -> bytes:
    return encode(GatewayConfig(machines=list(machines)))


class Bench:
    """One gateway at a time, with everything a test wants to ask it."""

    def __init__(self, folder: Path, mes: Mes) -> None:
        self.folder, self.mes, self.hand = folder, mes, Hand()
        self.gateway: Gateway | None = None
        self.clock = Clock()

    def machine(self, **more: Any) -> Machine:
        return machine_config(self.folder, self.mes.url, **more)

    async def start(self, *machines: Machine) -> Gateway:
        adapters = Installed({(SOURCES, "ModbusTCP"): self.hand.make})
        self.gateway = Gateway(adapters, Settings(), self.clock)
        await self.gateway.apply(content(*(machines or (self.machine(),))))
        return self.gateway

    async def reload(self, *machines: Machine) -> None:
        assert self.gateway is not None
        await self.gateway.apply(content(*machines))
        wanted = msgspec.json.decode(content(*machines))["hash"]
        await until(lambda: self.gateway is not None and self.gateway.config_hash == wanted)

    async def stop(self) -> None:
        if self.gateway is not None:
            await self.gateway.stop()
            self.gateway = None

    @property
    def runtime(self) -> Any:
        assert self.gateway is not None
        return next(iter(self.gateway.machines.values()))

    def condition(self, name: str) -> tuple[str, str]:
        found = next(c for c in self.runtime.status().conditions if c.type == name)
        return found.status, found.reason


@pytest.fixture
async def bench(tmp_path: Path, mes: Mes) -> AsyncIterator[Bench]:
    found = Bench(tmp_path, mes)
    yield found
    await found.stop()


@pytest.fixture(scope="session")
def scripted() -> ModuleType:
    """The module that tests run as a process; it also reads the ledger."""
    path = Path(__file__).with_name("scripted_gateway.py")
    spec = importlib.util.spec_from_file_location("scripted_gateway", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["scripted_gateway"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def build() -> Callable[..., Machine]:
    return machine_config


@pytest.fixture
def make_signal() -> Callable[..., Signal]:
    return signal


@pytest.fixture
def pack() -> Callable[..., bytes]:
    return content


@pytest.fixture
def eventually() -> Callable[..., Any]:
    return until


class GatewayProcess:
    """The gateway as a process of its own, with a numbering source; may be killed and started again."""

    def __init__(self, folder: Path, mes: Mes, script: Path) -> None:
        self.folder, self.mes, self.script = folder, mes, script
        self.ledger = folder / "ledger"
        self.farewell = folder / "farewell"
        self.port = 0
        self.process: asyncio.subprocess.Process | None = None
        self.output = ""

    def configure(self, **more: Any) -> None:
        self.write(content(machine_config(self.folder, self.mes.url, signals=[signal("number")], **more)))

    def write(self, config: bytes) -> None:
        """As the kubelet does it: a new folder, a new link to it in place of the old one."""
        mount = self.folder / "config"
        version = mount / f"..{uuid.uuid4().hex}"
        version.mkdir(parents=True)
        (version / "config.json").write_bytes(config)
        (mount / "..new").symlink_to(version.name)
        (mount / "..new").replace(mount / "..data")
        link = mount / "config.json"
        if not link.is_symlink():
            link.symlink_to("..data/config.json")

    async def start(self, **env: str) -> None:
        self.farewell.touch()
        settings = {
            "PLANTWRIGHT_CONFIG_DIR": str(self.folder / "config"),
            "PLANTWRIGHT_BUFFER_DIR": str(self.folder),
            "PLANTWRIGHT_LISTEN_PORT": "0",
            "PLANTWRIGHT_TERMINATION_LOG": str(self.farewell),
            "LEDGER": str(self.ledger),
        }
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(self.script),
            env={**os.environ, **settings, **env},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        self.port = 0
        self._reader = asyncio.create_task(self._read())
        await until(lambda: self.port)

    async def _read(self) -> None:
        assert self.process is not None
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            text = line.decode()
            self.output += text
            if '"started"' in text:
                self.port = json.loads(text)["port"]

    async def end(self, number: int) -> int:
        """Send a signal and wait for the end; returns the exit code."""
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)
        async with asyncio.timeout(PATIENCE_SECONDS + 2):
            code = await self.process.wait()
            await self._reader
        return code

    async def get(self, path: str) -> tuple[int, str]:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{self.port}/{path}") as response,
        ):
            return response.status, await response.text()

    async def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((await self.get("status"))[1])
        return found

    async def until_status(self, condition: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """Ask for /status until the condition holds, a bounded time; returns the answer."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not condition(found := await self.status()):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        return found

    def resident_mib(self) -> float:
        assert self.process is not None
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


@pytest.fixture
async def process(tmp_path: Path, mes: Mes) -> AsyncIterator[GatewayProcess]:
    found = GatewayProcess(tmp_path, mes, Path(__file__).with_name("scripted_gateway.py"))
    found.configure()
    yield found
    if found.process is not None and found.process.returncode is None:
        await found.end(signal_module.SIGKILL)
