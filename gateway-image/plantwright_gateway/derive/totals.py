"""Running totals of counters that wrap or are reset: they never fall, over restarts too."""

from typing import Final

import msgspec

from plantwright_gateway.context.counters import part_delta

STATE_COUNTERS: Final = "counters"
"""Key under which the buffer keeps them."""


class _Count(msgspec.Struct, rename="camel"):
    """The counter's last reading, and what it has counted in all."""

    reading: int
    total: int


class RunningTotals:
    """The totals of one machine by signal; they outlive sources and configurations.

    `kept` is what `dump` gave before a restart; what cannot be read back begins anew. `unsaved`: something has been counted
    since it was last set to False.
    """

    def __init__(self, kept: bytes = b"") -> None:
        self.unsaved = False
        self._counts: dict[str, _Count] = _loaded(kept)

    def add(self, signal: str, reading: int, rollover: int | None) -> int:
        """The total after this reading; it begins with the first one."""
        count = self._counts.get(signal)
        if count is None:
            self._counts[signal] = count = _Count(reading, reading)
            self.unsaved = True
        elif reading != count.reading:
            count.total += part_delta(count.reading, reading, rollover)
            count.reading, self.unsaved = reading, True
        return count.total

    def dump(self) -> bytes:
        """The totals as they are stored."""
        return msgspec.json.encode(self._counts)


def _loaded(kept: bytes) -> dict[str, _Count]:
    try:
        return msgspec.json.decode(kept, type=dict[str, _Count]) if kept else {}
    except msgspec.DecodeError:
        return {}
