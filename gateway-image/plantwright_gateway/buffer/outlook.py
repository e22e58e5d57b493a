"""When a buffer will be full at the pace of the last minutes. Pure: `now` is monotonic seconds."""

import math
from collections import deque
from typing import Final

WINDOW_SECONDS: Final = 120.0
"""Long enough that one burst is no trend, short enough that an outage shows within minutes."""
LEAST_SECONDS: Final = 20.0
"""What was seen for less says nothing of a pace."""
STEP_SECONDS: Final = 5.0
TOLD: Final = ((600, "10 minutes"), (3600, "an hour"), (4 * 3600, "4 hours"), (86_400, "a day"))
"""Steps in which people are told: a message that names seconds would change, and be stored anew, all the time."""


class Outlook:
    """The fill of one buffer over the last minutes."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def note(self, now: float, used_bytes: int) -> None:
        """Take in how full it is; to be called every second or so."""
        if self._seen and now - self._seen[-1][0] < STEP_SECONDS:
            return
        self._seen.append((now, used_bytes))
        while now - self._seen[0][0] > WINDOW_SECONDS:
            self._seen.popleft()

    def seconds_to_overflow(self, now: float, used_bytes: int, max_bytes: int) -> float:
        """Seconds until it is full at this pace: 0 when it is, infinite while it does not grow."""
        if used_bytes >= max_bytes:
            return 0.0 if max_bytes else math.inf
        if not self._seen:
            return math.inf
        then, before = self._seen[0]
        grown, seconds = used_bytes - before, now - then
        if grown <= 0 or seconds < LEAST_SECONDS:
            return math.inf
        return (max_bytes - used_bytes) * seconds / grown


def words(seconds: float) -> str:
    """What a person is told of it; empty where it is more than a day."""
    within = next((text for limit, text in TOLD if seconds <= limit), "")
    return f"at this pace the buffer is full within {within}" if within else ""
