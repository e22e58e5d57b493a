"""When the buffer will be full: from the pace of the last minutes, told in steps that seldom change."""

import math

import pytest

from plantwright_gateway.buffer.outlook import Outlook, words

MEGA = 1_000_000


def after(seconds: int, pace: float, start: int = 0, outlook: Outlook | None = None, begin: int = 0) -> Outlook:
    """Noted every second while the fill grows by `pace` bytes per second."""
    found = outlook or Outlook()
    for second in range(seconds + 1):
        found.note(begin + second, int(start + pace * second))
    return found


def test_a_steady_pace_gives_the_time_that_is_left() -> None:
    assert after(60, 100).seconds_to_overflow(60, 6000, MEGA) == pytest.approx((MEGA - 6000) / 100)


@pytest.mark.parametrize("pace", [0.0, -10.0])
def test_what_does_not_grow_never_overflows(pace: float) -> None:
    assert after(60, pace, start=5000).seconds_to_overflow(60, int(5000 + 60 * pace), MEGA) == math.inf


def test_a_moment_is_no_pace() -> None:
    assert Outlook().seconds_to_overflow(0, 10, MEGA) == math.inf
    assert after(19, 1000).seconds_to_overflow(19, 19_000, MEGA) == math.inf
    assert after(20, 1000).seconds_to_overflow(20, 20_000, MEGA) == pytest.approx(980)


def test_full_is_now_and_a_buffer_that_is_not_open_yet_is_not_full() -> None:
    assert after(60, 100).seconds_to_overflow(60, MEGA, MEGA) == 0
    assert Outlook().seconds_to_overflow(0, 0, 0) == math.inf


def test_what_was_long_ago_does_not_count() -> None:
    """An hour of peace, then an outage: after two minutes of it the pace is the outage's."""
    outlook = after(3600, 0)
    after(120, 1000, outlook=outlook, begin=3600)
    assert outlook.seconds_to_overflow(3720, 120_000, MEGA) == pytest.approx(880, rel=0.05)


def test_an_outage_that_ends_leaves_no_alarm() -> None:
    outlook = after(300, 1000)
    after(130, 0, start=200_000, outlook=outlook, begin=300)
    assert outlook.seconds_to_overflow(430, 200_000, MEGA) == math.inf


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0, "10 minutes"), (600, "10 minutes"), (601, "an hour"), (14_400, "4 hours"), (86_400, "a day")],
)
def test_people_are_told_in_steps(seconds: float, told: str) -> None:
    assert words(seconds) == f"at this pace the buffer is full within {told}"


@pytest.mark.parametrize("seconds", [86_401, math.inf])
def test_more_than_a_day_is_no_news(seconds: float) -> None:
    assert words(seconds) == ""
