"""The judgement on parts: what the machines had made by their ledgers, held against what the MES was told. Pure.

A reading is a stored observation that carries a part counter. Between two readings the MES must have been told of as many parts as
the ledger has in between: at each reading, not only in the end, so that one mistake does not hide another. Counters go on while
nobody reads them, so most gaps excuse nothing. Two kinds do: those whose rows were given up (of the parts that were made up to the
last number that is missing; of all, where the buffer was lost with them), and any in which the machine's counter began anew, since
nobody can know what it had reached.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

from plantwright_shopfloor.ledger import Counts, Shown

GIVEN_UP = frozenset({"Full", "BufferCorrupt", "MesRejects", "MesWentBack"})
"""Reasons of gaps in which a gateway gave up rows that it had accepted; docs/protocol.md explains them."""


class Reading(NamedTuple):
    """A stored observation of the counters: its stream, its place there, its source time in ns, the machine's number where it
    carries it, and where each counter stood, None where it is not in it."""

    stream: str
    sequence: int
    time_ns: int
    number: int | None
    good: int | None
    rejected: int | None
    reworked: int | None = None

    def counters(self) -> tuple[int | None, ...]:
        """As in Counts."""
        return self.good, self.rejected, self.reworked


class Told(NamedTuple):
    """A stored row of production: its source time in ns and the parts."""

    time_ns: int
    good: int
    rejected: int
    reworked: int = 0

    def counts(self) -> Counts:
        """As in Counts."""
        return Counts(self.good, self.rejected, self.reworked)


class Gap(NamedTuple):
    """One gap record; both ends in ns since the epoch."""

    start_ns: int
    end_ns: int
    reason: str


class PartJudgement(NamedTuple):
    """What was found for one machine; numbers of parts."""

    machine: str
    readings: int
    made: Counts
    """By the ledger, between the first and the last reading."""
    told: Counts
    """By the MES, up to the last reading."""
    missing: int
    excused: int
    """Not told, and gap records say so."""
    too_many: int
    unplaced: int
    """Readings whose number or time is not in the ledger."""
    until_ns: int
    """Source time of the last reading."""

    def holds(self) -> bool:
        """Whether nothing is wrong and something was judged."""
        return self.readings > 1 and not (self.missing or self.too_many or self.unplaced)


class _Placed(NamedTuple):
    stream: str
    time_ns: int
    value: int
    made: int
    made_before: int
    """By the number before."""


class _Found(NamedTuple):
    made: int = 0
    told: int = 0
    missing: int = 0
    excused: int = 0
    too_many: int = 0


def judge_parts(
    machine: str, shown: Sequence[Shown], readings: Sequence[Reading], told: Sequence[Told], gaps: Sequence[Gap]
) -> PartJudgement:
    """Hold one machine's ledger against the MES's readings, rows of production and gap records."""
    ledger = _Ledger(shown)
    ordered = list(_in_time(readings))
    found = [
        _judge([p for reading in ordered if (p := ledger.place(reading, counter))], _Sums(told, counter), gaps)
        for counter in range(len(Counts._fields))
    ]
    return PartJudgement(
        machine=machine,
        readings=len(ordered),
        made=Counts(*(one.made for one in found)),
        told=Counts(*(one.told for one in found)),
        missing=sum(one.missing for one in found),
        excused=sum(one.excused for one in found),
        too_many=sum(one.too_many for one in found),
        unplaced=sum(ledger.number_of(reading) is None for reading in ordered),
        until_ns=ordered[-1].time_ns if ordered else 0,
    )


def parts_summary(judgements: Iterable[PartJudgement]) -> str:
    """The parts of a summary line, such as `machines 8, parts made 900, told 900, reworked 12, …`: counts of a part that
    was reworked may be missing or too many twice, once as a part and once as a reworked one."""
    judged = list(judgements)
    sums = {
        "machines": len(judged),
        "parts made": sum(j.made.parts() for j in judged),
        "told": sum(j.told.parts() for j in judged),
        "reworked": sum(j.made.reworked for j in judged),
        "told reworked": sum(j.told.reworked for j in judged),
        "missing": sum(j.missing for j in judged),
        "excused by gaps": sum(j.excused for j in judged),
        "too many": sum(j.too_many for j in judged),
    }
    return ", ".join(f"{name} {count}" for name, count in sums.items())


class _Ledger:
    """What was made, by number; a reading without one is placed by its time, which an OPC UA server gives all of a tick."""

    def __init__(self, shown: Sequence[Shown]) -> None:
        self._made = {entry.number: entry.made for entry in shown}
        self._numbers = {entry.time_ns: entry.number for entry in shown}

    def number_of(self, reading: Reading) -> int | None:
        number = self._numbers.get(reading.time_ns) if reading.number is None else reading.number
        return number if number in self._made else None

    def place(self, reading: Reading, counter: int) -> _Placed | None:
        number, value = self.number_of(reading), reading.counters()[counter]
        if number is None or value is None:
            return None
        made = self._made[number]
        return _Placed(reading.stream, reading.time_ns, value, made[counter], self._made.get(number - 1, made)[counter])


class _Sums:
    """How many parts the MES was told of up to a time."""

    def __init__(self, told: Sequence[Told], counter: int) -> None:
        rows = sorted((row.time_ns, row.counts()[counter]) for row in told)
        self._times = [time_ns for time_ns, _ in rows]
        self._sums = [0, *accumulate(parts for _, parts in rows)]

    def up_to(self, time_ns: int) -> int:
        return self._sums[bisect_right(self._times, time_ns)]


def _judge(placed: Sequence[_Placed], sums: _Sums, gaps: Sequence[Gap]) -> _Found:
    if not placed:
        return _Found()
    first, last = placed[0], placed[-1]
    begun = sums.up_to(first.time_ns)  # the first reading counts nothing: what was made before is not known
    missing, excused, too_many = 0, 0, begun
    for before, now in pairwise(placed):
        short = now.made - before.made - (sums.up_to(now.time_ns) - sums.up_to(before.time_ns))
        allowed = min(max(short, 0), _excusable(before, now, gaps))
        missing, excused, too_many = missing + max(short, 0) - allowed, excused + allowed, too_many + max(-short, 0)
    return _Found(last.made - first.made, sums.up_to(last.time_ns), missing, excused, too_many)


def _excusable(before: _Placed, now: _Placed, gaps: Sequence[Gap]) -> int:
    reasons = {gap.reason for gap in gaps if gap.start_ns <= now.time_ns and gap.end_ns >= before.time_ns}
    began_anew = now.value < before.value or (now.stream != before.stream and reasons & GIVEN_UP)
    if reasons and began_anew:
        return now.made - before.made
    return now.made_before - before.made if reasons & GIVEN_UP else 0


def _in_time(readings: Sequence[Reading]) -> Iterator[Reading]:
    """Streams one after the other, each in its order; a reading that came late was not counted, the one after it was."""
    begins: dict[str, int] = {}
    for reading in readings:
        begins[reading.stream] = min(reading.time_ns, begins.get(reading.stream, reading.time_ns))
    newest = 0
    for reading in sorted(readings, key=lambda r: (begins[r.stream], r.stream, r.sequence)):
        if reading.time_ns >= newest:
            newest = reading.time_ns
            yield reading
