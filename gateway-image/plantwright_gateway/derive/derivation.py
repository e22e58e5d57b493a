"""One machine's counters and computed signals under one configuration."""

from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Final, NamedTuple

from plantwright_api.wire.config import Signal
from plantwright_api.wire.delivery import Quality, Scalar
from plantwright_gateway.check import reasons
from plantwright_gateway.check.values import RefusedError
from plantwright_gateway.context.counters import as_count
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


class Derivation:
    """Extends samples by what is computed from them. Holds the last value of each operand.

    `origins` says per computed signal on which signals of the machine it rests.

    Raises:
        DerivationError: an expression cannot be used.
    """

    def __init__(self, signals: Sequence[Signal]) -> None:
        self._signals = {signal.name: signal for signal in signals}
        self._counters = {signal.name: signal.counter.rollover for signal in signals if signal.counter is not None}
        self._internal = frozenset(signal.name for signal in signals if signal.internal)
        self._readers = {signal.name: reader(signal, signal.operand) for signal in signals if signal.operand}
        self._formulas = compiled(signals)
        self.origins = origins(self._formulas)
        self._last: dict[str, _Known] = {}
        self._idle = not (self._counters or self._internal or self._formulas)

    def succeed(self, before: "Derivation") -> None:
        """Take over what another configuration's operands said last, where they are read alike."""
        kept = {name: known for name, known in before._last.items() if before._signals[name] == self._signals.get(name)}
        self._last = kept

    def forget(self) -> None:
        """The session is gone: nothing is computed until its operands have come again."""
        self._last.clear()

    def extend(self, samples: Sequence[Sample], totals: RunningTotals) -> Sequence[Sample]:
        """The samples with totals for counters, without internal signals, and behind them what is computed."""
        if self._idle:
            return samples
        counted = [self._counted(sample, totals) for sample in samples]
        made = [each for step in self._steps(counted) for each in self._computed(step, totals)]
        return [sample for sample in (*counted, *made) if sample.signal not in self._internal]

    def gaps(self, gaps: Sequence[GapNotice]) -> Sequence[GapNotice]:
        """The gaps, which tell of computed signals as well and of internal ones no more."""
        if self._idle:
            return gaps
        return [gap._replace(signals=self._delivered(gap.signals)) if gap.signals else gap for gap in gaps]

    def _delivered(self, unseen: Sequence[str]) -> tuple[str, ...]:
        """No signals would mean all of them, so an internal one that nothing rests on stays."""
        derived = [name for name, rests in self.origins.items() if not set(rests).isdisjoint(unseen)]
        return tuple(name for name in (*unseen, *derived) if name not in self._internal) or tuple(unseen)

    def _counted(self, sample: Sample, totals: RunningTotals) -> Sample:
        """A counter's sample with its total. A reading that counts nothing is no total, so it has no value."""
        if sample.signal not in self._counters or sample.value is None:
            return sample
        name, time_ns, quality, reason = sample.signal, sample.source_ns, sample.quality, sample.reason
        if quality == "Bad":
            return Sample(name, None, time_ns, quality, reason)
        reading = as_count(sample.value)
        if reading is None:
            return Sample(name, None, time_ns, "Bad", reasons.NOT_COMPUTABLE)
        return Sample(name, totals.add(name, reading, self._counters[name]), time_ns, quality, reason)

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

    def _computed(self, step: Iterable[Sample], totals: RunningTotals) -> Iterator[Sample]:
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
            made = self._counted(made, totals)
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


def _worst(known: Sequence[_Known]) -> tuple[Quality, str]:
    """Quality and reason of what rests on these."""
    for quality in ("Bad", "Uncertain"):
        found = next((each for each in known if each.quality == quality), None)
        if found is not None:
            plain = quality == "Bad" and found.reason in _UNREADABLE
            return found.quality, reasons.NOT_COMPUTABLE if plain else found.reason
    return "Good", ""
