"""The oracle's judgement: what was offered, held against what was stored. Pure.

Numbers are the machine's own. A number that was offered between the first and the last stored one and is not stored is
lost, unless a gap record covers the time at which it was offered. A number in two rows is stored twice; one that was
never offered is invented; one that is smaller than its predecessor in the same stream is out of order.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from plantwright_shopfloor.ledger import Offer

EXAMPLES = 10
"""How many lost numbers a judgement names."""


class Stored(NamedTuple):
    """One stored row that carries a number: its stream, its place in it, and the number."""

    stream: str
    sequence: int
    number: int


class Gap(NamedTuple):
    """One gap record; both ends in ns since the epoch."""

    start_ns: int
    end_ns: int


class Judgement(NamedTuple):
    """What was found for one machine."""

    machine: str
    offered: int
    """Numbers in the ledger between the first and the last stored one."""
    observations: int
    lost: int
    excused: int
    """Numbers not stored that a gap record covers."""
    stored_twice: int
    out_of_order: int
    invented: int
    gaps: int
    gap_seconds: float
    """Time that gap records cover within the judged stretch: a gap over everything would excuse everything."""
    lost_examples: tuple[int, ...] = ()

    def holds(self) -> bool:
        """Whether nothing is wrong and something was judged."""
        return self.observations > 0 and not (self.lost or self.stored_twice or self.out_of_order or self.invented)


def judge(machine: str, offers: Sequence[Offer], stored: Sequence[Stored], gaps: Sequence[Gap]) -> Judgement:
    """Hold one machine's ledger against its rows and gap records."""
    counts = Counter(row.number for row in stored)
    first, last = min(counts, default=1), max(counts, default=0)
    judged = [offer for offer in offers if first <= offer.number <= last]
    covered = _merged(gaps)
    missing = [offer for offer in judged if offer.number not in counts]
    lost = [offer.number for offer in missing if not _covers(covered, offer.time_ns)]
    return Judgement(
        machine=machine,
        offered=len(judged),
        observations=len(stored),
        lost=len(lost),
        excused=len(missing) - len(lost),
        stored_twice=sum(1 for count in counts.values() if count > 1),
        out_of_order=_out_of_order(stored),
        invented=len(counts.keys() - {offer.number for offer in offers}),
        gaps=len(gaps),
        gap_seconds=_covered_seconds(covered, judged),
        lost_examples=tuple(lost[:EXAMPLES]),
    )


def summary(judgements: Iterable[Judgement]) -> str:
    """The parts of a summary line, such as `machines 6, observations 7200, lost 0, stored twice 0, gaps 2`."""
    judged = list(judgements)
    parts = {
        "machines": len(judged),
        "observations": sum(j.observations for j in judged),
        "lost": sum(j.lost for j in judged),
        "stored twice": sum(j.stored_twice for j in judged),
        "out of order": sum(j.out_of_order for j in judged),
        "invented": sum(j.invented for j in judged),
        "gaps": sum(j.gaps for j in judged),
        "excused by them": sum(j.excused for j in judged),
    }
    return ", ".join(f"{name} {count}" for name, count in parts.items())


def _merged(gaps: Iterable[Gap]) -> list[Gap]:
    merged: list[Gap] = []
    for gap in sorted(gaps):
        if merged and gap.start_ns <= merged[-1].end_ns:
            merged[-1] = Gap(merged[-1].start_ns, max(merged[-1].end_ns, gap.end_ns))
        else:
            merged.append(gap)
    return merged


def _covers(merged: Sequence[Gap], time_ns: int) -> bool:
    index = bisect_right(merged, time_ns, key=lambda gap: gap.start_ns) - 1
    return index >= 0 and time_ns <= merged[index].end_ns


def _covered_seconds(merged: Sequence[Gap], judged: Sequence[Offer]) -> float:
    if not judged:
        return 0.0
    first, last = judged[0].time_ns, judged[-1].time_ns
    inside = (min(gap.end_ns, last) - max(gap.start_ns, first) for gap in merged)
    return round(sum(nanoseconds for nanoseconds in inside if nanoseconds > 0) / 1e9, 3)


def _out_of_order(stored: Sequence[Stored]) -> int:
    highest: dict[str, int] = {}
    disordered = 0
    for row in sorted(stored):
        disordered += row.number < highest.get(row.stream, row.number)
        highest[row.stream] = max(row.number, highest.get(row.stream, row.number))
    return disordered
