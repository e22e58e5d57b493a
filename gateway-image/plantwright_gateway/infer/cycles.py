"""Part cycles: each ends with the longest of the pauses that belong to the cycle, or with a stop. Pure.

A cycle is counted as soon as a pause has become longer than the shorter ones, and told with the time at which that pause began: the
last part of a shift belongs to it. What is less than half of a cycle's work (a pump that starts while the machine stands, an inching) is none.
When it works on and on without such a pause, the pauses are no longer seen, and nothing is counted until they come again; nor where cycles are
not alike, since some ends are overlooked then.
"""

from typing import Final

from plantwright_gateway.infer.pauses import Regular

KEPT: Final = 61
"""Cycles that are looked back at."""
FEWEST: Final = 15
ALIKE: Final = (0.6, 1.6)
"""Times the median within which a cycle is like the others; one of which an end was not seen is twice as long."""
MOSTLY: Final = 0.67
"""Share of cycles that must be alike to be told."""
SMALL: Final = 0.2
"""Quantile of their work that is called a small cycle's."""
LEAST_WORK: Final = 0.5
"""Of a small cycle's; where all are alike, one that a stop has cut in two has more than half of its work on one side."""
OVERDUE: Final = 6.0
"""Times their median work without an end of one."""
AGAIN: Final = 5
"""Ends of cycles that must be seen after that."""


class Cycles:
    """How many cycles were seen, how long they take (s), and how much of that is work (s)."""

    def __init__(self, count: int = 0, times: list[float] | None = None, works: list[float] | None = None) -> None:
        self.count = count
        self.missing = 0
        """How many ends must be seen until cycles are counted again."""
        self._times = times or []
        self._works = works or []
        self._small, self._most = _bounds(self._works)
        self.regular = _alike(self._times)
        """Whether the last cycles took much the same time, so that none of their ends was overlooked."""
        self._work = 0.0
        self._ended_ns = 0
        """When the last pause of the cycle began; 0 where a stop or nothing seen is between."""
        self._judged = True
        """Whether this pause was."""

    def work(self, seconds: float) -> None:
        """It works."""
        self._work += seconds
        self._judged = False
        if self._work > self._most:
            self.missing = AGAIN
            self.interrupt()

    def rest(self, since_ns: int, seconds: float, of_cycle: Regular) -> bool:
        """A pause that began then has lasted so many s; whether by that a cycle has ended, and counts."""
        ended = not self._judged and seconds >= of_cycle.shortest and self._ends(since_ns)
        if seconds > of_cycle.longest:
            self._work, self._ended_ns = 0.0, 0
        return ended

    def _ends(self, since_ns: int) -> bool:
        self._judged = True
        before_ns, work = self._ended_ns, self._work
        if before_ns:  # what stands alone between two stops may be no cycle, and shows nothing of one
            self._works = [*self._works[1 - KEPT :], work]
            self._small, self._most = _bounds(self._works)
        if work < LEAST_WORK * self._small:
            return False
        self._work, self._ended_ns = 0.0, since_ns
        if before_ns:
            self._times = [*self._times[1 - KEPT :], (since_ns - before_ns) / 1e9]
            self.regular = _alike(self._times)
        if self.missing or not self.regular:
            self.missing = max(0, self.missing - 1)
            return False
        self.count += 1
        return True

    def interrupt(self) -> None:
        """The signal was away, or is not to be believed: the cycle under way has no length."""
        self._work, self._ended_ns, self._judged = 0.0, 0, True

    def seconds(self) -> float | None:
        """How long a cycle takes, in s: the median of the last ones; None where the signal shows none."""
        return _quantile(self._times, 0.5) if self._times else None

    def kept(self) -> tuple[int, list[float], list[float]]:
        """What a restart begins with."""
        return self.count, self._times, self._works


def _bounds(works: list[float]) -> tuple[float, float]:
    """A small cycle's work, and more than ever one has; both s."""
    return (_quantile(works, SMALL), OVERDUE * _quantile(works, 0.5)) if works else (0.0, float("inf"))


def _alike(times: list[float]) -> bool:
    median = _quantile(times, 0.5) if times else 0.0
    alike = sum(ALIKE[0] * median <= each <= ALIKE[1] * median for each in times)
    return len(times) >= FEWEST and alike >= MOSTLY * len(times)


def _quantile(values: list[float], share: float) -> float:
    return sorted(values)[int(len(values) * share)]
