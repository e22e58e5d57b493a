"""O5, O7: an API server that refuses, conflicts or is too busy, and others who write the same objects."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

pytestmark = [pytest.mark.apiserver, pytest.mark.slow]

FOREIGN = "example.com/audit"
STORM = 8.0
EDITS_PER_SECOND = 20
MACHINES = 10


@pytest.mark.row("O5")
async def test_a_second_writer_and_conflicts(
    world: Any, deploy: Callable[..., Awaitable[Any]], proxy: Any, eventually: Callable[..., Any], measured: Any
) -> None:
    """Someone edits the machine twenty times a second and owns a finalizer; half of our writes get 409 or 422 besides."""
    await deploy()
    await world.base()
    await world.apply("Machine")
    await world.ready()
    await world.patch("machines", "press-1", {"metadata": {"finalizers": [FOREIGN]}})
    proxy.refuse(0.5, (409, 422), writes_only=True, spare_lease=True)
    began = time.monotonic()
    answers, reached = await world.edit("machines", "press-1", EDITS_PER_SECOND, STORM, model)
    patches = [r for r in proxy.writes(began) if r.method == "PATCH"]
    answers = [*answers, await world.patch("machines", "press-1", model("last"))]
    edits, intact = len(answers), sum(answer["metadata"]["finalizers"] == [FOREIGN] for answer in answers)
    proxy.mend()
    ended = time.monotonic()
    generation = (await world.get("machines", "press-1"))["metadata"]["generation"]

    async def right() -> bool:
        status = (await world.get("machines", "press-1"))["status"]
        ready = next(c for c in status["conditions"] if c["type"] == "Ready")
        return bool(status["observedGeneration"] == generation and ready["status"] == "True")

    await eventually(right, 10)
    took = time.monotonic() - ended
    config = (await world.get("configmaps", "gw-press-1"))["data"]["config.json"]
    assert '"Mlast"' in config
    assert intact == edits >= 100
    rate = len(patches) / STORM
    assert rate <= 5
    await world.delete("machines", "press-1")
    await asyncio.sleep(1)
    assert (await world.get("machines", "press-1"))["metadata"]["finalizers"] == [FOREIGN], "not ours to remove"
    await world.patch("machines", "press-1", {"metadata": {"finalizers": None}})
    measured(
        f"{edits} edits at {reached:.0f}/s, finalizer intact {intact}/{edits}, {rate:.1f} PATCH/s, status right {took:.1f} s after"
    )


@pytest.mark.row("O7")
async def test_half_of_all_requests_are_turned_away(
    world: Any,
    deploy: Callable[..., Awaitable[Any]],
    proxy: Any,
    settled: Callable[..., Awaitable[None]],
    measured: Callable[[str], None],
) -> None:
    await storm(world, deploy, proxy, settled, measured, STORM)


@pytest.mark.chaos
@pytest.mark.row("O7")
async def test_half_of_all_requests_are_turned_away_for_five_minutes(
    world: Any,
    deploy: Callable[..., Awaitable[Any]],
    proxy: Any,
    settled: Callable[..., Awaitable[None]],
    measured: Callable[[str], None],
) -> None:
    await storm(world, deploy, proxy, settled, measured, 300)


async def storm(world: Any, deploy: Any, proxy: Any, settled: Any, measured: Any, seconds: float) -> None:
    """Make machines in calm and as many in the storm; compare how often the API server is asked."""
    deployment = await deploy()
    await world.base()
    await settled()
    began = time.monotonic()
    await make(world, "calm", 3)
    await asyncio.gather(*(world.ready(f"calm-{n}", 30) for n in range(MACHINES)))
    calm = len(proxy.since(began)) / (time.monotonic() - began)
    await settled()
    began = time.monotonic()
    proxy.refuse(0.5, (429, 503, 0))
    await make(world, "storm", 4)
    await asyncio.sleep(seconds)
    stormy = len(proxy.since(began)) / (time.monotonic() - began)
    proxy.mend()
    ended = time.monotonic()
    await asyncio.gather(*(world.ready(f"storm-{n}", 60) for n in range(MACHINES)))
    converged = time.monotonic() - ended
    assert deployment.operator.process.poll() is None, "no crash, leadership kept"
    assert stormy <= 2 * calm
    measured(
        f"{seconds:.0f} s: no crash, {MACHINES} machines begun meanwhile at {stormy:.1f} requests/s ({calm:.1f} in calm), "
        f"converged {converged:.1f} s after"
    )


def model(name: Any) -> dict[str, Any]:
    return {"spec": {"asset": {"model": f"M{name}"}}}


async def make(world: Any, name: str, network: int) -> None:
    await asyncio.gather(
        *(
            world.apply("Machine", f"{name}-{n}", endpoint={"url": f"modbus+tcp://10.2.{network}.{n + 1}"})
            for n in range(MACHINES)
        )
    )
