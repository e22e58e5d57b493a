"""F18: a node is lost. Its machine is visibly stranded, and no second gateway writes while the first might."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

pytestmark = [pytest.mark.apiserver, pytest.mark.slow, pytest.mark.row("F18")]

POD, CLAIM = "gw-press-1-0", "gw-press-1"
SILENCE = 50
"""Seconds after which the node controller gives a silent node up; 300 s later it evicts its pods."""


async def act_as_node_controller(world: Any) -> None:
    """Write what the node controller writes of the pods of a node that is silent: Ready, and nothing else."""
    conditions = (await world.get("pods", POD))["status"]["conditions"]
    marked = [{**c, "status": "False"} if c["type"] == "Ready" else c for c in conditions]
    await world.api.merge(f"{world.path('pods', POD)}/status", {"status": {"conditions": marked}})


async def evict(world: Any) -> None:
    """What it does five minutes later; no kubelet confirms that the pod has ended."""
    await world.delete("pods", POD)


async def is_terminating(world: Any) -> bool:
    return "deletionTimestamp" in (await world.get("pods", POD))["metadata"]


@pytest.mark.parametrize("played", [True, pytest.param(False, marks=pytest.mark.chaos)], ids=["played", "real"])
async def test_a_lost_node_strands_its_machine_and_says_so(
    played: bool,
    world: Any,
    node: Any,
    start_operator: Callable[..., Awaitable[Any]],
    eventually: Callable[..., Any],
    measured: Callable[[str], None],
) -> None:
    """The short form plays the node controller, the long form waits for it."""
    await start_operator()
    await world.base()
    await world.apply("Machine")
    await world.ready()
    first, claim = await world.get("pods", POD), await world.get("persistentvolumeclaims", CLAIM)
    assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]
    seen, lost_at = set(), time.monotonic()
    node.lost = True
    if played:
        await act_as_node_controller(world)

    async def says_lost() -> Any:
        seen.update(p["metadata"]["uid"] for p in await world.list("pods"))
        ready = await world.condition("Ready")
        return ready if ready["reason"] == "NodeLost" else None

    ready = await eventually(says_lost, 30 if played else SILENCE + 60)
    took = time.monotonic() - lost_at
    assert ready["status"] == "False"
    assert "pretend" in ready["message"]
    assert (await world.get("machines", "press-1"))["status"]["problem"].startswith("NodeLost")
    if played:
        await evict(world)
    await eventually(lambda: is_terminating(world), 5 if played else 330)
    for _ in range(20):
        await asyncio.sleep(0.2)
        assert await says_lost(), "still stranded, and still said so"
    assert seen == {first["metadata"]["uid"]}, "no second gateway while the first might still write"
    # The administrator knows that the node is off: the pod is forced away, a new one takes the same claim.
    node.lost = False
    forced = {"gracePeriodSeconds": 0, "preconditions": {"uid": first["metadata"]["uid"]}}
    await world.api.call("DELETE", world.path("pods", POD), forced)

    async def resumed() -> bool:
        return bool((await world.get("pods", POD))["metadata"]["uid"] != first["metadata"]["uid"])

    await eventually(resumed, 20)
    await world.ready("press-1", 40)
    again = await world.get("persistentvolumeclaims", CLAIM)
    assert again["metadata"]["uid"] == claim["metadata"]["uid"], "the buffer's stream goes on"
    measured(f"NodeLost said after {took:.0f} s; never two pods; resumed with the same claim")
