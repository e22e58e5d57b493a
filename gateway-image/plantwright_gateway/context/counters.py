"""Parts between two readings of a counter, through wraps, resets and corrections. Pure.

A counter that shows less than before has done one of three things, and only what it shows and when can tell which:

=========  =====================================================================================  ====================
fall       taken for it where                                                                     counts
=========  =====================================================================================  ====================
Wrap       a rollover is known, what it means is less than half the range, and can be made        what it means
Reset      what it shows can have been made since the reading before, and it is near zero         what it shows
SetBack    it is neither: somebody has corrected it                                               nothing
=========  =====================================================================================  ====================

*Near zero* is less than half of what it showed before. Who follows a counter sees it soon after it began again, so more than that
is a correction. Where it was out of sight in between, it may have made more than that since, and what can have been made decides.

*Can have been made* is known where the planned run time per item (ISO 22400 PRI) is, and both readings have a source time: MOST_AT_ONCE,
and FASTER times what fits into the time between them. Where that is not known, anything can have been made.
"""

from collections import Counter
from collections.abc import Sequence
from math import inf
from typing import Final, NamedTuple

from plantwright_api.wire.config import PartCounters
from plantwright_api.wire.delivery import CounterFall

KINDS: Final = ("good", "rejected", "reworked")
"""What part counters count, in the order of `part_signals`."""
FASTER: Final = 3
"""A machine may be that much faster than planned: planned run times are kept loosely, some per stroke of several parts."""
MOST_AT_ONCE: Final = 5
"""Parts that may come whatever the time says: several of a stroke, and times are given when a value is looked at."""


class Reading(NamedTuple):
    """What a counter showed, and its source time in ns; None where that is not known."""

    shown: int
    at_ns: int | None = None


class CounterRule(NamedTuple):
    """What is known of a counter: where it begins again at 0, and the planned run time of what it counts in ns; None: not known."""

    rollover: int | None = None
    run_ns: int | None = None


class Step(NamedTuple):
    """Parts made between two readings, and what the counter has done if it fell."""

    parts: int
    fall: CounterFall | None = None


def step(rule: CounterRule, before: Reading | None, now: Reading, *, followed: bool = True) -> Step:
    """What has happened between two readings. Nothing is known before the first one: no parts.

    `followed`: no gap lies between them.
    """
    if before is None:
        return Step(0)
    if now.shown >= before.shown:
        return Step(now.shown - before.shown)
    most = _most(rule.run_ns, before.at_ns, now.at_ns)
    wrapped = _wrapped(rule.rollover, before.shown, now.shown)
    if wrapped is not None and wrapped <= most:
        return Step(wrapped, "Wrap")
    near_zero = 2 * now.shown < before.shown
    out_of_sight = not followed and most < inf
    if now.shown <= most and (near_zero or out_of_sight):
        return Step(now.shown, "Reset")
    return Step(0, "SetBack")


class Follower:
    """Of the counters of one machine: which were in sight since their last reading, and how often each has fallen."""

    def __init__(self) -> None:
        self.falls: Counter[tuple[str, CounterFall]] = Counter()
        """By signal and kind, since the process' start."""
        self._in_sight: set[str] = set()

    def step(self, signal: str, rule: CounterRule, before: Reading | None, now: Reading) -> Step:
        """What has happened between two readings of a signal, noted where its counter fell."""
        found = step(rule, before, now, followed=signal in self._in_sight)
        self._in_sight.add(signal)
        if found.fall:
            self.falls[signal, found.fall] += 1
        return found

    def lose_sight(self, signals: Sequence[str]) -> None:
        """These signals (none: all) were not observed for a while before the readings that come next."""
        self._in_sight.difference_update(signals or tuple(self._in_sight))


def _wrapped(rollover: int | None, before: int, now: int) -> int | None:
    """How far it came if it began again at 0; None where it cannot have: no machine makes half a counter's range at a time."""
    if rollover is None or now >= rollover or not 0 <= now + rollover - before < rollover // 2:
        return None
    return now + rollover - before


def _most(run_ns: int | None, before_ns: int | None, now_ns: int | None) -> float:
    """Parts that can have been made in between; inf where nobody knows. A clock that stands or was set back measures no time."""
    if not run_ns or before_ns is None or now_ns is None or now_ns <= before_ns:
        return inf
    return MOST_AT_ONCE + FASTER * (now_ns - before_ns) / run_ns


def part_signals(parts: PartCounters | None) -> dict[str, str]:
    """The signals that count parts, and which of KINDS each counts."""
    signals = (parts.good, parts.rejected, parts.reworked) if parts else (None,) * len(KINDS)
    return {signal: kind for signal, kind in zip(signals, KINDS, strict=True) if signal}


def planned_run_ns(parts: PartCounters | None) -> int | None:
    """The planned run time per item, None where it is not known."""
    seconds = parts.planned_run_time_per_item_seconds if parts else None
    return None if seconds is None else round(seconds * 1e9)


def as_count(value: object) -> int | None:
    """A reading as a count, or None for what cannot be one."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
