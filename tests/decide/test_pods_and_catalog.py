"""Reading pods and StatefulSets; status of plants, profiles and contracts."""

from collections.abc import Callable
from typing import Any

import pytest

from plantwright_api.v1alpha1 import DataContract, MachineProfile, Plant
from plantwright_operator.decide import catalog, pods
from plantwright_operator.model import Workload

NOW = "2026-01-01T00:00:00Z"


def pod(
    name: str = "p-0", *, ready: bool = True, created: str = "a", state: dict[str, Any] | None = None, **meta: Any
) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "uid": name, "creationTimestamp": created, "labels": {}, **meta},
        "status": {
            "podIP": "10.0.0.1",
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
            "containerStatuses": [{"name": "gateway", "restartCount": 2, "state": state or {"running": {}}}],
        },
    }


def stateful_set(generation: int = 1, seen: int = 1, current: str = "r1", update: str = "r1") -> dict[str, Any]:
    status = {"observedGeneration": seen, "currentRevision": current, "updateRevision": update}
    return {"metadata": {"name": "s", "generation": generation}, "status": status}


@pytest.mark.parametrize(
    ("found", "rolling"),
    [
        (stateful_set(), False),
        (stateful_set(generation=2), True),
        (stateful_set(2, 2, "r1", "r2"), True),
        (stateful_set(2, 2, "r2", "r2"), False),
    ],
)
def test_rolling(found: dict[str, Any], rolling: bool) -> None:
    assert pods.is_rolling(found) is rolling


def test_a_set_that_nobody_acted_on_yet_has_not_started() -> None:
    assert not pods.was_started({"metadata": {"name": "s", "generation": 1}})
    assert pods.was_started(stateful_set())


def test_the_living_pod_counts_before_the_ending_one() -> None:
    ending = pod("old", created="z", deletionTimestamp=NOW)
    found = pods.workload(stateful_set(), [ending, pod("new", created="a")], "machine-uid").pod
    assert found is not None
    assert found.name == "new"


def test_a_stateful_set_of_a_former_machine_of_that_name_is_not_there_yet() -> None:
    owners = [{"uid": "somebody"}, {"uid": "machine-uid", "controller": True}]
    owned = stateful_set()
    owned["metadata"] |= {"uid": "set-uid", "ownerReferences": owners}
    made = pod(ownerReferences=[{"uid": "set-uid", "controller": True}])
    found = pods.workload(owned, [made], "machine-uid")
    assert (found.exists, found.uid, found.pod and found.pod.controller) == (True, "set-uid", "set-uid")
    assert pods.workload(owned, [made], "another-uid") == Workload(pod=pods.pod_facts(made))


def test_last_words_are_those_of_a_container_that_has_ended_for_good() -> None:
    ended = {"terminated": {"message": '{"backlog":0}'}}
    found = pods.pod_facts(pod(state=ended))
    assert found is not None
    assert found.farewell == '{"backlog":0}'
    restarted = pod()
    restarted["status"]["containerStatuses"][0]["lastState"] = ended
    again = pods.pod_facts(restarted)
    assert again is not None
    assert again.farewell == ""


@pytest.mark.parametrize(
    ("revision", "update", "ready", "deleting", "stuck"),
    [
        ("r1", "r2", False, False, True),
        ("r1", "r2", True, False, False),
        ("r2", "r2", False, False, False),
        ("r1", "r2", False, True, False),
        ("r1", "", False, False, False),
        ("", "r2", False, False, False),
    ],
)
def test_stuck_on_an_old_revision(revision: str, update: str, ready: bool, deleting: bool, stuck: bool) -> None:
    body = pod(ready=ready, labels={pods.REVISION_LABEL: revision}, **({"deletionTimestamp": NOW} if deleting else {}))
    found = Workload(exists=True, update_revision=update, pod=pods.pod_facts(body))
    assert pods.is_stuck_on_old_revision(found) is stuck


def test_a_pod_the_api_server_has_only_just_made() -> None:
    found = pods.pod_facts({"metadata": {"name": "p"}, "status": {}})
    assert found is not None
    assert (found.ip, found.ready, pods.problem(found)) == ("", False, None)


@pytest.fixture
def profile(raw: Callable[..., dict[str, Any]]) -> MachineProfile:
    return MachineProfile.model_validate(raw("MachineProfile"))


def flat(found: list[Any]) -> dict[str, tuple[str, str]]:
    return {c.type: (c.status, c.reason) for c in found}


def test_a_profile_is_held_to_its_contracts(profile: MachineProfile, raw: Callable[..., dict[str, Any]]) -> None:
    contract = DataContract.model_validate(raw("DataContract"))
    within = ["plant-stuttgart"]
    assert flat(catalog.profile_conditions(profile, [contract], within, NOW)) == {"Ready": ("True", "Valid")}
    missing = catalog.profile_conditions(profile, [], within, NOW)
    assert flat(missing) == {"Ready": ("False", "ContractNotFound")}
    assert missing[0].message.startswith("spec.contractRefs[machine-state]: no DataContract machine-state")
    bare = DataContract.model_validate(raw("DataContract", fields=[{"name": "state", "type": "Integer"}]))
    assert flat(catalog.profile_conditions(profile, [bare], within, NOW)) == {
        "Ready": ("False", "FieldNotFound"),
        "Stalled": ("True", "FieldNotFound"),
    }


@pytest.mark.parametrize(
    ("field", "words"),
    [
        (
            {"name": "ax", "type": "Number", "minimum": "5", "maximum": "4"},
            "spec.fields[ax].minimum: 5 is above maximum 4",
        ),
        ({"name": "ax", "type": "Integer", "enum": ["1", "two"]}, "spec.fields[ax].enum: 'two' is no number"),
    ],
)
def test_a_contract_nobody_can_meet(raw: Callable[..., dict[str, Any]], field: dict[str, Any], words: str) -> None:
    found = catalog.judge_contract(DataContract.model_validate(raw("DataContract", fields=[field])))
    assert found is not None
    assert found.message.startswith(words)


def test_a_plant(raw: Callable[..., dict[str, Any]]) -> None:
    calendar = {"CalendarConsistent": ("True", "AroundTheClock")}
    found = catalog.plant_conditions(Plant.model_validate(raw("Plant")), NOW)
    assert flat(found) == {"Ready": ("True", "Valid"), **calendar}
    suspended = Plant.model_validate(raw("Plant", suspend=True))
    assert flat(catalog.plant_conditions(suspended, NOW)) == {"Ready": ("True", "Suspended"), **calendar}
    lost = Plant.model_validate(raw("Plant", timeZone="Nowhere/At_All"))
    assert flat(catalog.plant_conditions(lost, NOW))["Stalled"] == ("True", "InvalidSpec")


@pytest.mark.parametrize(
    ("ready", "containers", "ending", "reason"),
    [
        pytest.param("False", "True", False, "NodeLost", id="the node controller took Ready back, no kubelet did"),
        pytest.param("False", "True", True, "NodeLost", id="evicted, and nobody confirms the end"),
        pytest.param("False", "False", False, None, id="its container is not ready"),
        pytest.param("False", "False", True, None, id="it ends in order"),
        pytest.param("True", "True", True, None, id="it was just told to end"),
    ],
)
def test_a_lost_node_is_told_from_the_pod(ready: str, containers: str, ending: bool, reason: str | None) -> None:
    found = pod(**({"deletionTimestamp": NOW} if ending else {}))
    found["spec"] = {"nodeName": "node-7"}
    found["status"]["conditions"] = [
        {"type": "Ready", "status": ready},
        {"type": "ContainersReady", "status": containers},
    ]
    problem = pods.problem(pods.pod_facts(found))
    assert (problem.reason if problem else None) == reason
    assert problem is None or "node-7" in problem.message
