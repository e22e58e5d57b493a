"""A new kind of violation is told once, to whom it concerns; not again by the next leader, and never as a storm."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from plantwright_api.v1alpha1 import Machine
from plantwright_api.wire.status import GatewayStatus, MachineStatus, Violation
from plantwright_operator.model import Key, Obj
from plantwright_operator.reconcile.announcements import FEW, Announcements
from plantwright_operator.reconcile.catalog import Catalog
from plantwright_operator.reconcile.observed import Observed
from plantwright_operator.reconcile.violations import HANDOVER, MOST_KNOWN, Violations

NAMESPACE = "plant-stuttgart"
PRESS = Key("Machine", NAMESPACE, "press-1")
BEGAN = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
PLANT_OWNER = {"team": "Plant IT", "contact": "it@acme.example"}


def kind(
    field: str = "temperature", reason: str = "OutOfRange", first: datetime = BEGAN, version: str = "1.0.0"
) -> Violation:
    time = first.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return Violation(
        contract="machine-state", version=version, field=field, reason=reason, action="Flagged", first_time=time
    )


def status(*violations: Violation) -> GatewayStatus:
    machine = MachineStatus(
        uid="g", name="m", epoch="e", sequence=1, conditions=[], sinks=[], violations=list(violations)
    )
    return GatewayStatus(version="1", config_hash="c", started_time="t", machines=[machine])


class World:
    def __init__(self, raw: Callable[..., Obj]) -> None:
        self._raw, self._versions = raw, 0
        self.now = BEGAN
        self.observed = Observed()
        self.catalog = Catalog(self.observed)
        self.announcements = Announcements(self.observed, None, "pod")  # type: ignore[arg-type]
        self.apply("Plant", owner=PLANT_OWNER)
        self.apply("DataContract", owner={"team": "Data Office"})
        self.apply("MachineProfile")
        self.apply("Machine")
        self.violations = self.leader()

    def apply(self, kind: str, name: str | None = None, /, uid: str = "", **spec: Any) -> None:
        body = self._raw(kind, name, **spec)
        self._versions += 1
        body["metadata"]["resourceVersion"] = str(self._versions)
        body["metadata"]["uid"] = uid or body["metadata"]["uid"]
        self.observed.observe(kind, body)
        if kind == "Machine":
            self.catalog.judge(Machine.model_validate(body))
        else:
            self.catalog.changed(Key(kind, NAMESPACE, body["metadata"]["name"]), True)

    def leader(self) -> Violations:
        return Violations(self.observed, self.catalog, self.announcements.add, lambda: self.now)

    def told(self, *violations: Violation, machine: Key = PRESS) -> list[Obj]:
        self.violations.heard(machine, status(*violations))
        return self.announcements.gathered()


@pytest.fixture
def world(raw: Callable[..., Obj]) -> World:
    return World(raw)


def test_a_new_kind_is_one_event_that_names_what_whom_and_the_cure(world: World) -> None:
    [event] = world.told(kind())
    assert (event["type"], event["reason"]) == ("Warning", "OutOfRange")
    assert event["regarding"] | {"apiVersion": ""} == {
        "apiVersion": "",
        "kind": "Machine",
        "namespace": NAMESPACE,
        "name": "press-1",
        "uid": "machine-uid",
    }
    assert event["note"] == (
        "contract machine-state 1.0.0, field temperature: such a value is delivered with a flag. "
        "Check the machine or the contract. "
        "Machine's owner: Plant IT (it@acme.example); contract's owner: Data Office."
    )


def test_a_rule_is_named_in_the_note_and_not_in_the_reason(world: World) -> None:
    [event] = world.told(kind(reason="RuleViolated:hot-only-when-running"))
    assert event["reason"] == "RuleViolated"
    assert "field temperature, rule hot-only-when-running: " in event["note"]


def test_the_machines_own_owner_comes_before_its_plants(world: World) -> None:
    world.apply("Machine", owner={"team": "Night shift"})
    [event] = world.told(kind())
    assert "Machine's owner: Night shift; " in event["note"]


def test_the_same_kind_is_not_told_again_and_another_is(world: World) -> None:
    assert len(world.told(kind())) == 1
    assert world.told(kind()) == []
    assert world.told() == [], "a gateway that has forgotten"
    assert world.told(kind(first=BEGAN + timedelta(hours=3))) == []
    assert len(world.told(kind(), kind(reason="NotANumber"))) == 1
    assert len(world.told(kind(), kind(version="1.1.0"))) == 1


def test_a_machine_made_anew_is_told_anew(world: World) -> None:
    world.told(kind())
    world.apply("Machine", uid="another")
    assert len(world.told(kind())) == 1


def test_the_next_leader_tells_nothing_old_and_nothing_twice(world: World) -> None:
    first = world.told(kind(), kind("state"))
    world.now = BEGAN + timedelta(seconds=30)
    world.violations = world.leader()
    again = world.told(kind(), kind("state"), kind("number", first=BEGAN - HANDOVER))
    names = [[event["metadata"]["name"] for event in events] for events in (first, again)]
    assert names[0] == names[1], "seen just before it began: the API server takes each name once"
    assert len(set(names[0])) == 2


def test_who_stood_by_for_long_tells_nothing_old_when_it_leads(world: World) -> None:
    world.now = BEGAN + HANDOVER + timedelta(seconds=1)
    world.violations.begin()
    assert world.told(kind()) == []
    assert len(world.told(kind("state", first=world.now))) == 1


def test_a_kind_that_many_machines_show_is_one_event_on_their_plant(world: World) -> None:
    for number in range(FEW + 1):
        world.apply("Machine", f"m{number}")
        world.violations.heard(Key("Machine", NAMESPACE, f"m{number}"), status(kind()))
    world.violations.heard(PRESS, status(kind("state")))
    events = world.announcements.gathered()
    assert sorted(event["regarding"]["kind"] for event in events) == ["Machine", "Plant"]


def test_many_kinds_of_one_machine_are_no_news_of_many_machines(world: World) -> None:
    events = world.told(*(kind(f"f{number}") for number in range(FEW + 1)))
    assert [event["regarding"]["kind"] for event in events] == ["Machine"] * (FEW + 1)


def test_what_is_remembered_is_bounded_and_does_not_repeat_what_is_still_told(world: World) -> None:
    world.told(kind())
    for number in range(MOST_KNOWN + 2):
        assert len(world.told(kind(), kind(f"f{number}"))) == 1


@pytest.mark.parametrize("time", ["yesterday", "", "2026-11-23T06:00:00"])
def test_a_time_that_says_nothing_is_no_news(world: World, time: str) -> None:
    odd = Violation(contract="c", version="1", field="f", reason="r", action="Flagged", first_time=time)
    assert world.told(odd) == []


def test_an_unknown_machine_is_nobodys_news(world: World) -> None:
    assert world.told(kind(), machine=Key("Machine", NAMESPACE, "nobody")) == []
