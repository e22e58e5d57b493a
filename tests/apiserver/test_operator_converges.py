"""The operator against a real API server: children, repair, references that come late, reload, removal."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = [pytest.mark.apiserver, pytest.mark.slow]

CHILD = "gw-press-1"
KINDS = ("configmaps", "statefulsets", "networkpolicies", "persistentvolumeclaims")


async def until(done: Callable[[], Any], seconds: float = 15.0) -> Any:
    """Wait until `done` gives something true."""
    async with asyncio.timeout(seconds):
        while True:
            found = await done()
            if found:
                return found
            await asyncio.sleep(0.05)


async def test_a_machine_gets_its_children_and_becomes_ready(world: Any, start_operator: Callable[..., Any]) -> None:
    await start_operator()
    await world.base()
    await world.apply("Machine")
    machine = await world.ready()
    conditions = {c["type"]: c["status"] for c in machine["status"]["conditions"]}
    assert conditions == {
        "Ready": "True",
        "Commissioned": "True",
        "Connected": "True",
        "DataFresh": "True",
        "ContractMet": "True",
        "Buffered": "True",
        "Durable": "True",
        "Secure": "False",
    }
    assert machine["status"]["observedGeneration"] == machine["metadata"]["generation"]
    assert machine["status"]["profile"] == "press 1.0.0"
    assert machine["status"]["contracts"] == ["machine-state 1.0.0"]
    assert "problem" not in machine["status"]
    assert "finalizers" not in machine["metadata"]
    assert not [a for a in machine["metadata"].get("annotations", {}) if "kopf" in a]

    async def counted() -> bool:
        plant = (await world.get("plants", "stuttgart"))["status"]
        profile = (await world.get("machineprofiles", "press"))["status"]
        contract = (await world.get("datacontracts", "machine-state"))["status"]
        return [plant["machines"], plant["readyMachines"], profile["machines"], contract["machines"]] == [1, 1, 1, 1]

    await until(counted)


async def _spoil_image(world: Any) -> None:
    template = {"spec": {"template": {"spec": {"containers": [{"name": "gateway", "image": "evil:1"}]}}}}
    path = world.path("statefulsets", CHILD)
    await world.api.call("PATCH", path, template, "application/strategic-merge-patch+json")


async def _spoil_egress(world: Any) -> None:
    everywhere = {"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}
    live = await world.get("networkpolicies", CHILD)
    await world.patch("networkpolicies", CHILD, {"spec": {"egress": [*live["spec"]["egress"], everywhere]}})


async def _spoil_config(world: Any) -> None:
    await world.patch("configmaps", CHILD, {"data": {"config.json": "{}"}})


async def _spoil_label(world: Any) -> None:
    await world.patch("configmaps", CHILD, {"metadata": {"labels": {"plantwright.io/plant": None}}})


async def _delete_policy(world: Any) -> None:
    await world.delete("networkpolicies", CHILD)


async def _delete_owner(world: Any) -> None:
    await world.patch("statefulsets", CHILD, {"metadata": {"ownerReferences": []}})


@pytest.mark.parametrize(
    ("plural", "spoil"),
    [
        pytest.param("statefulsets", _spoil_image, id="image changed by hand"),
        pytest.param("networkpolicies", _spoil_egress, id="egress rule added"),
        pytest.param("networkpolicies", _delete_policy, id="policy deleted"),
        pytest.param("configmaps", _spoil_config, id="configuration changed by hand"),
        pytest.param("configmaps", _spoil_label, id="label removed"),
        pytest.param("statefulsets", _delete_owner, id="owner removed"),
    ],
)
async def test_what_was_changed_by_hand_is_repaired(
    world: Any, start_operator: Callable[..., Any], plural: str, spoil: Callable[[Any], Any]
) -> None:
    await start_operator()
    await world.base()
    await world.apply("Machine")
    await world.ready()
    before = await world.get(plural, CHILD)
    await spoil(world)

    async def repaired() -> bool:
        live = {item["metadata"]["name"]: item for item in await world.list(plural)}.get(CHILD)
        if live is None:
            return False
        same = all(live.get(part) == before.get(part) for part in ("spec", "data"))
        labels = live["metadata"]["labels"] == before["metadata"]["labels"]
        owners = live["metadata"].get("ownerReferences") == before["metadata"].get("ownerReferences")
        return bool(same and labels and owners)

    await until(repaired)


async def test_whatever_is_applied_first_all_converge(world: Any, start_operator: Callable[..., Any]) -> None:
    await start_operator()
    await world.apply("Machine")
    for missing, reason in (
        ("Plant", "PlantNotFound"),
        ("MachineProfile", "ProfileNotFound"),
        ("DataContract", "ContractNotFound"),
    ):

        async def says(reason: str = reason) -> bool:
            conditions = (await world.get("machines", "press-1"))["status"].get("conditions", [])
            ready = [c for c in conditions if c["type"] == "Ready"]
            assert not [c for c in conditions if c["type"] == "Stalled"], "it may be applied a moment later"
            return bool(ready) and ready[0]["reason"] == reason

        await until(says)
        await world.apply(missing)
    await world.ready()


async def test_a_changed_signal_list_reloads_without_a_restart(
    world: Any, node: Any, start_operator: Callable[..., Any], namespace: str
) -> None:
    operator = await start_operator()
    await world.base()
    await world.apply("Machine")
    before = await world.ready()
    pod = await world.get("pods", f"{CHILD}-0")
    signals = world.raw("MachineProfile")["spec"]["signals"]
    signals[0]["intervalMilliseconds"] = 250
    await world.apply("MachineProfile", signals=signals)

    async def reloaded() -> bool:
        return bool((await world.get("machines", "press-1"))["status"]["configHash"] != before["status"]["configHash"])

    await until(reloaded)
    assert (await world.get("pods", f"{CHILD}-0"))["metadata"]["uid"] == pod["metadata"]["uid"]
    assert node.gateway(namespace, "press-1").loads == 2
    assert operator.writes()["pods", f"{CHILD}-0"] == 1, "one touch is enough when the kubelet heeds it"
    assert (await world.condition("Ready"))["status"] == "True"


async def test_a_request_to_replay_the_quarantine_reaches_the_gateway(
    world: Any, start_operator: Callable[..., Any]
) -> None:
    """An annotation is no new generation of the object, and counts all the same."""
    await start_operator()
    await world.base()
    await world.apply("Machine")
    await world.ready()
    request = {"metadata": {"annotations": {"plantwright.io/replay-quarantine": "now"}}}
    await world.patch("machines", "press-1", request)

    async def asked() -> bool:
        config = json.loads((await world.get("configmaps", CHILD))["data"]["config.json"])
        return bool(config["machines"][0].get("replay") == "now")

    await until(asked)


async def test_a_touch_that_is_not_heeded_is_repeated(
    world: Any, node: Any, start_operator: Callable[..., Any], namespace: str
) -> None:
    await start_operator()
    await world.base()
    await world.apply("Machine")
    await world.ready()
    gateway = node.gateway(namespace, "press-1")
    old, load, deaf = dict(gateway.config), node._load, [True]

    async def slow(of: Any) -> None:
        """The kubelet's own copy lags: the first touch shows the old file."""
        if deaf.pop() if deaf else False:
            of.config, of.hash = old, old["hash"]
        else:
            await load(of)

    node._load = slow
    await world.apply("Machine", location={"area": "machining", "line": "line-1"}, asset={"model": "X"})
    await until(lambda: asyncio.sleep(0, gateway.loads == 3))
    assert json.loads(json.dumps(gateway.config))["machines"][0]["asset"]["model"] == "X"


async def test_a_drained_machine_leaves_nothing_behind(world: Any, start_operator: Callable[..., Any]) -> None:
    await start_operator()
    await world.base()
    await world.apply("Machine")
    await world.ready()
    await world.delete("machines", "press-1")

    async def nothing_left() -> bool:
        left = [item for plural in (*KINDS, "pods") for item in await world.list(plural)]
        return not [item for item in left if item["metadata"]["name"].startswith("gw-")]

    await until(nothing_left, 30)


async def test_an_undelivered_backlog_outlives_its_machine_and_is_resumed(
    world: Any, node: Any, start_operator: Callable[..., Any], namespace: str
) -> None:
    await start_operator()
    await world.base()
    await world.apply("Machine")
    first = await world.ready()
    claim = await world.get("persistentvolumeclaims", CHILD)
    node.gateway(namespace, "press-1").backlog = 7
    await world.delete("machines", "press-1")

    async def orphaned() -> bool:
        gone = not await world.list("statefulsets") and not await world.list("pods")
        orphans = (await world.get("plants", "stuttgart"))["status"].get("orphanedBuffers", [])
        return gone and orphans == [{"claimName": CHILD, "machine": "press-1"}]

    await until(orphaned, 30)
    await world.apply("Machine")
    again = await world.ready()
    assert (await world.get("persistentvolumeclaims", CHILD))["metadata"]["uid"] == claim["metadata"]["uid"]
    assert again["status"]["gatewayUid"] == first["metadata"]["uid"], "the buffer's stream goes on under its own uid"
    assert again["metadata"]["uid"] != first["metadata"]["uid"]

    async def not_orphaned() -> bool:
        return not (await world.get("plants", "stuttgart"))["status"].get("orphanedBuffers")

    await until(not_orphaned)


async def test_discard_removes_the_claim_whatever_it_holds(
    world: Any, node: Any, start_operator: Callable[..., Any], namespace: str
) -> None:
    await start_operator()
    await world.base()
    await world.apply("Machine", bufferOnDelete="Discard")
    await world.ready()
    node.gateway(namespace, "press-1").backlog = 7
    await world.delete("machines", "press-1")
    await until(lambda: _none(world, "persistentvolumeclaims"), 30)


async def _none(world: Any, plural: str) -> bool:
    return not await world.list(plural)


@pytest.mark.row("O3")
async def test_a_machine_removed_while_the_operator_was_away(
    world: Any, node: Any, start_operator: Callable[..., Any]
) -> None:
    operator = await start_operator()
    await world.base()
    await world.apply("Machine")
    await world.ready()
    operator.stop()
    await world.delete("machines", "press-1")
    await until(lambda: _none(world, "pods"), 30)
    await start_operator()

    async def orphaned() -> bool:
        return bool((await world.get("plants", "stuttgart"))["status"].get("orphanedBuffers"))

    await until(orphaned, 20)
    assert await world.list("persistentvolumeclaims"), "nobody heard the gateway's last words, so the data is kept"


async def test_a_name_that_is_taken_is_refused_and_left_alone(world: Any, start_operator: Callable[..., Any]) -> None:
    await start_operator()
    await world.api.call("POST", world.path("configmaps"), {"metadata": {"name": CHILD}, "data": {"a": "b"}})
    await world.base()
    await world.apply("Machine")

    async def refused() -> bool:
        return bool((await world.condition("Ready"))["reason"] == "NameConflict")

    await until(lambda: _quietly(refused))
    assert (await world.get("configmaps", CHILD))["data"] == {"a": "b"}


async def test_an_account_of_someone_else_is_left_alone(world: Any, start_operator: Callable[..., Any]) -> None:
    await start_operator(IMAGE_PULL_SECRETS="registry")
    await world.api.call("POST", world.path("serviceaccounts"), {"metadata": {"name": "gateway-stuttgart"}})
    await world.base()
    await world.apply("Machine")
    for plural, name in (("plants", "stuttgart"), ("machines", "press-1")):

        async def refused(plural: str = plural, name: str = name) -> bool:
            return bool((await world.condition("Ready", name, plural))["reason"] == "NameConflict")

        await until(lambda refused=refused: _quietly(refused))
    account = await world.get("serviceaccounts", "gateway-stuttgart")
    assert "imagePullSecrets" not in account
    assert not await world.list("statefulsets")
    await world.delete("serviceaccounts", "gateway-stuttgart")
    await world.ready("press-1", 45)
    account = await world.get("serviceaccounts", "gateway-stuttgart")
    assert account["imagePullSecrets"] == [{"name": "registry"}]
    pod = (await world.list("pods"))[0]
    assert pod["spec"]["imagePullSecrets"] == [{"name": "registry"}]


async def _quietly(check: Callable[[], Any]) -> bool:
    try:
        return bool(await check())
    except (KeyError, StopIteration, RuntimeError):
        return False


async def test_names_of_any_length_get_children_of_their_own(world: Any, start_operator: Callable[..., Any]) -> None:
    await start_operator()
    await world.base()
    long = "press." + "a" * 60 + "." + "b" * 60
    other = long + "c"
    await world.apply("Machine", long, endpoint={"url": "modbus+tcp://10.2.3.5"})
    await world.apply("Machine", other, endpoint={"url": "modbus+tcp://10.2.3.6"})
    await world.ready(long)
    await world.ready(other)
    assert len(await world.list("statefulsets")) == 2


async def test_a_suspended_machine_is_left_as_it_is(world: Any, start_operator: Callable[..., Any]) -> None:
    await start_operator()
    await world.base()
    await world.apply("Machine")
    await world.ready()
    await world.apply("Machine", suspend=True)

    async def suspended() -> bool:
        return bool((await world.condition("Ready"))["reason"] == "Suspended")

    await until(suspended)
    await world.delete("networkpolicies", CHILD)
    await world.apply("Machine", suspend=True, asset={"model": "X"})
    await asyncio.sleep(0.5)
    assert (await world.condition("Ready"))["status"] == "True", "the gateway runs on"
    assert not await world.list("networkpolicies")
    await world.apply("Machine", asset={"model": "X"})
    await until(lambda: _some(world, "networkpolicies"))


async def _some(world: Any, plural: str) -> bool:
    return bool(await world.list(plural))
