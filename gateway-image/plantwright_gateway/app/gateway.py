"""All machines of one process, and the configuration that they follow."""

import asyncio
from typing import Final

import msgspec
import structlog

from plantwright_api.wire.config import GatewayConfig, decode
from plantwright_api.wire.status import GatewayStatus
from plantwright_gateway import __version__
from plantwright_gateway.app.adapters import Adapters
from plantwright_gateway.app.clock import Clock
from plantwright_gateway.app.machine import MachineRuntime
from plantwright_gateway.app.pipeline import Pipeline
from plantwright_gateway.app.pseudonyms import key_source
from plantwright_gateway.app.settings import Settings
from plantwright_gateway.context.pseudonym import Pseudonyms
from plantwright_gateway.context.times import rfc3339

WRONG: Final = (ValueError, LookupError, TypeError, ImportError, OSError, msgspec.MsgspecError)
"""What a configuration can be to blame for."""
LONGEST_ERROR: Final = 500


class Gateway:
    """Holds the machines. A configuration that cannot be put in force leaves the one before untouched."""

    def __init__(self, adapters: Adapters, settings: Settings, clock: Clock | None = None) -> None:
        self.machines: dict[str, MachineRuntime] = {}
        self.config_error = "no configuration has been read yet"
        self._adapters, self._settings = adapters, settings
        self._clock = clock or Clock()
        self._log = structlog.get_logger(__name__)
        self._started = self._clock.wall()
        self._wanted_hash: str | None = None
        self._reached_hash = ""

    async def apply(self, content: bytes) -> None:
        """Go over to a configuration; what is wrong with it is told in `config_error`."""
        try:
            config = decode(content)
            pipelines = self._prepare(config)
        except WRONG as error:
            self.refuse(f"{type(error).__name__}: {error}")
            return
        except Exception as error:  # a fault of ours must not take the machines down that run
            self._log.exception("configuration could not be read")
            self.refuse(f"{type(error).__name__}: {error}")
            return
        await self._retire(pipelines)
        for uid, pipeline in pipelines.items():
            self._want(uid, pipeline)
        self.config_error, self._wanted_hash = "", config.hash

    def refuse(self, error: str) -> None:
        """Say why a configuration is not followed."""
        text = error[:LONGEST_ERROR]
        if text != self.config_error:
            self._log.warning("configuration refused", error=text)
        self.config_error = text

    async def stop(self) -> None:
        """Stop all machines."""
        await asyncio.gather(*(machine.stop() for machine in self.machines.values()))

    @property
    def config_hash(self) -> str:
        """Hash of the configuration in force: of a new one only when every machine has gone over to it."""
        wanted = self._wanted_hash
        if wanted is not None and all(machine.in_force == wanted for machine in self.machines.values()):
            self._reached_hash = wanted
        return self._reached_hash

    @property
    def alive(self) -> bool:
        """Whether every thread runs; that this is asked at all shows that the event loop does."""
        return all(machine.buffer.alive for machine in self.machines.values())

    def not_ready(self) -> str:
        """Why the gateway is not ready; "" when it is. Machines and MES have no say in it."""
        if self._wanted_hash is None:
            return self.config_error
        closed = [machine.buffer for machine in self.machines.values() if not machine.buffer.stats.writable]
        return "; ".join(f"buffer {buffer.path.name}: {buffer.stats.error or 'opening'}" for buffer in closed)

    def backlog(self) -> int | None:
        """Events that not every sink has taken, over all machines; None where a buffer cannot tell."""
        known = [machine.buffer.stats for machine in self.machines.values()]
        if self._wanted_hash is None or not all(stats.writable for stats in known):
            return None
        return sum(stats.rows for stats in known)

    def status(self) -> GatewayStatus:
        """What /status answers."""
        return GatewayStatus(
            version=__version__,
            config_hash=self.config_hash,
            started_time=rfc3339(self._started),
            machines=[machine.status() for machine in self.machines.values()],
            config_error=self.config_error,
        )

    def _prepare(self, config: GatewayConfig) -> dict[str, Pipeline]:
        """Compile everything and make every adapter once, so that what is wrong shows before anything is touched."""
        pipelines: dict[str, Pipeline] = {}
        for machine in config.machines:
            pseudonyms = Pseudonyms(machine, key_source(machine.pseudonym_secret, self._clock))
            pipelines[machine.uid] = Pipeline(machine, config.hash, __version__, pseudonyms)
            self._adapters.source(machine)
            for sink in machine.sinks:
                self._adapters.sink(sink)
        paths = {self._settings.buffer_path(machine.buffer) for machine in config.machines}
        if not len(pipelines) == len(paths) == len(config.machines):
            raise ValueError("two machines share a uid or a buffer")
        return pipelines

    async def _retire(self, pipelines: dict[str, Pipeline]) -> None:
        """Stop machines that are gone or whose buffer lies elsewhere."""
        gone = [uid for uid, machine in self.machines.items() if not self._stays(machine, pipelines.get(uid))]
        await asyncio.gather(*(self.machines.pop(uid).stop() for uid in gone))

    def _stays(self, machine: MachineRuntime, wanted: Pipeline | None) -> bool:
        return wanted is not None and self._settings.buffer_path(wanted.machine.buffer) == machine.buffer.path

    def _want(self, uid: str, pipeline: Pipeline) -> None:
        if uid in self.machines:
            self.machines[uid].want(pipeline)
            return
        machine = MachineRuntime(pipeline, self._adapters, self._settings, self._clock)
        self.machines[uid] = machine
        machine.start()
