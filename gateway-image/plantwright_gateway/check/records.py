"""Judges what a source gave at once as a whole record, where its signals come together again and again."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from plantwright_gateway.check.compiled import CompiledSignal
from plantwright_gateway.check.record import RecordCheck, Times, Values, compile_record
from plantwright_gateway.check.rules import ContractRules, Reading
from plantwright_gateway.check.verdict import Verdict

SEEN_BEFORE: Final = 2
"""Signals that came together this often get functions of their own, which take a millisecond or so to make."""
MOST_KINDS: Final = 64
"""Kinds of records with functions of their own; a source that groups its signals in ever new ways gets no more."""
MOST_SIGNALS: Final = 1000
REMEMBERED_NAMES: Final = 256


class Fine(msgspec.Struct, frozen=True, gc=False):
    """A record without a fault: what is delivered of it and its source times in ns, in the order of its signals."""

    kind: RecordCheck
    values: Values
    times: Times

    def verdicts(self) -> list[Verdict]:
        """The same as a verdict on each."""
        return [Verdict(value) for value in self.values]


class Records:
    """The checks and rules of one machine under one configuration, over all that is read at once."""

    def __init__(self, signals: Mapping[str, CompiledSignal], rules: ContractRules) -> None:
        self._signals, self._rules = signals, rules
        self._kinds: dict[tuple[str, ...], RecordCheck] = {}
        self._last: RecordCheck | None = None
        self._seen: Counter[tuple[str, ...]] = Counter()

    def judge(
        self, readings: Sequence[Reading], names: tuple[str, ...], values: Values, times: Times
    ) -> Fine | list[Verdict] | None:
        """Judge readings of good quality, whose columns the others are, with the rules over several values.

        A record that is fine, else a verdict on each reading in its order; None where they are no kind of record that is known,
        and nothing was judged.

        Raises:
            KeyError: a reading of a signal that the configuration does not have.
        """
        kind = self._last
        if kind is None or kind.names != names:
            kind = self._kinds.get(names)
            if kind is None:
                self._learn(names)
                return None
            self._last = kind
        self._rules.follow(kind.latest)
        found = kind.fine(values, times)
        if found is not None:
            return Fine(kind, found, times)
        verdicts = kind.sift(values, times)
        if verdicts is None:
            verdicts = [signal.check(value, at) for signal, value, at in zip(kind.signals, values, times, strict=True)]
        return self._rules.settle(readings, verdicts, names)

    def _learn(self, names: tuple[str, ...]) -> None:
        """Make functions for signals that come together again and again, each once."""
        if len(self._kinds) >= MOST_KINDS or not 0 < len(set(names)) == len(names) <= MOST_SIGNALS:
            return
        self._seen[names] += 1
        if self._seen[names] == SEEN_BEFORE:
            self._kinds[names] = compile_record([self._signals[name] for name in names], self._rules.across(names))
        elif len(self._seen) > REMEMBERED_NAMES:
            self._seen.clear()
