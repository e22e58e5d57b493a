"""One machine: brings its buffer, source and sinks to what the configuration wants, and keeps them there."""

import asyncio
from collections.abc import Mapping
from typing import Final

import structlog

from plantwright_api.wire.config import HttpSchedule, Location, Machine, MqttSchedule
from plantwright_api.wire.status import Certificate as CertificateStatus
from plantwright_api.wire.status import MachineStatus, Quarantine, SinkStatus
from plantwright_gateway import __version__
from plantwright_gateway.app.adapters import Adapters
from plantwright_gateway.app.certificates import MountedCertificates, end_of
from plantwright_gateway.app.clock import Clock
from plantwright_gateway.app.coverage import STATE_COVERAGE, TICK_SECONDS, Coverages, Watched
from plantwright_gateway.app.deliveries import Deliveries
from plantwright_gateway.app.facts import Facts, ScheduleFacts, SinkFacts, conditions
from plantwright_gateway.app.inference import STATE_INFERENCE
from plantwright_gateway.app.memory import Memory
from plantwright_gateway.app.pipeline import Pipeline
from plantwright_gateway.app.receiver import MachineReceiver
from plantwright_gateway.app.replay import Replayer
from plantwright_gateway.app.settings import Settings
from plantwright_gateway.app.supervisor import SourceSupervisor
from plantwright_gateway.buffer import Buffer, BufferClosedError, Limits
from plantwright_gateway.buffer.outlook import Outlook
from plantwright_gateway.buffer.records import STATE_REPLAY
from plantwright_gateway.context.times import SECOND, rfc3339
from plantwright_gateway.ports.source import Certificate
from plantwright_gateway.schedule.feed import ScheduleFeed

SAVE_SECONDS: Final = 15.0
SETTLE_SECONDS: Final = 0.5
"""So often it is looked whether an order has begun or a state is not known any more."""
FLUSH_SECONDS: Final = 4.0
RETRY_SECONDS: Final = 5.0
ENDS_SOON_NS: Final = 14 * 86_400 * SECOND
"""As long as the alert on the same says."""


class MachineRuntime:
    """Level-triggered: `want` says what should be, a task makes it so. `in_force` is the hash that it has reached."""

    def __init__(self, pipeline: Pipeline, adapters: Adapters, settings: Settings, clock: Clock) -> None:
        self.in_force = ""
        self.wanted = pipeline
        self.current: Pipeline | None = None
        self.receiver: MachineReceiver | None = None
        self.source: SourceSupervisor | None = None
        self.replayer: Replayer | None = None
        self.coverage: Coverages | None = None
        self.schedule: ScheduleFeed | None = None
        self._followed: tuple[HttpSchedule | MqttSchedule | None, Location] | None = None
        self._asking: asyncio.Task[None] | None = None
        machine = pipeline.machine
        self._adapters, self._clock = adapters, clock
        self._log = structlog.get_logger(__name__).bind(machine=machine.name)
        path = settings.buffer_path(machine.buffer)
        self.buffer = Buffer(path, machine.uid, _limits(machine), pipeline.events.gap, clock.wall)
        self.deliveries = Deliveries(self.buffer, adapters, self._log)
        self._outlook = Outlook()
        self._mounted = MountedCertificates()
        self._changed = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin; returns at once."""
        self.buffer.start()
        self._changed.set()
        name = self.wanted.machine.name
        self._tasks = [
            asyncio.create_task(self._converge_always(), name=f"machine-{name}"),
            asyncio.create_task(self._save_regularly(), name=f"save-{name}"),
            asyncio.create_task(self._watch_coverage(), name=f"coverage-{name}"),
            asyncio.create_task(self._settle_regularly(), name=f"settle-{name}"),
        ]

    def want(self, pipeline: Pipeline) -> None:
        """Go over to this configuration."""
        self.wanted = pipeline
        self._changed.set()

    async def stop(self) -> None:
        """Close the source, commit, try to deliver the rest once, close the file."""
        tasks = [*self._tasks, *([self._asking] if self._asking else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self.source is not None:
            await self.source.stop()
        if self.replayer is not None:
            await self.replayer.stop()
        if self.receiver is not None and self.buffer.stats.writable:
            self.advance()
            await self._save(self.receiver)
        await self.deliveries.stop(FLUSH_SECONDS)
        await self.buffer.close()

    # towards what is wanted

    async def _converge_always(self) -> None:
        self.receiver = await self._open()
        self.source = SourceSupervisor(self.receiver, self.wanted.machine.name)
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                await self._converge(self.wanted, self.receiver, self.source)
            except Exception:
                self._log.exception("configuration could not be put in force; it is tried again")
                self._changed.set()
                await asyncio.sleep(RETRY_SECONDS)

    async def _open(self) -> MachineReceiver:
        """Wait for the buffer and take up what it kept."""
        kept = await self.buffer.load_state()
        memory = self._memory(kept)
        receiver = MachineReceiver(self.buffer, self.wanted, self._clock, memory)
        receiver.kpis.lose(self._clock.wall())
        if receiver.inference is not None:
            receiver.inference.recall(kept.get(STATE_INFERENCE))
        self.replayer = Replayer(self.buffer, self._clock, kept.get(STATE_REPLAY), self._log, memory.situation)
        self.coverage = Coverages(self.wanted.machine, self._clock, kept.get(STATE_COVERAGE))
        return receiver

    def _memory(self, kept: Mapping[str, bytes]) -> Memory:
        return Memory(kept, self._clock.wall(), self.wanted.machine.joined.clock_tolerance_ms * 1_000_000)

    async def _converge(self, wanted: Pipeline, receiver: MachineReceiver, source: SourceSupervisor) -> None:
        before, machine = self.current, wanted.machine
        restart = before is None or _reads_differently(before.machine, machine)
        if restart:
            await source.stop()
        await self.buffer.configure(_limits(machine), wanted.events.gap)
        row = wanted.events.configuration(self._clock.wall())
        await self.buffer.record_config(f"{wanted.config_hash}/{__version__}", row)
        receiver.configure(wanted)
        self._follow(machine, receiver)
        if self.coverage is not None:
            self.coverage.configure(machine)
        await self.deliveries.apply(machine)
        if restart:
            source.start(lambda: self._adapters.source(machine))
        if self.replayer is not None:
            await self.replayer.apply(wanted)
        self.current, self.in_force = wanted, wanted.config_hash
        self._log.info("configuration in force", hash=wanted.config_hash, source_restarted=restart)

    async def _save_regularly(self) -> None:
        """Keep counters of a machine that is idle: a restart must not lose the time since its last value."""
        while True:
            await asyncio.sleep(SAVE_SECONDS)
            if self.receiver is not None and self.buffer.stats.writable:
                self.advance()
                await self.buffer.save(self._state(self.receiver))

    async def _settle_regularly(self) -> None:
        while True:
            await asyncio.sleep(SETTLE_SECONDS)
            if self.receiver is not None and self.current is not None and self.buffer.stats.writable:
                await self.receiver.settle()

    def _follow(self, machine: Machine, receiver: MachineReceiver) -> None:
        """Ask the MES for the machine's orders, anew where another MES is named."""
        wanted = (machine.joined.schedule, machine.location)
        if wanted == self._followed:
            return
        if self._asking is not None:
            self._asking.cancel()
        self._followed, self.schedule, self._asking = wanted, None, None
        if wanted[0] is not None:
            client = self._adapters.schedule(wanted[0], machine)
            self.schedule = ScheduleFeed(client, receiver.take_orders, self.buffer.save, self._log)
            self._asking = asyncio.create_task(self.schedule.run(), name=f"orders-{machine.name}")

    async def _watch_coverage(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            self._outlook.note(self._clock.mono() / SECOND, self.buffer.stats.used_bytes)
            if self.receiver is not None and self.coverage is not None:
                receiver = self.receiver
                self.coverage.tick(Watched(receiver.fields(), receiver.link, receiver.alive_ns))

    def _state(self, receiver: MachineReceiver) -> dict[str, bytes]:
        return {**receiver.state(), **(self.coverage.state() if self.coverage else {})}

    async def _save(self, receiver: MachineReceiver) -> None:
        try:
            async with asyncio.timeout(2.0):
                await self.buffer.save(self._state(receiver))
        except (TimeoutError, BufferClosedError):
            self._log.warning("the last counters could not be kept")

    # what it tells

    def now_ns(self) -> int:
        """Wall time, ns since the epoch."""
        return self._clock.wall()

    def seconds_to_overflow(self) -> float:
        """Seconds until the buffer is full at the pace of the last minutes; infinite while it does not grow."""
        stats = self.buffer.stats
        return self._outlook.seconds_to_overflow(self._clock.mono() / SECOND, stats.used_bytes, stats.max_bytes)

    def advance(self) -> None:
        """Count time up to now, for whoever reads the counters."""
        if self.receiver is not None:
            self.receiver.kpis.advance(self._clock.wall())

    def status(self) -> MachineStatus:
        """What /status says of this machine."""
        stats, receiver = self.buffer.stats, self.receiver
        machine = (self.current or self.wanted).machine
        counts = receiver.counts if receiver else None
        return MachineStatus(
            uid=machine.uid,
            name=machine.name,
            epoch=stats.epoch,
            sequence=stats.last_seq,
            conditions=conditions(self.facts()),
            sinks=self._sinks(),
            first_stored_time=rfc3339(stats.first_stored_ns) if stats.first_stored_ns is not None else None,
            accepted=counts.accepted if counts else 0,
            quarantined=counts.quarantined.total() if counts else 0,
            quarantine=self._quarantine(),
            gaps=(counts.gaps.total() if counts else 0) + sum(number for _, number in stats.gaps),
            violations=receiver.violations.all() if receiver else [],
            certificates=[_told(each, self._clock.wall()) for each in self.certificates()],
        )

    def certificates(self) -> list[Certificate]:
        """Every certificate that a connection of this machine rests on."""
        shown = self.receiver.shown if self.receiver else ()
        return [*shown, *self._mounted.of((self.current or self.wanted).machine.sinks)]

    def _quarantine(self) -> Quarantine:
        stats = self.buffer.stats
        replay = self.replayer.status if self.replayer else None
        return Quarantine(held=stats.held, dropped=stats.held_dropped, replay=replay)

    def facts(self) -> Facts:
        """What is known now."""
        machine, mono = (self.current or self.wanted).machine, self._clock.mono()
        known = self.receiver or MachineReceiver(self.buffer, self.wanted, self._clock, self._memory({}))
        return Facts(
            now_ns=mono,
            connection=known.link,
            alive_ns=known.alive_ns,
            contracts=known.contracts(),
            fields=known.fields(),
            buffer=self.buffer.stats,
            durable=machine.buffer.durable,
            seconds_to_overflow=self.seconds_to_overflow(),
            incomplete=self.coverage.short() if self.coverage else (),
            schedule=self._schedule_facts(),
            sinks=tuple(self._sink_facts(mono)),
        )

    def _schedule_facts(self) -> ScheduleFacts | None:
        feed = self.schedule
        if feed is None:
            return None
        return ScheduleFacts(feed.known, feed.error, tuple(f"{fault.subject}: {fault.reason}" for fault in feed.faults))

    def _sink_facts(self, mono_ns: int) -> list[SinkFacts]:
        return [
            SinkFacts(
                delivery.target.name,
                delivery.health.last_error,
                mono_ns / SECOND - delivery.health.failing_since if delivery.health.failing_since is not None else 0.0,
                delivery.health.rejecting,
            )
            for delivery in self.deliveries.current()
        ]

    def _sinks(self) -> list[SinkStatus]:
        stats = self.buffer.stats
        return [
            SinkStatus(
                name=delivery.target.name,
                watermark=stats.sinks[delivery.target.name].watermark if delivery.target.name in stats.sinks else 0,
                backlog=stats.backlog(delivery.target.name),
                last_error=delivery.health.last_error,
            )
            for delivery in self.deliveries.current()
        ]


def _told(certificate: Certificate, now_ns: int) -> CertificateStatus:
    return CertificateStatus(
        use=certificate.use,
        subject=certificate.subject,
        sha256=certificate.sha256,
        sha1=certificate.sha1,
        end_time=end_of(certificate),
        secret=certificate.secret,
        ends_soon=certificate.end_ns - now_ns < ENDS_SOON_NS,
    )


def _limits(machine: Machine) -> Limits:
    return Limits(machine.buffer.max_bytes, machine.buffer.overflow)


def _reads_differently(before: Machine, after: Machine) -> bool:
    """Whether the source must be run anew: calendars, sinks and buffers are none of its business."""
    return (before.source, before.signals, before.contracts, before.name) != (
        after.source,
        after.signals,
        after.contracts,
        after.name,
    )
