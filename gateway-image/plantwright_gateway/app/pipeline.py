"""Samples in, rows out: check, context and counting put together for one machine and configuration. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from plantwright_api.wire.config import Machine, Signal
from plantwright_api.wire.delivery import Quality, Scalar
from plantwright_gateway.check import UNTIMED, CompiledSignal, ContractRules, Verdict, compile_contracts
from plantwright_gateway.check.reasons import NOT_A_NUMBER, SIGNAL_UNREADABLE, TOO_LONG, WRONG_TYPE
from plantwright_gateway.check.values import code_of
from plantwright_gateway.context.calendar import WorkCalendar
from plantwright_gateway.context.events import EventWriter, Original, Row, original_text
from plantwright_gateway.context.kpi import Kpis, Totals
from plantwright_gateway.context.times import SECOND
from plantwright_gateway.ports.source import GapNotice, Sample

UNINTERPRETABLE: Final = frozenset({WRONG_TYPE, NOT_A_NUMBER, TOO_LONG})
"""A source that gives one of these as its reason could not make a value of what it read."""
LONGEST_TEXT: Final = 64 * 1024
LARGEST_EVENT: Final = 128 * 1024
"""Bytes; fields that are larger together go out one by one."""


class Outcome(NamedTuple):
    """What became of a set of samples. `problems` holds per signal "" or why it does not meet its contract."""

    rows: list[Row]
    originals: list[Original]
    problems: dict[str, str]
    flagged: Counter[str]
    fresh: frozenset[str]
    """Contracts for which readable data arrived."""


class _Group:
    """Fields of one contract that share one source time."""

    __slots__ = ("contract", "fields", "flags", "quality", "time_ns")

    def __init__(self, contract: str, time_ns: int) -> None:
        self.contract, self.time_ns = contract, time_ns
        self.fields: dict[str, Scalar] = {}
        self.quality: dict[str, Quality] = {}
        self.flags: dict[str, str] = {}


class Pipeline:
    """One machine under one configuration.

    Raises:
        ValueError, LookupError: the configuration contradicts itself; the message says where.
    """

    def __init__(self, machine: Machine, config_hash: str, gateway_version: str) -> None:
        self.machine = machine
        self.config_hash = config_hash
        self.events = EventWriter(machine, config_hash, gateway_version)
        self.signals = compile_contracts(machine.contracts, machine.signals)
        self.rules = ContractRules(machine.contracts, machine.signals)
        self.windows = _windows(machine)
        self.ages = _ages(machine, self.signals)
        self._calendar = WorkCalendar(machine.calendar)
        self._asset = {"assetId": machine.asset.asset_id} if machine.asset.asset_id else {}

    def kpis(self, totals: Totals) -> Kpis:
        """The counters, going on from totals."""
        machine = self.machine
        signal = machine.state.signal if machine.state else ""
        fresh = self.windows.get(signal, max(self.windows.values(), default=0))
        return Kpis(totals, self._calendar, machine.state, machine.parts, fresh)

    def process(self, samples: Sequence[Sample], gaps: Sequence[GapNotice], now_ns: int, kpis: Kpis) -> Outcome:
        """Make rows: gaps first, then what could not be interpreted, then observations in order of arrival."""
        outcome = Outcome([self._gap(gap, now_ns) for gap in gaps], [], {}, Counter(), frozenset())
        if any(sample.quality != "Bad" for sample in samples):
            kpis.confirm(now_ns)
        groups: dict[tuple[str, int], list[_Group]] = {}
        fresh: set[str] = set()
        verdicts = self.rules.settle(samples, [judge(sample, self.signals[sample.signal]) for sample in samples])
        for sample, verdict in zip(samples, verdicts, strict=True):
            signal = self.signals[sample.signal]
            outcome.problems[sample.signal] = verdict.refused or verdict.flag
            if sample.signal in kpis.signals:
                _count(sample, verdict, now_ns, kpis)
            if verdict.refused:
                self._refuse(sample, signal, verdict, now_ns, outcome)
                continue
            _place(groups, sample, signal, verdict)
            if verdict.flag:
                outcome.flagged[verdict.flag] += 1
            if sample.quality != "Bad":
                fresh.add(signal.contract)
        context = self._context(now_ns, kpis)
        for group in (group for same_time in groups.values() for group in same_time):
            outcome.rows.extend(self._observations(group, now_ns, context))
        return outcome._replace(fresh=frozenset(fresh))

    def _gap(self, gap: GapNotice, now_ns: int) -> Row:
        return self.events.gap(gap.reason, gap.start_ns, gap.end_ns, now_ns, gap.count, gap.signals, gap.message)

    def _refuse(self, sample: Sample, signal: CompiledSignal, verdict: Verdict, now_ns: int, outcome: Outcome) -> None:
        text = original_text(sample.value)
        original = Original(signal.contract, signal.field, signal.name, text, verdict.refused, sample.source_ns)
        outcome.originals.append(original)
        outcome.rows.append(self.events.quarantined(original, now_ns))

    def _context(self, now_ns: int, kpis: Kpis) -> dict[str, str]:
        context = dict(self._asset)
        if kpis.state_signal:
            context["state"] = kpis.state
        shift = kpis.shift(now_ns)
        if shift:
            context["shift"] = shift
        return context

    def _observations(self, group: _Group, now_ns: int, context: dict[str, str]) -> Iterable[Row]:
        row = self._observation(group, group.fields, now_ns, context)
        if len(row.body) <= LARGEST_EVENT or len(group.fields) == 1:
            return [row]
        return [self._observation(group, {name: value}, now_ns, context) for name, value in group.fields.items()]

    def _observation(self, group: _Group, fields: dict[str, Scalar], now_ns: int, context: dict[str, str]) -> Row:
        quality = {name: word for name, word in group.quality.items() if name in fields}
        flags = {name: word for name, word in group.flags.items() if name in fields}
        return self.events.observation(group.contract, fields, group.time_ns, now_ns, quality, flags, context)


def _count(sample: Sample, verdict: Verdict, now_ns: int, kpis: Kpis) -> None:
    readable = sample.quality != "Bad" and not verdict.refused
    if sample.signal == kpis.state_signal:
        code = code_of(sample.value) if readable else ""
        kpis.tell_state(code, code_of(verdict.value) if readable else "", now_ns)
    if readable:
        kpis.count(sample.signal, verdict.value)


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


def _place(
    groups: dict[tuple[str, int], list[_Group]], sample: Sample, signal: CompiledSignal, verdict: Verdict
) -> None:
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
    own = {signal.name: compiled[signal.name].freshness_ns for signal in machine.signals}
    return {signal.name: _window(signal, own[signal.name]) for signal in machine.signals if own[signal.name]}


def _window(signal: Signal, freshness_ns: int) -> int:
    return max(freshness_ns, 2 * signal.interval_ms * SECOND // 1000)
