"""What was so since when: asked about the past when data comes late. Pure."""

from bisect import bisect_right
from typing import Final

MOST: Final = 4096
"""Changes that are remembered; what is older is not known any more."""


class History:
    """Changes of one thing in the order of their time, whatever the order in which they were told."""

    def __init__(self) -> None:
        self._times: list[int] = []
        self._values: list[str] = []

    def tell(self, time_ns: int, value: str) -> bool:
        """It is `value` from then on; False where that was known: nothing has changed."""
        place = bisect_right(self._times, time_ns)
        if place and self._values[place - 1] == value:
            return False
        if place and self._times[place - 1] == time_ns:
            self._values[place - 1] = value
            return True
        self._times.insert(place, time_ns)
        self._values.insert(place, value)
        if len(self._times) > MOST:
            del self._times[: MOST // 4], self._values[: MOST // 4]
        return True

    def at(self, time_ns: int) -> str:
        """What was so then; "" where it is not known."""
        place = bisect_right(self._times, time_ns)
        return self._values[place - 1] if place else ""

    @property
    def latest(self) -> tuple[int, str]:
        """Time and value of the last change; (0, "") where there is none."""
        return (self._times[-1], self._values[-1]) if self._times else (0, "")
