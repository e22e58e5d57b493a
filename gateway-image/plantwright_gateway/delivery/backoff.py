"""How long to wait: after a failure, and between requests where the plant's share of a sink is limited."""

import random
from collections.abc import Callable
from typing import Final

BASE_SECONDS: Final = 0.25
CAP_SECONDS: Final = 30.0
RETRY_AFTER_CAP_SECONDS: Final = 300.0


class Backoff:
    """Doubles from failure to failure up to a cap, with full jitter on its upper half; a success starts over."""

    def __init__(self, jitter: Callable[[], float] = random.random) -> None:
        self._jitter = jitter
        self.failures = 0

    def reset(self) -> None:
        """It worked."""
        self.failures = 0

    def next(self, retry_after: float | None = None) -> float:
        """Seconds to wait now. What the sink asks for is honoured up to five minutes, as a lower bound."""
        grown = min(CAP_SECONDS, BASE_SECONDS * 2.0 ** min(self.failures, 16))
        self.failures += 1
        wait = grown * (0.5 + self._jitter() / 2)
        asked = retry_after if retry_after is not None and retry_after > 0 else 0.0
        return max(wait, min(asked, RETRY_AFTER_CAP_SECONDS))


class Pace:
    """At most `per_second` requests, evenly spaced; None is no limit. Times are monotonic seconds."""

    def __init__(self, per_second: float | None) -> None:
        self._spacing = 1 / per_second if per_second else 0.0
        self._free_at = 0.0

    def wait(self, now: float) -> float:
        """Seconds until the next request may begin."""
        return max(0.0, self._free_at - now)

    def sent(self, now: float) -> None:
        """A request begins."""
        self._free_at = now + self._spacing
