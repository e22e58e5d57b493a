"""When to do something next: back-off, request rate and the schedule of polls. No clock is read here: `now` is given.

Times are seconds of a monotonic clock.
"""

import math
import secrets
from collections.abc import Iterable

_RANDOM = secrets.SystemRandom()


def jittered(shortest: float, longest: float) -> float:
    """A random pause in seconds, so that many gateways do not knock at the same moment."""
    return _RANDOM.uniform(shortest, longest)


class Backoff:
    """Pauses between attempts: each twice the one before up to `longest`, with the upper half of each left to chance."""

    def __init__(self, first: float = 0.5, longest: float = 5.0) -> None:
        self._first = first
        self._longest = longest
        self._next = first

    def pause(self) -> float:
        """Seconds to wait before the next attempt."""
        now = self._next
        self._next = min(2 * now, self._longest)
        return jittered(now / 2, now)

    def reset(self) -> None:
        """Begin again with the shortest pause; call it once the machine has answered."""
        self._next = self._first


class RateLimit:
    """At most `per_second` requests, evenly spaced: a small PLC takes no bursts. None is no limit."""

    def __init__(self, per_second: int | None) -> None:
        self._spacing = 1 / per_second if per_second else 0.0
        self._free_at = 0.0

    def reserve(self, now: float) -> float:
        """Take the next slot and return how many seconds to wait for it."""
        slot = max(now, self._free_at)
        self._free_at = slot + self._spacing
        return slot - now


class Schedule:
    """Due times of several intervals on one fixed grid each: no drift, and no burst for what was missed."""

    def __init__(self, intervals_ms: Iterable[int]) -> None:
        self._due = dict.fromkeys(intervals_ms, 0.0)
        self._anchor = 0.0

    def restart(self, now: float) -> None:
        """Everything is due now; the grid begins here."""
        self._anchor = now
        self._due = dict.fromkeys(self._due, now)

    def next_due(self) -> float:
        """When the earliest interval is due; never, if there is none."""
        return min(self._due.values(), default=math.inf)

    def take_due(self, now: float) -> frozenset[int]:
        """The intervals (ms) that are due; each is then due at its next grid point after `now`."""
        due = frozenset(interval for interval, at in self._due.items() if at <= now)
        for interval in due:
            step = interval / 1000
            self._due[interval] = self._anchor + (int((now - self._anchor) / step) + 1) * step
        return due
