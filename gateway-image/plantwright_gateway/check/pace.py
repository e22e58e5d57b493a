"""How fast a value may change: the one rule over values that come one after the other."""

import math
from typing import Final

from plantwright_gateway.check.values import RELATIVE_TOLERANCE

SECOND: Final = 1_000_000_000
UNTIMED: Final = -(2**63)
"""The source time of a value that says nothing about how fast things change, such as one the machine itself calls bad."""


class Pace:
    """Remembers the last value of one signal that met its field's rules, and its source time in ns.

    Against the last good value, and not the last one: a single spike is one violation and not two, and a step that stays is
    believed once the time since then allows it. A value that is not newer than the last is not judged; after a step back of
    the machine's clock it is the new beginning.
    """

    __slots__ = ("limit", "time_ns", "value")

    def __init__(self, change_per_second: float) -> None:
        self.limit = change_per_second * (1 + RELATIVE_TOLERANCE) / SECOND
        self.time_ns = UNTIMED
        self.value: float = math.nan

    def exceeded(self, value: float, time_ns: int) -> bool:
        """Whether the value changed too fast; if not, it is remembered."""
        passed = time_ns - self.time_ns
        if passed == 0 or time_ns == UNTIMED:
            return False
        if passed > 0 and abs(value - self.value) > self.limit * passed:
            return True
        self.value, self.time_ns = value, time_ns
        return False
