"""How far a machine's clock is from the gateway's, told apart from data that merely comes late. Pure."""

from collections import deque
from collections.abc import Sequence
from typing import Final

from plantwright_gateway.context.times import SECOND

WINDOW_NS: Final = 60 * SECOND
"""The least lag of this stretch counts: of ten values that come, few are late, so the least is that of none."""

LATE_NS: Final = SECOND // 10


class ClockOffset:
    """The least lag (gateway's time less source time) of the last minute. A late value has a larger one, a clock that is wrong
    shifts all of them."""

    def __init__(self, tolerance_ns: int) -> None:
        self._tolerance_ns = tolerance_ns
        self._least: deque[tuple[int, int]] = deque()
        """(heard at, lag), lags rising: the first is the least of the window."""

    def note(self, source_times: Sequence[int], now_ns: int) -> None:
        """Values with these times have come now, together."""
        lag = now_ns - max(source_times)
        while self._least and self._least[-1][1] >= lag:
            self._least.pop()
        self._least.append((now_ns, lag))
        while self._least[0][0] < now_ns - WINDOW_NS or self._least[0][0] > now_ns:
            self._least.popleft()

    def trusted(self) -> bool:
        """Whether source times may be used as they are."""
        return abs(self.ns()) <= self._tolerance_ns

    def ns(self) -> int:
        """What must be added to a source time to come to the gateway's; 0 while nothing has come."""
        return self._least[0][1] if self._least else 0

    def is_late(self, source_ns: int, now_ns: int) -> bool:
        """Whether a value that comes now took longer than others do."""
        return now_ns - source_ns > self.ns() + LATE_NS

    def corrected(self, source_ns: int) -> int:
        """A source time by the gateway's clock, as it is where the machine's clock is within the tolerance."""
        return source_ns if self.trusted() else source_ns + self.ns()
