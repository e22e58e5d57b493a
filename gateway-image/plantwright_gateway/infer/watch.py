"""Whether a signal can be believed: stuck, noise, or away from the levels that were learnt. Pure."""

from typing import Final, Literal

Trouble = Literal["", "Stuck", "Noise", "Drifted"]
RECENT: Final = 1800.0
"""Time constant, in s, of what is watched."""
BETWEEN_LIMIT: Final = 0.35
"""Share of recent time between the levels from which on they are no longer those of the signal."""
NOISE_BETWEEN: Final = 0.1
"""The same for a signal that looks like noise: what jumps from level to level does not stay between them."""
WHITE: Final = 1.2
"""Mean squared step over variance: 2 for white noise, near 0 for a signal that keeps to levels."""
STUCK_LEAST: Final = 600.0
STUCK_TIMES: Final = 60.0
"""A value that stays so many times longer than values at its level do is stuck."""
FEWEST_CHANGES: Final = 50.0
SLOW: Final = 0.02


class Watch:
    """Recent means of one signal. All arguments in bins and seconds."""

    def __init__(self, kept: list[float] | None = None) -> None:
        values = kept or [0.0] * 9
        self.mean, self.variance, self.square_step, self.between, self.seen = values[:5]
        self.still = 0.0
        """How long the value has been exactly the same."""
        self.changes, self.stay = values[5:7], values[7:]
        """Below and at work: how many changes were seen, and how long a value stays in the mean."""

    def restart(self) -> None:
        """The signal was away."""
        self.still = 0.0

    def forget(self) -> None:
        """The bins mean other values from now on."""
        self.mean = self.variance = self.square_step = self.between = self.seen = 0.0

    def kept(self) -> list[float]:
        """What a restart begins with."""
        return [self.mean, self.variance, self.square_step, self.between, self.seen, *self.changes, *self.stay]

    def note(self, elapsed: float, place: int, before: int, changed: bool, high: bool, between: bool) -> None:
        """A sample came, `elapsed` after the one before."""
        self.seen = min(self.seen + elapsed, RECENT)
        weight = elapsed / self.seen  # a plain mean at first
        difference = place - self.mean
        self.mean += weight * difference
        self.variance += weight * (difference * difference - self.variance)
        self.square_step += weight * ((place - before) ** 2 - self.square_step)
        self.between += weight * (between - self.between)
        self.still += elapsed
        if changed:
            self.changes[high] += 1
            self.stay[high] += (self.still - self.stay[high]) * max(SLOW, 1 / self.changes[high])
            self.still = 0.0

    def white(self) -> float:
        """How much like white noise the signal is lately."""
        return self.square_step / self.variance if self.variance > 0.5 else 0.0

    def trouble(self, high: bool, off: bool) -> Trouble:
        """Why the signal is not to be believed. What is switched off may well stand still."""
        longest = max(STUCK_LEAST, STUCK_TIMES * self.stay[high])
        if self.still > longest and not off and self.changes[high] > FEWEST_CHANGES:
            return "Stuck"
        if self.between > NOISE_BETWEEN and self.white() > WHITE:
            return "Noise"
        if self.between > BETWEEN_LIMIT:
            return "Drifted"
        return ""
