"""How much of the planned time a contract was complete, and when too much of it is missing."""

import pytest

from plantwright_api.wire.config import Contract
from plantwright_gateway.check.completeness import FieldState, complete_contracts
from plantwright_gateway.check.coverage import BUCKETS, Buckets, Coverage, dump, load

S = 10**9
T0 = 1_760_000_000 * S


def coverage(percent: int | None = 90, window: int = 100, known: Buckets | None = None) -> Coverage:
    terms = Contract(
        name="c", version="1.0.0", fields=[], completeness_percent=percent, completeness_window_seconds=window
    )
    return Coverage(terms, known or Buckets(at_ns=T0))


def run(found: Coverage, *seconds: bool, planned: bool = True) -> None:
    for complete in seconds:
        found.advance(found.known.at_ns + S, S if planned else 0, complete)


def test_it_is_short_once_more_is_missing_than_the_window_allows() -> None:
    found = coverage(percent=90, window=100)
    run(found, *[True] * 50, *[False] * 10)
    assert not found.short
    run(found, False)
    assert found.short
    assert (found.planned_ns, found.complete_ns) == (61 * S, 50 * S)


def test_what_slides_out_of_the_window_is_forgotten() -> None:
    found = coverage(percent=90, window=100)
    run(found, *[False] * 20)
    assert found.short
    run(found, *[True] * 80)
    assert found.short
    run(found, *[True] * 22)
    assert not found.short
    assert len(found.known.buckets) <= BUCKETS * 2


def test_time_that_is_not_planned_counts_for_neither_side() -> None:
    found = coverage()
    run(found, *[False] * 60, planned=False)
    assert not found.short
    assert (found.planned_ns, found.complete_ns) == (0, 0)


def test_time_in_which_nobody_watched_is_missing_though_both_ends_are_good() -> None:
    found = coverage(percent=90, window=100)
    run(found, True)
    found.advance(found.known.at_ns + 20 * S, 20 * S, True)
    assert found.short


def test_a_clock_that_goes_back_counts_nothing_as_complete() -> None:
    found = coverage()
    found.advance(T0 - 50 * S, 0, True)
    run(found, True)
    assert (found.planned_ns, found.complete_ns, found.short) == (S, S, False)


def test_without_terms_it_only_counts() -> None:
    found = coverage(percent=None)
    run(found, *[False] * 100)
    assert not found.short
    assert found.planned_ns == 100 * S


def test_it_survives_a_restart() -> None:
    found = coverage(percent=90, window=100)
    run(found, *[False] * 11)
    again = coverage(percent=90, window=100, known=load(dump({"c": found.known}))["c"])
    assert again.short


@pytest.mark.parametrize("content", [None, b"", b"{", b"[]"])
def test_what_cannot_be_read_back_is_forgotten(content: bytes | None) -> None:
    assert load(content) == {}


@pytest.mark.parametrize(
    ("fields", "since", "expected"),
    [
        ([FieldState("c", "a", 30 * S, T0)], T0, {"c": True}),
        ([FieldState("c", "a", 30 * S, T0)], None, {"c": False}),
        ([FieldState("c", "a", 30 * S, None)], T0, {"c": False}),
        ([FieldState("c", "a", 30 * S, T0 - 40 * S)], T0 - 60 * S, {"c": False}),
        ([FieldState("c", "a", 30 * S, T0, "OutOfRange")], T0, {"c": False}),
        ([FieldState("c", "a", 30 * S, T0), FieldState("c", "b", 30 * S, None)], T0, {"c": False}),
        ([FieldState("c", "a", 30 * S, T0), FieldState("c", "b", 30 * S, None, required=False)], T0, {"c": True}),
        ([FieldState("c", "a", 30 * S, T0), FieldState("d", "a", 30 * S, None)], T0, {"c": True, "d": False}),
    ],
)
def test_complete_is_all_that_is_required(
    fields: list[FieldState], since: int | None, expected: dict[str, bool]
) -> None:
    assert complete_contracts(fields, since, None, T0) == expected
