"""Every write is counted in the audit log: the floor is each child once, two statuses, and nothing at rest."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = [pytest.mark.apiserver, pytest.mark.slow]

CHILDREN = ("configmaps", "statefulsets", "networkpolicies", "persistentvolumeclaims")
REST = 3.0
"""Seconds of rest that are watched: three polls of each gateway, and longer than any status is held back by a burst."""


async def settle(operator: Any, quiet: float = 6.5) -> None:
    """Until the operator has written nothing for a while: counts follow machines with a delay of five seconds."""
    before, since = sum(operator.writes().values()), time.monotonic()
    async with asyncio.timeout(60):
        while time.monotonic() - since < quiet:
            await asyncio.sleep(0.25)
            now = sum(operator.writes().values())
            if now != before:
                before, since = now, time.monotonic()


async def test_a_new_machine_costs_each_child_once_and_two_statuses(
    world: Any, start_operator: Callable[..., Any]
) -> None:
    operator = await start_operator()
    await world.base()
    await settle(operator)
    start = time.time()
    await world.apply("Machine")
    await world.ready()
    await settle(operator)
    writes = operator.writes(start)
    assert {k: v for k, v in writes.items() if k[1] == "gw-press-1"} == {(p, "gw-press-1"): 1 for p in CHILDREN}
    assert writes["machines/status", "press-1"] <= 2
    counts = [writes[f"{p}/status", n] for p, n in (("plants", "stuttgart"), ("machineprofiles", "press"))]
    assert max(counts) <= 2
    assert not [k for k in writes if k[0] == "pods"]


async def test_a_slow_start_costs_no_more(
    world: Any, node: Any, start_operator: Callable[..., Any], namespace: str
) -> None:
    """The pod takes long, the gateway answers long before its pod is ready, the first value is stored late."""
    operator = await start_operator()
    await world.base()
    await settle(operator)
    node.start_seconds, node.ready_seconds, node.stores = 7.0, 7.0, None
    start = time.time()
    await world.apply("Machine")
    async with asyncio.timeout(40):
        while not [g for g in node.by_ip.values() if g.namespace == namespace]:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    await asyncio.sleep(node.ready_seconds + 3)
    node.gateway(namespace, "press-1").stored = "2026-01-01T00:00:00Z"
    await world.ready()
    await settle(operator)
    writes = operator.writes(start)
    assert writes["machines/status", "press-1"] == 2
    assert {k: v for k, v in writes.items() if k[1] == "gw-press-1"} == {(p, "gw-press-1"): 1 for p in CHILDREN}


async def test_thirty_machines_cost_no_more_each(world: Any, start_operator: Callable[..., Any]) -> None:
    operator = await start_operator()
    await world.base()
    await settle(operator)
    start = time.time()
    names = [f"press-{n:02}" for n in range(30)]
    await asyncio.gather(
        *(world.apply("Machine", n, endpoint={"url": f"modbus+tcp://10.2.3.{i + 1}"}) for i, n in enumerate(names))
    )
    for name in names:
        await world.ready(name, 60)
    seconds = time.time() - start
    await settle(operator)
    writes = operator.writes(start)
    per_child = Counter(count for (plural, _), count in writes.items() if plural in CHILDREN)
    assert per_child == {1: 30 * len(CHILDREN)}
    assert max(writes["machines/status", name] for name in names) <= 2
    assert writes["plants/status", "stuttgart"] <= seconds / 5 + 2, "counts are gathered"


async def test_at_rest_and_on_what_does_not_matter_nothing_is_written(
    world: Any, start_operator: Callable[..., Any]
) -> None:
    operator = await start_operator(RESYNC_SECONDS="1")
    await world.base()
    await world.apply("Machine")
    await world.ready()
    await settle(operator)
    start = time.time()
    await asyncio.sleep(REST)
    await world.patch("machines", "press-1", {"metadata": {"labels": {"team": "blue"}, "annotations": {"note": "x"}}})
    await world.patch("plants", "stuttgart", {"metadata": {"labels": {"team": "blue"}}})
    await world.patch("statefulsets", "gw-press-1", {"metadata": {"annotations": {"note": "x"}}})
    await world.patch("configmaps", "gw-press-1", {"metadata": {"labels": {"team": "blue"}}})
    await asyncio.sleep(REST)
    assert operator.writes(start) == {}


async def test_a_restart_writes_nothing(world: Any, start_operator: Callable[..., Any]) -> None:
    first = await start_operator()
    await world.base()
    for number in range(5):
        await world.apply("Machine", f"press-{number}", endpoint={"url": f"modbus+tcp://10.2.3.{number + 1}"})
        await world.ready(f"press-{number}")
    await settle(first)
    first.stop()
    second = await start_operator()
    await asyncio.sleep(REST * 2)
    assert second.writes() == {}


async def test_a_switch_that_reboots_costs_two_statuses_a_machine(
    world: Any, node: Any, start_operator: Callable[..., Any], namespace: str
) -> None:
    operator = await start_operator()
    await world.base()
    names = [f"press-{n}" for n in range(8)]
    for number, name in enumerate(names):
        await world.apply("Machine", name, endpoint={"url": f"modbus+tcp://10.2.3.{number + 1}"})
    for name in names:
        await world.ready(name)
    await settle(operator)
    start = time.time()
    gateways = [node.gateway(namespace, name) for name in names]
    for gateway in gateways:
        gateway.connected = False
    await all_are(world, names, "False")
    for gateway in gateways:  # the session is back a moment before the first value
        gateway.fresh, gateway.connected = False, True
    await asyncio.sleep(1.2)
    for gateway in gateways:
        gateway.fresh = True
    await all_are(world, names, "True")
    await settle(operator)
    writes = operator.writes(start)
    assert {name: writes["machines/status", name] for name in names} == dict.fromkeys(names, 2)
    events = (await world.api.call("GET", f"/apis/events.k8s.io/v1/namespaces/{namespace}/events"))["items"]
    lost = [e for e in events if e["reason"] == "ConnectionLost"]
    assert len(lost) == 1, "many machines at once are one Event"
    assert lost[0]["regarding"]["kind"] == "Plant"


async def all_are(world: Any, names: list[str], status: str) -> None:
    async with asyncio.timeout(20):
        for name in names:
            while {(await world.condition(t, name))["status"] for t in ("Connected", "DataFresh")} != {status}:  # noqa: ASYNC110
                await asyncio.sleep(0.1)


async def test_a_silent_gateway_turns_unknown_in_one_write(
    world: Any, node: Any, start_operator: Callable[..., Any], namespace: str
) -> None:
    operator = await start_operator()
    await world.base()
    await world.apply("Machine")
    await world.ready()
    await settle(operator)
    start = time.time()
    node.gateway(namespace, "press-1").silent = True
    async with asyncio.timeout(45):
        while (await world.condition("Connected"))["status"] != "Unknown":  # noqa: ASYNC110
            await asyncio.sleep(0.2)
    machine = await world.get("machines", "press-1")
    assert (await world.condition("Connected"))["reason"] == "GatewaySilent"
    assert machine["status"]["problem"].startswith("GatewaySilent")
    assert operator.writes(start)["machines/status", "press-1"] == 1


async def test_the_operator_uses_no_right_it_lacks_and_none_on_secrets(
    world: Any, start_operator: Callable[..., Any]
) -> None:
    operator = await start_operator()
    await world.base()
    await world.apply("Machine")
    await world.ready()
    await world.delete("machines", "press-1")
    await settle(operator)
    requests = operator.requests()
    denied = [r for r in requests if r["responseStatus"]["code"] in (401, 403)]
    assert not denied, denied[0]
    assert not [r for r in requests if r.get("objectRef", {}).get("resource") == "secrets"]
    assert not [r for r in requests if r["responseStatus"]["code"] in (400, 422)]
