"""Sequence numbers, repeats and gaps, with times given by hand."""

import math

import pytest

from plantwright_gateway.ports.source import GapNotice, Sample
from plantwright_gateway.sources.opcua.stream import LAST_NUMBER, Reading, Sequence, Stream

S = 1_000_000_000


def reading(signal: str, value: object, at: int, *, overflowed: bool = False) -> Reading:
    return Reading(Sample(signal, value, at), overflowed)


@pytest.fixture
def stream() -> Stream:
    """Two signals, both read at second 10."""
    stream = Stream({"a": 1000, "b": 1000})
    stream.begin(None)
    taken = stream.take([reading("a", 1, 9 * S), reading("b", 1, 9 * S)], 10 * S)
    assert taken.gaps == []
    stream.complete(10 * S)
    return stream


def test_the_present_value_after_an_interruption_is_no_new_one_if_nothing_happened(stream):
    stream.interrupt("Unreachable")
    assert stream.take([reading("a", 1, 9 * S), reading("b", 1, 9 * S)], 20 * S) == ([], [])


def test_only_signals_that_changed_meanwhile_have_a_gap(stream):
    stream.interrupt("Unreachable")
    taken = stream.take([reading("a", 1, 9 * S), reading("b", 5, 15 * S)], 20 * S)
    assert [sample.signal for sample in taken.samples] == ["b"]
    assert taken.gaps == [GapNotice("Unreachable", 10 * S, 20 * S, ("b",))]


def test_a_change_of_value_with_the_same_time_is_a_change(stream):
    stream.interrupt("Unreachable")
    assert len(stream.take([reading("a", 2, 9 * S)], 20 * S).samples) == 1


def test_the_first_reason_stays_and_the_gap_begins_where_the_stream_was_complete(stream):
    stream.complete(12 * S)
    stream.interrupt("Timeout")
    stream.interrupt("ConnectionRefused")
    taken = stream.take([reading("a", 2, 19 * S), reading("b", 2, 19 * S)], 20 * S)
    assert taken.gaps == [GapNotice("Timeout", 12 * S, 20 * S, ())]
    assert stream.take([reading("a", 3, 21 * S)], 21 * S).gaps == []


def test_an_interruption_shorter_than_an_interval_and_a_half_is_no_gap(stream):
    stream.interrupt("Unreachable")
    assert stream.take([reading("a", 2, 11 * S)], 11 * S + S // 2).gaps == []


def test_nan_is_the_same_as_nan():
    stream = Stream({"a": 1000})
    stream.take([reading("a", math.nan, 9 * S)], 10 * S)
    assert stream.take([reading("a", float("nan"), 9 * S)], 11 * S, skip_repeats=True).samples == []


def test_a_machine_never_read_has_no_gap_and_one_read_before_has():
    fresh, known = Stream({"a": 1000}), Stream({"a": 1000})
    fresh.begin(None)
    known.begin(2 * S)
    assert fresh.take([reading("a", 1, 9 * S)], 10 * S).gaps == []
    assert known.take([reading("a", 1, 9 * S)], 10 * S).gaps == [GapNotice("GatewayRestarted", 2 * S, 10 * S, ())]


def test_an_overflow_is_a_gap_between_two_values(stream):
    taken = stream.take([reading("a", 2, 15 * S, overflowed=True)], 20 * S)
    assert taken.gaps == [GapNotice("QueueOverflow", 9 * S, 15 * S, ("a",))]


@pytest.mark.parametrize(
    ("number", "keep_alive", "expected"),
    [
        (6, False, (True, [])),
        (6, True, (True, [])),
        (8, False, (True, [6, 7])),
        (7, True, (True, [6])),
        (5, False, (False, [])),
        (5, True, (True, [])),
    ],
)
def test_sequence_numbers(number, keep_alive, expected):
    numbers = Sequence()
    numbers.advance(5, keep_alive=False)
    assert numbers.judge(number, keep_alive=keep_alive) == expected


def test_sequence_numbers_begin_again_at_one():
    numbers = Sequence()
    numbers.advance(LAST_NUMBER - 1, keep_alive=False)
    assert numbers.judge(2, keep_alive=False) == (True, [LAST_NUMBER, 1])
    numbers.advance(LAST_NUMBER, keep_alive=False)
    assert (numbers.expected, numbers.last) == (1, LAST_NUMBER)
    assert numbers.judge(LAST_NUMBER, keep_alive=False) == (False, [])
