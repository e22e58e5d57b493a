"""What a change of the tree does to machines, as the operator would do it."""

import copy
import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from plantwright_cli import states
from plantwright_cli.app import app
from plantwright_cli.plan import render
from plantwright_cli.plan.effects import Effect, Plan, compare
from plantwright_cli.tree import Tree

Objects = list[dict[str, Any]]
Change = Callable[[Objects], None]
NOW = datetime(2026, 12, 1, tzinfo=UTC)
KINDS = ("Plant", "DataContract", "MachineProfile", "Machine")


@pytest.fixture
def objects(raw: Callable[..., dict[str, Any]]) -> Objects:
    return [raw(kind) for kind in KINDS]


def only(objects: Objects, kind: str) -> dict[str, Any]:
    return next(obj for obj in objects if obj["kind"] == kind)


def tree(objects: Objects, folder: Path) -> Tree:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "all.yaml").write_text(yaml.safe_dump_all(objects))
    return states.of_files([str(folder)])


@pytest.fixture
def plan(objects: Objects, tmp_path: Path) -> Callable[[Change], Plan]:
    def made(change: Change) -> Plan:
        after = copy.deepcopy(objects)
        change(after)
        return compare(tree(objects, tmp_path / "before"), tree(after, tmp_path / "after"), NOW)

    return made


def effects(plan: Plan) -> dict[str, Effect]:
    return {machine.machine: machine.effect for plant in plan.plants for machine in plant.machines}


def spec(kind: str, **values: Any) -> Change:
    def change(objects: Objects) -> None:
        only(objects, kind)["spec"].update(values)

    return change


@pytest.mark.parametrize(
    ("change", "effect", "breaking"),
    [
        pytest.param(lambda objects: objects.pop(), Effect.REMOVED, False, id="removed"),
        pytest.param(spec("Machine", endpoint={"url": "modbus+tcp://10.2.3.9:502"}), Effect.RELOADED, False, id="address"),
        pytest.param(spec("Machine", asset={"model": "X"}), Effect.RELOADED, False, id="asset"),
        pytest.param(spec("Plant", gateway={"image": "gateway:2"}), Effect.RESTARTED, False, id="image"),
        pytest.param(spec("Machine", profileRef={"name": "other"}), Effect.STALLED, True, id="no-such-profile"),
        pytest.param(spec("Machine", owner={"team": "Night shift"}), None, False, id="owner"),
        pytest.param(lambda objects: None, None, False, id="nothing"),
    ],
)  # fmt: skip
def test_what_becomes_of_a_machine(
    plan: Callable[[Change], Plan], change: Change, effect: Effect | None, breaking: bool
) -> None:
    found = plan(change)
    assert effects(found) == ({"press-1": effect} if effect else {})
    assert found.breaking is breaking
    assert len(found.plants) + found.untouched == 1


def test_a_new_machine_names_the_versions_it_takes(plan: Callable[[Change], Plan]) -> None:
    def add(objects: Objects) -> None:
        machine = copy.deepcopy(only(objects, "Machine"))
        machine["metadata"]["name"] = "press-2"
        objects.append(machine)

    found = plan(add)
    assert effects(found) == {"press-2": Effect.ADDED}
    assert found.plants[0].machines[0].detail == "profile press 1.0.0, contract machine-state 1.0.0"


def test_a_machine_that_stalled_already_is_no_news(plan: Callable[[Change], Plan], objects: Objects) -> None:
    only(objects, "Machine")["spec"]["profileRef"] = {"name": "other"}
    assert effects(plan(spec("Plant", country="DE"))) == {}
    assert effects(plan(spec("Machine", profileRef={"name": "press"}))) == {"press-1": Effect.MENDED}


CONSUMERS = [
    {"name": "oven-model", "owner": {"team": "Data Science"}, "fields": ["temperature"]},
    {"name": "oee-board", "owner": {"team": "Shop Floor IT"}, "fields": ["state"]},
]


def wider(objects: Objects) -> None:
    field = only(objects, "DataContract")["spec"]["fields"][1]
    field["maximum"] = "120"


def test_a_contract_that_loosens_breaks_its_consumers(plan: Callable[[Change], Plan], objects: Objects) -> None:
    only(objects, "DataContract")["spec"]["consumers"] = CONSUMERS
    found = plan(wider)
    contract = found.plants[0].contracts[0]
    assert (contract.contract, contract.machines, contract.breaking) == ("machine-state", ("press-1",), True)
    assert [change.path for change in contract.changes] == ["fields[temperature].maximum"]
    assert found.breaking
    text = render.text(found)
    assert text.startswith("BREAKING: 1 plant touched, 0 untouched; machines: 1 reloaded.")
    assert "fields[temperature].maximum: 90.5 → 120 (Breaking for consumers" in text
    assert contract.consumers == ("oven-model (Data Science)",)
    assert "breaks oven-model (Data Science)" in text


def test_the_forms_say_the_same(plan: Callable[[Change], Plan]) -> None:
    found = plan(wider)
    told = json.loads(render.as_json(found))
    assert told["breaking"] is True
    assert told["plants"][0]["machines"] == [{"name": "press-1", "effect": "Reloaded", "detail": ""}]
    markdown = render.markdown(found)
    assert "### plant-stuttgart/stuttgart — breaking" in markdown
    assert "| press-1 | Reloaded |" in markdown


def commit(folder: Path, message: str) -> None:
    words = ["git", "-c", "user.name=test", "-c", "user.email=test@example.com"]
    subprocess.run([*words, "add", "-A"], cwd=folder, check=True)
    subprocess.run([*words, "commit", "-qm", message], cwd=folder, check=True)


def test_a_commit_is_compared_with_the_folder_as_it_is(objects: Objects, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    site = tmp_path / "site"
    tree(objects, site)
    commit(tmp_path, "as it was")
    wider(objects)
    tree(objects, site)
    done = CliRunner().invoke(app, ["plan", "--base", "HEAD", str(site)])
    assert done.exit_code == 1, done.output
    assert "BREAKING: 1 plant touched" in done.output
    assert CliRunner().invoke(app, ["plan", "--before", str(site), str(site)]).exit_code == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["plan", "."], "say what to compare with"),
        (["plan", "--before", "/nowhere", "."], "/nowhere: there is no such file or folder"),
        (["plan", "--base", "no-such-commit", "."], "git rev-parse"),
    ],
)
def test_what_cannot_be_read_is_said(
    words: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, words)
    assert says in str(done.exception)
