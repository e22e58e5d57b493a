"""What the gateway offers to a source: takes samples, returns when they are on disk, remembers what it learnt."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Literal

from plantwright_api.wire.delivery import CounterFall
from plantwright_gateway.app.clock import Clock
from plantwright_gateway.app.facts import Connection, ContractData
from plantwright_gateway.app.inference import STATE_INFERENCE, Inference
from plantwright_gateway.app.memory import Memory
from plantwright_gateway.app.pipeline import Outcome, Pipeline, settle
from plantwright_gateway.buffer import Buffer
from plantwright_gateway.check import CompiledSignal, FieldState
from plantwright_gateway.context.counters import part_signals
from plantwright_gateway.context.events import Original, Row
from plantwright_gateway.context.orders import Orders
from plantwright_gateway.ports.source import Certificate, GapNotice, Sample


class Totalled:
    """What was counted since the process started; violations by contract, version and reason."""

    def __init__(self) -> None:
        self.accepted = 0
        self.quarantined: Counter[tuple[str, str, str]] = Counter()
        self.flagged: Counter[tuple[str, str, str]] = Counter()
        self.gaps: Counter[str] = Counter()


class MachineReceiver:
    """The port `Receiver` for one machine; outlives sources and configurations."""

    def __init__(self, buffer: Buffer, pipeline: Pipeline, clock: Clock, memory: Memory) -> None:
        self.situation, self.so_far, self.violations = memory.situation, memory.so_far, memory.violations
        self._memory = memory
        self._telling = asyncio.Lock()
        self.counts = Totalled()
        self.link = Connection()
        self.alive_ns: int | None = None
        self.behind_ns: int | None = None
        """By how much the gateway's clock was ahead of the source time of the value that came last."""
        self.shown: Sequence[Certificate] = ()
        self._buffer, self._clock = buffer, clock
        self._pipeline = pipeline
        self.kpis = pipeline.kpis(memory.totals)
        self._seen: dict[str, int] = {}
        self._problems: dict[str, str] = {}
        self._unreadable: dict[str, tuple[str, str]] = {}
        self._fresh: dict[str, int] = {}
        self._listen()

    def configure(self, pipeline: Pipeline) -> None:
        """Check, name and count under another configuration from now on."""
        kpis = pipeline.kpis(self._memory.totals)
        kpis.succeed(self.kpis)
        pipeline.derivation.succeed(self._pipeline.derivation)
        if pipeline.inference is not None and pipeline is not self._pipeline:
            pipeline.inference.succeed(self._pipeline.inference)
        self._pipeline, self.kpis = pipeline, kpis
        self.violations.keep(pipeline.versions.items())
        self._listen()

    def source_stopped(self) -> None:
        """The source is about to be run anew: what it said no longer holds."""
        self.connection("Unknown", "Connecting")
        self.alive_ns, self.shown = None, ()
        for known in (self._seen, self._problems, self._unreadable, self._fresh):
            known.clear()

    # the port

    async def accept(self, samples: Sequence[Sample], gaps: Sequence[GapNotice] = ()) -> None:
        """See `ports.source.Receiver`."""
        async with self._telling:
            await self._accept(samples, gaps)

    def take_orders(self, orders: Orders) -> None:
        """What the MES wants of the machine, newer than before."""
        self.situation.orders = orders

    async def settle(self) -> None:
        """Time has gone on: tell what is otherwise by now."""
        async with self._telling:
            now = self._clock.wall()
            settle(self.kpis, self.situation, now, self.inference)
            self._note_so_far(now)
            if self.situation.pending():
                await self._append(self._pipeline.changed(self.situation, now), ())

    def _listen(self) -> None:
        self.situation.listen(self._pipeline.told_by.values(), self._clock.wall())

    def _note_so_far(self, now: int) -> None:
        job_order = self.situation.at(now, by_gateway=True).get("jobOrder", "")
        self._memory.note_so_far(self.kpis.shift_begun(now), job_order)

    @property
    def inference(self) -> Inference | None:
        """What infers the state, where it is inferred."""
        return self._pipeline.inference

    def counter_falls(self, kind: CounterFall) -> dict[str, int]:
        """How often each counter has fallen in this way since the process' start: those of parts, and those with a total."""
        signals = {*part_signals(self._pipeline.machine.parts), *self._pipeline.derivation.counters}
        found = (self.kpis.falls, self._memory.counters.falls)
        return {signal: sum(falls[signal, kind] for falls in found) for signal in sorted(signals)}

    def shown_person(self, person: str) -> str:
        """A person as it may be shown."""
        return self._pipeline.pseudonyms.person(person)

    async def _accept(self, samples: Sequence[Sample], gaps: Sequence[GapNotice]) -> None:
        now = self._clock.wall()
        if self.so_far.before is None:
            self._note_so_far(now)
        versions = self._pipeline.versions
        derivation = self._pipeline.derivation
        is_late = partial(self.situation.offset.is_late, now_ns=now)
        derived, gaps = derivation.extend(samples, self._memory.counters, gaps, is_late), derivation.gaps(gaps)
        outcome = self._pipeline.process(derived, gaps, now, self.kpis, self.situation)
        if samples:
            self._memory.last_observed_ns = now
            self.behind_ns = now - samples[-1].source_ns
        if not outcome.rows:
            return
        self._learn(outcome)
        kept_out = [(original.contract, original.field, original.reason) for original in outcome.originals]
        self.violations.note(kept_out, outcome.flagged, versions, now)
        await self._append(outcome.rows, outcome.originals)
        self._tally(outcome, gaps, versions)

    async def _append(self, rows: Sequence[Row], originals: Sequence[Original]) -> None:
        try:
            await self._buffer.append(rows, originals, self.state())
        except BaseException:
            self.situation.untold()
            raise
        self._memory.saved()

    def alive(self, now_ns: int) -> None:
        """See `ports.source.Receiver`."""
        self.alive_ns = self._clock.mono()
        self._memory.last_observed_ns = now_ns
        self.kpis.confirm(self._clock.wall())

    def connection(self, status: Literal["True", "False", "Unknown"], reason: str, message: str = "") -> None:
        """See `ports.source.Receiver`."""
        since = None
        if status == "True":
            since = self.link.since_ns or self._clock.mono()
        elif self.link.status == "True":
            self.kpis.lose(self._clock.wall())
            self._pipeline.derivation.forget()
        self.link = Connection(status, reason, message, since)

    def signal_problem(self, signal: str, reason: str, message: str) -> None:
        """See `ports.source.Receiver`."""
        if reason:
            self._unreadable[signal] = (reason, message)
        else:
            self._unreadable.pop(signal, None)

    def certificates(self, current: Sequence[Certificate]) -> None:
        """See `ports.source.Receiver`."""
        self.shown = current

    def last_observed_ns(self) -> int | None:
        """See `ports.source.Receiver`."""
        return self._memory.last_observed_ns

    # what was learnt

    def state(self) -> dict[str, bytes]:
        """What must survive a restart."""
        kept = self._memory.dump()
        now = self._clock.wall()
        if self.inference is not None and self.inference.due(now):
            kept[STATE_INFERENCE] = self.inference.dump(now)
        return kept

    def fields(self) -> tuple[FieldState, ...]:
        """Every field that a signal fills."""
        signals = self._pipeline.signals.values()
        return tuple(self._field(signal) for signal in signals)

    def contracts(self) -> tuple[ContractData, ...]:
        """Every contract that a signal fills."""
        windows: dict[str, int] = {}
        for signal in self._pipeline.signals.values():
            window = self._pipeline.windows[signal.name]
            windows[signal.contract] = min(window, windows.get(signal.contract, window))
        return tuple(ContractData(name, window, self._fresh.get(name)) for name, window in windows.items())

    def _field(self, signal: CompiledSignal) -> FieldState:
        name, pipeline, seen = signal.name, self._pipeline, self._seen.get(signal.name)
        read = pipeline.derivation.origins.get(name, (name,))
        unreadable = next((self._unreadable[each] for each in read if each in self._unreadable), None)
        problem, message = unreadable or (self._problems.get(name, ""), "")
        window, ages = pipeline.ages.get(name, pipeline.windows[name]), name in pipeline.ages
        return FieldState(signal.contract, signal.field, window, seen, problem, message, signal.required, ages)

    def _learn(self, outcome: Outcome) -> None:
        mono = self._clock.mono()
        self._problems.update(outcome.problems)
        self._seen.update(dict.fromkeys(outcome.problems, mono))
        self._fresh.update(dict.fromkeys(outcome.fresh, mono))

    def _tally(self, outcome: Outcome, gaps: Sequence[GapNotice], versions: Mapping[str, str]) -> None:
        self.counts.accepted += sum(_is_data(row) for row in outcome.rows)
        for original in outcome.originals:
            self.counts.quarantined[original.contract, versions[original.contract], original.reason] += 1
        for (contract, _, reason), number in outcome.flagged.items():
            self.counts.flagged[contract, versions[contract], reason] += number
        self.counts.gaps.update(gap.reason for gap in gaps)


def _is_data(row: Row) -> bool:
    return bool(row.contract)
