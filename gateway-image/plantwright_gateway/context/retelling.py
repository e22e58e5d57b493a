"""What the MES's schedule says of the past, held against what was told of it, so that what is missing can be told. Pure.

Orders are entered late, corrected, and heard late. What is wrong or missing in what was told is told with its own time, so that the
changes in the order of their (time, sequence) say at each instant what the newest schedule says.

A schedule forgets what is long over, and that it is silent takes nothing back: what was told stays so until something else is said to
have begun, or until its silence is heard. It is taken back only where the schedule says otherwise of the same thing:

* it names something else for that time, or it names nothing after what it says ended or took its place;
* it tells the same job order with other times. Where these share nothing with what was told, it may be an order that was taken up
  again, its first part forgotten; not so where the schedule still tells something that ended earlier, which it would have forgotten
  first. People and reasons come more than once, so another begin is another entry.
"""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from plantwright_api.wire.delivery import ChangeOf
from plantwright_gateway.context.history import FOREVER, History, Run
from plantwright_gateway.context.orders import Orders, Span, Spans
from plantwright_gateway.context.times import SECOND

STATE_RETELLING: Final = "retelling"
REMEMBERED_NS: Final = 24 * 3600 * SECOND
MOST_REMEMBERED: Final = 1024
"""Changes of each thing that are remembered: those of the last day, but no more than these, the newest."""


class Missing(NamedTuple):
    """From this time on it is `value`, which was not told."""

    of: ChangeOf
    value: str
    previous: str
    time_ns: int


class Retelling:
    """Of one machine. `kept` is what `dump` gave before a restart.

    `unsaved` while what was told is not known to be on disk; `by_machine` is what the machine tells itself, of which the schedule is
    not asked.
    """

    def __init__(self, kept: bytes | None = None) -> None:
        known = _load(kept)
        self.unsaved = False
        self.by_machine = set(known.by_machine)
        self._told = {
            of: _Told(since, History(changes, MOST_REMEMBERED)) for of, (since, changes) in known.told.items()
        }
        self._orders = Orders()
        self._ticked, self._next = 0, 0

    def is_due(self, orders: Orders, now_ns: int) -> bool:
        """Whether there may be something to tell: the schedule is newer, something begins or ends by now, or the clock was set back."""
        return orders is not self._orders or not self._ticked <= now_ns < self._next

    def missing(self, orders: Orders, told: Mapping[str, str], now_ns: int) -> tuple[Orders, list[Missing]]:
        """The schedule with what it no longer tells, and what has to be told, things apart and each in the order of time.

        `told` is what was told last of each thing, for a start without `kept`: with its entry in the schedule, or now, what is
        remembered begins.
        """
        kinds = {of: spans for of, spans in orders.spans().items() if of not in self.by_machine}
        for of, spans in kinds.items():
            if of not in self._told:
                self._told[of] = _first(spans, told.get(of, ""), now_ns)
                self.unsaved = True
            self._told[of].since = min(self._told[of].since, now_ns)  # a clock that was set back
        if orders is not self._orders:
            gone = {of: self._told[of].gone(of, spans, now_ns) for of, spans in kinds.items()}
            orders = self._orders = orders.with_gone(gone, self._orders)
            kinds = {of: orders.spans()[of] for of in kinds}
        found = [each for of, spans in kinds.items() for each in self._told[of].tell(of, spans, now_ns)]
        self.unsaved = self.unsaved or bool(found)
        self._ticked = now_ns
        self._next = min((self._told[of].next(spans, now_ns) for of, spans in kinds.items()), default=FOREVER)
        return orders, found

    def values(self, now_ns: int) -> dict[str, str]:
        """What was told of now."""
        return {of: told.changes.at(now_ns) for of, told in self._told.items()}

    def leave(self, of: str) -> None:
        """The machine tells this itself from now on."""
        if of not in self.by_machine:
            self.by_machine.add(of)
            self._told.pop(of, None)  # type: ignore[call-overload]
            self.unsaved = True

    def take_up(self, of: str, told: str, now_ns: int) -> None:
        """The machine, which told this last, does not tell it any more; what it told stays so until now."""
        self.by_machine.discard(of)
        if of in self._orders.spans():
            self._told[of] = _Told(now_ns, History([(now_ns, told)], MOST_REMEMBERED))
        self.unsaved = True
        self._next = 0

    def dump(self) -> bytes:
        """What must survive a restart."""
        told = {of: (told.since, told.changes.changes()) for of, told in self._told.items()}
        return msgspec.json.encode(_Kept(sorted(self.by_machine), told))


class _Told:
    """What was told of one thing; all of it is known since `since`. What was told before that begins with the first of the changes."""

    def __init__(self, since: int, changes: History) -> None:
        self.since, self.changes = since, changes

    def gone(self, of: ChangeOf, spans: Spans, now_ns: int) -> list[Span]:
        """What was told and the schedule does not tell any more, nor anything against it."""
        begin = self._begin(spans)
        runs = (
            Run(max(run.start, begin), min(run.end, now_ns + 1), run.value) for run in self.changes.runs() if run.value
        )
        jobs = {span.value for span in spans} if of == "JobOrder" else set()
        return list(_gone((run for run in runs if run.start < run.end), spans, jobs, now_ns))

    def tell(self, of: ChangeOf, spans: Spans, now_ns: int) -> list[Missing]:
        """What of the past is otherwise than told: from now on it is told."""
        begin = self._begin(spans)
        times = sorted({begin, *spans.edges(begin, now_ns), *self.changes.times(begin, now_ns)})[-MOST_REMEMBERED:]
        self.since = times[0]
        found = []
        for time_ns in times:
            value, previous = spans.value(time_ns), self.changes.at(time_ns - 1)
            if self.changes.tell(time_ns, value):
                found.append(Missing(of, value, previous, time_ns))
        self.changes.forget(now_ns - REMEMBERED_NS)
        self.since = max(self.since, min(self.changes.first, now_ns))
        return found

    def next(self, spans: Spans, now_ns: int) -> int:
        """When there may be something to tell the next time."""
        return min(spans.next(now_ns), self.changes.next(now_ns))

    def _begin(self, spans: Spans) -> int:
        """From when on it can be told: from the last change before all is known, or else from the begin of what held then."""
        if changed := self.changes.since(self.since):
            return changed
        span = spans.at(self.since)
        return span.start if span else self.since


def _gone(runs: Iterable[Run], spans: Spans, jobs: Container[str], now_ns: int) -> Iterator[Span]:
    for run in runs:
        around = spans.within(run.start - 1, run.end + 1)
        if _is_told_otherwise(run, around, run.value in jobs, spans.first_end):
            continue
        end = min([run.end, now_ns, *(span.start for span in around if span.end > run.start)])
        if run.start < end:
            yield Span(run.start, end, run.value, {})


def _is_told_otherwise(run: Run, around: Sequence[Span], is_job: bool, first_end: int) -> bool:
    """Whether the schedule tells the same thing with other times; `around` is what it tells that shares time with it or touches it."""
    ends = [span.end for span in around if span.value == run.value]
    return (is_job and bool(ends or first_end <= run.end)) or run.start in ends


def _first(spans: Spans, told: str, now_ns: int) -> _Told:
    """Where it is known what was told last, but not when."""
    span = spans.latest(told, now_ns) if told else None
    return _Told(span.start if span else now_ns, History([(0, told)], MOST_REMEMBERED))


class _Kept(msgspec.Struct, frozen=True):
    """As it is on disk: of each thing since when all is known, and its changes by (time in ns, value)."""

    by_machine: list[str] = []
    told: dict[ChangeOf, tuple[int, list[tuple[int, str]]]] = {}


def _load(kept: bytes | None) -> _Kept:
    try:
        return msgspec.json.decode(kept, type=_Kept) if kept else _Kept()
    except msgspec.MsgspecError:
        return _Kept()
