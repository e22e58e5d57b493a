"""Every query of every panel, asked of a real Prometheus that scrapes real gateways, returns the series it is for."""

import asyncio
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from shopworld import ONE, REBOOTED, SHOWN, World, world

from plantwright_dashboards import queries
from plantwright_dashboards.queries import EVERYTHING, Answer, Span

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("prometheus") is None, reason="prometheus is not installed (Debian: apt-get install prometheus)"
    ),
]
PATIENCE_SECONDS = 120.0


async def eventually(running: World, outcome: Callable[[Span], list[Answer]]) -> list[Answer]:
    """Ask until no query has a problem, a bounded time; what is left."""
    begun = time.time()
    while True:
        at = time.time()
        left = await asyncio.to_thread(outcome, Span(begun - 60, at, 2))
        if not left or at > begun + PATIENCE_SECONDS:
            return left
        await asyncio.sleep(0.5)


async def flowing(running: World) -> None:
    """Wait until the press that will be rebooted counts parts, a bounded time."""
    end = time.monotonic() + PATIENCE_SECONDS
    counted = f"/api/v1/query?query=plantwright_good_parts_total{{machine='{REBOOTED}'}}>0"
    while not (await asyncio.to_thread(running.ask, counted))["data"]["result"]:
        assert time.monotonic() < end, "no part was counted"
        await asyncio.sleep(0.5)


async def test_every_panel_shows_the_series_it_is_for(tmp_path: Path) -> None:
    async with world(tmp_path) as running:
        await flowing(running)
        running.reboot(REBOOTED)
        left = await eventually(running, lambda span: queries.unanswered(running.ask, span))
        assert not left, "\n".join(f"{answer.problem}: {answer.target}" for answer in left)
        alone = {**EVERYTHING, **ONE}
        left = await eventually(running, lambda span: queries.unanswered(running.ask, span, alone, only="machine"))
        assert not left, "\n".join(f"{answer.problem}: {answer.target}, of {ONE['machine']}" for answer in left)
        for name, dashboard in queries.dashboards().items():
            offered = await asyncio.to_thread(queries.choices, running.ask, dashboard)
            levels = {"plant": ["stuttgart"], "area": ["forming", "machining"], "machine": sorted(SHOWN)}
            assert offered == {level: levels.get(level, ["line-1", "line-2"]) for level in offered}, name
        figures = await asyncio.to_thread(running.ask, "/api/v1/query?query=enterprise:plantwright_oee:ratio_rate5m")
        [enterprise] = figures["data"]["result"]
        assert 0 < float(enterprise["value"][1]) < 1.5
