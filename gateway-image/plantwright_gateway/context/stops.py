"""For how long a machine has stood, by reason. Pure.

A reason becomes the label of a series, and people type reasons: so only so many are told apart at a time.
"""

from typing import Final

from plantwright_gateway.context.times import SECOND

NO_REASON: Final = "none"
OTHER: Final = "other"
MOST: Final = 20
"""Reasons of one machine that are told apart; a further one counts as OTHER."""
FORGOTTEN_NS: Final = 7 * 86_400 * SECOND
"""A reason for which the machine has not stood for so long makes room for another."""
LONGEST: Final = 64
"""Characters of a reason that are kept."""

Stops = dict[str, list[int]]
"""By reason: ns, and the end of the stretch in which it held last, ns since the epoch."""


def book(stops: Stops, reason: str, length_ns: int, end_ns: int) -> None:
    """The machine stood for this reason ("": none was given) for `length_ns` up to `end_ns`."""
    kept = stops.setdefault(_place(stops, reason[:LONGEST] or NO_REASON, end_ns), [0, 0])
    kept[0] += length_ns
    kept[1] = end_ns


def _place(stops: Stops, reason: str, now_ns: int) -> str:
    named = stops.keys() - {NO_REASON, OTHER}
    if reason in stops or reason == NO_REASON or len(named) < MOST:
        return reason
    oldest = min(named, key=lambda each: stops[each][1])
    if now_ns - stops[oldest][1] < FORGOTTEN_NS:
        return OTHER
    del stops[oldest]
    return reason
