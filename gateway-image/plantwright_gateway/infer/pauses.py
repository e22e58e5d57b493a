"""Which pauses belong to the machine's cycle: those of much the same length that come again and again.

Lengths are counted in bins of a quarter of an octave. Around each peak mean and spread of the logarithm are taken, what is far off left out
again and again (sigma clipping). A peak that is narrow and holds enough of all pauses is a pause of the cycle; how long the next
one may be is a prediction interval, Student's t, so few pauses give a wide one and many a close one. A stop begins only after that.
"""

import math
from statistics import NormalDist
from typing import Final, NamedTuple

SHORTEST: Final = 0.1
PER_OCTAVE: Final = 4
BINS: Final = 56
"""From 0.1 s to about half an hour."""
_PER_NAT: Final = PER_OCTAVE / math.log(2)
WIDEST: Final = 0.42 * _PER_NAT
"""Spread, as standard deviation in bins, up to which pauses are regular: a part change by hand has some 0.3, stops 0.6 and more."""
FIRST_REACH: Final = 2 * WIDEST
CLIP: Final = 2.0
"""Standard deviations beyond which a pause is not of the cluster."""
DOWN_TO: Final = 4.0
"""Standard deviations below the mean down to which a pause is of the cluster, where there is no other that it may be of."""
TAIL: Final = 3.0
"""Standard deviations; what clipping has left nearer than that is no cluster of its own."""
CLIPPED: Final = 1 / 0.8796
"""What the standard deviation of a normal distribution is, times that of what is left of it within CLIP."""
FEWEST: Final = 5.0
HALF_UNTIL: Final = 25.0
"""Of few pauses half must be of the cluster, up to so many of it."""
UNDECIDED: Final = 3.0
"""So many longer pauses of much the same length may become the cycle's."""
NO_STOP: Final = 10.0
"""Shorter pauses, in s, say nothing of longer ones: a meter that ripples makes any number of them."""
LEAST_SHARE: Final = 0.1
"""A cluster with a smaller share of all pauses is not the cycle's."""
FALSE_STOPS: Final = 1 / 2000
"""How seldom a pause of the cycle may be taken for a stop."""
SPANS: Final = 31
SHORTEST_SPAN: Final = 3.0
UNEVEN: Final = 4.0
"""How much longer than their median spans of work may be in the mean: more, and pauses come in heaps, not with the cycle."""
AGEING: Final = 0.998
"""What is kept of the counts at each new pause: some five hundred pauses count."""
_SMOOTH: Final = (1, 2, 1)
_ROUNDS: Final = 12


class Regular(NamedTuple):
    """A pause of the cycle, in s: from when on it is this one and no shorter one, and after what it has become a stop. Zeros: none.

    `settled` where enough were seen, and no longer ones that may be the cycle's as well: then each ends one cycle.
    """

    shortest: float = 0.0
    longest: float = 0.0
    settled: bool = False


class _Cluster(NamedTuple):
    """Mean and standard deviation in bins, and how many pauses."""

    mean: float
    spread: float
    number: float


class Pauses:
    """Counts of pauses by length."""

    def __init__(self, counts: list[float] | None = None, spans: list[float] | None = None) -> None:
        self.counts = counts or [0.0] * BINS
        self.spans = spans or []
        """How long it worked between the last pauses."""

    def note(self, seconds: float, worked: float = 0.0) -> None:
        """A pause has ended, after so many seconds of work."""
        self.counts = [count * AGEING for count in self.counts]
        self.counts[_bin(seconds)] += 1
        if worked > SHORTEST_SPAN:
            self.spans = [*self.spans[1 - SPANS :], worked]

    def total(self) -> float:
        """How many count."""
        return sum(self.counts)

    def of_cycle(self) -> Regular:
        """The longest pause that belongs to the cycle."""
        total = self.total()
        clusters = _clusters(self.counts)
        narrow = [each for each in clusters if each.spread <= _widest(each.number)]
        regular = [each for each in narrow if each.number >= max(_share(total), self._enough(each))]
        if not regular or self._in_heaps():
            return Regular()
        last = regular[-1]
        undecided = any(each > last and each.number >= max(UNDECIDED, LEAST_SHARE * total) for each in narrow)
        shortest = last.mean - DOWN_TO * last.spread
        tail = last.mean - TAIL * last.spread
        shorter = [each for each in clusters if each.mean < tail and each.number >= UNDECIDED]
        if shorter:
            shortest = max(shortest, _between(shorter[-1], last))
        settled = last.number >= HALF_UNTIL and not undecided
        return Regular(_length(shortest), _length(last.mean + _reach(last)), settled)

    def _enough(self, cluster: _Cluster) -> float:
        """How many pauses make a cluster: of few half of those that are as long, or long enough to be asked for."""
        first = min(_bin(NO_STOP), max(0, round(cluster.mean - FIRST_REACH)))
        return max(FEWEST, min(HALF_UNTIL, sum(self.counts[first:]) / 2))

    def _in_heaps(self) -> bool:
        spans = sorted(self.spans)
        return len(spans) >= FEWEST and sum(spans) > UNEVEN * len(spans) * spans[len(spans) // 2]


def _share(total: float) -> float:
    """LEAST_SHARE of so many pauses, and by how much a smaller share may seem larger among so few."""
    least = LEAST_SHARE * total
    return least + 2 * math.sqrt(least)


def _widest(number: float) -> float:
    """WIDEST, and by how much so few pauses may seem to spread more than they do."""
    return WIDEST * (1 + 1 / math.sqrt(2 * number))


def _between(one: _Cluster, other: _Cluster) -> float:
    """Where two clusters are as many of their spreads away."""
    return (one.mean * other.spread + other.mean * one.spread) / (one.spread + other.spread)


def _reach(cluster: _Cluster) -> float:
    """How far above the mean the next pause may be: Student's t (by Cornish and Fisher) times the spread of a prediction."""
    z = NormalDist().inv_cdf(1 - FALSE_STOPS)
    free = cluster.number - 1
    t = z + (z**3 + z) / (4 * free) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * free**2)
    return t * cluster.spread * math.sqrt(1 + 1 / cluster.number)


def _bin(seconds: float) -> int:
    place = int(math.log2(max(seconds, SHORTEST) / SHORTEST) * PER_OCTAVE)
    return min(place, BINS - 1)


def _length(place: float) -> float:
    return SHORTEST * 2 ** ((place + 0.5) / PER_OCTAVE)


def _smoothed(counts: list[float]) -> list[float]:
    padded = [0.0, *counts, 0.0]
    return [sum(padded[place + i] * _SMOOTH[i] for i in range(3)) for place in range(len(counts))]


def _clusters(counts: list[float]) -> list[_Cluster]:
    """Around each peak, the fullest first and each bin once; by length."""
    clusters, rest = [], list(counts)
    while sum(rest) >= FEWEST:
        smooth = _smoothed(rest)
        found, start, end = _clipped(rest, smooth.index(max(smooth)))
        clusters.append(found)
        rest[start:end] = [0.0] * (end - start)
    return sorted(clusters)


def _clipped(counts: list[float], peak: int) -> tuple[_Cluster, int, int]:
    """Mean and spread of what is around a peak, and the bins that were taken."""
    mean, reach, before = float(peak), FIRST_REACH, (0, 0)
    for _ in range(_ROUNDS):
        start, end = max(0, round(mean - reach)), min(BINS, round(mean + reach) + 1)
        if (start, end) == before:
            break
        before = start, end
        count = sum(counts[start:end])
        mean = sum(place * counts[place] for place in range(start, end)) / count
        variance = sum((place - mean) ** 2 * counts[place] for place in range(start, end)) / count
        spread = CLIPPED * math.sqrt(variance * count / max(count - 1, 1.0) + 1 / 12)  # and what a bin rounds off
        reach = CLIP * spread
    return _Cluster(mean, spread, count), start, end
