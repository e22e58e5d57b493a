"""What is odd in a plant's calendar, as the condition CalendarConsistent: shifts over one another, gaps, breaks beside their shift.

None of it stops a plant, for it may be meant: a hand-over, a plant that is closed between two shifts. Each message therefore says
how the time is counted. Times are minutes of the wall clock in a week without a change of clocks, since Monday 00:00; a night of
23 or 25 hours moves both ends of a shift alike. Closures take whole days of shifts away and are never odd.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from plantwright_api.v1alpha1.plant import WEEKDAYS, Break, Calendar, Shift, minute_of_day
from plantwright_operator.decide.conditions import Judgement, Status

DAY: Final = 24 * 60
WEEK: Final = 7 * DAY
SHORT_GAP: Final = 60
"""Minutes for which nobody closes a plant; longer time between shifts of two dates is when it is closed."""
TOLD: Final = 3
"""How many findings a message names; the others are counted."""


class Turn(NamedTuple):
    """One shift of one day: [start, end) in minutes of the week; `end` may lie behind the week's."""

    start: int
    end: int
    name: str


Meeting = tuple[str, str, int, int]
"""Two shifts, the one that began earlier first, and the stretch between or of both as minutes of the day."""


def judge(calendar: Calendar) -> Judgement:
    """The condition CalendarConsistent: the reason of the first kind of finding, and a message that tells of all kinds."""
    if not calendar.shifts:
        return Judgement("True", "AroundTheClock")
    found = [(status, reason, told) for status, reason, check in CHECKS if (told := list(check(calendar)))]
    if not found:
        return Judgement("True", "Consistent")
    status, reason, _ = found[0]
    told = [text for _, _, texts in found for text in texts]
    more = [f"and {len(told) - TOLD} more"] if len(told) > TOLD else []
    return Judgement(status, reason, "; ".join([*told[:TOLD], *more]))


def _overlaps(calendar: Calendar) -> Iterator[str]:
    for (first, second, start, end), days in _by_weekday(_met(_two_weeks(calendar))).items():
        yield (
            f"spec.calendar.shifts[{second}] begins before shifts[{first}] ends: {_clock(start)} to {_clock(end)} ({days}) is "
            f"planned once, as time of the later shift, {second}; let one end where the other begins, unless a hand-over is meant"
        )


def _met(turns: Sequence[Turn]) -> Iterator[Meeting]:
    for place, first in enumerate(turns):
        for second in turns[place + 1 :]:
            if second.start >= first.end:
                break
            if second.start >= WEEK:
                yield first.name, second.name, second.start, min(first.end, second.end)


def _without_work(calendar: Calendar) -> Iterator[str]:
    for shift in calendar.shifts:
        start, end = _span(shift)
        for pause_start, pause_end in sorted(_pause(pause, start) for pause in shift.breaks):
            start = max(start, pause_end) if pause_start <= start else start
        if start >= end:
            yield f"spec.calendar.shifts[{shift.name}].breaks take all of it: no time of it is planned; shorten them"


def _breaks_outside(calendar: Calendar) -> Iterator[str]:
    for shift in calendar.shifts:
        start, end = _span(shift)
        for place, pause in enumerate(shift.breaks):
            pause_start, pause_end = _pause(pause, start)
            if pause_end <= end:
                continue
            effect = "takes no time from it" if pause_start >= end else f"ends its planned time at {pause.start}"
            yield (
                f"spec.calendar.shifts[{shift.name}].breaks[{place}], {pause.start} to {pause.end}, is not within the shift, "
                f"{shift.start} to {shift.end}, and {effect}; mend its times or remove it"
            )


def _gaps(calendar: Calendar) -> Iterator[str]:
    for (first, second, start, end), days in _by_weekday(_closed_between(calendar)).items():
        yield (
            f"spec.calendar.shifts[{first}] ends before shifts[{second}] begins: {_clock(start)} to {_clock(end)} ({days}) is of "
            "no shift and not planned, which is right if the plant is closed then"
        )


def _closed_between(calendar: Calendar) -> Iterator[Meeting]:
    """Gaps: time of no shift between two that begin on one date, and up to SHORT_GAP between any two."""
    last, *others = _two_weeks(calendar)
    for turn in others:
        length = turn.start - last.end
        if turn.start >= WEEK and length > 0 and (length <= SHORT_GAP or turn.start // DAY == last.start // DAY):
            yield last.name, turn.name, last.end, turn.start
        last = max(last, turn, key=lambda each: (each.end, each.start))


CHECKS: Final[tuple[tuple[Status, str, Callable[[Calendar], Iterable[str]]], ...]] = (
    ("False", "ShiftsOverlap", _overlaps),
    ("False", "ShiftWithoutWork", _without_work),
    ("False", "BreakOutsideShift", _breaks_outside),
    ("True", "GapBetweenShifts", _gaps),
)
"""What may be found, the gravest first."""


def _two_weeks(calendar: Calendar) -> list[Turn]:
    """Every turn of two weeks in order: in the second week each is seen with those that began before it."""
    spans = [(shift, *_span(shift)) for shift in calendar.shifts]
    return sorted(
        Turn(begin + start, begin + end, shift.name)
        for shift, start, end in spans
        for day in shift.days
        for begin in (WEEKDAYS.index(day) * DAY, WEEKDAYS.index(day) * DAY + WEEK)
    )


def _by_weekday(met: Iterable[Meeting]) -> Mapping[Meeting, str]:
    """Meetings that repeat at the same time of day as one, with the weekdays in words."""
    days: dict[Meeting, set[int]] = {}
    for first, second, start, end in met:
        days.setdefault((first, second, start % DAY, end % DAY), set()).add(start % WEEK // DAY)
    return {meeting: _words(found) for meeting, found in days.items()}


def _words(days: set[int]) -> str:
    """Weekdays as a person would write them: "Monday to Friday", "Saturday, Sunday"."""
    ordered = sorted(days)
    first, last = ordered[0], ordered[-1]
    if len(ordered) == len(WEEKDAYS):
        return "every day"
    if len(ordered) > 2 and last - first == len(ordered) - 1:
        return f"{WEEKDAYS[first]} to {WEEKDAYS[last]}"
    return ", ".join(WEEKDAYS[day] for day in ordered)


def _span(shift: Shift) -> tuple[int, int]:
    """Minutes since midnight of the date on which it begins."""
    start = minute_of_day(shift.start)
    return start, _after(minute_of_day(shift.end), start)


def _pause(pause: Break, shift_start: int) -> tuple[int, int]:
    """A time before the shift's beginning is of the next day."""
    start = (
        minute_of_day(pause.start) if minute_of_day(pause.start) >= shift_start else minute_of_day(pause.start) + DAY
    )
    return start, _after(minute_of_day(pause.end) + start // DAY * DAY, start)


def _after(end: int, start: int) -> int:
    """An end at or before its start is on the next day."""
    return end if end > start else end + DAY


def _clock(minute: int) -> str:
    return f"{minute % DAY // 60:02d}:{minute % 60:02d}"
