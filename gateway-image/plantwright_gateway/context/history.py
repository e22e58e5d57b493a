"""What was so since when: asked about the past when data comes late. Pure."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

FOREVER: Final = 2**63 - 1
MOST: Final = 4096
"""Changes that are remembered; what is older is not known any more."""


class Run(NamedTuple):
    """It was `value` from `start` on and before `end`, in ns since the epoch."""

    start: int
    end: int
    value: str


class History:
    """Changes of one thing in the order of their time, whatever the order in which they were told.

    A change that a later told one made void stays a change: who was told both goes by it.
    """

    def __init__(self, changes: Iterable[tuple[int, str]] = (), most: int = MOST) -> None:
        self._most = most
        self._times: list[int] = []
        self._values: list[str] = []
        for time_ns, value in changes:
            self._times.append(time_ns)
            self._values.append(value)

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
        if len(self._times) > self._most:
            self._drop(self._most // 4)
        return True

    def forget(self, before_ns: int) -> None:
        """What was over by then need not be known any more."""
        self._drop(bisect_right(self._times, before_ns) - 1)

    def at(self, time_ns: int) -> str:
        """What was so then; "" where it is not known."""
        place = bisect_right(self._times, time_ns)
        return self._values[place - 1] if place else ""

    def since(self, time_ns: int) -> int:
        """When the last change was by then; 0 where there was none."""
        place = bisect_right(self._times, time_ns)
        return self._times[place - 1] if place else 0

    def next(self, time_ns: int) -> int:
        """When the next change is after that."""
        place = bisect_right(self._times, time_ns)
        return self._times[place] if place < len(self._times) else FOREVER

    def times(self, begin_ns: int, until_ns: int) -> list[int]:
        """The times of changes from `begin_ns` up to and with `until_ns`."""
        return self._times[bisect_left(self._times, begin_ns) : bisect_right(self._times, until_ns)]

    def runs(self) -> Iterator[Run]:
        """Values for as long as they held, in order."""
        start = 0
        for place, value in enumerate(self._values, 1):
            end = self._times[place] if place < len(self._times) else FOREVER
            if place == len(self._times) or self._values[place] != value:
                yield Run(self._times[start], end, value)
                start = place

    def changes(self) -> list[tuple[int, str]]:
        """All that is remembered, as the constructor takes it."""
        return list(zip(self._times, self._values, strict=True))

    @property
    def first(self) -> int:
        """When the first change was that is remembered; 0 where there is none."""
        return self._times[0] if self._times else 0

    @property
    def latest(self) -> tuple[int, str]:
        """Time and value of the last change; (0, "") where there is none."""
        return (self._times[-1], self._values[-1]) if self._times else (0, "")

    def _drop(self, number: int) -> None:
        if number > 0:
            del self._times[:number], self._values[:number]
