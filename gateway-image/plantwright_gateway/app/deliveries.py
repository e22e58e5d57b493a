"""Keeps one delivery per configured sink running."""

import asyncio
from collections.abc import Iterable
from typing import NamedTuple

from plantwright_api.wire.config import HttpSink, Location, Machine, MqttSink
from plantwright_gateway.app.adapters import Adapters
from plantwright_gateway.buffer import Buffer
from plantwright_gateway.delivery import Delivery, Target
from plantwright_gateway.delivery.loop import Log


class _Wanted(NamedTuple):
    """Everything a delivery depends on: another value means another delivery."""

    config: HttpSink | MqttSink
    commissions: bool
    machine: str
    location: Location


class _Running(NamedTuple):
    wanted: _Wanted
    delivery: Delivery
    task: "asyncio.Task[None]"


class Deliveries:
    """The deliveries of one machine."""

    def __init__(self, buffer: Buffer, adapters: Adapters, log: Log) -> None:
        self._buffer, self._adapters, self._log = buffer, adapters, log
        self._running: dict[str, _Running] = {}

    def current(self) -> list[Delivery]:
        """The deliveries in force, in the order in which they were configured."""
        return [running.delivery for running in self._running.values()]

    async def apply(self, machine: Machine) -> None:
        """Deliver to these sinks; those that stay as they are go on undisturbed. The first one commissions."""
        wanted = {
            sink.name: _Wanted(sink, index == 0, machine.name, machine.location)
            for index, sink in enumerate(machine.sinks)
        }
        old = self._running
        await self._end(running for name, running in old.items() if wanted.get(name) != running.wanted)
        await self._buffer.set_sinks(wanted)
        self._running = {
            name: old[name] if name in old and old[name].wanted == each else self._start(each)
            for name, each in wanted.items()
        }

    async def stop(self, flush_seconds: float) -> None:
        """End all, after one last attempt to deliver."""
        running = list(self._running.values())
        await _cancel(running)
        await asyncio.gather(*(each.delivery.flush(flush_seconds) for each in running))
        await asyncio.gather(*(each.delivery.close() for each in running))
        self._running = {}

    def _start(self, wanted: _Wanted) -> _Running:
        config = wanted.config
        sink = self._adapters.sink(config)
        target = Target(config.name, sink, wanted.commissions, config.max_requests_per_second)
        delivery = Delivery(self._buffer, target, wanted.machine, wanted.location, self._log)
        task = asyncio.create_task(delivery.run(), name=f"deliver-{wanted.machine}-{target.name}")
        return _Running(wanted, delivery, task)

    async def _end(self, ending: Iterable[_Running]) -> None:
        gone = list(ending)
        await _cancel(gone)
        await asyncio.gather(*(each.delivery.close() for each in gone))


async def _cancel(running: Iterable[_Running]) -> None:
    tasks = [each.task for each in running]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
