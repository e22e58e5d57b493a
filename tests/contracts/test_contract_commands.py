"""`plantwright contract`: what it prints and how it ends."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from plantwright_cli.contracts.command import app
from plantwright_cli.errors import UserError
from plantwright_cli.odcs.document import check, read

EXAMPLES = Path(__file__).parents[2] / "examples"
CONTRACT = EXAMPLES / "02-contracts" / "process-values.yaml"
FOLDERS = ("01-plant", "02-contracts", "03-profiles", "04-machines")


def run(*args: object) -> Result:
    return CliRunner().invoke(app, [str(arg) for arg in args])


def refusal(*args: object) -> str:
    result = run(*args)
    assert isinstance(result.exception, UserError)
    return str(result.exception)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for folder in FOLDERS:
        shutil.copytree(EXAMPLES / folder, tmp_path / "tree" / folder)
    return tmp_path / "tree"


def changed(path: Path, version: str, **fields: dict[str, Any]) -> Path:
    """The contract in another version, with attributes laid over its fields and new fields added."""
    body = yaml.safe_load(CONTRACT.read_text())
    body["metadata"]["name"] = f"process-values-{version}"
    body["spec"]["version"] = version
    known = {field["name"]: field for field in body["spec"]["fields"]}
    for name, attributes in fields.items():
        if name in known:
            known[name].update(attributes)
        else:
            body["spec"]["fields"].append({"name": name, **attributes})
    path.write_text(yaml.safe_dump(body))
    return path


def test_a_breaking_change_in_a_minor_step_ends_with_1(tmp_path: Path) -> None:
    new = changed(tmp_path / "new.yaml", "1.1.0", power={"maximum": "300"})
    result = run("diff", CONTRACT, new)
    assert result.exit_code == 1
    assert "process-values 1.0.0 -> 1.1.0: 1 change, 1 breaking" in result.stdout
    assert "fields[power].maximum" in result.stdout
    assert "version: NOT ENOUGH: the step from 1.0.0 to 1.1.0 is a minor one" in result.stdout
    assert "make it 2.0.0" in result.stdout


def test_the_same_change_in_a_major_step_is_well(tmp_path: Path) -> None:
    assert run("diff", CONTRACT, changed(tmp_path / "new.yaml", "2.0.0", power={"maximum": "300"})).exit_code == 0


def test_nothing_changed() -> None:
    result = run("diff", CONTRACT, CONTRACT)
    assert (result.exit_code, "0 changes" in result.stdout) == (0, True)


def test_the_tree_names_machines_and_fields(tree: Path, tmp_path: Path) -> None:
    new = changed(tmp_path / "new.yaml", "1.1.0", power={"maximum": "200"}, torque={"type": "Number", "required": True})
    result = run("diff", CONTRACT, new, "--tree", tree, "--output", "json")
    found = json.loads(result.stdout)
    assert result.exit_code == 1
    assert found["step"]["needed"] == "major"
    machines = {row["machine"]: row for row in found["machines"]}
    row = machines["lathe-01"]
    assert (row["plant"], row["namespace"], row["takes"]) == ("stuttgart", "plant-stuttgart", True)
    assert row["fields"] == ["power", "torque"]
    assert row["refused"].startswith("contract process-values 1.1.0 requires torque")


def test_a_range_that_does_not_admit_the_version_stays(tree: Path, tmp_path: Path) -> None:
    new = changed(tmp_path / "new.yaml", "2.0.0", power={"maximum": "200"})
    for profile in (tree / "03-profiles").glob("*.yaml"):
        profile.write_text(profile.read_text().replace("name: process-values}", "name: process-values, version: ^1.0}"))
    found = json.loads(run("diff", CONTRACT, new, "--tree", tree, "--output", "json").stdout)
    assert {row["takes"] for row in found["machines"]} == {False}
    assert (
        "by their range 0 of 6 machines in 0 plants take it; 0 cannot run under it"
        in run("diff", CONTRACT, new, "--tree", tree).stdout
    )


def test_a_plant_that_cannot_see_the_contract_is_not_touched(tree: Path, tmp_path: Path) -> None:
    new = changed(tmp_path / "new.yaml", "1.1.0", power={"maximum": "200"})
    new.write_text(new.read_text().replace("plant-stuttgart", "plant-berlin"))
    assert json.loads(run("diff", CONTRACT, new, "--tree", tree, "--output", "json").stdout)["machines"] == []


def test_versions_are_compared_as_merged_with_their_bases(tmp_path: Path) -> None:
    text = """
kind: DataContract
apiVersion: plantwright.io/v1alpha1
metadata: {name: NAME}
spec: {name: FAMILY, version: VERSION, EXTENDS fields: [{name: FIELD, type: Number, maximum: "MAX"}]}
"""

    def write(name: str, family: str, version: str, extends: str, field: str, maximum: str) -> Path:
        words = {"NAME": name, "FAMILY": family, "VERSION": version, "EXTENDS": extends, "FIELD": field, "MAX": maximum}
        made = text
        for word, value in words.items():
            made = made.replace(word, value)
        path = tmp_path / f"{name}.yaml"
        path.write_text(made)
        return path

    base = write("base-1", "corporate", "1.0.0", "", "power", "250")
    old = write("site-1", "site", "1.0.0", "", "power", "250")
    good = write("site-2", "site", "2.0.0", "extends: {name: corporate}, ", "power", "200")
    bad = write("site-3", "site", "3.0.0", "extends: {name: corporate}, ", "power", "300")
    bases = tmp_path / "bases"
    bases.mkdir()
    shutil.move(base, bases)
    paths = [
        c["path"] for c in json.loads(run("diff", old, good, "--tree", bases, "--output", "json").stdout)["changes"]
    ]
    assert paths == ["extends", "fields[power].maximum"]
    assert "300 loosens corporate 1.0.0, which says 250" in refusal("diff", old, bad, "--tree", bases)
    assert "no DataContract corporate" in refusal("diff", old, good)


def test_a_file_with_several_contracts_needs_a_name(tree: Path) -> None:
    both = tree / "02-contracts"
    assert "holds machine-monitoring-1.0.0, process-values-1.0.0; name one of them with --name" in refusal(
        "export", both
    )
    assert run("export", both, "--name", "process-values").exit_code == 0
    assert "there is no DataContract in it" in refusal("export", tree / "04-machines")


def test_export_and_import_are_each_others_way_back(tmp_path: Path) -> None:
    out = tmp_path / "process-values.odcs.yaml"
    result = run("export", CONTRACT, "-o", out)
    assert result.exit_code == 0
    check(read(out.read_text()))
    assert "fields[power].unit" in result.stderr
    assert run("import", out, "-o", tmp_path / "back", "-n", "plant-stuttgart").exit_code == 0
    back = tmp_path / "back" / "process-values-1.0.0.yaml"
    assert run("diff", CONTRACT, back).stdout.startswith("process-values 1.0.0 -> 1.0.0: 0 changes")
    assert run("export", back, "--output", "json").stdout.count(read(out.read_text())["id"]) == 1


def test_what_exists_is_not_written_over(tmp_path: Path) -> None:
    out = tmp_path / "x.odcs.yaml"
    out.write_text("precious")
    assert "exists and says something else; remove it or give --force" in refusal("export", CONTRACT, "-o", out)
    assert out.read_text() == "precious"
    assert run("export", CONTRACT, "-o", out, "--force").exit_code == 0
    assert run("export", CONTRACT, "-o", out).exit_code == 0


def test_numbers_stay_exact_in_json(tmp_path: Path) -> None:
    new = changed(tmp_path / "new.yaml", "1.0.1", power={"maximum": "0.1234567890123456789"})
    assert '"maximum": 0.1234567890123456789' in run("export", new, "--output", "json").stdout


def test_a_contract_that_makes_no_sense_is_not_exported(tmp_path: Path) -> None:
    new = changed(tmp_path / "new.yaml", "1.0.1", power={"enum": ["many"]})
    assert "process-values-1.0.1: spec.fields[power].enum: 'many' is no number" in refusal("export", new)


def test_an_import_that_no_machine_could_meet_ends_with_1(tmp_path: Path) -> None:
    file = tmp_path / "x.odcs.yaml"
    run("export", CONTRACT, "-o", file)
    file.write_text(file.read_text().replace("maximum: 250", "maximum: -1"))
    result = run("import", file)
    assert result.exit_code == 1
    assert "problem: spec.fields[power].minimum: 0 is above maximum -1; mend either" in result.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot be read"),
        ("words", "no ODCS document: the file holds no mapping with apiVersion and kind DataContract"),
        (
            "kind: DataContract\nid: x\nversion: 1.0.0\n",
            "apiVersion: it is missing; v3.2.0 of the standard requires it here",
        ),
    ],
)
def test_what_is_no_document_is_said_with_its_file(tmp_path: Path, text: str | None, message: str) -> None:
    file = tmp_path / "x.odcs.yaml"
    if text is not None:
        file.write_text(text)
    assert f"{file}: " in refusal("import", file)
    assert message in refusal("import", file)


def extending(path: Path, name: str, *fields: dict[str, Any], **spec: Any) -> Path:
    """A contract that builds on process-values and has these fields of its own."""
    own = list(fields) or [{"name": "torque", "type": "Number"}]
    body = {
        "apiVersion": "plantwright.io/v1alpha1",
        "kind": "DataContract",
        "metadata": {"name": name, "namespace": "plant-stuttgart"},
        "spec": {
            "name": name,
            "version": "1.0.0",
            "extends": {"name": "process-values"},
            "fields": own,
            "freshnessSeconds": 10,
            **spec,
        },
    }
    path.write_text(yaml.safe_dump(body))
    return path


def test_an_extension_is_exported_with_its_bases_in_sight(tmp_path: Path) -> None:
    rule = {"name": "idle", "expression": "power < 5.0 || torque > 0.0", "message": "m"}
    site = extending(tmp_path / "site.yaml", "site", rules=[rule])
    assert "no DataContract process-values" in refusal("export", site)
    assert "--tree names the folder where it lies" in refusal("export", site)
    assert run("export", site, "--tree", CONTRACT).exit_code == 0
    wider = {"name": "power", "type": "Number", "unit": "kW", "maximum": "9999"}
    loose = extending(tmp_path / "loose.yaml", "loose", wider)
    assert "loosens process-values 1.0.0" in refusal("export", loose, "--tree", CONTRACT)


def test_an_imported_extension_waits_for_its_base_and_is_judged_with_it(tmp_path: Path) -> None:
    out = tmp_path / "x.odcs.yaml"
    wider = {"name": "power", "type": "Number", "unit": "kW", "minimum": "0", "maximum": "250", "required": True}
    assert run("export", extending(tmp_path / "s.yaml", "site", wider), "--tree", CONTRACT, "-o", out).exit_code == 0
    result = run("import", out)
    assert result.exit_code == 0
    assert "problem: contract site 1.0.0 spec.extends: no DataContract process-values" in result.stderr
    assert "problem" not in run("import", out, "--tree", CONTRACT).stderr
    out.write_text(out.read_text().replace("maximum: 250", "maximum: 9999"))
    result = run("import", out, "--tree", CONTRACT)
    assert result.exit_code == 1
    assert "loosens process-values 1.0.0" in result.stderr


def test_other_contracts_of_a_machine_count_with_what_they_inherit(tree: Path, tmp_path: Path) -> None:
    """A machine that fills a field of a base that its other contract builds on is not refused for it."""
    extending(tree / "site.yaml", "site", {"name": "feedRate", "type": "Number", "unit": "mm/min", "minimum": "0"})
    for profile in (tree / "03-profiles").glob("*.yaml"):
        body = yaml.safe_load(profile.read_text())
        body["spec"]["contractRefs"][1] = {"name": "site"}
        for signal in body["spec"]["signals"]:
            signal.update({"contract": "site"} if signal.get("contract") else {})
        profile.write_text(yaml.safe_dump(body))
    base = EXAMPLES / "02-contracts" / "machine-monitoring.yaml"
    found = json.loads(run("diff", base, base, "--tree", tree, "--output", "json").stdout)
    assert {row["machine"]: row["refused"] for row in found["machines"]}["lathe-01"] == ""
