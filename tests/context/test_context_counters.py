"""What a counter has done between two readings."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plantwright_api.wire.config import PartCounters
from plantwright_gateway.context.counters import (
    FASTER,
    MOST_AT_ONCE,
    CounterRule,
    Reading,
    Step,
    part_signals,
    planned_run_ns,
    step,
)

S = 10**9
T0 = 1_760_000_000 * S
HOUR = 3600
COUNTS = st.integers(0, 70_000)


@pytest.mark.parametrize(
    ("before", "now", "rollover", "expected"),
    [
        (None, 500, None, Step(0)),
        (10, 10, None, Step(0)),
        (10, 15, None, Step(5)),
        (10, 3, None, Step(3, "Reset")),
        (1, 0, None, Step(0, "Reset")),
        (1000, 499, None, Step(499, "Reset")),
        (1000, 500, None, Step(0, "SetBack")),
        (1000, 990, None, Step(0, "SetBack")),
        (65_530, 4, 65_536, Step(10, "Wrap")),
        (1000, 4, 65_536, Step(4, "Reset")),
        (65_530, 65_520, 65_536, Step(0, "SetBack")),
        (10, 70_000, 65_536, Step(69_990)),
        (70_000, 69_000, 65_536, Step(0, "SetBack")),
    ],
    ids=[
        "first",
        "still",
        "more",
        "reset",
        "reset at one",
        "less than half",
        "half",
        "set back",
        "wrap",
        "reset not wrap",
        "set back not wrap",
        "beyond",
        "beyond and back",
    ],
)
@pytest.mark.row("C6")
def test_what_counts_without_times(before: int | None, now: int, rollover: int | None, expected: Step) -> None:
    earlier = None if before is None else Reading(before)
    assert step(CounterRule(rollover), earlier, Reading(now)) == expected


@pytest.mark.parametrize(
    ("before", "now", "seconds", "followed", "expected"),
    [
        (1000, 2, 1, True, Step(2, "Reset")),
        (1000, 400, 1, True, Step(0, "SetBack")),
        (1000, 400, 600, True, Step(400, "Reset")),
        (1000, 900, HOUR, True, Step(0, "SetBack")),
        (1000, 900, HOUR, False, Step(900, "Reset")),
        (1000, 900, 60, False, Step(0, "SetBack")),
        (1000, 400, 0, True, Step(400, "Reset")),
        (1000, 900, -60, False, Step(0, "SetBack")),
        (60_000, 5, 1, True, Step(5, "Reset")),
        (60_000, 5, 2 * HOUR, True, Step(5541, "Wrap")),
        (65_534, 2, 0.01, True, Step(4, "Wrap")),
        (60_000, 500, 1, True, Step(0, "SetBack")),
    ],
)
@pytest.mark.row("C6")
def test_what_can_have_been_made_in_the_time_counts(
    before: int, now: int, seconds: float, followed: bool, expected: Step
) -> None:
    """At 2 s a part, with a rollover at 65,536."""
    later = Reading(now, T0 + round(seconds * S))
    assert step(CounterRule(65_536, 2 * S), Reading(before, T0), later, followed=followed) == expected


@given(rollover=st.integers(4, 10_000), steps=st.lists(st.integers(0, 4000), max_size=20), run=st.none() | st.just(1))
@pytest.mark.row("C6")
def test_wraps_lose_no_part_while_steps_are_below_half_the_range(
    rollover: int, steps: list[int], run: int | None
) -> None:
    steps = [step % (rollover // 2) for step in steps]
    true, before, counted = 0, Reading(0, T0), 0
    for at, made in enumerate(steps, 1):
        true += made
        now = Reading(true % rollover, T0 + at * S)
        counted += step(CounterRule(rollover, run), before, now).parts
        before = now
    assert counted == true


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3)), min_size=1), st.none() | st.just(10 * S), st.booleans())
@pytest.mark.row("C6")
def test_resets_never_count_too_much(story: list[tuple[bool, int]], run: int | None, followed: bool) -> None:
    """A counter is reset at will between readings of 10 s; what it had reached unseen is lost, nothing is invented."""
    shown, made, counted = 500, 0, 0
    readings = [Reading(shown, T0)]
    for at, (reset, parts) in enumerate(story, 1):
        shown, made = (0 if reset else shown) + parts, made + parts
        readings.append(Reading(shown, T0 + 10 * at * S))
    counted = sum(
        step(CounterRule(None, run), before, now, followed=followed).parts for before, now in pairwise(readings)
    )
    assert counted <= made
    assert counted == made or any(reset for reset, _ in story)


@given(COUNTS, COUNTS, st.none() | st.integers(2, 65_536), st.integers(1, 100_000), st.booleans())
@pytest.mark.row("C6")
def test_no_fall_counts_more_than_can_have_been_made(
    before: int, now: int, rollover: int | None, seconds: int, followed: bool
) -> None:
    later = Reading(now, T0 + seconds * S)
    found = step(CounterRule(rollover, 2 * S), Reading(before, T0), later, followed=followed)
    assert (found.fall is None) == (now >= before)
    if found.fall:
        assert 0 <= found.parts <= MOST_AT_ONCE + FASTER * seconds / 2


@given(COUNTS, st.integers(1, 70_000), st.none() | st.just(2 * S), st.integers(0, 10**6))
@pytest.mark.row("C6")
def test_a_correction_of_a_counter_that_is_followed_counts_nothing(
    before: int, less: int, run: int | None, seconds: int
) -> None:
    """However long it stood: up to half of what it shows may be taken off."""
    now = max(before - less, (before + 1) // 2)
    later = Reading(now, T0 + seconds * S)
    assert step(CounterRule(None, run), Reading(before, T0), later) == Step(0, "SetBack" if now < before else None)


def test_which_signals_count_parts_and_how_fast() -> None:
    parts = PartCounters(good="g", reworked="w", planned_run_time_per_item_seconds=1.8)
    assert part_signals(parts) == {"g": "good", "w": "reworked"}
    assert (planned_run_ns(parts), planned_run_ns(PartCounters(good="g"))) == (1_800_000_000, None)
    assert (part_signals(None), planned_run_ns(None)) == ({}, None)
