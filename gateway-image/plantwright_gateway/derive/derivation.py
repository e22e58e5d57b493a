"""One machine's counters and computed signals under one configuration."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Final, NamedTuple

from plantwright_api.wire.config import PartCounters, Signal
from plantwright_api.wire.delivery import Quality, Scalar
from plantwright_gateway.check import reasons
from plantwright_gateway.check.values import RefusedError
from plantwright_gateway.context.counters import CounterRule, Reading, as_count, part_signals, planned_run_ns
from plantwright_gateway.derive.formulas import DerivationError, Formula, compiled, origins
from plantwright_gateway.derive.operands import reader
from plantwright_gateway.derive.totals import RunningTotals
from plantwright_gateway.ports.source import GapNotice, Sample

__all__ = ["Derivation", "DerivationError"]

_UNREADABLE: Final = frozenset({"", reasons.WRONG_TYPE, reasons.NOT_A_NUMBER, reasons.TOO_LONG})
"""What is said of an operand that could not be interpreted is true of it alone: what is computed from it has no value."""
_TIME: Final = attrgetter("source_ns")


class _Known(NamedTuple):
    """The last word on an operand; a Bad one has no value."""

    value: Scalar
    source_ns: int
    quality: Quality
    reason: str


class _Counting(NamedTuple):
    """The totals, and what tells late readings."""

    totals: RunningTotals
    is_late: Callable[[int], bool]

    def is_past(self, signal: str, source_ns: int) -> bool:
        """Whether a reading tells of what was; a clock that was set back tells of what is."""
        return self.totals.is_older(signal, source_ns) and self.is_late(source_ns)


class Derivation:
    """Extends samples by what is computed from them. Holds the last value of each operand.

    `origins` says per computed signal on which signals of the machine it rests, `counters` of which signals a total is kept. `parts`
    says which of these count parts, for which the planned run time is known.

    Raises:
        DerivationError: an expression cannot be used.
    """

    def __init__(self, signals: Sequence[Signal], parts: PartCounters | None = None) -> None:
        self._signals = {signal.name: signal for signal in signals}
        self._rules = _rules(signals, parts)
        self.counters = tuple(self._rules)
        self._internal = frozenset(signal.name for signal in signals if signal.internal)
        self._readers = {signal.name: reader(signal, signal.operand) for signal in signals if signal.operand}
        self._formulas = compiled(signals)
        self.origins = origins(self._formulas)
        self._last: dict[str, _Known] = {}
        self._idle = not (self._rules or self._internal or self._formulas)

    def succeed(self, before: "Derivation") -> None:
        """Take over what another configuration's operands said last, where they are read alike."""
        kept = {name: known for name, known in before._last.items() if before._signals[name] == self._signals.get(name)}
        self._last = kept

    def forget(self) -> None:
        """The session is gone: nothing is computed until its operands have come again."""
        self._last.clear()

    def extend(
        self,
        samples: Sequence[Sample],
        totals: RunningTotals,
        gaps: Sequence[GapNotice] = (),
        is_late: Callable[[int], bool] = lambda source_ns: False,
    ) -> Sequence[Sample]:
        """The samples with totals for counters, without internal signals, and behind them what is computed.

        `gaps` lie before the samples. `is_late` tells of a source time whether what comes with it took longer than others do.
        """
        if self._idle:
            return samples
        for gap in gaps:
            totals.lose_sight(self._resting(gap.signals))
        counting = _Counting(totals, is_late)
        counted = [self._counted(sample, counting) for sample in samples]
        made = [each for step in self._steps(counted) for each in self._computed(step, counting)]
        return [sample for sample in (*counted, *made) if sample.signal not in self._internal]

    def gaps(self, gaps: Sequence[GapNotice]) -> Sequence[GapNotice]:
        """The gaps, which tell of computed signals as well and of internal ones no more."""
        if self._idle:
            return gaps
        return [gap._replace(signals=self._delivered(gap.signals)) if gap.signals else gap for gap in gaps]

    def _delivered(self, unseen: Sequence[str]) -> tuple[str, ...]:
        """No signals would mean all of them, so an internal one that nothing rests on stays."""
        return tuple(name for name in self._resting(unseen) if name not in self._internal) or tuple(unseen)

    def _resting(self, unseen: Sequence[str]) -> tuple[str, ...]:
        """These signals, and those that are computed from them."""
        derived = [name for name, rests in self.origins.items() if not set(rests).isdisjoint(unseen)]
        return (*unseen, *derived)

    def _counted(self, sample: Sample, counting: "_Counting") -> Sample:
        """A counter's sample with its total.

        A reading that counts nothing is no total, so it has no value; nor has one that comes late: what the total was then is not known
        any more, and a count that lies behind would look like a fall.
        """
        if sample.signal not in self._rules or sample.value is None:
            return sample
        name, time_ns, quality, reason = sample.signal, sample.source_ns, sample.quality, sample.reason
        if quality == "Bad":
            return Sample(name, None, time_ns, quality, reason)
        reading = as_count(sample.value)
        if reading is None or counting.is_past(name, time_ns):
            return Sample(name, None, time_ns, "Bad", reasons.NOT_COMPUTABLE)
        total = counting.totals.add(name, Reading(reading, time_ns), self._rules[name])
        return Sample(name, total, time_ns, quality, reason)

    def _steps(self, samples: Iterable[Sample]) -> Iterator[list[Sample]]:
        """Operands that changed together: in order of source times, a new step begins where one comes again."""
        step: list[Sample] = []
        seen: set[str] = set()
        for sample in sorted((each for each in samples if each.signal in self._readers), key=_TIME):
            if sample.signal in seen:
                yield step
                step, seen = [], set()
            step.append(sample)
            seen.add(sample.signal)
        if step:
            yield step

    def _computed(self, step: Iterable[Sample], counting: "_Counting") -> Iterator[Sample]:
        arrived = set()
        for sample in step:
            self._note(sample)
            arrived.add(sample.signal)
        for formula in self._formulas:
            if arrived.isdisjoint(formula.operands):
                continue
            made = self._result(formula)
            if made is None:
                continue
            made = self._counted(made, counting)
            if formula.signal in self._readers:
                self._note(made)
                arrived.add(formula.signal)
            yield made

    def _note(self, sample: Sample) -> None:
        value, quality, reason = sample.value, sample.quality, sample.reason
        if quality != "Bad":
            try:
                value = self._readers[sample.signal](value)
            except RefusedError as refused:
                value, quality, reason = None, "Bad", refused.reason
        self._last[sample.signal] = _Known(value, sample.source_ns, quality, reason)

    def _result(self, formula: Formula) -> Sample | None:
        """What the formula gives now, None while an operand has never come."""
        known = [found for name in formula.operands if (found := self._last.get(name)) is not None]
        if len(known) < len(formula.operands):
            return None
        time_ns = max(map(_TIME, known))
        quality, reason = _worst(known)
        if quality == "Bad":
            return Sample(formula.signal, None, time_ns, "Bad", reason)
        value = formula.run(*(each.value for each in known))
        if value is None:
            return Sample(formula.signal, None, time_ns, "Bad", reasons.NOT_COMPUTABLE)
        return Sample(formula.signal, value, time_ns, quality, reason)


def _rules(signals: Sequence[Signal], parts: PartCounters | None) -> dict[str, CounterRule]:
    """What is known of each signal that has a counter of its own."""
    run_ns = planned_run_ns(parts)
    of_parts = part_signals(parts)
    return {
        signal.name: CounterRule(signal.counter.rollover, run_ns if signal.name in of_parts else None)
        for signal in signals
        if signal.counter is not None
    }


def _worst(known: Sequence[_Known]) -> tuple[Quality, str]:
    """Quality and reason of what rests on these."""
    for quality in ("Bad", "Uncertain"):
        found = next((each for each in known if each.quality == quality), None)
        if found is not None:
            plain = quality == "Bad" and found.reason in _UNREADABLE
            return found.quality, reasons.NOT_COMPUTABLE if plain else found.reason
    return "Good", ""
