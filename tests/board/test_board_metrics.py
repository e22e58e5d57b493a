"""What the board tells Prometheus of itself: right numbers, and each of them documented."""

import asyncio
import re
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families
from replay import Floor
from running import Board, free_port, run_board

from plantwright_api.wire import sse
from plantwright_board.web.metrics import COUNTERS, GAUGES, PLANT, Metrics

REFERENCE = Path(__file__).parents[2] / "docs/reference/metrics.md"
NOTHING = {name: {"": 0.0} for name in (*GAUGES, *COUNTERS)}
Samples = dict[str, float]


async def scraped(board: Board) -> Samples:
    """Every sample by name and own label."""
    async with aiohttp.ClientSession() as session, session.get(f"{board.url}/metrics") as response:
        assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        families = list(text_string_to_metric_families(await response.text()))
    ours = [each for family in families for each in family.samples if each.name.startswith("plantwright_")]
    assert {each.labels.pop("plant") for each in ours} == {"stuttgart"}
    return {
        "/".join([each.name.removeprefix("plantwright_board_"), *each.labels.values()]): each.value for each in ours
    }


async def until(board: Board, holds: Callable[[Samples], bool]) -> Samples:
    async with asyncio.timeout(15):
        while not holds(found := await scraped(board)):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)
    return found


@pytest.mark.slow
async def test_viewers_gateways_and_events_are_counted(hall: Floor) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    async with run_board([*hall.urls[:3], nobody], MAX_VIEWERS="2") as board, AsyncExitStack() as stack:
        begun = await until(board, lambda found: found["gateways/true"] == 3)
        assert (begun["gateways/false"], begun["machines/true"], begun["machines/false"]) == (1, 3, 0)
        assert (begun["viewers"], begun["max_viewers"], begun["sent_events_total"]) == (0, 2, 0)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        for _ in range(2):
            await (await stack.enter_async_context(session.get(f"{board.url}/events"))).content.readany()
        async with session.get(f"{board.url}/events") as refused:
            assert refused.status == 503
        hall.send(0, sse.event(b"{"))
        hall.say(1, state="Setup", reason="counted")
        found = await until(board, lambda found: found["sent_events_total"] >= 4)
        assert (found["viewers"], found["refused_viewers_total"], found["dropped_viewers_total"]) == (2, 1, 0)
        assert found["received_events_total"] == begun["received_events_total"] + 2
        assert found["unreadable_events_total"] == 1
        away = hall.machines.pop(2)
        hall.send(2, None)
        await until(board, lambda found: found["gateways/false"] == 2 and found["machines/false"] == 1)
        hall.machines[2] = away
    async with run_board(hall.urls[:1]) as board:
        async with aiohttp.ClientSession() as session, session.get(f"{board.url}/events") as response:
            await response.content.readany()
            await until(board, lambda found: found["viewers"] == 1)
        await until(board, lambda found: found["viewers"] == 0)


def test_every_metric_is_documented_with_its_labels_and_every_documented_one_exists() -> None:
    text = REFERENCE.read_text().partition("\n# Metrics of a shop-floor board\n")[2]
    documented = dict(re.findall(r"^\| `(plantwright_\w+)(?:\{([\w,]+)\})?` \|", text, re.MULTILINE))
    labelled = {name: labels for name, (_, labels) in GAUGES.items()}
    labelled |= {f"{name}_total": labels for name, (_, labels) in COUNTERS.items()}
    assert {name: tuple(filter(None, documented[name].split(","))) for name in documented} == labelled
    lines = Metrics("p", lambda: NOTHING).render().decode().splitlines()
    assert {line.split()[2] for line in lines if line.startswith("# TYPE plantwright")} == set(documented)
    assert PLANT == ("plant",)
