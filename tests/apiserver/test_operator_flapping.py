"""B7: a spec that is edited all the time, deleted while it is made, made anew: few writes, and the last word counts."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = [pytest.mark.apiserver, pytest.mark.slow]
EDITS_PER_SECOND = 50
SECONDS = 6.0


async def until(done: Callable[[], Any], seconds: float = 30.0) -> None:
    """Wait until `done` gives something true; what is not there yet counts as no."""
    async with asyncio.timeout(seconds):
        while True:
            try:
                if await done():
                    return
            except (KeyError, StopIteration, RuntimeError):
                pass
            await asyncio.sleep(0.1)


def model(name: Any) -> dict[str, Any]:
    return {"spec": {"asset": {"model": str(name)}}}


@pytest.mark.row("B7")
async def test_a_spec_that_flaps_ends_at_its_last_word(
    world: Any, node: Any, start_operator: Callable[..., Any], namespace: str, measured: Callable[[str], None]
) -> None:
    operator = await start_operator()
    await world.base()
    await world.apply("Machine")
    await world.ready()
    began = time.time()
    answers, rate = await world.edit("machines", "press-1", EDITS_PER_SECOND, SECONDS, model)
    edits = len(answers)
    await world.patch("machines", "press-1", model("last"))

    async def settled() -> bool:
        config = node.gateway(namespace, "press-1").config["machines"][0]
        return bool(config["asset"]["model"] == "last")

    await until(settled)
    await world.ready()
    writes = operator.writes(began, namespace)
    rollouts = writes["statefulsets", "gw-press-1"]
    assert rollouts <= SECONDS / 5, writes
    assert node.gateway(namespace, "press-1").loads < edits
    measured(
        f"{edits} edits at {rate:.0f}/s: {rollouts} roll-outs, {writes['configmaps', 'gw-press-1']} writes of the configuration, the last in force"
    )


@pytest.mark.row("B7")
async def test_deleted_while_it_is_made(
    world: Any, node: Any, start_operator: Callable[..., Any], measured: Callable[[str], None]
) -> None:
    await start_operator()
    await world.base()
    node.start_seconds = 0.5
    for _ in range(5):
        await world.apply("Machine")
        await asyncio.sleep(0.15)
        await world.delete("machines", "press-1")
    uid = (await world.apply("Machine"))["metadata"]["uid"]

    async def made() -> bool:
        owners = [each["metadata"]["ownerReferences"][0]["uid"] for each in await world.list("statefulsets")]
        return owners == [uid] and (await world.condition("Ready"))["status"] == "True"

    await until(made)
    measured("5 × deleted while it was made, then made: one StatefulSet, Ready")
