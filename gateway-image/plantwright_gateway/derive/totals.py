"""Running totals of counters that wrap or are reset: they never fall, over restarts too."""

from collections.abc import Sequence
from typing import Final

import msgspec

from plantwright_gateway.context.counters import CounterRule, Follower, Reading

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
        self._follower = Follower()
        self.falls = self._follower.falls
        self._counts: dict[str, _Count] = _loaded(kept)

    def is_older(self, signal: str, at_ns: int) -> bool:
        """Whether a reading of this time lies before the one that was added last."""
        count = self._counts.get(signal)
        return count is not None and count.at_ns is not None and at_ns < count.at_ns

    def add(self, signal: str, reading: Reading, rule: CounterRule) -> int:
        """The total after this reading; it begins with the first one."""
        count = self._counts.get(signal)
        before = Reading(count.reading, count.at_ns) if count else None
        parts = self._follower.step(signal, rule, before, reading).parts
        if count is None:
            self._counts[signal] = count = _Count(reading.shown, reading.shown)
            self.unsaved = True
        elif reading.shown != count.reading:
            count.total += parts
            count.reading, self.unsaved = reading.shown, True
        count.at_ns = reading.at_ns
        return count.total

    def lose_sight(self, signals: Sequence[str]) -> None:
        """See `context.counters.Follower`."""
        self._follower.lose_sight(signals)

    def dump(self) -> bytes:
        """The totals as they are stored."""
        return msgspec.json.encode(self._counts)


def _loaded(kept: bytes) -> dict[str, _Count]:
    try:
        return msgspec.json.decode(kept, type=dict[str, _Count]) if kept else {}
    except msgspec.DecodeError:
        return {}
