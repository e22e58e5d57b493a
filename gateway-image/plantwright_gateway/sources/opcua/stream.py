"""What has come of each signal: no value twice, no loss unnoticed. Pure; times are ns since the epoch.

After an interruption a server sends the present value of every item again. If its time and value are those of the last
one, nothing happened meanwhile: there is no gap and nothing to store. Otherwise the stretch since the stream was last
known to be complete is a gap of that signal.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from plantwright_gateway.ports.source import GapNotice, Sample

LAST_NUMBER = 2**32 - 1
"""After it, sequence numbers begin again at 1 (OPC 10000-4, 7.25)."""
TOLERATED_INTERVALS = 1.5
NS_PER_MS = 1_000_000
MOST_MISSING = 1000
"""More are not asked for again one by one."""


class Reading(NamedTuple):
    """One value that arrived; `overflowed`: the server lost values of the signal before this one."""

    sample: Sample
    overflowed: bool = False


class Taken(NamedTuple):
    """What is to be committed."""

    samples: list[Sample]
    gaps: list[GapNotice]


class Stream:
    """The last value of each signal, and which signals are awaited after an interruption."""

    def __init__(self, intervals_ms: Mapping[str, int]) -> None:
        self._intervals_ms = intervals_ms
        self._last: dict[str, Sample] = {}
        self._complete_ns: int | None = None
        self._stored_ns: int | None = None
        self._awaited: dict[str, tuple[str, int | None]] = {}

    def begin(self, last_ns: int | None, unsent_ns: int = 0) -> None:
        """Start reading: a process before this one stored something last at `last_ns` (None: never read).

        `unsent_ns`: so long before, that may have left the machine; what happened since was not observed.
        """
        self._stored_ns = last_ns
        if self._complete_ns is None and last_ns is not None:
            self._complete_ns = last_ns - unsent_ns
        self.interrupt("GatewayRestarted")

    def interrupt(self, reason: str, signals: Iterable[str] | None = None) -> None:
        """From now on values of these signals (all) may be missed, until the present value of each has come again."""
        for signal in self._intervals_ms if signals is None else signals:
            self._awaited.setdefault(signal, (reason, self._complete_ns))

    def stored(self) -> dict[str, int]:
        """Until when each signal's values are stored, by the machine's time where that is known."""
        begun = {} if self._stored_ns is None else dict.fromkeys(self._intervals_ms, self._stored_ns)
        return begun | {signal: sample.source_ns for signal, sample in self._last.items()}

    def complete(self, upto_ns: int) -> None:
        """Everything up to then has arrived: a keep-alive, or a notification that was taken, was asked for then.

        The time of its arrival would be too late: what the machine showed while it was on its way is not in it.
        """
        self._complete_ns = upto_ns

    def lost(self, now_ns: int) -> GapNotice:
        """Notifications of unknown content are gone for good."""
        start_ns = self._complete_ns if self._complete_ns is not None else now_ns
        return GapNotice("NotificationsLost", start_ns, now_ns)

    def take(self, readings: Iterable[Reading], now_ns: int, *, skip_repeats: bool = False) -> Taken:
        """What of these readings is new, and the gaps that end with them.

        `skip_repeats`: a value with the same time as before is none, which polled nodes need.
        """
        samples: list[Sample] = []
        missed: dict[tuple[str, int], list[str]] = defaultdict(list)
        gaps: list[GapNotice] = []
        for sample, overflowed in readings:
            awaited, before = self._awaited.pop(sample.signal, None), self._last.get(sample.signal)
            if (awaited or skip_repeats) and before and _same(before, sample):
                continue
            if awaited and awaited[1] is not None and self._is_gap(sample.signal, now_ns - awaited[1]):
                missed[awaited[0], awaited[1]].append(sample.signal)
            elif overflowed and before and not awaited:
                gaps.append(GapNotice("QueueOverflow", before.source_ns, sample.source_ns, (sample.signal,)))
            self._last[sample.signal] = sample
            samples.append(sample)
        gaps.extend(GapNotice(why, start, now_ns, self._named(names)) for (why, start), names in missed.items())
        return Taken(samples, gaps)

    def _is_gap(self, signal: str, stretch_ns: int) -> bool:
        return stretch_ns > TOLERATED_INTERVALS * self._intervals_ms[signal] * NS_PER_MS

    def _named(self, names: list[str]) -> tuple[str, ...]:
        return () if len(names) == len(self._intervals_ms) else tuple(names)


def _same(one: Sample, other: Sample) -> bool:
    """Whether both are one observation; NaN, which equals nothing, is the same as NaN."""
    return one == other or (
        one._replace(value=None) == other._replace(value=None) and str(one.value) == str(other.value) == "nan"
    )


class Sequence:
    """The numbers of a subscription's notifications, which follow one another without a hole."""

    def __init__(self) -> None:
        self.expected = 1
        """The number that the next notification has, if none is missing."""

    @property
    def last(self) -> int:
        """The number of the last notification taken."""
        return (self.expected - 2) % LAST_NUMBER + 1

    def judge(self, number: int, *, keep_alive: bool) -> tuple[bool, list[int]]:
        """Whether a message is new, and the numbers missing before it. Numbers far behind are repeats.

        A keep-alive carries the number that the next notification will have.
        """
        ahead = (number - self.expected) % LAST_NUMBER
        if self.is_behind(number):
            return keep_alive, []
        return True, [(self.expected - 1 + step) % LAST_NUMBER + 1 for step in range(min(ahead, MOST_MISSING))]

    def is_behind(self, number: int) -> bool:
        """Whether a message with this number was taken before."""
        return (number - self.expected) % LAST_NUMBER > LAST_NUMBER // 2

    def advance(self, number: int, *, keep_alive: bool) -> None:
        """The message with this number was taken."""
        if not keep_alive:
            self.expected = number % LAST_NUMBER + 1
        elif not self.is_behind(number):
            self.expected = number
