"""Back-off, request rate and the grid of polls, with a clock moved by hand."""

from plantwright_gateway.sources.pacing import Backoff, RateLimit, Schedule


def test_pauses_double_up_to_the_longest_and_begin_again_after_success():
    backoff = Backoff(0.5, 5.0)
    pauses = [backoff.pause() for _ in range(6)]
    for pause, most in zip(pauses, [0.5, 1, 2, 4, 5, 5], strict=True):
        assert most / 2 <= pause <= most
    backoff.reset()
    assert backoff.pause() <= 0.5


def test_requests_are_spaced_evenly_and_unused_slots_are_not_saved_up():
    rate = RateLimit(4)
    assert [rate.reserve(10.0) for _ in range(3)] == [0.0, 0.25, 0.5]
    assert [rate.reserve(100.0), rate.reserve(100.0)] == [0.0, 0.25]
    assert RateLimit(None).reserve(1.0) == 0.0


def test_the_grid_does_not_drift_and_missed_points_are_not_made_up():
    schedule = Schedule([100, 1000])
    schedule.restart(50.0)
    assert schedule.take_due(50.03) == {100, 1000}
    assert schedule.next_due() == 50.1
    assert schedule.take_due(50.05) == set()
    assert schedule.take_due(50.57) == {100}
    assert round(schedule.next_due(), 6) == 50.6
    assert schedule.take_due(51.0) == {100, 1000}
