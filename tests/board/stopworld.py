"""Simulated machines that stop when told, their gateways, the board and a Prometheus, so that one stop is timed all the way.

The machines are those of the examples, over Modbus TCP and OPC UA, and so is what their gateways are told; each gateway, the board
and Prometheus are processes of their own. What a stop needs from the machine's own ledger to a viewer's eyes is nowhere mocked.
"""

import asyncio
import contextlib
import shutil
import sys
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import aiohttp
import msgspec
import yaml

from plantwright_api.wire import sse
from plantwright_api.wire.board import Frame
from plantwright_api.wire.config import Machine
from plantwright_dashboards import queries
from plantwright_shopfloor import certificates
from plantwright_shopfloor.behaviour import STATE_CODES, Value
from plantwright_shopfloor.config import FloorConfig, MachineConfig
from plantwright_shopfloor.floor import OpcUaStation, Simulation, Station
from plantwright_shopfloor.ledger import Ledger
from plantwright_shopfloor.modbus.layouts import LAYOUTS
from plantwright_shopfloor.modbus.server import ModbusServer, Unit

sys.path.insert(0, str(Path(__file__).parents[1] / "dashboards"))
sys.path.insert(0, str(Path(__file__).parents[1] / "chaos" / "tools"))

from running import Board, run_board
from shopworld import RULES, free_port, gateway, objects, process, resolved, secrets, serving, wired
from swiftmes import swift_mes

PROTOCOLS: Final = {"lathe-01": "ModbusTCP", "cell-02": "OPCUA"}
"""Machines of the examples that are stopped, and what they speak."""
STOPPED_SINCE: Final = "plantwright_machine_stopped_since_timestamp_seconds"
CONNECTED: Final = "plantwright_source_connected"
HAVE_PROMETHEUS: Final = shutil.which("prometheus") is not None
MILLION: Final = 1_000_000


class Stoppable(Simulation):
    """A machine that produces until it is stopped; all else goes on as simulated."""

    def __init__(self, config: MachineConfig, floor: FloorConfig, ledger: Ledger) -> None:
        super().__init__(config, floor)
        self._ledger, self._halted = ledger, False

    def look(self) -> dict[str, Value]:
        """The values now."""
        return {**super().look(), "state": STATE_CODES["Delay" if self._halted else "Production"]}

    def halt(self) -> int:
        """Stop; returns the time that the ledger has of it, in ms since the epoch."""
        at = time.time_ns()
        self._ledger.offer(at)
        self._halted = True
        return at // MILLION

    def go_on(self) -> None:
        """Produce again."""
        self._halted = False


class Seen(NamedTuple):
    """One stop and when it was seen, in ms since the epoch; `scraped` is Prometheus' own time of the scrape.

    `passed` counts scrapes that began once viewers had the stop, and did not have it.
    """

    protocol: str
    stopped: int
    event: int
    page: int | None
    scraped: int | None
    passed: int


class Viewer:
    """A client of the board's stream that notes when which machine was told to be in which state."""

    def __init__(self) -> None:
        self._states: dict[str, tuple[str, int]] = {}
        self._news = asyncio.Event()

    async def read(self, url: str) -> None:
        """Read the stream; does not return."""
        events, endless = sse.Events(), aiohttp.ClientTimeout()
        async with aiohttp.ClientSession(timeout=endless) as session, session.get(f"{url}/events") as response:
            async for piece in response.content.iter_any():
                now = time.time_ns() // MILLION
                for data in events.feed(piece):
                    self._note(msgspec.json.decode(data, type=Frame), now)

    async def until(self, machine: str, state: str, seconds: float = 15.0) -> int:
        """Wait for a state; returns when it was told first."""
        async with asyncio.timeout(seconds):
            while self._states.get(machine, ("", 0))[0] != state:
                self._news.clear()
                await self._news.wait()
        return self._states[machine][1]

    def _note(self, frame: Frame, now: int) -> None:
        for row in frame.machines:
            if self._states.get(row.machine, ("", 0))[0] != row.state:
                self._states[row.machine] = row.state, now
        self._news.set()


class Prometheus:
    """Asks for samples as they were scraped."""

    def __init__(self, url: str) -> None:
        self._ask = queries.at(url)

    async def scraped(self, machine: str, since: int, seconds: float) -> int:
        """Wait for the first scrape after `since` that has the stop; returns its time, in ms.

        Raises:
            TimeoutError: none had it in time.
        """
        return await self._first(STOPPED_SINCE, machine, since, seconds)

    async def known(self, machine: str) -> None:
        """Wait until a machine's gateway was scraped once: Prometheus takes some seconds to begin."""
        await self._first(CONNECTED, machine, 0, 30)

    async def firing(self, alert: str, machine: str, seconds: float) -> int:
        """Wait until the alert on this machine fires; returns when that was seen, in ms.

        Raises:
            TimeoutError: it did not in time.
        """
        async with asyncio.timeout(seconds):
            while not await self._fires(alert, machine):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        return time.time_ns() // MILLION

    async def _fires(self, alert: str, machine: str) -> bool:
        alerts = (await asyncio.to_thread(self._ask, "/api/v1/alerts"))["data"]["alerts"]
        wanted = {"alertname": alert, "machine": machine}
        return any(each["state"] == "firing" and wanted.items() <= each["labels"].items() for each in alerts)

    async def between(self, machine: str, first: int, last: int) -> int:
        """How many scrapes of a machine's gateway began between two times."""
        return len([at for at in await self._times(CONNECTED, machine) if first < at < last])

    async def _first(self, series: str, machine: str, since: int, seconds: float) -> int:
        async with asyncio.timeout(seconds):
            while not (found := [at for at in await self._times(series, machine) if at >= since]):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        return min(found)

    async def _times(self, series: str, machine: str) -> list[int]:
        asked = f"/api/v1/query?query={series}{{machine='{machine}'}}[2m]"
        result = (await asyncio.to_thread(self._ask, asked))["data"]["result"]
        return [round(at * 1000) for found in result for at, _ in found["values"]]


class World(NamedTuple):
    """All of it, running; `prometheus` is None where none is installed."""

    machines: dict[str, Stoppable]
    board: Board
    viewer: Viewer
    prometheus: Prometheus | None
    scrape_seconds: float

    async def producing(self, machine: str) -> None:
        """Wait until viewers see that a machine produces."""
        self.machines[machine].go_on()
        await self.viewer.until(machine, "Production", 60)

    async def stop(self, machine: str, page: Any = None) -> Seen:
        """Stop a machine and see it everywhere; `page` is a tab that shows the board (`browser.Browser`)."""
        shown = asyncio.create_task(_shown(page, machine)) if page else None
        await asyncio.sleep(0)
        stopped = self.machines[machine].halt()
        event = await self.viewer.until(machine, "Delay")
        scraped = passed = None
        if self.prometheus:
            scraped = await self.prometheus.scraped(machine, stopped, self.scrape_seconds * 3)
            passed = await self.prometheus.between(machine, event, scraped)
        return Seen(PROTOCOLS[machine], stopped, event, await shown if shown else None, scraped, passed or 0)


async def _shown(page: Any, machine: str) -> int:
    """When the page's text said that the machine stands, by the browser's clock."""
    card = f"document.querySelector('.card[data-machine=\"{machine}\"]')"
    return int(await page.until(f"{card}.querySelector('.state').innerText.includes('Stopped') && Date.now()"))


@contextlib.asynccontextmanager
async def _floor(folder: Path, ports: dict[str, int]) -> AsyncIterator[dict[str, Stoppable]]:
    """The machines, in this process: what stops them and what times it is one clock."""
    floor = FloorConfig(host="127.0.0.1", certificates=str(folder / "certificates"), pace=10)
    machines: dict[str, Stoppable] = {}
    async with contextlib.AsyncExitStack() as stack:
        for name, protocol in PROTOCOLS.items():
            config = MachineConfig(name=name, protocol=protocol, port=ports[name])  # type: ignore[arg-type]
            ledger = Ledger(folder / "ledger", name)
            stack.callback(ledger.close)
            machines[name] = Stoppable(config, floor, ledger)
            station = _station(config, floor, machines[name], ledger)
            await station.start()
            stack.push_async_callback(station.stop)
        yield machines


def _station(config: MachineConfig, floor: FloorConfig, machine: Stoppable, ledger: Ledger) -> Station | ModbusServer:
    if config.protocol == "OPCUA":
        return OpcUaStation(config, floor, machine, ledger)
    unit = Unit(LAYOUTS[config.layout], ledger, machine.look, time.time_ns)
    return ModbusServer(floor.host, config.port, {config.unit_id: unit})


@contextlib.contextmanager
def _prometheus(folder: Path, gateways: list[int], seconds: float) -> Iterator[str]:
    """It scrapes the gateways and has the chart's rules; gives its address."""
    targets = [{"targets": [f"127.0.0.1:{port}" for port in gateways]}]
    settings = {
        "global": {"scrape_interval": f"{round(seconds * 1000)}ms", "evaluation_interval": "2s"},
        "rule_files": [str(RULES / "*.yaml")],
        "scrape_configs": [{"job_name": "plantwright-gateway", "static_configs": targets}],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(settings))
    port = free_port()
    words = [f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'tsdb'}"]
    listening = [f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"]
    with process(folder, "prometheus", "prometheus", *words, *listening):
        yield f"http://127.0.0.1:{port}"


@contextlib.asynccontextmanager
async def _viewing(board: Board) -> AsyncIterator[Viewer]:
    viewer = Viewer()
    reading = asyncio.create_task(viewer.read(board.url))
    try:
        yield viewer
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


def _alerting(machine: Machine, seconds: int | None) -> Machine:
    if machine.state is None:
        return machine
    return msgspec.structs.replace(machine, state=msgspec.structs.replace(machine.state, stop_alert_seconds=seconds))


@contextlib.asynccontextmanager
async def world(folder: Path, scrape_seconds: float, alert_seconds: int | None = None) -> AsyncIterator[World]:
    """Everything running, each machine producing, and viewers see it. `alert_seconds`: how long a stop may last."""
    certificates.write_all(folder / "certificates", ["cell-02"], "shopfloor", "plant-stuttgart", datetime.now(UTC))
    kept, ports = secrets(folder), {name: free_port() for name in PROTOCOLS}
    told = {name: free_port() for name in PROTOCOLS}
    async with contextlib.AsyncExitStack() as stack:
        mes = await stack.enter_async_context(swift_mes())
        machines = await stack.enter_async_context(_floor(folder, ports))
        for judged in resolved(objects()):
            if (name := judged.machine.metadata.name) in PROTOCOLS:
                config = _alerting(wired(judged, ports[name], f"{mes.url}/v1/observations"), alert_seconds)
                stack.enter_context(gateway(folder / name, [config], told[name], kept))
        urls = [f"http://127.0.0.1:{port}" for port in told.values()]
        board = await stack.enter_async_context(run_board(urls, TIME_ZONE="Europe/Berlin"))
        viewer = await stack.enter_async_context(_viewing(board))
        prometheus = None
        if HAVE_PROMETHEUS:
            url = stack.enter_context(_prometheus(folder, list(told.values()), scrape_seconds))
            await serving(f"{url}/-/ready", folder / "prometheus.log")
            prometheus = Prometheus(url)
            await asyncio.gather(*(prometheus.known(name) for name in machines))
        running = World(machines, board, viewer, prometheus, scrape_seconds)
        await asyncio.gather(*(running.producing(name) for name in machines))
        yield running
