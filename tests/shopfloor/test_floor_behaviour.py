"""Simulated machines behave alike for the same seed, and like machines."""

import itertools
from collections import Counter

import pytest

from plantwright_shopfloor.behaviour import STATE_CODES, Behaviour, Parameters


def run(seed: int, seconds: float, looks: int, parameters: Parameters = Parameters(pace=20.0)) -> Behaviour:  # noqa: B008
    machine = Behaviour(seed, parameters)
    for look in range(1, looks + 1):
        machine.advance_to(seconds * look / looks)
    return machine


def test_it_does_not_matter_how_often_one_looks() -> None:
    assert run(3, 600.0, 1).values() == run(3, 600.0, 997).values()


def test_seeds_differ() -> None:
    assert run(3, 600.0, 1).values() != run(4, 600.0, 1).values()


def test_time_never_goes_back() -> None:
    machine = run(3, 60.0, 1)
    before = machine.values()
    machine.advance_to(1.0)
    assert machine.values() == before


def test_it_visits_every_state_and_mostly_produces() -> None:
    machine = Behaviour(5, Parameters(pace=60.0))
    seen: Counter[str] = Counter()
    for second in range(1, 1801):
        machine.advance_to(second)
        seen[machine.state] += 1
    assert set(seen) == set(STATE_CODES)
    assert 0.4 < seen["Production"] / 1800 < 0.95


def test_counters_rise_while_it_produces_and_its_values_stay_in_range() -> None:
    machine = Behaviour(5, Parameters(pace=60.0, scrap_ratio=0.1))
    parts, energy = -1, -1.0
    for second in range(1, 601):
        machine.advance_to(second)
        values = machine.values()
        total = int(values["goodParts"]) + int(values["rejectedParts"])
        assert total >= parts
        assert float(values["energy"]) >= energy
        parts, energy = total, float(values["energy"])
        assert 0 <= float(values["spindleSpeed"]) <= 3000
        assert 15 <= float(values["spindleTemperature"]) <= 80
        assert (values["alarm"] != 0) == (values["state"] == STATE_CODES["Delay"])
    assert int(machine.values()["rejectedParts"]) > 0
    assert int(machine.values()["goodParts"]) > 9 * int(machine.values()["rejectedParts"]) / 2


def test_a_reworked_part_is_a_good_one_that_took_two_cycles() -> None:
    machine = Behaviour(5, Parameters(pace=60.0, rework_ratio=0.3))
    seen: list[tuple[int, int]] = []
    for tenth in range(1, 6001):
        machine.advance_to(tenth / 10)
        values = machine.values()
        seen.append((int(values["goodParts"]), int(values["reworkedParts"])))
    steps = [(now[0] - before[0], now[1] - before[1]) for before, now in itertools.pairwise(seen)]
    assert set(steps) == {(0, 0), (1, 0), (1, 1)}, "a part is reworked when it is good, and only then"
    good, reworked = seen[-1]
    without = int(run(5, 600.0, 1, Parameters(pace=60.0)).values()["goodParts"])
    assert 0.2 < reworked / (good + reworked) < 0.4
    assert good < without
    assert good + reworked == pytest.approx(without, rel=0.1)


def test_a_machine_that_reworks_nothing_counts_none() -> None:
    assert run(3, 600.0, 1).values()["reworkedParts"] == 0


@pytest.mark.parametrize("start", [0, 65_500])
def test_parts_begin_where_they_are_told(start: int) -> None:
    assert Behaviour(1, Parameters(good_parts=start)).values()["goodParts"] == start
