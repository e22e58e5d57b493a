"""O1: the operator is killed after every single write. Whatever was written last, the end is the same."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

pytestmark = [pytest.mark.apiserver, pytest.mark.slow, pytest.mark.row("O1")]

OURS = ("plants", "machines", "machineprofiles", "datacontracts")
CHILDREN = ("configmaps", "statefulsets", "networkpolicies", "persistentvolumeclaims", "serviceaccounts", "pods")
FLEETING = frozenset(
    {
        "uid",
        "resourceVersion",
        "creationTimestamp",
        "lastTransitionTime",
        "managedFields",
        "podIP",
        "podIPs",
        "volumeName",
        "currentRevision",
        "updateRevision",
        "plantwright.io/config-touches",
    }
)
"""What differs between any two runs: identities, times, addresses, and revisions that Kubernetes names after hashes."""

QUIET = 7.0
Obj = dict[str, Any]


async def end_state(world: Any) -> Obj:
    """Every object of the namespace by kind and name, with names for uids, without what is fleeting."""
    found = {plural: await world.list(plural) for plural in (*OURS, *CHILDREN)}
    # What Kubernetes itself puts into every namespace.
    found["configmaps"] = [o for o in found["configmaps"] if o["metadata"]["name"] != "kube-root-ca.crt"]
    found["serviceaccounts"] = [o for o in found["serviceaccounts"] if o["metadata"]["name"] != "default"]
    names = {o["metadata"]["uid"]: f"uid of {p} {o['metadata']['name']}" for p, os in found.items() for o in os}
    names[world.name] = "the namespace"
    for config_map in found["configmaps"]:
        names[json.loads(config_map["data"]["config.json"])["hash"]] = "hash of the configuration"
    text = json.dumps({plural: {o["metadata"]["name"]: clean(o) for o in items} for plural, items in found.items()})
    for ours, said in names.items():
        text = text.replace(ours, said)
    state: Obj = json.loads(text)
    return state


def clean(value: Any) -> Any:
    """Without what is fleeting; hashes are over uids."""
    if isinstance(value, list):
        return [clean(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {k: clean(v) for k, v in value.items() if k not in FLEETING and not k.endswith("-hash")}


async def create(world: Any, count: int) -> None:
    """The buffer of the machine that goes is discarded: what becomes of one depends on who heard its gateway's last words."""
    await world.base()
    for number in range(1, count + 1):
        url = {"url": f"modbus+tcp://10.2.3.{number}"}
        await world.apply("Machine", f"press-{number}", endpoint=url, bufferOnDelete="Discard")


async def change(world: Any, _: int) -> None:
    signals = world.raw("MachineProfile")["spec"]["signals"]
    signals[0]["intervalMilliseconds"] = 250
    await world.apply("MachineProfile", signals=signals)


async def remove(world: Any, count: int) -> None:
    await world.delete("machines", f"press-{count}")


STEPS = (create, change, remove)


async def in_force(world: Any, step: Callable[..., Any]) -> bool:
    """Whether the step has come to its end: machines ready with what was asked, counts right, nothing left over."""
    machines, status = await world.list("machines"), (await world.get("plants", "stuttgart")).get("status", {})
    if (status.get("machines"), status.get("readyMachines")) != (len(machines), len(machines)):
        return False
    wanted = {c["metadata"]["annotations"]["plantwright.io/config-hash"] for c in await own_config_maps(world)}
    reported = {m["status"].get("configHash") for m in machines}
    changed = step is create or all("250" in c["data"]["config.json"] for c in await own_config_maps(world))
    pods = {p["metadata"]["name"] for p in await world.list("pods")}
    return wanted == reported and changed and pods == {f"gw-{m['metadata']['name']}-0" for m in machines}


async def own_config_maps(world: Any) -> list[Obj]:
    return [c for c in await world.list("configmaps") if c["metadata"]["name"].startswith("gw-")]


async def undisturbed(
    world: Any, settled: Callable[..., Awaitable[None]], eventually: Callable[..., Any], count: int
) -> Obj:
    for step in STEPS:
        await step(world, count)
        await eventually(lambda step=step: in_force(world, step), 40)
        await settled(QUIET)
    return await end_state(world)


async def killed_each_time(step: Callable[..., Any], world: Any, count: int, deployment: Any, proxy: Any) -> int:
    """Take one step with an operator that is killed after each of its writes; returns how often it was."""
    kills, quiet_since = 0, time.monotonic()
    proxy.cut_after(1, deployment.kill)
    await step(world, count)
    async with asyncio.timeout(120 * count):
        while time.monotonic() - quiet_since < QUIET or not await in_force(world, step):
            await asyncio.sleep(0.05)
            if len(proxy.cut_requests) > kills:
                kills = len(proxy.cut_requests)
                await deployment.again()
                proxy.mend()
                proxy.cut_after(1, deployment.kill)
            if not await deployment.operator.leads():
                quiet_since = time.monotonic()
    proxy.mend()
    proxy.cut_requests.clear()
    return kills


@pytest.mark.parametrize("count", [1, pytest.param(4, marks=pytest.mark.chaos)])
async def test_killed_after_every_write(
    count: int,
    world: Any,
    deploy: Callable[..., Awaitable[Any]],
    proxy: Any,
    settled: Callable[..., Awaitable[None]],
    eventually: Callable[..., Any],
    second_world: Callable[..., Awaitable[Any]],
    measured: Callable[[str], None],
) -> None:
    deployment = await deploy()
    other, its_writes_settled = await second_world()
    reference = asyncio.create_task(undisturbed(other, its_writes_settled, eventually, count))
    kills = [await killed_each_time(step, world, count, deployment, proxy) for step in STEPS]
    expected, found = await reference, await end_state(world)
    assert kills[0] >= 4 + 5 * count, (
        "statuses of plant, profile and contract, the account, four children and a status each"
    )
    assert kills[1] >= 2 * count, "a configuration and a touch each"
    assert kills[2] >= 1, "a claim"
    for plural in expected:
        assert found[plural] == expected[plural]
    measured(f"{sum(kills)} kills, each after another write ({kills} of make, change, remove): end states equal")
