"""Part cycles: each ends with the longest of the pauses that belong to the cycle, or with a stop. Pure."""

from typing import Final

KEPT: Final = 15
"""Cycle times of which the median is told."""


class Cycles:
    """How many cycles were seen, and how long they take."""

    def __init__(self, count: int = 0, times: list[float] | None = None) -> None:
        self.count = count
        self._times = times or []
        self._began_ns = 0

    def pause_ended(self, time_ns: int, pause: float, of_cycle: tuple[float, float]) -> None:
        """Work went on after a pause of so many s; `of_cycle` is how long the one between two parts is."""
        shortest, longest = of_cycle
        if not shortest or pause < shortest:
            return
        self.count += 1
        if self._began_ns and pause <= longest:
            self._times = [*self._times[1 - KEPT :], (time_ns - self._began_ns) / 1e9]
        self._began_ns = time_ns

    def interrupt(self) -> None:
        """The signal was away: the cycle under way has no length."""
        self._began_ns = 0

    def seconds(self) -> float | None:
        """How long a cycle takes, in s: the median of the last ones; None where the signal shows none."""
        return sorted(self._times)[len(self._times) // 2] if self._times else None

    def kept(self) -> tuple[int, list[float]]:
        """What a restart begins with."""
        return self.count, self._times
