"""How far a machine's clock is from the gateway's, told apart from data that merely comes late. Pure.

A lag is the gateway's time less a source time. Late data has a large one, and so has a value that has not changed for long; only a
clock that is ahead gives a negative one, and only a clock that is right gives one near zero. So the least lag of a minute is that of a value
that was neither late nor old; and a single node with a time of its own does not outvote those that are right.
"""

from collections import deque
from collections.abc import Sequence
from typing import Final

from plantwright_gateway.context.times import SECOND

WINDOW_NS: Final = 60 * SECOND
LATE_NS: Final = SECOND // 10
FARTHEST_NS: Final = 26 * 3600 * SECOND
"""No clock is ahead by more than the time zones are apart: that is no time."""


class ClockOffset:
    """The least lag of the last minute, of values that come together as one."""

    def __init__(self, tolerance_ns: int) -> None:
        self._tolerance_ns = tolerance_ns
        self._all, self._not_ahead = _Least(), _Least()
        self._votes: deque[tuple[int, int]] = deque()
        self._right = self._ahead = 0
        self._now_ns = 0

    def note(self, source_times: Sequence[int], now_ns: int) -> None:
        """Values with these times have come now, together."""
        self._now_ns = now_ns
        lag = self._lag(source_times, now_ns)
        if lag < -FARTHEST_NS:
            return
        self._all.add(now_ns, lag)
        if lag >= -self._tolerance_ns:
            self._not_ahead.add(now_ns, lag)
        self._vote(now_ns, lag)

    def trusted(self) -> bool:
        """Whether source times may be used as they are."""
        return abs(self.ns()) <= self._tolerance_ns

    def ns(self) -> int:
        """What must be added to a source time to come to the gateway's; 0 while nothing has come."""
        return (self._all if self._ahead > self._right else self._not_ahead).least()

    def is_late(self, source_ns: int, now_ns: int) -> bool:
        """Whether a value that comes now took longer than others do."""
        return now_ns - source_ns > self.ns() + LATE_NS

    def corrected(self, source_ns: int) -> int:
        """A source time by the gateway's clock, as it is where the machine's clock is within the tolerance."""
        if source_ns > self._now_ns + FARTHEST_NS:
            return self._now_ns
        return source_ns if self.trusted() else source_ns + self.ns()

    def _lag(self, source_times: Sequence[int], now_ns: int) -> int:
        """That of the newest; where it is ahead and at least as many are right, that of the newest of these."""
        lag = now_ns - max(source_times)
        if lag >= -self._tolerance_ns:
            return lag
        lags = [now_ns - time_ns for time_ns in source_times]
        right = [each for each in lags if abs(each) <= self._tolerance_ns]
        ahead = sum(each < -self._tolerance_ns for each in lags)
        return min(right) if right and len(right) >= ahead else lag

    def _vote(self, now_ns: int, lag: int) -> None:
        self._count(lag, 1)
        self._votes.append((now_ns, lag))
        while self._votes and not now_ns - WINDOW_NS <= self._votes[0][0] <= now_ns:
            self._count(self._votes.popleft()[1], -1)

    def _count(self, lag: int, number: int) -> None:
        if lag < -self._tolerance_ns:
            self._ahead += number
        elif lag <= self._tolerance_ns:
            self._right += number


class _Least:
    """The least of the last minute's numbers."""

    def __init__(self) -> None:
        self._rising: deque[tuple[int, int]] = deque()
        """(heard at, number), numbers rising: the first is the least."""

    def add(self, now_ns: int, number: int) -> None:
        while self._rising and self._rising[-1][1] >= number:
            self._rising.pop()
        self._rising.append((now_ns, number))
        while not now_ns - WINDOW_NS <= self._rising[0][0] <= now_ns:
            self._rising.popleft()

    def least(self) -> int:
        """0 while there is none."""
        return self._rising[0][1] if self._rising else 0
