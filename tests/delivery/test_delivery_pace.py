"""A sink's limit: each machine keeps to its share of the plant's requests, whatever its backlog."""

import time
from itertools import pairwise
from typing import Any

import pytest

from plantwright_gateway.delivery.backoff import RETRY_AFTER_CAP_SECONDS, Backoff, Pace
from plantwright_gateway.ports.sink import Batch, SinkUnavailable


def test_requests_are_spaced_evenly_and_without_a_limit_not_at_all() -> None:
    pace = Pace(0.5)
    assert pace.wait(10.0) == 0
    pace.sent(10.0)
    assert pace.wait(10.5) == 1.5
    assert pace.wait(99.0) == 0
    free = Pace(None)
    free.sent(10.0)
    assert free.wait(10.0) == 0


async def test_a_backlog_drains_no_faster_than_the_share(line: Any) -> None:
    sent: list[float] = []
    take = line.sink.take

    def noted(batch: Batch) -> Any:
        sent.append(time.monotonic())
        return take(batch)

    line.sink.take = noted
    line.delivery._pace = Pace(10.0)
    await line.open()
    for first in range(0, 2500, 500):
        await line.put(*range(first, first + 500))
    line.run()
    await line.until(lambda: len(line.sink.numbers()) == 2500)
    assert line.sink.numbers() == list(range(2500))
    assert len(sent) >= 5
    assert min(later - earlier for earlier, later in pairwise(sent)) >= 0.09


async def test_a_request_that_fails_counts_too(line: Any) -> None:
    line.delivery._pace = Pace(5.0)
    await line.open()
    await line.put(1)
    begun = time.monotonic()
    line.sink.script.extend([SinkUnavailable("away"), SinkUnavailable("away")])
    line.run()
    await line.until(lambda: line.sink.numbers() == [1])
    assert time.monotonic() - begun >= 0.4


async def test_a_sink_that_asks_for_patience_gets_it(line: Any) -> None:
    await line.open()
    await line.put(1)
    line.sink.script.append(SinkUnavailable("HTTP 429", 0.6))
    begun = time.monotonic()
    line.run()
    await line.until(lambda: line.sink.numbers() == [1])
    assert time.monotonic() - begun >= 0.6


@pytest.mark.parametrize("seconds", [1e9, float("inf")])
def test_a_sink_cannot_ask_for_more_than_minutes(seconds: float) -> None:
    assert Backoff().next(seconds) == RETRY_AFTER_CAP_SECONDS
