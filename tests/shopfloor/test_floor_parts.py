"""The judgement on parts, case by case. A machine offers number n at n * 10 and has made n good parts by then."""

import itertools

import pytest

from plantwright_shopfloor.ledger import Counts, Shown
from plantwright_shopfloor.parts import Gap, PartJudgement, Reading, Told, judge_parts, parts_summary

LEDGER = [Shown(number, number * 10, Counts(number, number // 5)) for number in range(1, 21)]
EXACT = {"missing": 0, "excused": 0, "too_many": 0, "unplaced": 0}


def reading(number: int, good: int | None = None, stream: str = "u/e", place: int = 0, late: int = 0) -> Reading:
    """As a Modbus machine's: the answer arrives a little later than the number was offered."""
    return Reading(stream, place or number, number * 10 + 3 - late, number, good or number, number // 5)


def told(*numbers: int) -> list[Told]:
    """One row per reading that shows more than the one before it."""
    pairs = itertools.pairwise(numbers)
    return [Told(now * 10 + 3, now - before, now // 5 - before // 5) for before, now in pairs]


def judged(readings: list[Reading], rows: list[Told], *gaps: Gap) -> PartJudgement:
    return judge_parts("m", LEDGER, readings, rows, list(gaps))


def found(judgement: PartJudgement) -> dict[str, int]:
    return {name: getattr(judgement, name) for name in EXACT}


def test_all_is_told() -> None:
    numbers = [3, 4, 6, 7, 11]
    judgement = judged([reading(n) for n in numbers], told(*numbers))
    assert (judgement.made, judgement.told, judgement.readings) == (Counts(8, 2), Counts(8, 2), 5)
    assert found(judgement) == EXACT
    assert judgement.holds()


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param([*told(3, 4, 6, 7), Told(73, 1, 0)], {"too_many": 1}, id="one part twice"),
        pytest.param([*told(3, 4, 6, 7), Told(33, 3, 0)], {"too_many": 3}, id="what was made before the first reading"),
        pytest.param(told(4, 6, 7), {"missing": 1}, id="one row is gone"),
        pytest.param([Told(43, 2, 0), Told(63, 1, 1), Told(73, 1, 0)], {"missing": 1, "too_many": 1}, id="as many, elsewhere"),
        pytest.param([Told(43, 1, 0), Told(63, 2, 0), Told(73, 1, 0)], {"missing": 1}, id="a rejected one is gone"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_found(rows: list[Told], expected: dict[str, int]) -> None:
    judgement = judged([reading(n) for n in (3, 4, 6, 7)], rows)
    assert found(judgement) == EXACT | expected
    assert not judgement.holds()


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param([Told(43, 1, 0, 1), Told(63, 2, 0)], {}, id="told"),
        pytest.param([Told(43, 1, 0), Told(63, 2, 0)], {"missing": 1}, id="not told"),
        pytest.param([Told(43, 1, 0, 1), Told(63, 2, 0, 1)], {"too_many": 1}, id="twice"),
    ],
)
def test_reworked_parts_are_held_against_the_ledger_as_well(rows: list[Told], expected: dict[str, int]) -> None:
    ledger = [entry._replace(made=entry.made._replace(rejected=0, reworked=entry.number // 4)) for entry in LEDGER]
    readings = [Reading("u/e", n, n * 10 + 3, n, n, None, n // 4) for n in (3, 4, 6)]
    judgement = judge_parts("m", ledger, readings, rows, [])
    assert judgement.made == Counts(3, 0, 1)
    assert found(judgement) == EXACT | expected


def test_rows_that_were_given_up_excuse_what_they_told_and_no_more() -> None:
    """Readings 5 to 8 were dropped with their rows; 9 tells of the one part since 8."""
    readings = [reading(n) for n in (3, 4, 9, 10)]
    rows = [Told(43, 1, 0), Told(93, 1, 0), Told(103, 1, 1)]
    full = Gap(53, 83, "Full")
    assert found(judged(readings, rows, full)) == EXACT | {"excused": 5}
    assert judged(readings, rows, full).holds()
    assert found(judged(readings, rows[:1], full)) == EXACT | {"excused": 5, "missing": 3}
    assert found(judged(readings, rows, Gap(200, 210, "Full"))) == EXACT | {"missing": 5}


def test_a_stretch_that_nobody_read_excuses_nothing() -> None:
    readings = [reading(n) for n in (3, 4, 9, 10)]
    rows = [Told(43, 1, 0), Told(93, 1, 0), Told(103, 1, 1)]
    assert found(judged(readings, rows, Gap(43, 93, "GatewayRestarted"))) == EXACT | {"missing": 5}


def test_a_counter_that_began_anew_in_a_gap_excuses_what_it_had_reached() -> None:
    readings = [reading(3), reading(4), reading(9, good=2), reading(10, good=3)]
    rows = [Told(43, 1, 0), Told(93, 2, 1), Told(103, 1, 1)]
    assert found(judged(readings, rows, Gap(43, 93, "Unreachable"))) == EXACT | {"excused": 3}
    assert found(judged(readings, rows)) == EXACT | {"missing": 3}


def test_readings_without_a_number_are_placed_by_their_time() -> None:
    readings = [Reading("u/e", n, n * 10, None, n, None) for n in (3, 4)]
    assert judged(readings, [Told(40, 1, 0)]).holds()
    strange = judged([*readings, Reading("u/e", 5, 51, None, 5, None)], [Told(40, 1, 0)])
    assert (strange.unplaced, strange.holds()) == (1, False)


def test_a_reading_that_came_late_counts_nothing() -> None:
    readings = [reading(3), reading(6, place=4), reading(4, place=5), reading(7)]
    assert judged(readings, told(3, 6, 7)).holds()


def test_another_epoch_knows_nothing_of_the_counters_before() -> None:
    readings = [reading(n) for n in (3, 4)] + [reading(n, stream="u/a") for n in (6, 7)]
    rows = [Told(43, 1, 0), Told(73, 1, 0)]
    assert found(judged(readings, rows)) == EXACT | {"missing": 3}
    assert found(judged(readings, rows, Gap(50, 60, "BufferCorrupt"))) == EXACT | {"excused": 3}


def test_nothing_was_read() -> None:
    assert not judged([], []).holds()
    assert not judged([reading(3)], []).holds()


def test_summary() -> None:
    numbers = [3, 4, 6]
    one = judged([reading(n) for n in numbers], told(*numbers))
    assert parts_summary([one, one]) == (
        "machines 2, parts made 8, told 8, reworked 0, told reworked 0, missing 0, excused by gaps 0, too many 0"
    )
