"""A machine stops: how soon that stands on the board, and that the next scrape has it."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from browser import Browser
from stopworld import PROTOCOLS, Seen, World, world

pytestmark = pytest.mark.slow
STOPS = 3
ON_THE_BOARD_MS = 2000


async def stops(running: World, machine: str, page: Browser) -> list[Seen]:
    seen = []
    for _ in range(STOPS):
        seen.append(await running.stop(machine, page))
        await running.producing(machine)
    return seen


async def test_a_stop_is_on_the_board_within_two_seconds_and_in_the_next_scrape(
    tmp_path: Path, browser: Browser, measured: Callable[[str], None]
) -> None:
    async with world(tmp_path, scrape_seconds=1.0) as running:
        await browser.open(running.board.url)
        await browser.until("performance.getEntriesByName('board-painted').length")
        found = await asyncio.gather(*(stops(running, machine, browser) for machine in PROTOCOLS))
        seen = [each for machine in found for each in machine]
        assert running.prometheus is None or all(each.scraped for each in seen)
    assert len(seen) == STOPS * len(PROTOCOLS)
    told = [each.event - each.stopped for each in seen]
    shown = [each.page - each.stopped for each in seen if each.page]
    measured(f"{len(seen)} stops: told after {max(told)} ms, on the page after {max(shown)} ms, at most")
    assert max(told) < ON_THE_BOARD_MS
    assert len(shown) == len(seen)
    assert max(shown) < ON_THE_BOARD_MS
    assert [each.passed for each in seen] == [0] * len(seen)
