"""Laying out calendars: a plant's shifts in local time become spans in UTC, which SQL can join.

The gateway's own calendar says when the plant works, so that both count the same planned time. Spans are made when a question
needs them, and kept: a calendar is named by its content and never changes.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import asyncpg
import msgspec

from plantwright_api.wire.config import Calendar
from plantwright_gateway.context.calendar import WorkCalendar
from plantwright_gateway.context.times import nanoseconds

DAY = timedelta(days=1)
DAY_MINUTES = 24 * 60
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
COLUMNS = ("calendar", "start_time", "end_time", "planned", "shift", "day")

_BODY = "SELECT calendar FROM configurations WHERE calendar_key = $1 LIMIT 1"
_KNOWN = "SELECT laid_from, laid_until, fault FROM calendars WHERE calendar = $1 FOR UPDATE"
_KEEP = """
INSERT INTO calendars AS known (calendar, laid_from, laid_until, fault) VALUES ($1, $2, $3, $4)
ON CONFLICT (calendar) DO UPDATE SET laid_from = least(known.laid_from, excluded.laid_from),
  laid_until = greatest(known.laid_until, excluded.laid_until)
"""


class Span(NamedTuple):
    """A stretch of one kind: planned, or a break (a shift's, not planned), or between shifts (shift and day are "")."""

    start: datetime
    end: datetime
    planned: bool
    shift: str
    day: str


class CalendarError(Exception):
    """The calendar cannot be read; the message says why."""


def spans(body: bytes, start: datetime, end: datetime) -> list[Span]:
    """[start, end) as spans without gaps, for a `wire.config.Calendar` as JSON.

    Raises:
        CalendarError: it is none, or names a time zone or closure that is none.
    """
    try:
        calendar = msgspec.json.decode(body, type=Calendar)
        work, zone = WorkCalendar(calendar), ZoneInfo(calendar.time_zone)
        pieces = list(_pieces(work, _Days(calendar, zone), start, end))
    except (msgspec.DecodeError, KeyError, ValueError, OSError) as error:
        raise CalendarError(f"{type(error).__name__}: {error}"[:300]) from error
    return list(_merged(_with_breaks(pieces)))


async def lay_out(pool: asyncpg.Pool, needs: Iterable[tuple[str, datetime, datetime]]) -> None:
    """Lay calendars out for the stretches that are needed; those of a fault stay without spans.

    Raises:
        One of store.UNAVAILABLE.
    """
    for key, since, until in needs:
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock(hashtext('calendars'), hashtext($1))", key)
            await _lay_out(connection, key, _midnight(since) - DAY, _midnight(until) + 2 * DAY)


async def _lay_out(connection: Any, key: str, since: datetime, until: datetime) -> None:
    known = await connection.fetchrow(_KNOWN, key)
    missing = [(since, until)]
    if known:
        missing = [(since, known["laid_from"]), (known["laid_until"], until)]
    missing = [(start, end) for start, end in missing if start < end]
    if not missing or (known and known["fault"]):
        return
    body = await connection.fetchval(_BODY, key)
    fault = ""
    try:
        laid = [span for start, end in missing for span in spans(body, start, end)]
    except CalendarError as error:
        fault, laid = str(error), []
    await connection.copy_records_to_table("calendar_spans", records=[(key, *span) for span in laid], columns=COLUMNS)
    await connection.execute(_KEEP, key, since, until, fault)


class _Days:
    """On which local date the shift of an instant began: a shift over midnight belongs to the day before."""

    def __init__(self, calendar: Calendar, zone: ZoneInfo) -> None:
        self._zone = zone
        self._starts = {s.name: s.start_minute for s in calendar.shifts if 0 < s.end_minute <= s.start_minute}

    def of(self, moment: datetime, shift: str) -> str:
        local = moment.astimezone(self._zone)
        over = local.hour * 60 + local.minute < self._starts.get(shift, 0)
        return (local.date() - (DAY if over else timedelta())).isoformat()


def _pieces(work: WorkCalendar, days: _Days, start: datetime, end: datetime) -> Iterator[Span]:
    at = start
    for length, segment in work.segments(nanoseconds(start), nanoseconds(end)):
        until = at + timedelta(microseconds=length // 1000)
        yield Span(at, until, segment.planned, segment.shift, days.of(at, segment.shift) if segment.planned else "")
        at = until


def _with_breaks(pieces: list[Span]) -> list[Span]:
    """What is unplanned between two pieces of one shift on one day is its break."""
    told = list(pieces)
    for place in range(1, len(pieces) - 1):
        before, here, after = told[place - 1], pieces[place], pieces[place + 1]
        if not here.planned and before.day and (before.shift, before.day) == (after.shift, after.day):
            told[place] = here._replace(shift=before.shift, day=before.day)
    return told


def _merged(pieces: Iterable[Span]) -> Iterator[Span]:
    current: Span | None = None
    for piece in pieces:
        if current and current[2:] == piece[2:]:
            current = current._replace(end=piece.end)
            continue
        if current:
            yield current
        current = piece
    if current:
        yield current


def _midnight(moment: datetime) -> datetime:
    return EPOCH + (moment.astimezone(UTC) - EPOCH) // DAY * DAY
