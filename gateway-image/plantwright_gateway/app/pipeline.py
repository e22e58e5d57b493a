"""Samples in, rows out: check, context and counting put together for one machine and configuration. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from plantwright_api.wire.config import Machine, Signal
from plantwright_api.wire.delivery import Quality, Scalar
from plantwright_gateway.app.inference import Inference
from plantwright_gateway.app.pseudonyms import withheld
from plantwright_gateway.app.violations import Kind
from plantwright_gateway.check import UNTIMED, CompiledSignal, ContractRules, Fine, Records, Verdict, compile_contracts
from plantwright_gateway.check.reasons import NOT_A_NUMBER, SIGNAL_UNREADABLE, TOO_LONG, WRONG_TYPE
from plantwright_gateway.check.values import LONGEST_TEXT, code_of
from plantwright_gateway.context.calendar import WorkCalendar
from plantwright_gateway.context.events import EventWriter, Made, Original, Row, original_text, packed
from plantwright_gateway.context.kpi import NONE_MADE, UNKNOWN, Kpis, Parts, Totals
from plantwright_gateway.context.pseudonym import Pseudonyms
from plantwright_gateway.context.situation import Change, CycleEnded, Situation
from plantwright_gateway.context.times import SECOND
from plantwright_gateway.derive import Derivation
from plantwright_gateway.ports.source import GapNotice, Sample

UNINTERPRETABLE: Final = frozenset({WRONG_TYPE, NOT_A_NUMBER, TOO_LONG})
"""A source that gives one of these as its reason could not make a value of what it read."""
LARGEST_EVENT: Final = 128 * 1024
"""Bytes; fields that are larger together go out one by one."""


class Outcome(NamedTuple):
    """What became of a set of samples. `problems` holds per signal "" or why it does not meet its contract.

    `flagged` counts by contract, field and reason.
    """

    rows: list[Row]
    originals: list[Original]
    problems: dict[str, str]
    flagged: Counter[Kind]
    fresh: set[str]
    """Contracts for which readable data arrived."""


class _Group:
    """Fields of one contract that share one source time."""

    __slots__ = ("contract", "fields", "flags", "quality", "time_ns")

    def __init__(self, contract: str, time_ns: int) -> None:
        self.contract, self.time_ns = contract, time_ns
        self.fields: dict[str, Scalar] = {}
        self.quality: dict[str, Quality] = {}
        self.flags: dict[str, str] = {}


_Groups = dict[tuple[str, int], list[_Group]]
"""By contract and source time; several where a field came twice."""


class Pipeline:
    """One machine under one configuration.

    Raises:
        ValueError, LookupError: the configuration contradicts itself; the message says where.
    """

    def __init__(
        self, machine: Machine, config_hash: str, gateway_version: str, pseudonyms: Pseudonyms | None = None
    ) -> None:
        self.machine = machine
        self.pseudonyms = pseudonyms or Pseudonyms(machine)
        self.config_hash = config_hash
        self.events = EventWriter(machine, config_hash, gateway_version)
        self.signals = compile_contracts(machine.contracts, machine.signals)
        self.rules = ContractRules(machine.contracts, machine.signals)
        self.records = Records(self.signals, self.rules)
        self.derivation = Derivation(machine.signals, machine.parts)
        self.inference = Inference.of(machine)
        self.versions = {contract.name: contract.version for contract in machine.contracts}
        self.windows = _windows(machine)
        self.ages = _ages(machine, self.signals)
        self._calendar = WorkCalendar(machine.calendar)
        told = machine.joined.signals
        told_by = (("Person", told.person), ("Reason", told.reason), ("JobOrder", told.job_order))
        self.told_by = {signal: of for of, signal in (*told_by, ("SerialNumber", told.serial_number)) if signal}
        self._asset = {"assetId": machine.asset.asset_id} if machine.asset.asset_id else {}

    def kpis(self, totals: Totals) -> Kpis:
        """The counters, going on from totals."""
        machine = self.machine
        signal = machine.state.signal if machine.state else ""
        fresh = self.windows.get(signal, max(self.windows.values(), default=0))
        return Kpis(totals, self._calendar, machine.state, machine.parts, fresh)

    def process(
        self, samples: Sequence[Sample], gaps: Sequence[GapNotice], now_ns: int, kpis: Kpis, situation: Situation
    ) -> Outcome:
        """Make rows: gaps first, then what could not be interpreted, what has changed, parts made, and observations in order of
        arrival."""
        outcome = Outcome([self._gap(gap, now_ns) for gap in gaps], [], {}, Counter(), set())
        situation.note([sample.source_ns for sample in samples], now_ns)
        settle(kpis, situation, now_ns, self.inference)
        for gap in gaps:
            kpis.lose_sight(gap.signals)
        if any(sample.quality != "Bad" for sample in samples):
            kpis.confirm(now_ns)
        around = _Around(kpis, situation, self.told_by, {}, self.inference)
        judged = self._judged(samples)
        if isinstance(judged, Fine) and self.pseudonyms.ready():
            groups = self._whole(samples, judged, now_ns, around, outcome)
        else:
            verdicts = judged.verdicts() if isinstance(judged, Fine) else judged
            groups = self._one_by_one(samples, verdicts, now_ns, around, outcome)
        outcome.rows.extend(self.changed(situation, now_ns))
        outcome.rows.extend(self._production(Made(*made), situation, now_ns) for made in around.made.items())
        contexts: dict[int, dict[str, str]] = {}
        for group in (group for same_time in groups.values() for group in same_time):
            context = contexts.get(group.time_ns)
            if context is None:
                context = contexts[group.time_ns] = self._context(group.time_ns, situation)
            outcome.rows.extend(self._observations(group, now_ns, context))
        return outcome

    def changed(self, situation: Situation, now_ns: int) -> list[Row]:
        """The events of what has changed since this was asked last."""
        return [
            self._production(Made(each.time_ns, cycles=1), situation, now_ns)
            if isinstance(each, CycleEnded)
            else self._change(each, situation, now_ns)
            for each in situation.changes()
        ]

    def _production(self, made: Made, situation: Situation, now_ns: int) -> Row:
        return self.events.production(made, now_ns, self._context(made.time_ns, situation, by_gateway=True))

    def _change(self, change: Change, situation: Situation, now_ns: int) -> Row:
        if change.of == "Person":
            hide = self.pseudonyms.person
            change = change._replace(value=hide(change.value), previous=hide(change.previous))
        return self.events.change(change, now_ns, self._context(change.time_ns, situation, by_gateway=True))

    def _judged(self, samples: Sequence[Sample]) -> Fine | list[Verdict]:
        """As a record where all is of good quality and comes together again and again, else each for itself."""
        if samples:
            names, values, times, qualities, _ = zip(*samples, strict=True)
            if qualities.count("Good") == len(qualities):
                judged = self.records.judge(samples, names, values, times)
                if judged is not None:
                    return judged
        return self.rules.settle(samples, [judge(sample, self.signals[sample.signal]) for sample in samples])

    def _one_by_one(
        self, samples: Sequence[Sample], verdicts: list[Verdict], now_ns: int, around: "_Around", outcome: Outcome
    ) -> _Groups:
        """Samples of which some may be refused, flagged or unreadable."""
        groups: _Groups = {}
        for sample, verdict in zip(samples, withheld(self.pseudonyms, samples, verdicts), strict=True):
            signal = self.signals[sample.signal]
            outcome.problems[sample.signal] = verdict.refused or verdict.flag
            if sample.signal in around.signals:
                around.hear(sample, verdict, now_ns)
            if verdict.refused:
                self._refuse(sample, signal, verdict, now_ns, outcome)
                continue
            _place(groups, sample, signal, verdict)
            if verdict.flag:
                outcome.flagged[signal.contract, signal.field, verdict.flag] += 1
            if sample.quality != "Bad":
                outcome.fresh.add(signal.contract)
        return groups

    def _whole(
        self, samples: Sequence[Sample], fine: Fine, now_ns: int, around: "_Around", outcome: Outcome
    ) -> _Groups:
        """A record without a fault: nothing is asked of each value, and those of one time are placed together."""
        kind = fine.kind
        outcome.problems.update(dict.fromkeys(kind.names, ""))
        outcome.fresh.update(kind.contracts)
        for place in sorted(kind.places[name] for name in around.signals & kind.places.keys()):
            around.hear(samples[place], Verdict(fine.values[place]), now_ns)
        groups: _Groups = {}
        time_ns = fine.times[0]
        if not kind.distinct or fine.times.count(time_ns) < len(fine.times):
            for sample, signal, value in zip(samples, kind.signals, fine.values, strict=True):
                _place(groups, sample, signal, Verdict(value))
            return groups
        for contract, fields in kind.contracts.items():
            group = _Group(contract, time_ns)
            group.fields = {field: fine.values[place] for field, place in fields}
            groups[contract, time_ns] = [group]
        return groups

    def replayed(
        self, samples: Sequence[Sample], verdicts: Sequence[Verdict], now_ns: int, situation: Situation
    ) -> Iterable[Row]:
        """Observations of values that come late, out of the quarantine: in the context of their own time as far as it is known."""
        groups: dict[tuple[str, int], list[_Group]] = {}
        for sample, verdict in zip(samples, verdicts, strict=True):
            _place(groups, sample, self.signals[sample.signal], verdict)
        for group in (group for same_time in groups.values() for group in same_time):
            yield from self._observations(group, now_ns, self._context(group.time_ns, situation), replayed=True)

    def _gap(self, gap: GapNotice, now_ns: int) -> Row:
        return self.events.gap(gap.reason, gap.start_ns, gap.end_ns, now_ns, gap.count, gap.signals, gap.message)

    def _refuse(self, sample: Sample, signal: CompiledSignal, verdict: Verdict, now_ns: int, outcome: Outcome) -> None:
        text = original_text(sample.value)
        original = Original(
            signal.contract,
            signal.field,
            signal.name,
            text,
            verdict.refused,
            sample.source_ns,
            signal.contract_version,
            _kept(sample),
        )
        outcome.originals.append(original)
        outcome.rows.append(self.events.quarantined(self.pseudonyms.hidden(original), now_ns))

    def _context(self, time_ns: int, situation: Situation, by_gateway: bool = False) -> dict[str, str]:
        """What was so at a source time; `by_gateway` where the time is the gateway's own already."""
        context = {**self._asset, **situation.at(time_ns, by_gateway)}
        if self.inference is not None and "state" in context:
            context["stateInferred"] = "true"
        if "person" in context:
            context["person"] = self.pseudonyms.person(context["person"])
        shift = self._calendar.segment_at(time_ns if by_gateway else situation.offset.corrected(time_ns)).shift
        if shift:
            context["shift"] = shift
        return context

    def _observations(
        self, group: _Group, now_ns: int, context: dict[str, str], replayed: bool = False
    ) -> Iterable[Row]:
        row = self._observation(group, group.fields, now_ns, context, replayed)
        if len(row.body) <= LARGEST_EVENT or len(group.fields) == 1:
            return [row]
        alone = [{name: value} for name, value in group.fields.items()]
        return [self._observation(group, fields, now_ns, context, replayed) for fields in alone]

    def _observation(
        self, group: _Group, fields: dict[str, Scalar], now_ns: int, context: dict[str, str], replayed: bool
    ) -> Row:
        quality = {name: word for name, word in group.quality.items() if name in fields}
        flags = {name: word for name, word in group.flags.items() if name in fields}
        fields = self.pseudonyms.applied(group.contract, fields)
        return self.events.observation(group.contract, fields, group.time_ns, now_ns, quality, flags, context, replayed)


def _kept(sample: Sample) -> bytes | None:
    """What a replay starts from; nothing where the source itself could not make a value of what it read."""
    if sample.quality == "Bad" and sample.reason in UNINTERPRETABLE:
        return None
    return packed(sample.value, sample.quality)


class _Around:
    """What samples tell of the machine itself while they are processed; `made` are parts by source time."""

    def __init__(
        self,
        kpis: Kpis,
        situation: Situation,
        told_by: Mapping[str, str],
        made: dict[int, Parts],
        inference: Inference | None,
    ) -> None:
        self.kpis, self.situation, self.made = kpis, situation, made
        self._inference = inference
        self._told_by = told_by
        self.signals = kpis.signals | told_by.keys()

    def hear(self, sample: Sample, verdict: Verdict, now_ns: int) -> None:
        """A signal of state, parts or context was read."""
        readable = sample.quality != "Bad" and not verdict.refused
        if sample.signal == self.kpis.state_signal:
            if self._inference is not None:
                self._infer(self._inference, sample, verdict.value if readable else None, now_ns)
            else:
                self._state(sample, code_of(verdict.value) if readable else "", readable, now_ns)
        if not readable:
            return
        if of := self._told_by.get(sample.signal):
            self.situation.by_machine(of, code_of(verdict.value), sample.source_ns)
            self.kpis.explain(self.situation.told("Reason"), now_ns)
        if sample.signal == self.kpis.state_signal or sample.signal not in self.kpis.signals:
            return
        if not self.situation.is_newest(sample.signal, sample.source_ns, now_ns):
            return  # an older count would look like a fall
        counted = self.kpis.count(sample.signal, verdict.value, sample.source_ns)
        if any(counted):
            time_ns = self.situation.offset.corrected(sample.source_ns)
            self.made[time_ns] = self.made.get(time_ns, NONE_MADE).plus(counted)

    def _infer(self, inference: Inference, sample: Sample, value: Scalar, now_ns: int) -> None:
        if self.situation.is_newest(sample.signal, sample.source_ns, now_ns):
            time_ns = self.situation.offset.corrected(sample.source_ns)
            inference.observe(time_ns, value, now_ns, self.kpis, self.situation)

    def _state(self, sample: Sample, name: str, readable: bool, now_ns: int) -> None:
        """A late reading tells what was, not what is."""
        time_ns = self.situation.offset.corrected(sample.source_ns)
        code = code_of(sample.value) if readable else ""
        if not self.situation.is_newest(sample.signal, sample.source_ns, now_ns):
            self.situation.state(self.kpis.state_of(code, name), time_ns, "Machine", code, late=True)
            return
        self.kpis.tell_state(code, name, now_ns)
        self.situation.state(self.kpis.state, time_ns, "Machine", code)


def settle(kpis: Kpis, situation: Situation, now_ns: int, inference: Inference | None = None) -> None:
    """Time has gone on: a state that nobody has confirmed is not known any more, an order may have begun."""
    if inference is not None and kpis.is_confirmed(now_ns):
        inference.hold(now_ns, kpis, situation)
    if kpis.state_signal:
        state, since = kpis.effective(now_ns)
        if state != situation.told("State"):
            situation.state(state, since, "Gateway" if state == UNKNOWN else kpis.origin)
    situation.tick(now_ns)
    kpis.explain(situation.told("Reason"), now_ns)


def judge(sample: Sample, signal: CompiledSignal) -> Verdict:
    """The verdict on a sample, its source's own word on quality included.

    What a source could not read is delivered as null with quality Bad, so that the MES knows; what it read and could not
    interpret is refused.
    """
    if isinstance(sample.value, str) and len(sample.value) > LONGEST_TEXT:
        return Verdict(sample.value, refused=TOO_LONG)
    if sample.quality == "Bad" and sample.reason in UNINTERPRETABLE:
        return Verdict(sample.value, refused=sample.reason)
    if sample.quality == "Bad" and sample.value is None:
        return Verdict(None, flag=sample.reason or SIGNAL_UNREADABLE)
    verdict = signal.check(sample.value, UNTIMED if sample.quality == "Bad" else sample.source_ns)
    if sample.quality == "Bad" and not verdict.refused:
        return Verdict(verdict.value, flag=sample.reason or verdict.flag or SIGNAL_UNREADABLE)
    return verdict


def _place(groups: _Groups, sample: Sample, signal: CompiledSignal, verdict: Verdict) -> None:
    """Put a value into the group of its time; a second value of one field and time begins another."""
    same_time = groups.setdefault((signal.contract, sample.source_ns), [])
    for group in same_time:
        if signal.field not in group.fields:
            break
    else:
        group = _Group(signal.contract, sample.source_ns)
        same_time.append(group)
    group.fields[signal.field] = verdict.value
    if sample.quality != "Good":
        group.quality[signal.field] = sample.quality
    if verdict.flag:
        group.flags[signal.field] = verdict.flag


def _windows(machine: Machine) -> dict[str, int]:
    """Per signal how long a value counts as fresh, in ns: the contract's freshness, or two readings where they are rarer."""
    freshness = {contract.name: contract.freshness_seconds * SECOND for contract in machine.contracts}
    return {signal.name: _window(signal, freshness.get(signal.contract, 0)) for signal in machine.signals}


def _ages(machine: Machine, compiled: Mapping[str, CompiledSignal]) -> dict[str, int]:
    """Likewise for those signals whose field has a freshness of its own."""
    own = {name: signal.freshness_ns for name, signal in compiled.items() if signal.freshness_ns}
    return {signal.name: _window(signal, own[signal.name]) for signal in machine.signals if signal.name in own}


def _window(signal: Signal, freshness_ns: int) -> int:
    return max(freshness_ns, 2 * signal.interval_ms * SECOND // 1000)
