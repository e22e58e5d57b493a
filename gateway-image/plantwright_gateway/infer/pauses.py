"""Which pauses belong to the machine's cycle: those of much the same length that come again and again.

Pauses of a cycle (part change, tool change, a thermostat's) keep to a length; stops do not. Lengths are counted in bins of a
quarter of an octave. A cluster of bins that is narrow and well filled is a pause of the cycle, and a stop begins only after
the longest of them.
"""

import math
from typing import Final

SHORTEST: Final = 0.1
PER_OCTAVE: Final = 4
BINS: Final = 56
"""From 0.1 s to about half an hour."""
WIDEST: Final = 10
"""Bins; a cluster that is wider is not regular. Smoothing takes two of them; eight are a ratio of 4 between longest and shortest."""
FEWEST: Final = 25.0
LEAST_SHARE: Final = 0.1
"""A cluster with a smaller share of all pauses is not the cycle's."""
EDGE: Final = 0.08
"""A cluster ends where less than this share of its fullest bin is left."""
AGEING: Final = 0.998
"""What is kept of the counts at each new pause: some five hundred pauses count."""


class Pauses:
    """Counts of pauses by length."""

    def __init__(self, counts: list[float] | None = None) -> None:
        self.counts = counts or [0.0] * BINS

    def note(self, seconds: float) -> None:
        """A pause has ended."""
        self.counts = [count * AGEING for count in self.counts]
        self.counts[_bin(seconds)] += 1

    def total(self) -> float:
        """How many count."""
        return sum(self.counts)

    def of_cycle(self) -> tuple[float, float]:
        """Shortest and longest, in s, of the longest pause that belongs to the cycle; zeros where none does."""
        found = (0.0, 0.0)
        for start, end in _clusters(_smoothed(self.counts)):
            count = sum(self.counts[start:end])
            if end - start <= WIDEST and count >= max(FEWEST, LEAST_SHARE * self.total()):
                found = (_length(start + 1), _length(end - 1))
        return found


def _bin(seconds: float) -> int:
    place = int(math.log2(max(seconds, SHORTEST) / SHORTEST) * PER_OCTAVE)
    return min(place, BINS - 1)


def _length(place: int) -> float:
    return SHORTEST * 2 ** (place / PER_OCTAVE)


def _smoothed(counts: list[float]) -> list[float]:
    """A triangle of three bins run over the counts: with few pauses there are empty bins within a cluster."""
    padded = [0.0, *counts, 0.0]
    return [(padded[place] + 2 * padded[place + 1] + padded[place + 2]) / 4 for place in range(len(counts))]


def _clusters(counts: list[float]) -> list[tuple[int, int]]:
    """Stretches of bins around each peak, down to where little of it is left."""
    clusters, rest = [], list(counts)
    while (fullest := max(rest)) >= 0.3:
        middle = rest.index(fullest)
        start = end = middle
        while start > 0 and rest[start - 1] > EDGE * fullest:
            start -= 1
        while end < BINS - 1 and rest[end + 1] > EDGE * fullest:
            end += 1
        clusters.append((start, end + 1))
        rest[start : end + 1] = [0.0] * (end + 1 - start)
    return sorted(clusters)
