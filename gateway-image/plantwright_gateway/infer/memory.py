"""What the signal was while its levels were being learnt, so that what was so then can be told afterwards. Pure.

The highest bin of each slot of some seconds. When there are too many slots, two become one of twice the length, so a weekend takes as
much memory as a shift and is remembered less finely; what is older than three days is forgotten.
"""

from collections.abc import Iterator
from typing import Final

from plantwright_gateway.infer.levels import BINS, Levels
from plantwright_gateway.infer.track import SECOND, Inferred, Track

MOST: Final = 16_384
FIRST_SLOT_NS: Final = 2 * SECOND
LAST_SLOT_NS: Final = 16 * SECOND
UNSEEN: Final = 255
FINE: Final = 5
"""Slots; what is shorter cannot be measured with them."""
_AS_IT_IS: Final = bytes(range(256))


class Memory:
    """Of one signal."""

    def __init__(self) -> None:
        self._slot_ns = FIRST_SLOT_NS
        self._begin_ns = 0
        self._slots = bytearray()

    def note(self, time_ns: int, place: int, seen: bool) -> None:
        """The signal is at a bin; `seen` where it was known between the sample before and this one."""
        if not self._slots or not self._begin_ns <= time_ns < self._begin_ns + 2 * MOST * LAST_SLOT_NS:
            self._slots, self._begin_ns, self._slot_ns = bytearray([place]), time_ns, FIRST_SLOT_NS
            return
        while (slot := (time_ns - self._begin_ns) // self._slot_ns) >= MOST:
            self._thin_out()
        missing = slot + 1 - len(self._slots)
        if missing > 0:
            between = place if seen else UNSEEN
            self._slots.extend(bytes([between]) * (missing - 1) + bytes([place]))
        elif self._slots[slot] == UNSEEN or place > self._slots[slot]:
            self._slots[slot] = place

    def rescaled(self, bins: list[int]) -> None:
        """The bins mean other values from now on: `bins` has the new one of each."""
        self._slots = self._slots.translate(bytes(bins) + _AS_IT_IS[BINS:])

    def forget(self) -> None:
        """Nothing of it is wanted any more."""
        self._slots = bytearray()

    def told(self, levels: Levels, hold: float) -> list[Inferred]:
        """What was so: the changes in their order, an empty word where nothing was seen. The last may go on."""
        changes, now = list[Inferred](), Inferred("", 0, 0.0, "NoData")
        for each in self._retraced(levels, hold + self._slot_ns / SECOND):
            if each.word != now.word:
                changes.append(each)
            now = each
        return changes

    def pauses(self, levels: Levels) -> list[tuple[float, float]]:
        """How long it worked and then paused, in s, of pauses that were long enough to be seen in slots."""
        track, found, slot = Track(), [], self._slot_ns / SECOND
        for number, place in enumerate(self._slots):
            time_ns = self._begin_ns + number * self._slot_ns
            if place == UNSEEN or not number:
                track.begin(time_ns, place > levels.up)
            else:
                worked, pause = track.step(levels, time_ns, place, slot)
                found.append((worked, pause + slot))  # half a slot of it was counted as work on either side
        return [each for each in found if each[1] > FINE * slot]

    def _retraced(self, levels: Levels, hold: float) -> Iterator[Inferred]:
        track, now, seen = Track(), Inferred("", 0, 0.0, "NoData"), False
        for number, place in enumerate(self._slots):
            time_ns = self._begin_ns + number * self._slot_ns
            if place == UNSEEN:
                now = now if not now.word else Inferred("", time_ns, 0.0, "NoData")
            elif not seen:
                track.begin(time_ns, place > levels.up)
            else:
                track.step(levels, time_ns, place, self._slot_ns / SECOND)
                now = track.judged(levels, time_ns, place, hold, now)
            seen = place != UNSEEN
            yield now

    def _thin_out(self) -> None:
        if self._slot_ns >= LAST_SLOT_NS:
            self._begin_ns += MOST // 2 * self._slot_ns
            del self._slots[: MOST // 2]
            return
        even, odd = self._slots[::2], self._slots[1::2]
        odd.extend(even[len(odd) :])
        pairs = zip(even, odd, strict=True)
        self._slots = bytearray(max(pair) if UNSEEN not in pair else min(pair) for pair in pairs)
        self._slot_ns *= 2
