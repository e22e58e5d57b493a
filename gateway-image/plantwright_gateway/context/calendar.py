"""When the plant works: shifts in local time become spans in UTC, so that nights of 23 and 25 hours come out right."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from plantwright_api.wire.config import Break, Calendar, Shift
from plantwright_gateway.context.times import SECOND

DAY_MINUTES = 24 * 60
HORIZON_NS = 24 * 3600 * SECOND
"""A segment is never longer: what follows is looked up again."""
LOOK_BACK_DAYS = 8
AROUND_THE_CLOCK = Shift(name="", weekdays=list(range(7)), start_minute=0, end_minute=0)


class Span(NamedTuple):
    """Planned working time: [start, end) in ns since the epoch; `of` are the ends of the whole shift, with its breaks."""

    start: int
    end: int
    shift: str
    of: tuple[int, int]


class Segment(NamedTuple):
    """A stretch in which nothing about the plan changes; it ends at `until` (exclusive, ns since the epoch)."""

    until: int
    planned: bool
    shift: str


class WorkCalendar:
    """A plant's calendar, ready to be asked about instants.

    Raises:
        zoneinfo.ZoneInfoNotFoundError: for a time zone that does not exist (a KeyError).
        ValueError: for a time zone or closure that is not written as one.
    """

    def __init__(self, calendar: Calendar) -> None:
        self._zone = ZoneInfo(calendar.time_zone)
        self._shifts = tuple(calendar.shifts) or (AROUND_THE_CLOCK,)
        self._closures = frozenset(date.fromisoformat(text) for text in calendar.closures)
        self._spans_of = lru_cache(maxsize=8)(self._spans)
        self._current = (0, Segment(0, False, ""))

    def segment_at(self, ns: int) -> Segment:
        """The segment that holds this instant."""
        known_from, segment = self._current
        if not known_from <= ns < segment.until:
            segment = self._find(ns)
            self._current = (ns, segment)
        return segment

    def segments(self, start: int, end: int) -> Iterator[tuple[int, Segment]]:
        """Split [start, end) into (length in ns, segment)."""
        while start < end:
            segment = self.segment_at(start)
            stop = min(segment.until, end)
            yield stop - start, segment
            start = stop

    def shift_begun(self, ns: int) -> tuple[str, int]:
        """Name and beginning (ns since the epoch) of the shift that began last; breaks and the time after it belong to it.

        ("", 0) where none began in the last days. Without shifts each local day counts as one, with the name "".
        """
        today = datetime.fromtimestamp(ns // SECOND, self._zone).date()
        days = [
            today - timedelta(days=offset)
            for offset in range(LOOK_BACK_DAYS)
            if today - timedelta(days=offset) not in self._closures
        ]
        begun = (
            (start, shift.name)
            for day in days
            for shift in self._shifts
            if day.weekday() in shift.weekdays and (start := self._utc(day, shift.start_minute)) <= ns
        )
        start, name = max(begun, default=(0, ""))
        return name, start

    def _find(self, ns: int) -> Segment:
        spans = self._near(ns)
        covering = [span for span in spans if span.start <= ns < span.end]
        edges = [edge for span in spans for edge in (span.start, span.end) if edge > ns]
        until = min([*edges, ns + HORIZON_NS])
        # Where shifts overlap the later one counts, also when the earlier one comes back from a break.
        latest = max(covering, key=lambda span: (span.of, span.shift), default=None)
        return Segment(until, latest is not None, latest.shift if latest else "")

    def _near(self, ns: int) -> list[Span]:
        """All spans of the local day before, of the day itself and of the one after."""
        today = datetime.fromtimestamp(ns // SECOND, self._zone).date()
        return [span for offset in (-1, 0, 1) for span in self._spans_of(today + timedelta(days=offset))]

    def _spans(self, day: date) -> tuple[Span, ...]:
        if day in self._closures:
            return ()
        starting = (shift for shift in self._shifts if day.weekday() in shift.weekdays)
        return tuple(span for shift in starting for span in self._shift_spans(day, shift))

    def _shift_spans(self, day: date, shift: Shift) -> Iterator[Span]:
        start, end = shift.start_minute, _after(shift.end_minute, shift.start_minute)
        whole = self._utc(day, start), self._utc(day, end)
        for pause_start, pause_end in sorted(_pause(pause, start) for pause in shift.breaks):
            if start < min(pause_start, end):
                yield Span(self._utc(day, start), self._utc(day, min(pause_start, end)), shift.name, whole)
            start = max(start, pause_end)
        if start < end:
            yield Span(self._utc(day, start), self._utc(day, end), shift.name, whole)

    def _utc(self, day: date, minute: int) -> int:
        """Instant of a wall-clock minute; minutes past 24:00 belong to the next date's clock, not to 24 elapsed hours."""
        days, rest = divmod(minute, DAY_MINUTES)
        local = datetime.combine(day + timedelta(days=days), time(rest // 60, rest % 60), self._zone)
        return int(local.astimezone(UTC).timestamp()) * SECOND


def _after(end: int, start: int) -> int:
    """An end at or before its start is on the next day."""
    return end if end > start else end + DAY_MINUTES


def _pause(pause: Break, shift_start: int) -> tuple[int, int]:
    start = pause.start_minute if pause.start_minute >= shift_start else pause.start_minute + DAY_MINUTES
    return start, _after(pause.end_minute + (start // DAY_MINUTES) * DAY_MINUTES, start)
