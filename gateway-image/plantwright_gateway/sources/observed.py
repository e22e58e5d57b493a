"""When each signal was last observed, and the stretches in which it was not. Times are ns since the epoch."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from plantwright_gateway.ports.source import GapNotice

TOLERATED_INTERVALS = 1.5
"""A value that comes this many intervals after the one before it left no gap."""
NS_PER_MS = 1_000_000


class Observed:
    """Turns interruptions into gap notices, exactly one per signal and interruption, when the signal is back."""

    def __init__(self, intervals_ms: Mapping[str, int]) -> None:
        self._intervals_ms = intervals_ms
        self._last: dict[str, int] = {}
        self._breaks: dict[str, str] = {}

    def begin(self, last_ns: int | None) -> None:
        """Start reading: whatever was not seen since `last_ns` (None: never read) was not observed."""
        if last_ns is None:
            return
        for signal in self._intervals_ms:
            self._last.setdefault(signal, last_ns)
        self.interrupt("GatewayRestarted")

    def interrupt(self, reason: str, signals: Iterable[str] | None = None) -> None:
        """These signals (all) are not observed from now on; the first reason since they were seen stays."""
        for signal in self._intervals_ms if signals is None else signals:
            self._breaks.setdefault(signal, reason)

    def seen(self, signals: Iterable[str], now_ns: int) -> list[GapNotice]:
        """These signals were observed at `now_ns`; returns the gaps that this ends, signals of equal gaps together."""
        if not self._breaks:
            self._last.update(dict.fromkeys(signals, now_ns))
            return []
        gaps: dict[tuple[str, int], list[str]] = defaultdict(list)
        for signal in signals:
            reason, last_ns = self._breaks.pop(signal, ""), self._last.get(signal)
            self._last[signal] = now_ns
            if reason and last_ns is not None and self._is_gap(signal, now_ns - last_ns):
                gaps[reason, last_ns].append(signal)
        return [GapNotice(reason, start_ns, now_ns, self._named(names)) for (reason, start_ns), names in gaps.items()]

    def _is_gap(self, signal: str, stretch_ns: int) -> bool:
        return stretch_ns > TOLERATED_INTERVALS * self._intervals_ms[signal] * NS_PER_MS

    def _named(self, names: list[str]) -> tuple[str, ...]:
        return () if len(names) == len(self._intervals_ms) else tuple(names)
