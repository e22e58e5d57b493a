"""What cannot be used, all of it at once: each says which field and what cures it, and the neighbours go on."""

import copy
import json
from typing import Any, NamedTuple

import pytest

from plantwright_demo.stage import PLANT_NAMESPACE
from plantwright_demo.summary import judgements

pytestmark = pytest.mark.e2e

SPARE = "modbus+tcp://lathe-03.shopfloor.svc:502"
"""A machine that takes three sessions and whose numbers nobody counts."""
CELL = {"profileRef": {"name": "robot-cell"}, "endpoint": {"url": "opc.tcp://cell-01.shopfloor.svc:4840"}}
ELSEWHERE = {"endpoint": {"url": "modbus+tcp://10.255.255.1:502"}}
"""Where nothing is, so that it counts against no device."""


def override(name: str, **modbus: Any) -> dict[str, Any]:
    return {"endpoint": {"url": SPARE}, "signalOverrides": [{"name": name, "modbus": modbus}]}


class Unusable(NamedTuple):
    """A machine, and what its status must say."""

    name: str
    spec: dict[str, Any]
    condition: str
    reason: str
    words: tuple[str, ...]
    delivers: bool = False


CASES = (
    Unusable("no-profile", {"profileRef": {"name": "missing"}, **ELSEWHERE}, "Ready", "ProfileNotFound", ("profileRef",)),
    Unusable("no-contract", {"profileRef": {"name": "vague"}, **ELSEWHERE}, "Ready", "ContractNotFound", ("contractRefs", "nowhere")),
    Unusable("wrong-scheme", {"endpoint": CELL["endpoint"]}, "Ready", "ProtocolMismatch", ("endpoint.url",)),
    Unusable("no-line", {"location": {"area": "nowhere", "line": "x"}, **ELSEWHERE}, "Ready", "LocationNotFound", ("location",)),
    Unusable("wrong-type", override("program", address=32, type="Float32"), "Ready", "TypeMismatch", ("program", "Float32")),
    Unusable("a" * 253, ELSEWHERE, "Connected", "", ("endpoint.url",)),
    Unusable("unplugged", {"endpoint": {"url": "modbus+tcp://shopfloor.shopfloor.svc:8081"}}, "Connected", "", ("endpoint.url",)),
    Unusable("no-secret", {**CELL, "endpoint": {**CELL["endpoint"], "security": {"certificateSecretRef": {"name": "lost"}}}},
             "Connected", "SecretNotFound", ("lost", "certificateSecretRef")),
    Unusable("wrong-node", {**CELL, "signalOverrides": [{"name": "alarm", "opcua": {"nodeId": "nsu=http://plantwright.example/shopfloor;s=Cell.lost"}}]},
             "ContractMet", "SignalUnreadable", ("alarm", "Cell.lost"), delivers=True),
    Unusable("wrong-register", override("alarm", address=60000), "ContractMet", "SignalUnreadable", ("alarm", "60000"), delivers=True),
    Unusable("out-of-range", override("vibration", address=32), "ContractMet", "OutOfRange", ("vibration", "check"), delivers=True),
    Unusable("not-a-number", override("power", table="InputRegister", address=12, type="Float32"), "ContractMet", "NotANumber",
             ("power", "check"), delivers=True),
)  # fmt: skip


@pytest.fixture(scope="module")
def vague(stage: Any) -> Any:
    """A draft profile that names a contract nobody wrote."""
    found = stage.kubectl.get("machineprofiles.plantwright.io", PLANT_NAMESPACE, "cnc-lathe-1.0.0")
    spec = copy.deepcopy(found["spec"]) | {"name": "vague", "version": "0.1.0", "lifecycle": "Draft"}
    spec["contractRefs"] = [*spec["contractRefs"], {"name": "nowhere", "version": "^1.0"}]
    meta = {"name": "vague", "namespace": PLANT_NAMESPACE}
    stage.kubectl.apply_text(json.dumps({**found, "metadata": meta, "spec": spec, "status": None}))
    yield
    stage.kubectl.run("delete", "machineprofile", "-n", PLANT_NAMESPACE, "vague")


@pytest.fixture(scope="module")
def neighbours(stage: Any) -> dict[str, Any]:
    """The gateways that run before."""
    pods = stage.kubectl.items("pods", PLANT_NAMESPACE, "app.kubernetes.io/name=plantwright-gateway")
    return {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in pods}


@pytest.fixture(scope="module")
def applied(stage: Any, vague: None, neighbours: dict[str, Any]) -> Any:
    """All of them at once, as a commit with many mistakes would be."""
    from_git = [machine(case) for case in CASES]
    stage.kubectl.apply_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": from_git}))
    yield
    words = ["--wait=false", "--ignore-not-found", *(case.name for case in CASES), "fourth"]
    stage.kubectl.run("delete", "machine", "-n", PLANT_NAMESPACE, *words)


def machine(case: Unusable) -> dict[str, Any]:
    spec = {
        "plantRef": {"name": "stuttgart"},
        "profileRef": {"name": "cnc-lathe"},
        "location": {"area": "machining", "line": "line-1"},
        **case.spec,
    }
    meta = {"name": case.name, "namespace": PLANT_NAMESPACE}
    return {"apiVersion": "plantwright.io/v1alpha1", "kind": "Machine", "metadata": meta, "spec": spec}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name[:20])
def test_a_condition_names_the_field_and_the_rest_goes_on(world: Any, applied: None, case: Unusable) -> None:
    if case.condition != "Ready":
        world.wait_condition(case.name, "Ready", "True", 90)
    found = world.wait_condition(case.name, case.condition, "False", 60, case.reason)
    world.say(f"{case.name}: {found['reason']}: {found['message']}")
    for word in case.words:
        assert word in found["message"]
    assert "Traceback" not in found["message"]
    line = world.kubectl.run("get", "machine", "-n", PLANT_NAMESPACE, case.name)
    assert case.reason in line
    if case.delivers:
        world.wait_condition(case.name, "Commissioned", "True", 60)
        world.wait_condition(case.name, "DataFresh", "True", 60)


def test_a_fourth_session_is_refused_where_the_machine_takes_three(world: Any, applied: None) -> None:
    world.apply("fourth", endpoint={"url": SPARE})
    found = world.wait_condition("fourth", "Ready", "False", 30, "EndpointBudgetExceeded")
    assert "3 sessions" in found["message"]
    assert "fourth" not in str(world.restarts()), "no gateway was started"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param({"metadata": {"name": "a" * 254}}, ("metadata.name", "253"), id="a name no object may have"),
        pytest.param({"spec": {"endpoint": {"url": "http://lathe"}}}, ("spec.endpoint.url", "write opc.tcp://"), id="no machine's address"),
        pytest.param({"spec": {"endpont": {}}}, ("spec.endpont", "not declared in schema"), id="a field misspelt"),
        pytest.param({"spec": {"location": {"area": "machining"}}}, ("spec.location.line", "Required"), id="a field left out"),
    ],
)  # fmt: skip
def test_admission_names_the_field(world: Any, change: dict[str, Any], words: tuple[str, ...]) -> None:
    found = machine(Unusable("refused", {"endpoint": {"url": SPARE}}, "", "", ()))
    for part, values in change.items():
        found[part] |= values
    with pytest.raises(RuntimeError) as refused:
        world.kubectl.apply_text(json.dumps(found))
    world.say(str(refused.value))
    for word in words:
        assert word in str(refused.value)


def test_the_neighbours_went_on(world: Any, applied: None, neighbours: dict[str, Any]) -> None:
    """No gateway of theirs was started anew, they are fresh, and nothing of theirs is lost."""
    pods = world.kubectl.items("pods", PLANT_NAMESPACE, world.GATEWAY)
    now = {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in pods}
    assert {name: now.get(name) for name in neighbours} == neighbours
    names = [
        pod["metadata"]["labels"]["plantwright.io/machine"] for pod in pods if pod["metadata"]["name"] in neighbours
    ]
    for name in names:
        world.wait_condition(name, "DataFresh", "True", 30)
    for found in judgements(world.stage, names, "http"):
        assert found.holds(), found


def test_what_is_removed_leaves_nothing(world: Any, applied: None) -> None:
    names = [*(case.name for case in CASES), "fourth"]
    world.remove(*names)

    def missing() -> str:
        left = [
            f"{kind}/{item['metadata']['name']}"
            for kind in ("statefulsets", "configmaps", "networkpolicies", "pods", "persistentvolumeclaims")
            for item in world.kubectl.items(kind, PLANT_NAMESPACE, world.GATEWAY)
            if item["metadata"]["labels"].get("plantwright.io/machine") in names
        ]
        return f"still there: {', '.join(left)}" if left else ""

    world.wait_for("removal", missing, 120)
