"""The highest value of each minute, and of those minutes that kept to one level. Pure.

A machine at work reaches its heaviest step in every minute or so, whichever levels its cycle runs through; one at rest stays where it is.
"""

from typing import Final

from plantwright_gateway.infer.levels import Histogram

MINUTE: Final = 60.0
STEADY_BINS: Final = 6
"""A minute of which highest and lowest value are at most so many bins apart keeps to one level."""


class Minutes:
    """Seconds per bin of the highest value."""

    def __init__(self, top: float = 0.0, peaks: list[float] | None = None, steady: list[float] | None = None) -> None:
        self.peaks = Histogram(top, peaks)
        self.steady = Histogram(top, steady)
        """The same, of minutes that kept to one level."""
        self._high = self._low = -1
        self._seconds = 0.0

    def note(self, place: int, elapsed: float) -> None:
        """The signal is at a bin, so many s after the sample before."""
        self._high = max(self._high, place)
        self._low = min(self._low, place) if self._low >= 0 else place
        self._seconds += elapsed
        if self._seconds < MINUTE:
            return
        self.peaks.seconds[self._high] += self._seconds
        if self._high - self._low <= STEADY_BINS:
            self.steady.seconds[self._high] += self._seconds
        self._high, self._low, self._seconds = place, place, 0.0

    def age(self, share: float) -> None:
        """Forget: this share is kept."""
        self.peaks.age(share)
        self.steady.age(share)

    def rescale(self, top: float) -> None:
        """Move to a scale with another end; the minute under way begins anew."""
        self.peaks.rescale(top)
        self.steady.rescale(top)
        self._high = self._low = -1
