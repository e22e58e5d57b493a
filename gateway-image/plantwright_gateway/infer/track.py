"""Whether a machine works, by levels that are known: hysteresis, and what is a stop and since when. Pure."""

from typing import Final, Literal, NamedTuple

from plantwright_gateway.infer.levels import Levels

Word = Literal["Producing", "Idle", "Off", ""]
Reason = Literal["", "Learning", "OneLevel", "LevelsNotApart", "Noise", "Stuck", "Drifted", "NoData"]
SECOND: Final = 1_000_000_000
SHORTEST_WORK: Final = 3.0
"""Less is no work but a pump that starts, or a lubrication."""
NO_PAUSE: Final = (0.0, 0.0)
SURE_OF_REST: Final = 20.0
"""Seconds after which off has become idle, or idle off: a meter with coarse steps flickers between the two."""


class Inferred(NamedTuple):
    """What is known at a sample: the state, since when (ns), how sure (0 to 1), and why it is not known."""

    word: Word
    since_ns: int
    confidence: float
    reason: Reason


class Track:
    """Goes along with the signal. Places are bins, all lengths seconds."""

    def __init__(self) -> None:
        self.high = False
        self._turned_ns = 0
        """When the signal last went above or below work."""
        self._work, self._work_ns = 0.0, 0
        """Seconds at work since the last stop, until there are enough of them to call it work."""
        self._span = 0.0
        """How long it worked before this pause."""
        self._off = 0.0
        """Seconds of this pause at the level of off."""
        self._other_ns = 0
        """Since when rest is on the other side of the bound of off than it was told to be; 0 while it is not."""

    def begin(self, time_ns: int, high: bool) -> None:
        """Nothing is known of what was before."""
        self.high = high
        self._turned_ns = self._work_ns = time_ns
        self._work = self._off = self._span = 0.0

    def resting(self, time_ns: int) -> float:
        """How long the pause under way is, in s; 0 at work."""
        return 0.0 if self.high else (time_ns - self._turned_ns) / SECOND

    @property
    def turned_ns(self) -> int:
        """When the signal last went above or below work."""
        return self._turned_ns

    def step(self, levels: Levels, time_ns: int, place: int, elapsed: float) -> tuple[float, float]:
        """The signal is at a place, `elapsed` after the sample before.

        Returns how long the pause was that has ended, after the work before it; zeros where none has.
        """
        if self.high:
            self._work += elapsed
            if place < levels.down:
                self._span = (time_ns - self._turned_ns) / SECOND
                self.high, self._turned_ns, self._off = False, time_ns, 0.0
            return NO_PAUSE
        if place < levels.off:
            self._off += elapsed
        if place <= levels.up:
            return NO_PAUSE
        pause = (time_ns - self._turned_ns) / SECOND
        if not self._work:
            self._work_ns = time_ns
        self.high, self._turned_ns = True, time_ns
        return self._span, pause

    def judged(self, levels: Levels, time_ns: int, place: int, hold: float, now: Inferred) -> Inferred:
        """What is known, given what was; `hold` is how long a pause must last to be a stop."""
        if self.high:
            if now.word != "Producing" and self._work < SHORTEST_WORK:
                return now
            since = now.since_ns if now.word == "Producing" else self._work_ns
            return Inferred("Producing", since, levels.clear, "")
        stay = (time_ns - self._turned_ns) / SECOND
        if stay < hold:
            return now._replace(confidence=levels.clear * (1 - 0.5 * stay / hold)) if now.word else now
        self._work = 0.0
        if now.word in ("Off", "Idle"):
            return self._rest(levels, time_ns, place, now)._replace(confidence=levels.clear * (1 - 0.5 * hold / stay))
        self._other_ns = 0
        return Inferred("Off" if self._off > stay / 2 else "Idle", self._turned_ns, 0.5 * levels.clear, "")

    def _rest(self, levels: Levels, time_ns: int, place: int, now: Inferred) -> Inferred:
        """A machine that rests, and may have been switched off or on meanwhile."""
        word: Word = "Off" if place < levels.off else "Idle"
        if word == now.word:
            self._other_ns = 0
        elif not self._other_ns:
            self._other_ns = time_ns
        elif (time_ns - self._other_ns) / SECOND >= SURE_OF_REST:
            now, self._other_ns = Inferred(word, self._other_ns, now.confidence, ""), 0
        return now
