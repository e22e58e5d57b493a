"""How changes reach running gateways, and who may read a device, on a real API server."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = [pytest.mark.apiserver, pytest.mark.slow]


async def until(done: Callable[[], Any], seconds: float = 20.0) -> Any:
    """Wait until `done` gives something true."""
    async with asyncio.timeout(seconds):
        while True:
            try:
                found = await done()
            except (KeyError, StopIteration, RuntimeError):
                found = None
            if found:
                return found
            await asyncio.sleep(0.05)


async def reasons(world: Any) -> dict[str, str]:
    found = {}
    for machine in await world.list("machines"):
        conditions = machine.get("status", {}).get("conditions", [])
        found[machine["metadata"]["name"]] = next((c["reason"] for c in conditions if c["type"] == "Ready"), "")
    return found


async def test_manual_holds_a_change_until_it_is_approved(
    world: Any, node: Any, start_operator: Callable[..., Any], namespace: str
) -> None:
    await start_operator()
    await world.base()
    await world.apply("Plant", rollout={"mode": "Manual"})
    await world.apply("Machine")
    await world.ready()
    await world.apply("Machine", asset={"model": "X"})

    async def waits() -> Any:
        ready = await world.condition("Ready")
        return ready if ready["reason"] == "WaitingForApproval" else None

    waiting = await until(waits)
    assert (await world.condition("Stalled"))["status"] == "True"
    assert not node.gateway(namespace, "press-1").config["machines"][0]["asset"]
    revision = waiting["message"].rsplit("=", 1)[1]
    approval = {"metadata": {"annotations": {"plantwright.io/approve-revision": revision}}}
    await world.patch("machines", "press-1", approval)
    await world.ready()
    assert node.gateway(namespace, "press-1").config["machines"][0]["asset"]["model"] == "X"


def is_rolling(stateful_set: dict[str, Any]) -> bool:
    return bool(stateful_set["status"].get("currentRevision") != stateful_set["status"].get("updateRevision"))


class Rolling:
    """How many StatefulSets rolled at once at most. A watch misses no change, as looking now and then would."""

    def __init__(self) -> None:
        self.most = 0
        self._rolling: dict[str, bool] = {}

    async def follow(self, world: Any) -> None:
        async for event in world.api.watch(f"{world.path('statefulsets')}?resourceVersion=0"):
            self._rolling[event["object"]["metadata"]["name"]] = is_rolling(event["object"])
            self.most = max(self.most, sum(self._rolling.values()))


async def test_no_more_than_max_concurrent_restart_at_once(
    world: Any, node: Any, start_operator: Callable[..., Any]
) -> None:
    await start_operator()
    await world.base()
    await world.apply("Plant", rollout={"maxConcurrent": 1}, gateway={"image": "gateway:1"})
    names = [f"press-{n}" for n in range(1, 5)]
    for number, name in enumerate(names):
        await world.apply("Machine", name, endpoint={"url": f"modbus+tcp://10.2.3.{number + 1}"})
    for name in names:
        await world.ready(name)
    node.start_seconds = 0.6
    seen = Rolling()
    watching = asyncio.create_task(seen.follow(world))
    await world.apply("Plant", rollout={"maxConcurrent": 1}, gateway={"image": "gateway:2"})

    async def all_done() -> bool:
        sets = await world.list("statefulsets")
        images = [s["spec"]["template"]["spec"]["containers"][0]["image"] for s in sets]
        done = images == ["gateway:2"] * 4 and not any(map(is_rolling, sets))
        return done and set((await reasons(world)).values()) == {"InForce"}

    await until(all_done, 60)
    watching.cancel()
    assert seen.most == 1


async def test_an_operator_upgrade_changes_no_image(world: Any, start_operator: Callable[..., Any]) -> None:
    old = await start_operator(GATEWAY_IMAGE="gateway:old")
    await world.base()
    await world.apply("Machine")
    await world.ready()
    old.stop()
    new = await start_operator(GATEWAY_IMAGE="gateway:new")
    await world.apply("Machine", "press-2", endpoint={"url": "modbus+tcp://10.2.3.5"})
    await world.ready("press-2")
    images = {
        s["metadata"]["name"]: s["spec"]["template"]["spec"]["containers"][0]["image"]
        for s in await world.list("statefulsets")
    }
    assert images == {"gw-press-1": "gateway:old", "gw-press-2": "gateway:new"}
    assert new.writes()["statefulsets", "gw-press-1"] == 0


async def test_a_bad_image_is_mended_though_its_pod_never_got_ready(
    world: Any, node: Any, start_operator: Callable[..., Any]
) -> None:
    await start_operator()
    await world.base()
    await world.apply("Plant", gateway={"image": "bad:1"})
    node.starts = False
    await world.apply("Machine")
    await until(lambda: _pod(world))
    node.starts = True
    await world.apply("Plant", gateway={"image": "good:1"})
    await world.ready()
    assert (await _pod(world))["spec"]["containers"][0]["image"] == "good:1"


async def _pod(world: Any) -> Any:
    pods = await world.list("pods")
    return pods[0] if pods else None


async def test_the_machine_too_many_for_its_device_is_refused(world: Any, start_operator: Callable[..., Any]) -> None:
    await start_operator()
    await world.base()
    await world.apply("MachineProfile", acquisition={"maxSessions": 2})
    for name in ("press-1", "press-2"):
        await world.apply("Machine", name)
        await world.ready(name)
    await world.apply("Machine", "press-0")

    async def refused() -> bool:
        return (await reasons(world)).get("press-0") == "EndpointBudgetExceeded"

    await until(refused)
    assert len(await world.list("statefulsets")) == 2, "the newcomer does not push a running gateway out"
    message = (await world.condition("Ready", "press-0"))["message"]
    assert "10.2.3.4:502 takes 2 sessions" in message
    await world.delete("machines", "press-1")
    await world.ready("press-0", 30)


async def test_machines_applied_together_never_exceed_the_device(
    world: Any, start_operator: Callable[..., Any]
) -> None:
    await start_operator()
    await world.base()
    await world.apply("MachineProfile", acquisition={"maxSessions": 3})
    await asyncio.gather(*(world.apply("Machine", f"press-{n}") for n in range(6)))

    async def settled() -> bool:
        found = list((await reasons(world)).values())
        return found.count("EndpointBudgetExceeded") == 3 and found.count("InForce") == 3

    await until(settled)
    assert len(await world.list("statefulsets")) == 3
