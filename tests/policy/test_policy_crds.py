"""What the API server refuses when an object is created, found offline: the table of cases that a real one judges too."""

import copy
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from plantwright_api.schema.structural import object_schema
from plantwright_api.v1alpha1 import MODELS
from plantwright_cli.app import app
from plantwright_operator.decide.policy import cel, crds

Obj = dict[str, Any]
APISERVER = Path(__file__).parents[1] / "apiserver"
CASES = yaml.safe_load((APISERVER / "admission-cases.yaml").read_text())
OBJECTS: dict[str, Obj] = {
    found["kind"]: found for found in yaml.safe_load_all((APISERVER / "admission-objects.yaml").read_text())
}
ONLY_ON_UPDATE = {
    ("DataContract", "a published version is immutable"),
    ("MachineProfile", "a published version is immutable"),
    ("Machine", "a machine's buffer cannot change its medium"),
}
"""Rules that compare with the object before; in a file there is none."""


def changed(case: Obj) -> Obj:
    """The case's object, as the tests of a real API server make it."""
    obj = copy.deepcopy(OBJECTS[case["kind"]])
    for path, value in case["set"].items():
        *parents, last = path.split(".")
        node: Any = obj["spec"]
        for step in parents:
            node = node[int(step)] if step.isdigit() else node.setdefault(step, {})
        key: Any = int(last) if last.isdigit() else last
        if value is None:
            del node[key]
        elif isinstance(node, list) and key == len(node):
            node.append(value)
        else:
            node[key] = value
    return obj


def refused(folder: Path, obj: Obj) -> list[Obj]:
    """What `plantwright lint` says the API server would refuse."""
    (folder / "object.yaml").write_text(yaml.safe_dump(obj))
    done = CliRunner().invoke(app, ["lint", str(folder), "-o", "json"])
    assert not isinstance(done.exception, Exception), done.exception
    found = [each for each in json.loads(done.output)["findings"] if each["result"] == "Refused"]
    assert done.exit_code == 1 or not found
    return found


@pytest.mark.parametrize("kind", OBJECTS)
def test_the_objects_as_they_stand_are_accepted(kind: str, tmp_path: Path) -> None:
    assert refused(tmp_path, OBJECTS[kind]) == []


@pytest.mark.parametrize("case", CASES["accepted"], ids=lambda case: str(case["case"]))
def test_what_the_api_server_accepts_is_accepted(case: Obj, tmp_path: Path) -> None:
    assert refused(tmp_path, changed(case)) == []


@pytest.mark.parametrize("case", CASES["refused"], ids=lambda case: str(case["case"]))
def test_what_the_api_server_refuses_is_refused_with_field_and_sentence(case: Obj, tmp_path: Path) -> None:
    found = refused(tmp_path, changed(case))
    assert any(case["field"] in each["message"] and case["says"] in each["message"] for each in found), found


def rules(schema: Obj) -> Iterator[Obj]:
    """Every CEL rule of a schema."""
    yield from schema.get(crds.RULES, ())
    for child in schema.get("properties", {}).values():
        yield from rules(child)
    if "items" in schema:
        yield from rules(schema["items"])


def test_every_rule_compiles_here_or_is_one_about_updates() -> None:
    left_out = set()
    for kind, model in MODELS.items():
        for rule in rules(object_schema(model)):
            if crds.TRANSITION in rule["rule"]:
                left_out.add((kind, rule["message"].partition(":")[0].partition(" while")[0]))
            else:
                cel.compile_text(rule["rule"], "bool", ("self",))
    assert left_out == ONLY_ON_UPDATE


@pytest.mark.parametrize(
    ("change", "field", "says"),
    [
        ({"metadata": {"name": "Press_1"}}, "metadata.name", "must be lower-case letters"),
        ({"metadata": {"name": "a", "labels": {"line": 1}}}, "metadata.labels", "line: must be of type string"),
        ({"metadata": {"name": "a", "label": {}}}, "metadata.label", "unknown field"),
        ({"specs": {}}, "specs", "unknown field"),
        ({"spec": None}, "spec", "Required value"),
        ({"spec": []}, "spec", "must be of type object"),
        ({"metadata": None}, "metadata", "Required value"),
    ],
)
def test_the_envelope_is_judged_too(change: Obj, field: str, says: str) -> None:
    found = crds.problems({**OBJECTS["Machine"], **change})
    assert [(each.field, says in each.message) for each in found] == [(field, True)]


def test_every_problem_is_told_at_once_and_rules_wait_for_the_fields(tmp_path: Path) -> None:
    obj = copy.deepcopy(OBJECTS["MachineProfile"])
    obj["spec"]["protocol"] = "OPCUA"
    assert [each["fieldPath"] for each in refused(tmp_path, obj)] == ["spec.signals"]
    obj["spec"]["signals"][0]["scale"] = 0.1
    obj["spec"]["signals"][1]["unknown"] = 1
    assert [each["fieldPath"] for each in refused(tmp_path, obj)] == [
        "spec.signals[0].scale",
        "spec.signals[1].unknown",
    ]


def test_what_is_refused_is_not_judged_further_and_the_rest_is(tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(yaml.safe_dump(OBJECTS["Machine"]))
    obj = copy.deepcopy(OBJECTS["Machine"])
    obj["metadata"]["name"], obj["spec"]["endpoint"]["url"] = "press-2", "http://10.2.3.4"
    (tmp_path / "bad.yaml").write_text(yaml.safe_dump(obj))
    done = CliRunner().invoke(app, ["lint", str(tmp_path), "-o", "json"])
    found = {each["name"]: each["result"] for each in json.loads(done.output)["findings"]}
    assert found == {"press-1": "Waiting", "press-2": "Refused"}


def test_ten_thousand_fields_are_refused_in_no_time(tmp_path: Path) -> None:
    obj = copy.deepcopy(OBJECTS["DataContract"])
    obj["spec"]["fields"] = [{"name": f"f{number}", "type": "Number"} for number in range(10_000)]
    (tmp_path / "object.yaml").write_text(yaml.safe_dump(obj))
    began = time.monotonic()
    found = crds.problems(obj)
    assert time.monotonic() - began < 2
    assert [each.field for each in found] == ["spec.fields"]
    assert "Too many: 10000: must have at most 500 items" in found[0].message
