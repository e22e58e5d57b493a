"""Which job order, person and reason held at an instant: the MES's schedule made ready to be asked. Pure.

A schedule is taken as it is, and what is wrong in it is named and never guessed: an order that ends before it begins holds at no
time; of two that overlap the later one holds from its beginning on, and both are named.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from datetime import datetime
from typing import Final, NamedTuple

from plantwright_api.wire.delivery import ChangeOf
from plantwright_api.wire.schedule import JobOrder, WorkSchedule
from plantwright_gateway.context.history import FOREVER
from plantwright_gateway.context.times import nanoseconds

MOST_SPANS: Final = 10_000
"""Of each kind, the newest; a schedule tells the last days, not a year."""


class Span(NamedTuple):
    """Something that held from `start` on and before `end`, in ns since the epoch."""

    start: int
    end: int
    value: str
    context: Mapping[str, str]


class Fault(NamedTuple):
    """What is wrong with an entry of the schedule; `reason` is a word of docs/reference/conditions.md."""

    reason: str
    subject: str


class Spans:
    """Spans in order of their start, none over another."""

    def __init__(self, spans: Iterable[Span], overlap: str = "") -> None:
        self.faults: list[Fault] = []
        ordered = sorted(spans, key=lambda span: (span.start, span.end, span.value))
        self._spans = _apart(ordered[-MOST_SPANS:], overlap, self.faults)
        self._starts = [span.start for span in self._spans]

    def at(self, ns: int) -> Span | None:
        """What held at this instant."""
        place = bisect_right(self._starts, ns) - 1
        return self._spans[place] if place >= 0 and ns < self._spans[place].end else None

    def value(self, ns: int) -> str:
        """Its value alone; "" where nothing held."""
        span = self.at(ns)
        return span.value if span else ""

    def within(self, start: int, end: int) -> list[Span]:
        """What held at any time of [start, end), in order."""
        first = max(bisect_right(self._starts, start) - 1, 0)
        found = self._spans[first : bisect_left(self._starts, end)]
        return found[1:] if found and found[0].end <= start else found

    def edges(self, begin: int, until: int) -> set[int]:
        """The times from `begin` up to and with `until` at which something began or ended."""
        found = self.within(begin, until + 1)
        return {edge for span in found for edge in (span.start, span.end) if begin <= edge <= until}

    def next(self, ns: int) -> int:
        """When something begins or ends after this instant."""
        place = bisect_right(self._starts, ns)
        edges = [*self._starts[place : place + 1], *(span.end for span in self._spans[max(place - 1, 0) : place])]
        return min((edge for edge in edges if edge > ns), default=FOREVER)

    def latest(self, value: str, ns: int) -> Span | None:
        """The last with this value that began by this instant."""
        begun = self._spans[: bisect_right(self._starts, ns)]
        return next((span for span in reversed(begun) if span.value == value), None)

    @property
    def first_end(self) -> int:
        """When the first of them ended."""
        return self._spans[0].end if self._spans else FOREVER

    def and_also(self, more: Sequence[Span]) -> "Spans":
        """These and more, which hold at no time of these."""
        return Spans([*self._spans, *more]) if more else self

    def __iter__(self) -> Iterator[Span]:
        return iter(self._spans)

    def __len__(self) -> int:
        return len(self._spans)


def _apart(spans: Sequence[Span], overlap: str, faults: list[Fault]) -> list[Span]:
    apart: list[Span] = []
    for span in spans:
        if apart and apart[-1].end > span.start:
            if overlap and apart[-1].end != FOREVER:
                faults.append(Fault(overlap, f"{apart[-1].value} and {span.value}"))
            apart[-1] = apart[-1]._replace(end=span.start)
        apart.append(span)
    return [span for span in apart if span.start < span.end]


class Orders:
    """A schedule, ready to be asked about instants.

    Entries whose times cannot be read or that end before they begin are in `faults` and hold at no time.
    """

    def __init__(self, schedule: WorkSchedule | None = None) -> None:
        self.faults: list[Fault] = []
        schedule = schedule or WorkSchedule(equipment_id="", published_date="")
        self.jobs = self._spans((each.id, each.start_time, each.end_time, _job(each)) for each in schedule.job_order)
        people = schedule.personnel_actual
        self.people = self._spans((each.person_id, each.start_time, each.end_time, {}) for each in people)
        events = schedule.equipment_event
        self.reasons = self._spans((each.reason, each.start_time, each.end_time, {}) for each in events)
        self.wanted = {each.id: _quantity(each) for each in schedule.job_order}
        self._of = {each.id: _job(each) for each in schedule.job_order}

    def at(self, ns: int) -> dict[str, str]:
        """The context of an instant, as `wire.delivery.Observation` names it; what is not known is not in it."""
        job, person = self.jobs.at(ns), self.people.at(ns)
        found = dict(job.context) if job else {}
        if person:
            found["person"] = person.value
        if reason := self.reasons.at(ns):
            found["reason"] = reason.value
        return found

    def of(self, job_order: str) -> dict[str, str]:
        """The context of a job order, by its id; of one that the schedule does not have the id alone."""
        return dict(self._of.get(job_order) or {"jobOrder": job_order})

    def spans(self) -> dict[ChangeOf, Spans]:
        """By what becomes a change."""
        return {"JobOrder": self.jobs, "Person": self.people, "Reason": self.reasons}

    def with_gone(self, gone: Mapping[ChangeOf, Sequence[Span]], before: "Orders") -> "Orders":
        """These and what they no longer tell; what a job order was for is known from the orders before."""
        if not any(gone.values()):
            return self
        found = copy(self)
        found.jobs = self.jobs.and_also([before.explained(span) for span in gone.get("JobOrder", ())])
        found.people = self.people.and_also(gone.get("Person", ()))
        found.reasons = self.reasons.and_also(gone.get("Reason", ()))
        return found

    def explained(self, job: Span) -> Span:
        """A job order's span with its context, as far as it is known."""
        known = self.jobs.at(job.start)
        return job._replace(context=known.context if known and known.value == job.value else {"jobOrder": job.value})

    def _spans(self, entries: Iterable[tuple[str, str, str | None, Mapping[str, str]]]) -> Spans:
        spans = Spans(self._readable(entries), overlap="Overlaps")
        self.faults.extend(spans.faults)
        return spans

    def _readable(self, entries: Iterable[tuple[str, str, str | None, Mapping[str, str]]]) -> Iterator[Span]:
        for value, start_time, end_time, context in entries:
            try:
                start, end = _ns(start_time), FOREVER if end_time is None else _ns(end_time)
            except ValueError:
                self.faults.append(Fault("TimeUnreadable", value))
                continue
            if end <= start:
                self.faults.append(Fault("EndsBeforeStart", value))
                continue
            yield Span(start, end, value, context)


OF_A_JOB: Final = ("jobOrder", "workRequest", "materialDefinition", "materialLot")
"""What the context says of the job order under way."""


def _job(order: JobOrder) -> dict[str, str]:
    made = next((each for each in order.material_requirement if each.material_use == "Material Produced"), None)
    told = (
        order.id,
        order.work_request_id,
        made.material_definition_id if made else "",
        made.material_lot_id if made else "",
    )
    return {name: value for name, value in zip(OF_A_JOB, told, strict=True) if value}


def _quantity(order: JobOrder) -> float | None:
    return next((each.quantity for each in order.material_requirement if each.quantity is not None), None)


def _ns(text: str) -> int:
    """An RFC 3339 time in ns.

    Raises:
        ValueError: it is none, or names no zone.
    """
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError(text)
    return nanoseconds(time)
