"""One signal's samples in, the machine's state out: levels, hysteresis, the cycle's pauses, and when it cannot tell. Pure.

     sample -> bin -> seconds per bin -> levels            every 20 minutes of signal
                 \\-> above or below work -> pauses -> the state, and since when
                  \\-> remembered while the levels are learnt, and told with them

Times are ns, all lengths seconds. Nothing here depends on when it is called, only on the samples.
"""

import math
from typing import Annotated, Final

import msgspec

from plantwright_gateway.infer.cycles import Cycles
from plantwright_gateway.infer.levels import BINS, Histogram, Levels, levels
from plantwright_gateway.infer.memory import Memory
from plantwright_gateway.infer.minutes import Minutes
from plantwright_gateway.infer.pauses import BINS as PAUSE_BINS
from plantwright_gateway.infer.pauses import FEWEST, Pauses, Regular
from plantwright_gateway.infer.track import SECOND, Inferred, Reason, Track
from plantwright_gateway.infer.watch import WHITE, Watch

REASONS: Final[dict[Reason, str]] = {
    "": "",
    "Learning": "the levels of the signal are still being learnt",
    "OneLevel": "the signal has kept to one level so far: work and rest cannot be told apart",
    "LevelsNotApart": "the signal has no levels that are clearly apart",
    "Noise": "the signal jumps from sample to sample as noise does, and shows nothing else",
    "Stuck": "the signal has not changed at all for longer than it ever does at this level",
    "Drifted": "the signal stays between the levels that were learnt; they are being learnt anew",
    "NoData": "no usable sample for a while",
}

LONGEST_SILENCE: Final = 60.0
"""Seconds without a sample after which nothing is known of the time between."""
CALIBRATE_EVERY: Final = 1200.0
LEARN_LEAST: Final = 900.0
ONE_LEVEL_AFTER: Final = 86_400.0
HALF_LIFE: Final = 3 * 86_400.0
LEARN_WORK: Final = 3600.0
YOUNG_WORK: Final = 4 * LEARN_WORK
"""Until so much work was seen, levels that turn out to be others void what was learnt with them. As much is wanted of a machine that
was never seen to rest, but for being off."""
LEARN_PAUSES: Final = 30.0
SETTLE: Final = 7200.0
"""Cycles are not counted before it has been clear for so long which pauses end them."""
STEADY: Final = 2400.0
"""The state is not told before the levels have been found the same again and again for so long."""
LONGEST_COUNTED: Final = 1600.0
LONGEST_PAUSE: Final = 300.0
"""No pause of the cycle is longer."""
LATE_LIMIT: Final = 20
"""So many samples in a row that are older than one before: the clock was set back, and this is the present."""
BEYOND_LIMIT: Final = 3
LARGEST: Final = 1e300
SMALLEST: Final = 1e-9
SPOILT: Final = 64.0
"""A scale whose upper end is so many times too far away shows nothing: one wild value has set it."""
FORGET_WHEN_MOVED: Final = 0.1
"""What is kept of what was learnt when the signal has left its scale or its levels."""


class Kept(msgspec.Struct, frozen=True, rename="camel"):
    """What a model remembers, as it is stored."""

    top: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    seconds: Annotated[list[float], msgspec.Meta(min_length=BINS, max_length=BINS)] | None = None
    peaks: Annotated[list[float], msgspec.Meta(min_length=BINS, max_length=BINS)] | None = None
    steady: Annotated[list[float], msgspec.Meta(min_length=BINS, max_length=BINS)] | None = None
    pauses: Annotated[list[float], msgspec.Meta(min_length=PAUSE_BINS, max_length=PAUSE_BINS)] | None = None
    spans: list[float] = []
    cycles: tuple[int, list[float], list[float]] = (0, [], [])
    levels: Levels | None = None
    known: bool = False
    times: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    watch: Annotated[list[float], msgspec.Meta(min_length=9, max_length=9)] | None = None


class Model:
    """Of one signal. `shortest_stop`: pauses shorter than this many seconds are never a stop.

    Constant memory: some lists of fixed length and some numbers.
    """

    def __init__(self, shortest_stop: float = 15.0, kept: bytes | None = None) -> None:
        """`kept` is what `dump` gave before a restart; what cannot be read begins anew."""
        remembered = _read(kept)
        self.shortest_stop = shortest_stop
        self.histogram = Histogram(remembered.top, remembered.seconds)
        self.minutes = Minutes(remembered.top, remembered.peaks, remembered.steady)
        self.pauses = Pauses(remembered.pauses, remembered.spans)
        self.cycles = Cycles(*remembered.cycles)
        self.levels = remembered.levels
        self.now = Inferred("", 0, 0.0, "NoData" if remembered.known else "Learning")
        self.known = remembered.known
        """Whether enough was seen to tell the state."""
        self.late = 0
        """Samples in a row that are no later than one before."""
        self._watch = Watch(remembered.watch)
        self._learnt, self._calibrated, self._worked, self._unsettled = remembered.times
        self._levelled = self._learnt
        """When the levels were last found to be others."""
        self._of_cycle, self._hold = Regular(), shortest_stop
        self._learn_pauses()
        self._at_ns = 0
        self._value = 0.0
        self._bin = 0
        self._track = Track()
        self._memory = Memory()
        self._past = list[Inferred]()
        self._cycles_ended = list[int]()
        self._above = 0
        """Samples in a row beyond the end of the scale."""

    def dump(self) -> bytes:
        """What must survive a restart, some 4 kB."""
        kept = Kept(
            top=self.histogram.top,
            seconds=self.histogram.seconds,
            peaks=self.minutes.peaks.seconds,
            steady=self.minutes.steady.seconds,
            pauses=self.pauses.counts,
            spans=self.pauses.spans,
            cycles=self.cycles.kept(),
            levels=self.levels,
            known=self.known,
            times=(self._learnt, self._calibrated, self._worked, self._unsettled),
            watch=self._watch.kept(),
        )
        return msgspec.json.encode(kept)

    def observe(self, time_ns: int, value: object) -> Inferred:
        """A sample, in whatever order they come: what is no number or comes late changes nothing but the time.

        Args:
            time_ns: when it was observed.
            value: bool, None, NaN and the like count as missing.
        """
        if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) <= LARGEST:
            return self._missing(time_ns)
        elapsed = (time_ns - self._at_ns) / SECOND
        if not 0 < elapsed <= LONGEST_SILENCE:
            return self._interrupted(time_ns, value, elapsed)
        self.late = 0
        place, before = self._placed(value), self._bin
        if self.now.reason != "Stuck":
            self.histogram.seconds[before] += elapsed
            self._learnt += elapsed
            self.minutes.note(place, elapsed)
        if not self.known:
            self._memory.note(time_ns, place, seen=True)
        known = self.levels
        between = known is not None and known.down < place < known.up
        self._watch.note(elapsed, place, before, value != self._value, self._track.high, between)
        self._at_ns, self._value, self._bin = time_ns, value, place
        if self._learnt - self._calibrated >= CALIBRATE_EVERY:
            self._calibrate()
        if self.levels:
            self._step(self.levels, time_ns, place, elapsed)
            self.now = self._judged(self.levels, time_ns, place)
        return self.now

    @property
    def tells_cycles(self) -> bool:
        """Whether each cycle is seen and told: not while it is learnt, and not of a machine without regular pauses."""
        return self._sees_cycles() and self.cycles.regular and not self.cycles.missing

    def take_past(self) -> list[Inferred]:
        """What was so while it was learnt, told once, when that is done: changes in their order, an empty word where nobody knows."""
        past, self._past = self._past, []
        return past

    def take_cycles(self) -> list[int]:
        """When the cycles ended, ns, that are known to have since this was asked last."""
        ended, self._cycles_ended = self._cycles_ended, []
        return ended

    # samples

    def _missing(self, time_ns: int) -> Inferred:
        if (time_ns - self._at_ns) / SECOND > LONGEST_SILENCE and self.now.word:
            self.now = Inferred("", self._at_ns, 0.0, "NoData")
        return self.now

    def _interrupted(self, time_ns: int, value: float, elapsed: float) -> Inferred:
        """The first sample, one after a silence, or a late one; many late ones in a row are a clock that was set back."""
        if elapsed <= 0 and self.late < LATE_LIMIT:
            self.late += 1
            return self.now
        self.late = 0
        self._value, self._bin = value, self._placed(value)
        if self.levels:
            self.now = Inferred("", self._at_ns, 0.0, "NoData")
        if not self.known:
            self._memory.note(time_ns, self._bin, seen=False)
        self._at_ns = time_ns
        self._track.begin(time_ns, self.levels is not None and self._bin > self.levels.up)
        self.cycles.interrupt()
        self._watch.restart()
        return self.now

    def _placed(self, value: float) -> int:
        """The bin of a value. A scale grows only after some values beyond it: one alone is a fault of the meter."""
        histogram = self.histogram
        if abs(value) > histogram.top:
            self._above += 1
            if self._above >= BEYOND_LIMIT or not histogram.top:
                self._rescale(_scale_end(abs(value)))
        else:
            self._above = 0
        return histogram.bin(value)

    def _rescale(self, top: float) -> None:
        histogram = self.histogram
        edges = [histogram.value(edge) for edge in self.levels or ()]
        middles = [histogram.value(place + 0.5) for place in range(BINS)]
        for each in (histogram, self.minutes):
            if self.known:
                each.age(FORGET_WHEN_MOVED)
            each.rescale(top)
        self._memory.rescaled([histogram.bin(middle) for middle in middles])
        if self.levels:
            clear = self.levels.clear
            self.levels = Levels(*(histogram.place(edge) for edge in edges))._replace(clear=clear)
        self._bin = histogram.bin(self._value)
        self._watch.forget()

    # what was learnt

    def _calibrate(self) -> None:
        step = self._learnt - self._calibrated
        self._calibrated = self._learnt
        share = FORGET_WHEN_MOVED if self.now.reason == "Drifted" else 0.5 ** (step / HALF_LIFE)
        self.histogram.age(share)
        self.minutes.age(share)
        end = self.histogram.used()
        if end < self.histogram.top / SPOILT:
            self.histogram, self.minutes = Histogram(), Minutes()
            self._memory.forget()
        elif end < self.histogram.top / 4:
            self._rescale(_scale_end(end))
        if self._learnt < LEARN_LEAST:
            return
        found = levels(self.histogram, self.minutes.peaks.seconds, self.minutes.steady.seconds)
        if found and (self.levels or self._watch.white() < WHITE):
            if self.levels is None:
                self._track.begin(self._at_ns, self._bin > found.up)
                self._levelled = self._learnt
            elif not self.levels.low < found.down < self.levels.high:
                self._start_over()
            self.levels = found
        elif self.levels is None:
            self.now = Inferred("", self._at_ns, 0.0, self._why())
        self._learn_pauses()

    def _start_over(self) -> None:
        """Pauses were between other levels; what was young is not known at all."""
        self.pauses, self._levelled = Pauses(), self._learnt
        if self._worked < YOUNG_WORK:
            self._worked, self.known, self.now = 0.0, False, Inferred("", self._at_ns, 0.0, "Learning")

    def _learn_pauses(self) -> None:
        if self.pauses.total() < FEWEST:  # also where they are counted anew: what was learnt before holds until then
            self._unsettled = self._learnt
            return
        self._of_cycle = self.pauses.of_cycle()
        if not self._of_cycle.settled:
            self._unsettled = self._learnt
        self._hold = max(self.shortest_stop, min(self._of_cycle.longest, LONGEST_PAUSE))

    def _why(self) -> Reason:
        if self._watch.white() > WHITE:
            return "Noise"
        peak = max(self.histogram.seconds)
        used = sum(1 for seconds in self.histogram.seconds if seconds > 0.02 * peak)
        if used > BINS // 4:
            return "LevelsNotApart"
        return "OneLevel" if self._learnt > ONE_LEVEL_AFTER else "Learning"

    # the state

    def _step(self, levels: Levels, time_ns: int, place: int, elapsed: float) -> None:
        """Whether the signal is above or below work; pauses that end are learnt."""
        track = self._track
        if track.high:
            self._worked += elapsed
            self.cycles.work(elapsed)
        worked, pause = track.step(levels, time_ns, place, elapsed)
        if pause:
            self._note_pause(pause, worked)
        if self._sees_cycles() and (rested := pause or track.resting(time_ns)):
            since_ns = time_ns - round(rested * SECOND)
            if self.cycles.rest(since_ns, rested, self._of_cycle):
                self._cycles_ended.append(since_ns)

    def _sees_cycles(self) -> bool:
        return self.known and self._of_cycle.settled and self._learnt - self._unsettled >= SETTLE

    def _note_pause(self, pause: float, worked: float) -> None:
        if pause < LONGEST_COUNTED:
            self.pauses.note(pause, worked)

    def _judged(self, levels: Levels, time_ns: int, place: int) -> Inferred:
        track = self._track
        if not self.known:
            least = LEARN_WORK if levels.off < levels.down else YOUNG_WORK
            enough = self._worked > least or self.pauses.total() > LEARN_PAUSES
            self.known = enough and self._learnt - self._levelled >= STEADY
            return self._looked_back(levels, time_ns) if self.known else self.now
        trouble = self._watch.trouble(track.high, place < levels.off)
        if trouble:
            track.begin(time_ns, track.high)
            return self.now if self.now.reason == trouble else Inferred("", time_ns, 0.0, trouble)
        return track.judged(levels, time_ns, place, self._hold, self.now)

    def _looked_back(self, levels: Levels, time_ns: int) -> Inferred:
        """Learning is done: what was so meanwhile is known now, and what it was last is so still."""
        if self.pauses.total() < FEWEST:
            for worked, pause in self._memory.pauses(levels):
                self._note_pause(pause, worked)
        self._learn_pauses()
        self._past = self._memory.told(levels, self._hold)
        self._memory.forget()
        self._track.begin(time_ns, self._track.high)
        return self._past[-1] if self._past else self.now


def _scale_end(value: float) -> float:
    """A power of two, so that a scale moves rarely."""
    return 2.0 ** math.ceil(math.log2(max(value, SMALLEST)))


def _read(kept: bytes | None) -> Kept:
    if kept:
        try:
            return msgspec.json.decode(kept, type=Kept)
        except msgspec.MsgspecError:
            pass
    return Kept()
