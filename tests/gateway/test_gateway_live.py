"""GET /live: what a machine does now, as a stream."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import msgspec
import pytest

from plantwright_api.wire import sse
from plantwright_api.wire.config import PartCounters, StateModel
from plantwright_api.wire.live import Live
from plantwright_gateway.app.server import MOST_STREAMS, serve
from plantwright_gateway.ports.source import Sample

STATES = StateModel(signal="state", values={"run": "Production", "stop": "Delay"})


@pytest.fixture
async def url(bench: Any, make_signal: Any) -> AsyncIterator[str]:
    signals = [make_signal(name) for name in ("number", "state", "good", "bad")]
    parts = PartCounters(good="good", rejected="bad", planned_run_time_per_item_seconds=2.0)
    gateway = await bench.start(bench.machine(signals=signals, state=STATES, parts=parts))
    server, port = await serve(gateway, 0)
    yield f"http://127.0.0.1:{port}/live"
    await server.cleanup()


async def listen(url: str, seen: list[tuple[float, Live]]) -> None:
    events = sse.Events()
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        assert response.content_type == "text/event-stream"
        async for piece in response.content.iter_any():
            told = [msgspec.json.decode(data, type=Live) for data in events.feed(piece)]
            seen.extend((time.monotonic(), each) for each in told)


async def test_a_state_is_told_at_once_and_figures_of_the_shift(bench: Any, url: str, eventually: Any) -> None:
    seen: list[tuple[float, Live]] = []
    listening = asyncio.create_task(listen(url, seen))
    try:
        await eventually(lambda: seen)
        assert (seen[0][1].plant, seen[0][1].line, seen[0][1].machine) == ("stuttgart", "line-1", "lathe-07")
        for state, good, bad in (("run", 10, 0), ("run", 13, 1)):
            at = time.time_ns()
            await bench.hand.give(Sample("state", state, at), Sample("good", good, at), Sample("bad", bad, at))
        await eventually(lambda: seen[-1][1].good == 3)
        stopped = time.monotonic()
        await bench.hand.give(Sample("state", "stop", time.time_ns()))
        await eventually(lambda: seen[-1][1].state == "Delay")
        assert next(at for at, told in seen if told.state == "Delay") - stopped < 1.0
        await eventually(lambda: seen[-1][1].production > 0)
        told = seen[-1][1]
    finally:
        listening.cancel()
    assert (told.good, told.rejected, told.planned_production, told.connected, told.trouble) == (3, 1, 8.0, True, "")
    assert 0 < told.production <= told.planned_busy <= told.planned
    assert told.job_good is None


async def test_what_does_not_change_is_not_told_more_than_once_a_second(bench: Any, url: str, eventually: Any) -> None:
    seen: list[tuple[float, Live]] = []
    listening = asyncio.create_task(listen(url, seen))
    await eventually(lambda: len(seen) >= 5)
    listening.cancel()
    times = [at for at, _ in seen]
    assert times[4] - times[3] >= 0.7, "the first ones tell of the beginning"


async def test_listeners_are_bounded(url: str) -> None:
    async with aiohttp.ClientSession() as session:
        open_ones = [await session.get(url) for _ in range(MOST_STREAMS)]
        for _ in range(50):
            async with session.get(url) as refused:
                if refused.status == 503:
                    break
        assert refused.status == 503
        for each in open_ones:
            each.close()


async def test_a_head_of_the_stream_is_no_stream(url: str) -> None:
    async with aiohttp.ClientSession() as session, session.post(url) as response:
        assert response.status in (404, 405)
