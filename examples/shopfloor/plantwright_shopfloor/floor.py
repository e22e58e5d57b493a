"""The floor: machines with their ledgers and servers, and what can be done to them while they run."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, Final, Protocol

from plantwright_shopfloor.behaviour import Behaviour, Parameters, Value
from plantwright_shopfloor.config import FloorConfig, MachineConfig
from plantwright_shopfloor.ledger import Counts, Ledger, counters_in
from plantwright_shopfloor.modbus.layouts import LAYOUTS
from plantwright_shopfloor.modbus.server import ModbusServer, Unit

log = logging.getLogger(__name__)

FLUSH_SECONDS = 0.5


class Station(Protocol):
    """One machine's protocol server, whatever it speaks."""

    async def start(self) -> None:
        """Listen; does nothing where it does."""

    async def stop(self) -> None:
        """Drop connections and refuse new ones."""

    def pause(self) -> None:
        """Modbus: take requests and answer none. OPC UA: the sessions live on and no value changes."""

    def resume(self) -> None:
        """End a pause."""

    def describe(self) -> dict[str, Any]:
        """Port, sessions and counts."""


DISTURBED: Final = {"coolantPressure": 655.35, "vibration": 655.35}
"""What sensors with a torn wire read: all bits of a 16-bit register in hundredths."""


class Simulation:
    """One machine's behaviour in time."""

    def __init__(self, config: MachineConfig, floor: FloorConfig) -> None:
        parameters = Parameters(
            cycle_seconds=config.cycle_seconds,
            scrap_ratio=config.scrap_ratio,
            rework_ratio=config.rework_ratio,
            good_parts=config.good_parts,
            pace=floor.pace,
        )
        self._behaviour = Behaviour(f"{floor.seed}/{config.name}", parameters)
        self._start = time.monotonic()
        self._disturbed_until = self._start

    def look(self) -> dict[str, Value]:
        """The values now."""
        now = time.monotonic()
        self._behaviour.advance_to(now - self._start)
        return self._behaviour.values() | (DISTURBED if now < self._disturbed_until else {})

    def disturb(self, seconds: float) -> None:
        """For so long two sensors read what cannot be."""
        self._disturbed_until = time.monotonic() + seconds

    @property
    def state(self) -> str:
        """The state now."""
        self.look()
        return self._behaviour.state


class ModbusStation:
    """The Modbus server of one port; machines that share the port share its fate."""

    def __init__(self, server: ModbusServer) -> None:
        self._server = server
        self.start, self.stop = server.start, server.stop
        self.pause, self.resume = server.pause, server.resume

    def describe(self) -> dict[str, Any]:
        """Port, sessions and requests by function code."""
        functions = {str(code): count for code, count in sorted(self._server.functions.items())}
        return {
            "protocol": "ModbusTCP",
            "port": self._server.port,
            "sessions": self._server.sessions,
            "refusedSessions": self._server.refused_sessions,
            "functions": functions,
        }


class OpcUaStation:
    """The OPC UA server of one machine and the clock that ticks it; each tick takes one number of the ledger."""

    def __init__(self, config: MachineConfig, floor: FloorConfig, simulation: Simulation, ledger: Ledger) -> None:
        from plantwright_shopfloor.opcua import OpcUaServer  # a floor of Modbus machines does without asyncua

        folder = Path(floor.certificates) / config.name if floor.certificates else None
        self._server = OpcUaServer(config.name, floor.host, config.port, folder, allow_insecure=floor.allow_insecure)
        self._simulation = simulation
        self._ledger = ledger
        self._seconds = config.tick_milliseconds / 1000
        self._ticking = asyncio.Event()
        self._ticking.set()
        self._clock: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen and tick."""
        if self._clock is None:
            now = _now()
            await self._server.start(self._numbered(now), now)
            self._clock = asyncio.create_task(self._tick())

    async def stop(self) -> None:
        """Stop ticking, then listening: a number that nobody could see is not offered."""
        clock, self._clock = self._clock, None
        if clock is not None:
            clock.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await clock
        await self._server.stop()

    def pause(self) -> None:
        """Freeze the values."""
        self._ticking.clear()

    def resume(self) -> None:
        """Let them change again."""
        self._ticking.set()

    def describe(self) -> dict[str, Any]:
        """Port and sessions."""
        return {"protocol": "OPCUA", "port": self._server.port, "sessions": self._server.sessions}

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due = max(due + self._seconds, loop.time())
            await asyncio.sleep(due - loop.time())
            await self._ticking.wait()
            now = _now()
            await self._server.show(self._numbered(now), now)

    def _numbered(self, now: int) -> dict[str, Value]:
        values = self._simulation.look()
        return {**values, "sequence": self._ledger.offer(now, counters_in(values))}


class Machine:
    """One machine of the floor."""

    def __init__(self, name: str, simulation: Simulation, ledger: Ledger, station: Station) -> None:
        self.name = name
        self.simulation = simulation
        self.ledger = ledger
        self.station = station
        self._reboot: asyncio.Task[None] | None = None

    def describe(self) -> dict[str, Any]:
        """What the floor shows of it."""
        head = {"name": self.name, "state": self.simulation.state, "lastNumber": self.ledger.last}
        return head | self.station.describe()

    async def start(self) -> None:
        """Start its server."""
        self._forget_reboot()
        await self.station.start()

    async def stop(self) -> None:
        """Stop its server."""
        self._forget_reboot()
        await self.station.stop()

    async def reboot(self, seconds: float) -> None:
        """As a switch that reboots: drop all connections, refuse new ones for `seconds`, then come back."""
        await self.stop()
        self._reboot = asyncio.create_task(self._come_back(seconds))

    async def _come_back(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self.station.start()

    def _forget_reboot(self) -> None:
        if self._reboot is not None:
            self._reboot.cancel()
            self._reboot = None


class Floor:
    """All machines, by name."""

    def __init__(self, config: FloorConfig) -> None:
        self.machines: dict[str, Machine] = {}
        servers: dict[int, tuple[ModbusServer, dict[int, Unit]]] = {}
        for entry in config.all_machines():
            simulation = Simulation(entry, config)
            ledger = Ledger(Path(config.ledger_dir), entry.name, Counts(entry.good_parts))
            station = _modbus(entry, config, simulation, ledger, servers) if entry.protocol == "ModbusTCP" else None
            self.machines[entry.name] = Machine(
                entry.name, simulation, ledger, station or OpcUaStation(entry, config, simulation, ledger)
            )

    async def start(self) -> None:
        """Start every machine."""
        for machine in self.machines.values():
            await machine.start()

    async def stop(self) -> None:
        """Stop every machine and close the ledgers."""
        for machine in self.machines.values():
            await machine.stop()
            machine.ledger.close()

    async def keep(self) -> None:
        """Flush the ledgers and let the machines run on, twice a second, until cancelled."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            for machine in self.machines.values():
                machine.simulation.look()
                machine.ledger.flush()

    def actions(self, name: str, seconds: float) -> dict[str, Callable[[], Awaitable[None]]]:
        """What can be done to a machine.

        Raises:
            KeyError: when there is no such machine.
        """
        machine = self.machines[name]

        async def pause() -> None:
            machine.station.pause()

        async def resume() -> None:
            machine.station.resume()

        async def disturb() -> None:
            machine.simulation.disturb(seconds)

        return {
            "pause": pause,
            "resume": resume,
            "stop": machine.stop,
            "start": machine.start,
            "reboot": lambda: machine.reboot(seconds),
            "disturb": disturb,
        }


@contextlib.asynccontextmanager
async def running(config: FloorConfig) -> AsyncIterator[Floor]:
    """A floor whose machines run for as long as the context lasts."""
    floor = Floor(config)
    keeper = asyncio.create_task(floor.keep())
    try:
        await floor.start()
        yield floor
    finally:
        keeper.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await keeper
        await floor.stop()


def _modbus(
    entry: MachineConfig,
    config: FloorConfig,
    simulation: Simulation,
    ledger: Ledger,
    servers: dict[int, tuple[ModbusServer, dict[int, Unit]]],
) -> ModbusStation:
    """The station of a Modbus machine; the first at a port makes the server, the others join it."""
    unit = Unit(LAYOUTS[entry.layout], ledger, simulation.look, _now)
    if entry.port and entry.port in servers:
        server, units = servers[entry.port]
        units[entry.unit_id] = unit
        return ModbusStation(server)
    units = {entry.unit_id: unit}
    server = ModbusServer(config.host, entry.port, units, config.max_sessions)
    if entry.port:
        servers[entry.port] = (server, units)
    return ModbusStation(server)


def _now() -> int:
    """Now in ns since the epoch, whole microseconds: OPC UA clients and databases keep no more."""
    return time.time_ns() // 1000 * 1000
