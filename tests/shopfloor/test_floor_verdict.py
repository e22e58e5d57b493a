"""The oracle's judgement, case by case."""

import pytest

from plantwright_shopfloor.ledger import Offer
from plantwright_shopfloor.verdict import Gap, Judgement, Stored, judge, summary

OFFERS = [Offer(number, number * 10) for number in range(1, 11)]


def rows(*numbers: int, stream: str = "u/e") -> list[Stored]:
    return [Stored(stream, index, number) for index, number in enumerate(numbers, 1)]


def judged(stored: list[Stored], *gaps: Gap) -> Judgement:
    return judge("m", OFFERS, stored, list(gaps))


@pytest.mark.parametrize(
    ("stored", "gaps", "expected"),
    [
        pytest.param(rows(*range(1, 11)), [], {"observations": 10, "offered": 10}, id="all"),
        pytest.param(rows(3, 4, 5), [], {"observations": 3, "offered": 3}, id="only between first and last"),
        pytest.param(rows(1, 2, 5), [], {"lost": 2, "lost_examples": (3, 4)}, id="lost"),
        pytest.param(rows(1, 2, 5), [Gap(25, 45)], {"excused": 2, "gaps": 1, "gap_seconds": 0.0}, id="excused"),
        pytest.param(rows(1, 2, 5), [Gap(30, 40)], {"excused": 2}, id="ends belong to the gap"),
        pytest.param(rows(1, 2, 5), [Gap(31, 45)], {"excused": 1, "lost": 1}, id="gap begins too late"),
        pytest.param(rows(1, 2, 5), [Gap(25, 39)], {"excused": 1, "lost": 1}, id="gap ends too early"),
        pytest.param(rows(1, 6), [Gap(15, 35), Gap(30, 55), Gap(20, 22)], {"excused": 4}, id="overlapping gaps"),
        pytest.param(rows(1, 6), [Gap(15, 55), Gap(20, 22)], {"excused": 4}, id="a gap within a gap"),
        pytest.param(rows(1, 2, 2, 3), [], {"stored_twice": 1}, id="twice"),
        pytest.param(rows(1, 2) + rows(2, 3, stream="u/f"), [], {"stored_twice": 1}, id="twice in two epochs"),
        pytest.param(rows(1, 3, 2), [], {"out_of_order": 1}, id="out of order"),
        pytest.param(rows(3, 4) + rows(1, 2, stream="u/a"), [], {}, id="order holds per stream"),
        pytest.param(rows(1, 99), [], {"invented": 1, "lost": 9}, id="invented"),
        pytest.param([], [], {"observations": 0, "offered": 0}, id="nothing stored"),
    ],
)
def test_judgement(stored: list[Stored], gaps: list[Gap], expected: dict[str, object]) -> None:
    judgement = judged(stored, *gaps)
    wrong = {"lost": 0, "excused": 0, "stored_twice": 0, "out_of_order": 0, "invented": 0}
    found = judgement._asdict()
    assert {name: found[name] for name in wrong | expected} == wrong | expected
    faults = ("lost", "stored_twice", "out_of_order", "invented")
    assert judgement.holds() == (bool(stored) and not any(expected.get(name) for name in faults))


def test_gap_seconds_count_within_the_judged_stretch_once() -> None:
    offers = [Offer(number, number * 10**9) for number in range(1, 11)]
    gaps = [Gap(0, 3 * 10**9), Gap(2 * 10**9, 4 * 10**9), Gap(9 * 10**9, 99 * 10**9)]
    assert judge("m", offers, rows(1, 10), gaps).gap_seconds == 4.0


def test_summary() -> None:
    assert summary([judged(rows(1, 2, 5)), judged(rows(1, 2), Gap(0, 1))]) == (
        "machines 2, observations 5, lost 2, stored twice 0, out of order 0, invented 0, gaps 1, excused by them 0"
    )
