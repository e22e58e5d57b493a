"""How much of the planned time a contract was complete: every required field there, fresh and within its terms. Pure.

Time that the plant's calendar does not plan counts for neither side; time in which nobody watched, because the gateway was down,
counts as planned and not complete. All times are ns since the epoch.
"""

from typing import Final

import msgspec

from plantwright_api.wire.config import Contract
from plantwright_gateway.check.pace import SECOND

WINDOW_SECONDS: Final = 3600
"""What holds where a contract names no window."""
BUCKETS: Final = 60
"""A window slides in so many steps."""
LONGEST_TICK_NS: Final = 5 * SECOND
"""What was true at both ends of a longer stretch need not have been true within it."""


class Buckets(msgspec.Struct):
    """What is kept over restarts: up to when time was counted, and [planned ns, complete ns] by bucket."""

    at_ns: int
    buckets: dict[int, list[int]] = {}


class Coverage:
    """One contract's, over a window that slides; `planned_ns` and `complete_ns` count all since the process began.

    Without a least share in the contract it only counts.
    """

    def __init__(self, contract: Contract, known: Buckets) -> None:
        self.name, self.version = contract.name, contract.version
        self.percent = contract.completeness_percent
        self.window_ns = (contract.completeness_window_seconds or WINDOW_SECONDS) * SECOND
        self.known = known
        self.planned_ns = self.complete_ns = 0
        self._step = max(self.window_ns // BUCKETS, SECOND)

    def advance(self, now_ns: int, planned_ns: int, complete: bool) -> None:
        """Count the stretch since the last call, of which `planned_ns` were planned time; a clock that goes back starts anew."""
        passed, self.known.at_ns = now_ns - self.known.at_ns, now_ns
        done = planned_ns if complete and 0 < passed <= LONGEST_TICK_NS else 0
        self.planned_ns += planned_ns
        self.complete_ns += done
        bucket = self.known.buckets.setdefault(now_ns // self._step, [0, 0])
        bucket[0] += planned_ns
        bucket[1] += done
        first = (now_ns - self.window_ns) // self._step
        for old in [index for index in self.known.buckets if index <= first]:
            del self.known.buckets[old]

    @property
    def short(self) -> bool:
        """Whether more of the window's planned time is missing than the contract allows: nothing to come can mend that."""
        if self.percent is None:
            return False
        missing = sum(planned - complete for planned, complete in self.known.buckets.values())
        return missing * 100 > self.window_ns * (100 - self.percent)


def dump(known: dict[str, Buckets]) -> bytes:
    """What is kept, by contract, as it is stored."""
    return msgspec.json.encode(known)


def load(content: bytes | None) -> dict[str, Buckets]:
    """Read it back; what cannot be read is forgotten."""
    if not content:
        return {}
    try:
        return msgspec.json.decode(content, type=dict[str, Buckets])
    except msgspec.DecodeError:
        return {}
