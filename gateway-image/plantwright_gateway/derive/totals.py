"""Running totals of counters that wrap or are reset: they never fall, over restarts too."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import msgspec

from plantwright_api.wire.delivery import CounterFall
from plantwright_gateway.context.counters import CounterRule, Reading, step

STATE_COUNTERS: Final = "counters"
"""Key under which the buffer keeps them."""


class _Count(msgspec.Struct, rename="camel"):
    """The counter's last reading, what it has counted in all, and the source time of the reading where it is known."""

    reading: int
    total: int
    at_ns: int | None = None


class RunningTotals:
    """The totals of one machine by signal; they outlive sources and configurations.

    `kept` is what `dump` gave before a restart; what cannot be read back begins anew. `unsaved`: something has been counted
    since it was last set to False.
    """

    def __init__(self, kept: bytes = b"") -> None:
        self.unsaved = False
        self.falls: Counter[tuple[str, CounterFall]] = Counter()
        """Of each counter, since the process' start."""
        self._followed: set[str] = set()
        self._counts: dict[str, _Count] = _loaded(kept)

    def is_older(self, signal: str, at_ns: int) -> bool:
        """Whether a reading of this time lies before the one that was added last."""
        count = self._counts.get(signal)
        return count is not None and count.at_ns is not None and at_ns < count.at_ns

    def add(self, signal: str, reading: Reading, rule: CounterRule) -> int:
        """The total after this reading; it begins with the first one."""
        count = self._counts.get(signal)
        if count is None:
            self._counts[signal] = count = _Count(reading.shown, reading.shown)
            self.unsaved = True
        elif reading.shown != count.reading:
            self._step(signal, count, reading, rule)
            count.reading, self.unsaved = reading.shown, True
        count.at_ns = reading.at_ns
        self._followed.add(signal)
        return count.total

    def _step(self, signal: str, count: _Count, now: Reading, rule: CounterRule) -> None:
        before = Reading(count.reading, count.at_ns)
        parts, fall = step(rule, before, now, followed=signal in self._followed)
        count.total += parts
        if fall:
            self.falls[signal, fall] += 1

    def lose_sight(self, signals: Sequence[str]) -> None:
        """These signals (none: all) were not observed for a while before the readings that come next."""
        self._followed.difference_update(signals or tuple(self._followed))

    def dump(self) -> bytes:
        """The totals as they are stored."""
        return msgspec.json.encode(self._counts)


def _loaded(kept: bytes) -> dict[str, _Count]:
    try:
        return msgspec.json.decode(kept, type=dict[str, _Count]) if kept else {}
    except msgspec.DecodeError:
        return {}
