"""Who is told of what."""

import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from plantwright_cli import states
from plantwright_cli.app import app
from plantwright_cli.report import render
from plantwright_cli.report.entries import Entry, entries

SINCE = "2026-11-20T06:00:00Z"
TODAY = date(2026, 11, 23)


def condition(type_: str, status: str, reason: str, message: str = "") -> dict[str, str]:
    return {"type": type_, "status": status, "reason": reason, "message": message, "lastTransitionTime": SINCE}


def policy(expires: str) -> dict[str, Any]:
    excuse = {
        "name": "old",
        "rule": "serial",
        "kind": "Machine",
        "names": ["press-9"],
        "owner": {"team": "Pressing"},
        "reason": "worn off",
        "expires": expires,
    }
    rule = {"name": "serial", "kinds": ["Machine"], "expression": "has(object.spec.asset)", "message": "m"}
    spec = {"owner": {"team": "Governance"}, "rules": [rule], "exceptions": [excuse]}
    meta = {"name": "identity", "namespace": "governance"}
    return {"apiVersion": "plantwright.io/v1alpha1", "kind": "GovernancePolicy", "metadata": meta, "spec": spec}


@pytest.fixture
def found(raw: Callable[..., dict[str, Any]], tmp_path: Path) -> Callable[..., list[Entry]]:
    def made(*conditions: dict[str, str], owner: dict[str, str] | None = None, expires: str = "") -> list[Entry]:
        machine = raw("Machine", **({"owner": owner} if owner else {})) | {"status": {"conditions": list(conditions)}}
        plant = raw("Plant", owner={"team": "Plant IT", "contact": "it@acme.example", "steward": "Head of IT"})
        objects = [plant, machine, *([policy(expires)] if expires else [])]
        path = tmp_path / "cluster.yaml"
        path.write_text(yaml.safe_dump({"kind": "List", "items": objects}))
        return entries(states.of_files([str(path)]).objects, TODAY, timedelta(days=30))

    return made


READY = condition("Ready", "True", "InForce")


def test_a_machine_without_an_owner_is_its_plants(found: Callable[..., list[Entry]]) -> None:
    [entry] = found(READY, condition("Connected", "False", "Unreachable", "nothing answers"))
    assert (entry.owner.team, entry.state, str(entry.name)) == ("Plant IT", "Broken", "plant-stuttgart/press-1")
    assert (entry.message, entry.since) == ("Unreachable: nothing answers", SINCE)


def test_its_own_owner_comes_first(found: Callable[..., list[Entry]]) -> None:
    [entry] = found(condition("Ready", "False", "ProfileNotFound"), owner={"team": "Night shift"})
    assert (entry.owner.team, entry.message) == ("Night shift", "ProfileNotFound")


def test_the_worst_is_told_and_a_policy_beside_it_once(found: Callable[..., list[Entry]]) -> None:
    wrong = condition("PolicyMet", "False", "RulesViolated", "serial: say it")
    lost = condition("Connected", "False", "Timeout")
    assert [(e.state, e.message) for e in found(READY, lost, wrong)] == [
        ("Broken", "Timeout"),
        ("Violates", "serial: say it"),
    ]
    assert [e.state for e in found(condition("Ready", "False", "PolicyViolated", "m"), wrong)] == ["Broken"]


@pytest.mark.parametrize(
    ("expires", "state", "says"),
    [
        ("2026-11-22", "Due", "it ended on 2026-11-22"),
        ("2026-12-01", "Due", "it ends on 2026-12-01"),
        ("2027-06-30", "Waived", "it ends on 2027-06-30"),
    ],
)
def test_an_exception_goes_to_whom_it_was_granted(
    found: Callable[..., list[Entry]], expires: str, state: str, says: str
) -> None:
    [entry] = found(READY, expires=expires)
    assert (entry.owner.team, entry.state) == ("Pressing", state)
    assert says in entry.message


def test_all_forms_name_team_and_thing(found: Callable[..., list[Entry]]) -> None:
    listed = found(condition("Ready", "False", "ProfileNotFound", "mend it"), expires="2027-06-30")
    text = render.text(listed)
    assert text.splitlines()[0] == "1 broken, 1 waived; 2 teams"
    assert "Plant IT (it@acme.example, steward: Head of IT)" in text
    assert "| Broken | Machine plant-stuttgart/press-1 |" in render.markdown(listed)
    assert json.loads(render.as_json(listed))[0]["owner"]["team"] == "Plant IT"
    assert render.text([]) == "Nothing is broken, waived or due."


def test_the_command_reads_what_kubectl_wrote(raw: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    path = tmp_path / "cluster.yaml"
    broken = raw("Machine") | {"status": {"conditions": [condition("Ready", "False", "PlantNotFound", "apply it")]}}
    path.write_text(yaml.safe_dump(broken))
    done = CliRunner().invoke(app, ["report", str(path)])
    assert done.exit_code == 1
    assert "(no owner)" in done.output
    assert CliRunner().invoke(app, ["report", str(path), "--team", "Plant IT"]).exit_code == 0
