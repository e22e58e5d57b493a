"""Metrics name who answers: for a machine itself or its plant, for a contract, for an exception."""

from collections.abc import Callable

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from plantwright_api.v1alpha1 import Machine
from plantwright_api.v1alpha1.base import Owner
from plantwright_operator.decide import owners
from plantwright_operator.model import Key, Obj
from plantwright_operator.reconcile.catalog import Catalog
from plantwright_operator.reconcile.inventory import Inventory
from plantwright_operator.reconcile.metrics import Metrics
from plantwright_operator.reconcile.observed import Observed

NAMESPACE = "plant-stuttgart"
PLANT_IT = {"team": "Plant IT", "contact": "it@acme.example", "steward": "Ada"}


class World:
    def __init__(self, raw: Callable[..., Obj]) -> None:
        self._raw, self._versions = raw, 0
        self.observed = Observed()
        self.catalog = Catalog(self.observed)
        self.backlog: dict[Key, int] = {}
        self.leading = True
        self.metrics = Metrics()
        self.metrics.watch(Inventory(self.observed, self.catalog, lambda: self.backlog).sources(), lambda: self.leading)

    def put(self, body: Obj, namespace: str = NAMESPACE, **conditions: str) -> None:
        self._versions += 1
        body["metadata"] |= {"resourceVersion": str(self._versions), "namespace": namespace}
        body["status"] = {"conditions": [{"type": t, "status": s} for t, s in conditions.items()]}
        self.observed.observe(body["kind"], body)
        if body["kind"] == "Machine":
            body.pop("status")
            self.catalog.judge(Machine.model_validate(body))
        else:
            body.pop("status")
            self.catalog.changed(Key(body["kind"], namespace, body["metadata"]["name"]), True)

    def base(self, namespace: str = NAMESPACE, **plant: object) -> None:
        self.put(self._raw("Plant", **plant), namespace)
        self.put(self._raw("DataContract", owner={"team": "Data Office"}), namespace)
        self.put(self._raw("MachineProfile"), namespace)

    def samples(self, family: str) -> list[tuple[dict[str, str], float]]:
        found = text_string_to_metric_families(generate_latest(self.metrics.registry).decode())
        return [(s.labels, s.value) for f in found for s in f.samples if s.name == family]


@pytest.fixture
def world(raw: Callable[..., Obj]) -> World:
    return World(raw)


PLACE = {"plant": "stuttgart", "area": "machining", "line": "line-1", "profile": "press"}


def test_a_machine_without_an_owner_is_its_plants_with_steward_and_contact(
    world: World, raw: Callable[..., Obj]
) -> None:
    world.base(owner=PLANT_IT)
    world.put(raw("Machine"))
    world.put(raw("Machine", "own", owner={"team": "Night shift"}))
    assert world.samples("plantwright_machine_info") == [
        ({**PLACE, "machine": "own", "owner": "Night shift", "steward": "", "contact": ""}, 1.0),
        ({**PLACE, "machine": "press-1", "owner": "Plant IT", "steward": "Ada", "contact": "it@acme.example"}, 1.0),
    ]


def test_conditions_are_counted_by_owner(world: World, raw: Callable[..., Obj]) -> None:
    world.base()
    for name, owner in (("a", "Turning"), ("b", "Turning"), ("c", "Pressing")):
        world.put(raw("Machine", name, owner={"team": owner}), Ready="False")
    world.put(raw("Machine", "d"), Ready="False")
    counted = {labels["owner"]: value for labels, value in world.samples("plantwright_machines")}
    assert counted == {"Turning": 2.0, "Pressing": 1.0, "": 1.0}


def test_contracts_are_told_by_plant_that_uses_them(world: World, raw: Callable[..., Obj]) -> None:
    world.base()
    world.put(raw("Machine"))
    world.put(raw("DataContract", "unused", owner={"team": "Data Office", "steward": "Grace"}))
    told = [
        (labels["plant"], labels["contract"], labels["version"], labels["owner"], labels["steward"])
        for labels, _ in world.samples("plantwright_contract_info")
    ]
    assert told == [
        ("", "unused", "1.0.0", "Data Office", "Grace"),
        ("stuttgart", "machine-state", "1.0.0", "Data Office", ""),
    ]


def test_namespaces_with_objects_of_one_name_never_give_a_series_twice(world: World, raw: Callable[..., Obj]) -> None:
    for namespace in (NAMESPACE, "other"):
        world.base(namespace, areas=[{"name": "machining", "lines": [{"name": "line-1", "flow": "Serial"}]}])
        world.put(raw("Machine"), namespace, Ready="True")
        world.backlog[Key("Machine", namespace, "press-1")] = 2 if namespace == "other" else 3
    lines = generate_latest(world.metrics.registry).decode().splitlines()
    series = [line.rpartition(" ")[0] for line in lines if not line.startswith("#")]
    assert len(series) == len(set(series))
    assert [value for _, value in world.samples("plantwright_machine_backlog_observations")] == [3.0]


def policy(expires: str) -> Obj:
    excuse = {"name": "old", "rule": "serial", "kind": "Machine", "names": ["m"], "reason": "worn", "expires": expires}
    rule = {"name": "serial", "kinds": ["Machine"], "expression": "has(object.spec.asset)", "message": "m"}
    spec = {"owner": {"team": "G"}, "rules": [rule], "exceptions": [excuse | {"owner": {"team": "Pressing"}}]}
    return {
        "apiVersion": "plantwright.io/v1alpha1",
        "kind": "GovernancePolicy",
        "metadata": {"name": "identity"},
        "spec": spec,
    }


@pytest.mark.parametrize(("expires", "ends"), [("2027-03-31", [1806537600.0]), ("2027-02-31", [])])
def test_exceptions_tell_the_midnight_after_their_last_day(world: World, expires: str, ends: list[float]) -> None:
    world.put(policy(expires))
    found = world.samples("plantwright_policy_exception_end_timestamp_seconds")
    assert [value for _, value in found] == ends
    names = {
        "policy": f"{NAMESPACE}/identity",
        "exception": "old",
        "rule": "serial",
        "owner": "Pressing",
        "steward": "",
    }
    assert [labels for labels, _ in found] == [names] * len(ends)


def test_a_standby_says_nothing_of_machines(world: World, raw: Callable[..., Obj]) -> None:
    world.base()
    world.put(raw("Machine"))
    world.leading = False
    assert world.samples("plantwright_machine_info") == []


def test_labels_are_one_line() -> None:
    odd = Owner(team="Plant\n  IT\t ", steward="\x00Ada", contact="ü@acme.example")
    assert owners.labels(odd) == ("Plant IT", "Ada", "ü@acme.example")
    assert owners.told(odd) == "Plant IT (ü@acme.example)"
    assert owners.told(None) == "nobody"
