"""Computed signals and running totals, without a gateway around them."""

from typing import Any

import pytest

from plantwright_api.wire.config import Counter, Operand, PartCounters, Signal
from plantwright_gateway.context.counters import CounterRule, Reading
from plantwright_gateway.derive import Derivation, DerivationError, RunningTotals
from plantwright_gateway.ports.source import GapNotice, Sample

INTEGER, NUMBER, STRING = Operand(type="Integer"), Operand(type="Number"), Operand(type="String")


def signal(name: str, **more: Any) -> Signal:
    return Signal(name=name, interval_ms=1000, **{"contract": "c", "field": name, **more})


def given(signals: list[Signal], *batches: list[Sample], totals: RunningTotals | None = None) -> list[list[Sample]]:
    derivation, totals = Derivation(signals), totals or RunningTotals()
    return [list(derivation.extend(batch, totals)) for batch in batches]


def by_name(samples: list[Sample]) -> set[tuple[str, Any]]:
    return {(sample.signal, sample.value) for sample in samples}


SUM = [signal("a", operand=INTEGER), signal("b", operand=INTEGER), signal("sum", expression="a + b")]


def test_a_value_is_computed_once_all_operands_have_come_and_whenever_one_comes() -> None:
    first, second, third = given(SUM, [Sample("a", 1, 10)], [Sample("b", 2, 20)], [Sample("a", 5, 30)])
    assert first == [Sample("a", 1, 10)]
    assert second == [Sample("b", 2, 20), Sample("sum", 3, 20)]
    assert third == [Sample("a", 5, 30), Sample("sum", 7, 30)]


def test_what_arrives_together_is_computed_once_with_the_newest_time() -> None:
    [found] = given(SUM, [Sample("a", 1, 12), Sample("b", 2, 10)])
    assert found[2:] == [Sample("sum", 3, 12)]


def test_several_values_of_an_operand_are_paired_by_their_times() -> None:
    batch = [Sample("a", 1, 10), Sample("a", 2, 20), Sample("b", 100, 10), Sample("b", 200, 20)]
    [found] = given(SUM, batch)
    assert found[4:] == [Sample("sum", 101, 10), Sample("sum", 202, 20)]


def test_operands_have_their_own_scale_names_and_type() -> None:
    signals = [
        signal("p", scale=0.0001, operand=Operand(type="Number", scale=0.1)),
        signal("state", values={"1": "Run"}, operand=STRING),
        signal("load", expression="state == 'Run' ? p : 0.0"),
        signal("text", expression="state"),
    ]
    batches = [[Sample("p", 215, 1), Sample("state", 1, 1)], [Sample("state", 7, 2)]]
    first, second = given(signals, *batches)
    assert by_name(first) >= {("load", 21.5), ("text", "Run")}
    assert by_name(second) >= {("load", 0.0), ("text", "7")}, "a code without a name is its own text"


@pytest.mark.parametrize(
    ("sample", "quality", "reason"),
    [
        (Sample("a", None, 5, "Bad", "BadValue"), "Bad", "BadValue"),
        (Sample("a", 9, 5, "Bad", "BadValue"), "Bad", "BadValue"),
        (Sample("a", None, 5, "Bad"), "Bad", "NotComputable"),
        (Sample("a", "nine", 5), "Bad", "NotComputable"),
        (Sample("a", "nine", 5, "Bad", "WrongType"), "Bad", "NotComputable"),
        (Sample("a", 9, 5, "Uncertain", "UncertainValue"), "Uncertain", "UncertainValue"),
        (Sample("a", 9, 5), "Good", ""),
    ],
)
def test_a_result_is_as_good_as_its_worst_operand(sample: Sample, quality: str, reason: str) -> None:
    [found] = given(SUM, [sample, Sample("b", 1, 4)])
    made = found[2]
    assert (made.quality, made.reason, made.source_ns) == (quality, reason, 5)
    assert made.value == (None if quality == "Bad" else 10)


def test_no_value_is_said_and_mends_itself() -> None:
    signals = [signal("a", operand=INTEGER), signal("b", operand=INTEGER), signal("ratio", expression="a / b")]
    first, second = given(signals, [Sample("a", 1, 1), Sample("b", 0, 1)], [Sample("b", 2, 2)])
    assert first[2] == Sample("ratio", None, 1, "Bad", "NotComputable")
    assert second[1] == Sample("ratio", 0.5, 2)


def test_computed_signals_build_on_each_other_in_whatever_order_they_stand() -> None:
    signals = [
        signal("kilo", expression="joined / 1000"),
        signal("joined", expression="high * 65536 + low", operand=INTEGER, internal=True),
        signal("high", operand=INTEGER, internal=True),
        signal("low", operand=INTEGER, internal=True),
    ]
    [found] = given(signals, [Sample("high", 1, 1), Sample("low", 464, 1)])
    assert found == [Sample("kilo", 66.0, 1)], "internal signals are not delivered"
    assert Derivation(signals).origins == {"joined": ("high", "low"), "kilo": ("high", "low")}


def test_gaps_tell_of_what_is_computed() -> None:
    signals = [signal("raw", operand=STRING, internal=True), signal("code", expression="trim(raw)"), signal("other")]
    derivation = Derivation(signals)
    [some, alone, every] = derivation.gaps(
        [
            GapNotice("Timeout", 1, 2, ("raw", "other")),
            GapNotice("Timeout", 1, 2, ("other",)),
            GapNotice("Timeout", 1, 2),
        ]
    )
    assert (some.signals, alone.signals, every.signals) == (("other", "code"), ("other",), ())


def test_a_lost_session_leaves_nothing_to_compute_from_and_a_reload_does() -> None:
    derivation, totals = Derivation(SUM), RunningTotals()
    derivation.extend([Sample("a", 1, 1), Sample("b", 2, 1)], totals)
    reloaded = Derivation(SUM)
    reloaded.succeed(derivation)
    assert reloaded.extend([Sample("a", 5, 2)], totals)[1] == Sample("sum", 7, 2)
    reloaded.forget()
    assert reloaded.extend([Sample("a", 6, 3)], totals) == [Sample("a", 6, 3)]


def test_operands_that_are_read_otherwise_than_before_are_forgotten() -> None:
    derivation, totals = Derivation(SUM), RunningTotals()
    derivation.extend([Sample("a", 1, 1), Sample("b", 2, 1)], totals)
    other = Derivation([signal("a", operand=INTEGER), signal("b", operand=NUMBER), SUM[2]])
    other.succeed(derivation)
    assert other.extend([Sample("a", 5, 2)], totals) == [Sample("a", 5, 2)]


@pytest.mark.parametrize(
    ("rollover", "readings", "expected"),
    [
        (65536, [65_530, 65_534, 2, 10], [65_530, 65_534, 65_538, 65_546]),
        (None, [500, 510, 3, 7], [500, 510, 513, 517]),
        (None, [500, 500, 0, 0], [500, 500, 500, 500]),
        (65536, [60_000, 5], [60_000, 65_541]),
        (65536, [1_000, 5], [1_000, 1_005]),
        (65536, [1_000, 990, 993], [1_000, 1_000, 1_003]),
        (None, [7.0, 9.0], [7, 9]),
    ],
)
@pytest.mark.row("C6")
def test_a_total_never_falls(rollover: int | None, readings: list[float], expected: list[int]) -> None:
    signals = [signal("n", counter=Counter(rollover=rollover))]
    found = given(signals, *[[Sample("n", reading, at)] for at, reading in enumerate(readings)])
    assert [batch[0].value for batch in found] == expected


@pytest.mark.parametrize("reading", [-1, 2.5, "12", True, float("nan")])
def test_what_counts_nothing_is_no_total(reading: Any) -> None:
    first, second, third = given(
        [signal("n", counter=Counter())], [Sample("n", 10, 1)], [Sample("n", reading, 2)], [Sample("n", 12, 3)]
    )
    assert second == [Sample("n", None, 2, "Bad", "NotComputable")]
    assert (first[0].value, third[0].value) == (10, 12)


def test_a_bad_reading_is_neither_counted_nor_shown_as_a_total() -> None:
    _, second, third = given(
        [signal("n", counter=Counter())],
        [Sample("n", 10, 1)],
        [Sample("n", 3, 2, "Bad", "BadValue")],
        [Sample("n", 11, 3)],
    )
    assert (second, third) == ([Sample("n", None, 2, "Bad", "BadValue")], [Sample("n", 11, 3)])


def test_expressions_see_totals_and_give_counters() -> None:
    signals = [
        signal("pulses", counter=Counter(rollover=100), operand=Operand(type="Number", scale=0.5), internal=True),
        signal("energy", expression="pulses + 1.0"),
        signal("high", operand=INTEGER, internal=True),
        signal("low", operand=INTEGER, internal=True),
        signal("parts", expression="high * 10 + low", counter=Counter()),
    ]
    batches = [
        [Sample("pulses", 98, 1), Sample("high", 4, 1), Sample("low", 2, 1)],
        [Sample("pulses", 4, 2), Sample("high", 0, 2), Sample("low", 3, 2)],
    ]
    first, second = given(signals, *batches)
    assert first == [Sample("energy", 50.0, 1), Sample("parts", 42, 1)]
    assert second == [Sample("energy", 53.0, 2), Sample("parts", 45, 2)]


def test_totals_go_on_from_what_was_kept_and_what_cannot_be_read_begins_anew() -> None:
    totals = RunningTotals()
    assert not totals.unsaved
    totals.add("n", Reading(500, 1), CounterRule())
    assert totals.unsaved
    totals.unsaved = False
    totals.add("n", Reading(500, 2), CounterRule())
    assert not totals.unsaved, "what did not change needs no writing"
    assert RunningTotals(totals.dump()).add("n", Reading(3, 3), CounterRule()) == 503
    assert RunningTotals(b"{broken").add("n", Reading(3, 3), CounterRule()) == 3
    assert RunningTotals(b'{"n": {"reading": 500, "total": 700}}').add("n", Reading(3, 3), CounterRule()) == 703


@pytest.mark.row("C6")
def test_a_late_reading_of_a_counter_is_no_fall_and_no_total() -> None:
    derivation, totals = Derivation([signal("n", counter=Counter())]), RunningTotals()
    derivation.extend([Sample("n", 100, 10), Sample("n", 110, 20)], totals)
    late = derivation.extend([Sample("n", 105, 15)], totals, is_late=lambda source_ns: source_ns < 18)
    assert late == [Sample("n", None, 15, "Bad", "NotComputable")]
    assert derivation.extend([Sample("n", 112, 30)], totals) == [Sample("n", 112, 30)]
    set_back = derivation.extend([Sample("n", 113, 12)], totals, is_late=lambda source_ns: source_ns < 11)
    assert set_back == [Sample("n", 113, 12)], "a clock that is set back is no late reading"
    assert not totals.falls


@pytest.mark.row("C6")
def test_what_counts_parts_is_held_against_their_run_time_also_as_a_total() -> None:
    """Of two counters that were at 500 and show 400 after an hour without sight, at 6 s a part, one counts parts."""
    hour = 3600 * 10**9
    signals = [signal("raw", operand=INTEGER, internal=True), signal("parts", counter=Counter(), expression="raw + 0")]
    signals += [signal("strokes", counter=Counter())]
    derivation = Derivation(signals, PartCounters(good="parts", planned_run_time_per_item_seconds=6.0))
    totals = RunningTotals()
    derivation.extend([Sample("raw", 500, 0), Sample("strokes", 500, 0)], totals)
    again = [Sample("raw", 400, hour), Sample("strokes", 400, hour)]
    found = derivation.extend(again, totals, [GapNotice("SessionLost", 0, hour, ("raw", "strokes"))])
    assert {sample.signal: sample.value for sample in found} == {"parts": 900, "strokes": 500}
    assert dict(totals.falls) == {("parts", "Reset"): 1, ("strokes", "SetBack"): 1}
    derivation.extend([Sample("raw", 399, 2 * hour)], totals)
    assert totals.falls["parts", "SetBack"] == 1, "it was seen in between"


def test_without_expressions_and_counters_samples_go_through_as_they_are() -> None:
    batch = [Sample("a", 1, 1)]
    assert Derivation([signal("a")]).extend(batch, RunningTotals()) is batch


@pytest.mark.parametrize(
    ("signals", "words"),
    [
        ([signal("a", expression="b + 1"), signal("b", operand=INTEGER, expression="c + 1")], "signal b: expression: "),
        (
            [signal("a", expression="b + 1", operand=INTEGER), signal("b", expression="a + 1", operand=INTEGER)],
            "in a circle",
        ),
    ],
)
def test_a_configuration_that_contradicts_itself_is_refused(signals: list[Signal], words: str) -> None:
    with pytest.raises(DerivationError, match=words):
        Derivation(signals)
