"""Which verdicts of policies a change turns: by the policy, by the object, by what the object refers to."""

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from plantwright_cli import states
from plantwright_cli.app import app
from plantwright_cli.manifests import Known
from plantwright_cli.plan import render
from plantwright_cli.plan.effects import Plan, compare

NOW = datetime(2026, 12, 1, tzinfo=UTC)
KINDS = ("Plant", "DataContract", "MachineProfile", "Machine")
RULES: list[dict[str, Any]] = [
    {
        "name": "owned",
        "kinds": ["Machine"],
        "expression": "has(object.spec.owner)",
        "message": "spec.owner: set it",
    },
    {
        "name": "public",
        "kinds": ["Machine", "MachineProfile"],
        "expression": "contracts.all(c, c.spec.classification != 'Restricted')",
        "message": "spec.profileRef: restricted data stays",
    },
]
EXCEPTION = {
    "name": "e",
    "rule": "owned",
    "kind": "Machine",
    "names": ["press-1"],
    "owner": {"team": "A"},
    "reason": "B",
    "expires": "2027-01-31",
}
Objects = list[dict[str, Any]]
Change = Callable[[Objects], None]


def policy(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "plantwright.io/v1alpha1",
        "kind": "GovernancePolicy",
        "metadata": {"name": "rules", "namespace": "plant-stuttgart"},
        "spec": {"owner": {"team": "Data Governance"}, "rules": RULES, **spec},
    }


@pytest.fixture
def objects(raw: Callable[..., dict[str, Any]]) -> Objects:
    return [raw(kind) for kind in KINDS]


def only(objects: Objects, kind: str) -> dict[str, Any]:
    return next(obj for obj in objects if obj["kind"] == kind)


def spec(kind: str, **values: Any) -> Change:
    return lambda objects: only(objects, kind)["spec"].update(values)


def write(objects: Objects, folder: Path) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    for obj in objects:
        (folder / f"{obj['kind']}-{obj['metadata']['name']}.yaml").write_text(yaml.safe_dump(obj))
    return str(folder)


@pytest.fixture
def plan(objects: Objects, tmp_path: Path) -> Callable[..., Plan]:
    """What becomes of the base objects and these policies; `known` is shared as the command does."""

    def made(change: Change, *policies: dict[str, Any]) -> Plan:
        before = [*objects, *policies]
        after = copy.deepcopy(before)
        change(after)
        known: Known = {}
        states_ = [
            states.of_files([write(found, tmp_path / name)], known)
            for found, name in ((before, "before"), (after, "after"))
        ]
        return compare(*states_, NOW)

    return made


def turned(plan: Plan) -> set[tuple[str, str, str, str]]:
    return {(v.kind, v.rule, v.before, v.after) for v in plan.verdicts()}


def test_a_new_policy_lists_what_breaks_it_and_not_what_meets_it(plan: Callable[..., Plan]) -> None:
    found = plan(lambda objects: objects.append(policy()))
    assert [effect._asdict() for effect in found.policies] == [
        {"policy": "plant-stuttgart/rules", "change": "Added", "broken": ""}
    ]
    assert turned(found) == {("Machine", "owned", "NotJudged", "Failed")}
    assert found.breaking
    assert found.plants[0].plant == "plant-stuttgart/stuttgart"


@pytest.mark.parametrize(
    ("change", "expected", "breaking"),
    [
        pytest.param(
            lambda objects: objects.remove(only(objects, "GovernancePolicy")),
            {("Machine", "owned", "Failed", "NotJudged")},
            False,
            id="removed",
        ),
        pytest.param(
            spec("GovernancePolicy", exceptions=[EXCEPTION]),
            {("Machine", "owned", "Failed", "Excused")},
            False,
            id="excused",
        ),
        pytest.param(
            spec("Machine", owner={"team": "Press shop"}),
            {("Machine", "owned", "Failed", "Passed")},
            False,
            id="mended",
        ),
        pytest.param(
            spec("DataContract", classification="Restricted"),
            {("Machine", "public", "Passed", "Failed"), ("MachineProfile", "public", "Passed", "Failed")},
            True,
            id="by-a-reference",
        ),
        pytest.param(spec("Machine", asset={"model": "X"}), set(), False, id="no-rule-looks-at-it"),
        pytest.param(spec("GovernancePolicy", description="other words"), set(), False, id="only-words"),
    ],
)
def test_what_turns_a_verdict(
    plan: Callable[..., Plan], change: Change, expected: set[tuple[str, str, str, str]], breaking: bool
) -> None:
    found = plan(change, policy())
    assert turned(found) == expected
    assert any(v.breaking for v in found.verdicts()) is breaking


@pytest.mark.parametrize(("mode", "breaking"), [("Enforce", True), ("Audit", False)])
def test_a_rule_that_turns_strict_breaks(plan: Callable[..., Plan], mode: str, breaking: bool) -> None:
    found = plan(spec("GovernancePolicy", mode=mode), policy(mode="Warn"))
    assert turned(found) == {("Machine", "owned", "Failed", "Failed")}
    assert found.breaking is breaking


def test_a_policy_that_can_no_longer_be_used_breaks(plan: Callable[..., Plan]) -> None:
    rules = [{**RULES[0], "expression": "has(object.spec.ownr)"}]
    found = plan(spec("GovernancePolicy", rules=rules), policy(rules=RULES[:1], mode="Audit"))
    assert found.breaking
    assert "there is no field ownr" in found.policies[0].broken
    assert "it cannot be used: spec.rules[owned].expression" in render.text(found)


def test_what_was_refused_already_is_no_news(plan: Callable[..., Plan]) -> None:
    found = plan(spec("Machine", asset={"model": "X"}), policy())
    assert (found.verdicts(), found.breaking) == ([], False)


def test_the_forms_tell_it_and_the_exit_status_is_1(objects: Objects, tmp_path: Path) -> None:
    before = write(objects, tmp_path / "before")
    after = write([*objects, policy()], tmp_path / "after")
    words = ["plan", "--before", before, after]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 1, done.output
    assert "policies: 1 changed, 1 verdict turned, 1 newly refused." in done.output
    assert "policy plant-stuttgart/rules added" in done.output
    line = "policy plant-stuttgart/rules/owned (Enforce): Machine press-1 NotJudged → Failed: spec.owner: set it"
    assert line in done.output
    markdown = CliRunner().invoke(app, [*words, "-o", "markdown"]).output
    assert (
        "| plant-stuttgart/rules/owned | Enforce | Machine plant-stuttgart/press-1 | NotJudged | **Failed** |"
        in markdown
    )
    told = json.loads(CliRunner().invoke(app, [*words, "-o", "json"]).output)
    assert told["policies"] == [{"policy": "plant-stuttgart/rules", "change": "Added", "broken": ""}]
    (verdict,) = told["plants"][0]["verdicts"]
    assert verdict == {
        "namespace": "plant-stuttgart",
        "name": "press-1",
        "kind": "Machine",
        "policy": "plant-stuttgart/rules",
        "rule": "owned",
        "mode": "Enforce",
        "before": "NotJudged",
        "after": "Failed",
        "message": "spec.owner: set it",
        "breaking": True,
    }


def test_what_several_plants_share_is_told_once(objects: Objects, tmp_path: Path) -> None:
    plant = copy.deepcopy(only(objects, "Plant"))
    plant["metadata"]["name"] = "second"
    rules = [{**RULES[0], "kinds": ["DataContract"]}]
    before = write([*objects, plant], tmp_path / "before")
    after = write([*objects, plant, policy(rules=rules)], tmp_path / "after")
    found = compare(states.of_files([before]), states.of_files([after]), NOW)
    assert [(v.kind, v.plant) for v in found.shared] == [("DataContract", "")]
    assert found.breaking
    assert "shared by plants" in render.text(found)
    assert "### shared by plants" in render.markdown(found)


def test_policies_that_hold_everywhere_are_named(objects: Objects, tmp_path: Path) -> None:
    before = write(objects, tmp_path / "before")
    elsewhere = policy()
    elsewhere["metadata"]["namespace"] = "platform"
    after = write([*objects, elsewhere], tmp_path / "after")
    words = ["plan", "--before", before, after]
    assert CliRunner().invoke(app, words).exit_code == 0
    assert CliRunner().invoke(app, [*words, "--everywhere", "platform"]).exit_code == 1
