"""For how long a signal stood at which value, and which levels it keeps to.

Values are put into bins of a logarithmic scale, linear near zero, so that a stand-by of 2 % is as wide apart from zero as full
load is from half. The bins hold seconds. A level is what lies between two clear valleys of their roots (a weekend must not outweigh a
shift). Of these few levels the lower ones are rest and the upper ones work: all bounds are tried, and that with the largest variance
between the two groups wins (Otsu 1979), in the signal's own measure, not the logarithm.
"""

import math
from itertools import pairwise
from typing import Final, NamedTuple

BINS: Final = 96
RANGE: Final = 200.0
"""The scale is linear below its top divided by this."""
_PER_UNIT: Final = BINS / math.log1p(RANGE)
SOME_SECONDS: Final = 5.0
LEAST_SECONDS: Final = 60.0
"""A level that the signal kept for less is none."""
APART: Final = 0.45
"""At most so much of the lower peak may be left in the valley between two levels."""
NEAREST: Final = 3
"""Peaks that are fewer bins apart are one level."""
OFF_SHARE: Final = 0.025
"""Off is less than this share of the level of work."""
REST_LEAST: Final = 0.15
REST_MOST: Final = 1.1
"""Bounds of the time for which a level of rest is the highest of its minute, relative to all time at it."""
TOGETHER: Final = 0.8
MOSTLY: Final = 0.7
TAILS: Final = 0.05
"""Share of the fullest bin below which a bin does not belong to the level."""
SMOOTH: Final = (1, 2, 3, 2, 1)


class Levels(NamedTuple):
    """Where the levels are, in bins. Hysteresis: work begins at `up` and ends below `down`."""

    low: float
    """Centre of what is below work, switched off left out where there is something else."""
    down: float
    up: float
    high: float
    off: float
    """Below it the machine is off; 0 where it never was."""
    clear: float
    """How empty the valley is: 1 is empty, 0 no valley."""


class Histogram:
    """Seconds per bin, with forgetting. `top` is the value at the end of the scale."""

    def __init__(self, top: float = 0.0, seconds: list[float] | None = None) -> None:
        self.top = top
        self.seconds = seconds or [0.0] * BINS
        self._unit = top / RANGE if top else 1.0

    def bin(self, value: float) -> int:
        """The bin of a value; what is above the scale is in the last one. The sign does not count: clamps are put on either way."""
        place = int(math.log1p(abs(value) / self._unit) * _PER_UNIT)
        return place if place < BINS else BINS - 1

    def place(self, value: float) -> float:
        """Where a value lies on the scale, in bins."""
        return math.log1p(abs(value) / self._unit) * _PER_UNIT

    def value(self, place: float) -> float:
        """The value at a place of the scale."""
        return math.expm1(place / _PER_UNIT) * self._unit

    def used(self) -> float:
        """The largest value that the signal kept for some seconds."""
        return self.value(
            1 + max((place for place, each in enumerate(self.seconds) if each >= SOME_SECONDS), default=BINS)
        )

    def age(self, share: float) -> None:
        """Forget: this share is kept."""
        self.seconds = [seconds * share for seconds in self.seconds]

    def rescale(self, top: float) -> None:
        """Move to a scale with another end; a bin's seconds go to where its middle lies."""
        moved = Histogram(top)
        for place, seconds in enumerate(self.seconds):
            if seconds:
                moved.seconds[moved.bin(self.value(place + 0.5))] += seconds
        self.top, self.seconds, self._unit = top, moved.seconds, moved._unit


def levels(histogram: Histogram, peaks: list[float], steady: list[float]) -> Levels | None:
    """The levels that the signal keeps to; None where there are not at least two that are apart.

    Args:
        histogram: seconds per bin.
        peaks: the same of the highest value of each minute.
        steady: the same of minutes that kept to one level.
    """
    weights = _smoothed(histogram.seconds)
    valleys = _valleys(weights, histogram.seconds)
    if not valleys:
        return None
    classes = list(pairwise((0, *valleys, BINS)))
    centres = [histogram.value(_centre(weights, start, end)) for start, end in classes]
    stayed = [_is_rest(histogram.seconds, peaks, start, end) for start, end in classes]
    off = _off(centres, stayed)
    masses = [sum(weights[start:end]) for start, end in classes]
    place = off + _best(masses[off:], centres[off:]) if off < len(valleys) else len(valleys) - 1
    while (
        place > off and not stayed[place] and not _alternates(histogram.seconds, peaks, classes[place - 1 : place + 1])
    ):
        place -= 1
    start, valley = classes[place]
    above = _rest_within(peaks, steady, valley)
    if above > valley:
        start, valley = valley, above
    low, high = _centre(weights, start, valley), _centre(weights, valley, BINS)
    return Levels(
        low=low,
        down=valley - (valley - low) * 0.3,
        up=valley + (high - valley) * 0.3,
        high=high,
        off=float(classes[off - 1][1] if off else 0),
        clear=1 - weights[valley] / min(max(weights[:valley]), max(weights[valley:])),
    )


def _rest_within(peaks: list[float], steady: list[float], valley: int) -> int:
    """Where work begins, seen from the highest values of each minute: some cycles run through all that is above rest and leave no valley,
    but then their minutes are higher than those of rest, and not steady. `valley` itself where no rest shows above it."""
    above = [0.0] * valley + peaks[valley:]
    for end in _valleys(_smoothed(above), above):
        if _steady(peaks, steady, valley, end) >= MOSTLY and _steady(peaks, steady, end, BINS) <= 1 - MOSTLY:
            most = max(peaks[valley:end])
            return max(place for place in range(valley, end) if peaks[place] > TAILS * most) + NEAREST
    return valley


def _steady(peaks: list[float], steady: list[float], start: int, end: int) -> float:
    return sum(steady[start:end]) / (sum(peaks[start:end]) or 1.0)


def _off(centres: list[float], stayed: list[bool]) -> int:
    """How many of the lowest levels are that of a machine that is switched off: the lowest if it is next to nothing, and those into which
    it flickers, as a meter with coarse steps makes it do. What the signal stays at above is a stand-by, however little it draws."""
    little = sum(centre < OFF_SHARE * centres[-1] for centre in centres)
    return next((number for number in range(1, little) if stayed[number - 1] and stayed[number]), little)


def _is_rest(seconds: list[float], peaks: list[float], start: int, end: int) -> bool:
    """Whether a machine that is at this level stays there.

    A light step of a cycle is seldom the highest of its minute; the heavy one of a lesser product is so for longer than it lasts.
    """
    stayed, all_ = sum(peaks[start:end]), sum(seconds[start:end])
    return REST_LEAST * all_ <= stayed <= REST_MOST * all_


def _alternates(seconds: list[float], peaks: list[float], classes: list[tuple[int, int]]) -> bool:
    """Whether a machine at rest goes to and fro between two levels, as a heater that is switched does: together they are one it stays at."""
    (start, _), (_, end) = classes
    return sum(peaks[start:end]) >= TOGETHER * sum(seconds[start:end]) and _is_rest(seconds, peaks, start, end)


def _is_peak(weights: list[float], place: int) -> bool:
    around = weights[max(place - 1, 0) : place + 2]
    return weights[place] > 0 and weights[place] >= max(around) and (not place or weights[place - 1] < weights[place])


def _smoothed(seconds: list[float]) -> list[float]:
    """Roots of the seconds, a triangle of five bins run over them."""
    roots = [0.0, 0.0, *(math.sqrt(each) if each >= 1 else 0.0 for each in seconds), 0.0, 0.0]
    return [sum(roots[place + i] * SMOOTH[i] for i in range(5)) / 9 for place in range(len(seconds))]


def _valleys(weights: list[float], seconds: list[float]) -> list[int]:
    """Where one level ends and the next begins: the middle of each valley that is clear, with enough on either side."""
    peaks = [place for place in range(len(weights)) if _is_peak(weights, place)]
    while len(peaks) > 1:
        valleys = [_floor(weights, low, high) for low, high in pairwise(peaks)]
        left, which = max(
            (weights[valley] / min(weights[low], weights[high]) if high - low >= NEAREST else 1.0, place)
            for place, (valley, (low, high)) in enumerate(zip(valleys, pairwise(peaks), strict=True))
        )
        kept = [sum(seconds[start:end]) for start, end in pairwise((0, *valleys, len(weights)))]
        least = min(range(len(kept)), key=kept.__getitem__)
        if kept[least] < LEAST_SECONDS:
            del peaks[least]
        elif left > APART:
            del peaks[which + (weights[peaks[which]] >= weights[peaks[which + 1]])]
        else:
            return valleys
    return []


def _floor(weights: list[float], low: int, high: int) -> int:
    """The middle of the emptiest stretch between two peaks."""
    least = min(weights[low : high + 1])
    places = [place for place in range(low, high + 1) if weights[place] <= least + 1e-9]
    return places[len(places) // 2]


def _best(masses: list[float], centres: list[float]) -> int:
    """The last of the lower classes, where two groups of classes have the largest variance between them: in the signal's own
    measure, in which the step from rest to work is the largest."""

    def mean(start: int, end: int) -> tuple[float, float]:
        mass = sum(masses[start:end])
        return mass, sum(
            mass * centre for mass, centre in zip(masses[start:end], centres[start:end], strict=True)
        ) / mass

    def score(bound: int) -> float:
        (low, below), (high, above) = mean(0, bound), mean(bound, len(masses))
        return low * high / (low + high) * (above - below) ** 2

    return max(range(1, len(masses)), key=score) - 1


def _centre(weights: list[float], start: int, end: int) -> float:
    mass = sum(weights[start:end]) or 1.0
    return sum(place * weights[place] for place in range(start, end)) / mass
