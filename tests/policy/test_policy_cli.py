"""`plantwright lint` and `plantwright policy render` over folders: what they print, and their exit status."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from policy_cases import BASE, LIBRARY, NOW, laid_over
from typer.testing import CliRunner, Result

from plantwright_cli import manifests
from plantwright_cli.errors import UserError
from plantwright_cli.policy.command import app as policy_app
from plantwright_cli.policy.command import lint
from plantwright_cli.policy.linting import lint as lint_tree

app = typer.Typer()
app.command()(lint)
app.add_typer(policy_app, name="policy")
Obj = dict[str, Any]
POLICY: Obj = {
    "apiVersion": "plantwright.io/v1alpha1",
    "kind": "GovernancePolicy",
    "metadata": {"name": "owners", "namespace": "governance"},
    "spec": {
        "owner": {"team": "Data Governance"},
        "rules": [
            {
                "name": "owned",
                "kinds": ["Machine"],
                "expression": "has(object.spec.owner)",
                "message": "spec.owner: set it",
            },
            {
                "name": "near",
                "kinds": ["Machine"],
                "expression": "plant.spec.country == 'DE'",
                "message": "spec.plantRef: DE",
            },
        ],
    },
}


def shift(name: str, start: str, end: str) -> Obj:
    return {"name": name, "days": ["Monday"], "start": start, "end": end}


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def tree(folder: Path, *objects: Obj, **base: dict[str, Any]) -> Path:
    """A folder with these objects and the base objects of a plant; `Machine={...}` lays values over one of them."""
    common = {"metadata.namespace": "plant-stuttgart"}
    catalog = {"Plant": {"spec.catalogNamespace": "governance"}}
    bodies = [laid_over(body, {**common, **catalog.get(kind, {}), **base.get(kind, {})}) for kind, body in BASE.items()]
    for body in [*bodies, *objects]:
        (folder / f"{body['kind']}-{body['metadata']['name']}.yaml".lower()).write_text(yaml.safe_dump(body))
    return folder


def with_spec(**values: Any) -> Obj:
    return laid_over(POLICY, {f"spec.{key}": value for key, value in values.items()})


@pytest.mark.parametrize(
    ("late", "severity", "reason"),
    [("13:00", "warning", "ShiftsOverlap"), ("15:00", "notice", "GapBetweenShifts"), ("14:00", "", "")],
)
def test_an_odd_calendar_is_told_and_fails_nothing(tmp_path: Path, late: str, severity: str, reason: str) -> None:
    shifts = [shift("early", "06:00", "14:00"), shift("late", late, "22:00")]
    result = run("lint", tree(tmp_path, Plant={"spec.calendar": {"shifts": shifts}}), "-o", "json")
    assert result.exit_code == 0, result.output
    found = [each for each in json.loads(result.output)["findings"] if each["kind"] == "Plant"]
    assert [(each["severity"], each["rule"], each["result"]) for each in found] == (
        [(severity, reason, "Odd")] if reason else []
    )
    assert all("spec.calendar.shifts[" in each["message"] for each in found)


def test_a_tree_without_policies_is_well(tmp_path: Path) -> None:
    result = run("lint", tree(tmp_path))
    assert result.exit_code == 0, result.output
    assert "4 objects, 0 policies: no verdicts; well" in result.output


def test_a_broken_rule_fails_with_file_object_rule_mode_and_message(tmp_path: Path) -> None:
    result = run("lint", tree(tmp_path, POLICY), "--output", "json")
    assert result.exit_code == 1
    report = json.loads(result.output)
    assert report["failed"]
    assert report["verdicts"] == {"Failed": 1, "Passed": 1}
    (finding,) = report["findings"]
    assert finding["path"].endswith("machine-lathe-07.yaml")
    expected = {
        "rule": "governance/owners/owned",
        "mode": "Enforce",
        "result": "Failed",
        "message": "spec.owner: set it",
    }
    assert expected.items() <= finding.items()
    assert finding["owner"] == "Data Governance"


@pytest.mark.parametrize(("mode", "command"), [("Warn", "warning"), ("Audit", "notice")])
def test_a_softer_mode_is_told_and_fails_nothing(tmp_path: Path, mode: str, command: str) -> None:
    result = run("lint", tree(tmp_path, with_spec(mode=mode)), "-o", "github")
    assert result.exit_code == 0
    line = next(line for line in result.output.splitlines() if line.startswith("::"))
    assert line.startswith(f"::{command} file=")
    assert line.endswith("title=governance/owners/owned::Machine lathe-07: spec.owner: set it")


def test_github_lines_are_escaped(tmp_path: Path) -> None:
    rule = {**POLICY["spec"]["rules"][0], "messageExpression": "'spec.owner: 100% of machines, all: set'"}
    result = run("lint", tree(tmp_path, with_spec(rules=[rule])), "-o", "github")
    assert "::Machine lathe-07: spec.owner: 100%25 of machines, all: set" in result.output


def test_text_is_a_table_that_cuts_nothing(tmp_path: Path) -> None:
    result = run("lint", tree(tmp_path, POLICY))
    assert result.exit_code == 1
    squeezed = "".join(result.output.split())
    for words in ("Machine plant-stuttgart/lathe-07", "governance/owners/owned", "spec.owner: set it", "Enforce"):
        assert "".join(words.split()) in squeezed
    assert "5 objects, 1 policies: 1 Failed, 1 Passed; refused" in result.output


def test_what_would_stall_in_the_cluster_fails_here(tmp_path: Path) -> None:
    result = run("lint", tree(tmp_path, Machine={"spec.location.line": "line-9"}), "-o", "json")
    assert result.exit_code == 1
    (finding,) = json.loads(result.output)["findings"]
    assert (finding["rule"], finding["result"]) == ("LocationNotFound", "Stalled")
    assert "spec.location.line" in finding["message"]


@pytest.mark.parametrize(
    ("kind", "change", "field"),
    [
        ("Plant", {"spec.timeZone": "Mars/Base"}, "spec.timeZone"),
        (
            "DataContract",
            {"spec.fields.1.minimum": "9", "spec.fields.1.maximum": "1"},
            "spec.fields[temperature].minimum",
        ),
        ("MachineProfile", {"spec.signals.0.field": "nothing"}, "nothing"),
    ],
)
def test_the_operator_s_own_judgement_of_each_kind(tmp_path: Path, kind: str, change: Obj, field: str) -> None:
    report = json.loads(run("lint", tree(tmp_path, **{kind: change}), "-o", "json").output)
    found = [f for f in report["findings"] if f["kind"] == kind]
    assert [f["result"] for f in found] == ["Stalled"]
    assert field in found[0]["message"]


def test_what_is_missing_may_lie_elsewhere_and_defers_its_rules(tmp_path: Path) -> None:
    folder = tree(tmp_path, POLICY, Machine={"spec.profileRef.name": "elsewhere", "spec.owner": {"team": "t"}})
    result = run("lint", folder, "-o", "json")
    assert result.exit_code == 0
    assert [f["result"] for f in json.loads(result.output)["findings"]] == ["Waiting"]
    (folder / "plant-stuttgart.yaml").unlink()
    result = run("lint", folder, "-o", "json", "--everywhere", "governance")
    assert result.exit_code == 0
    assert {f["result"] for f in json.loads(result.output)["findings"]} == {"Waiting", "Deferred"}


def test_a_policy_that_cannot_be_used_fails_once(tmp_path: Path) -> None:
    rule = {**POLICY["spec"]["rules"][0], "expression": "has(object.spec.ownr)"}
    result = run("lint", tree(tmp_path, with_spec(rules=[rule])), "-o", "json")
    assert result.exit_code == 1
    (finding,) = json.loads(result.output)["findings"]
    assert finding["kind"] == "GovernancePolicy"
    assert "spec.rules[owned].expression: object.spec: there is no field ownr" in finding["message"]


def exception(name: str, expires: str, machine: str) -> Obj:
    given = {"name": name, "rule": "owned", "kind": "Machine", "names": [machine], "owner": {"team": "A"}}
    return {**given, "reason": "a reason", "expires": expires}


def test_exceptions_are_listed_as_they_stand(tmp_path: Path) -> None:
    exceptions = [
        exception("past", "2026-11-30", "lathe-01"),
        exception("soon", "2026-12-20", "lathe-07"),
        exception("later", "2027-12-20", "lathe-03"),
    ]
    found = manifests.sources([str(tree(tmp_path, with_spec(exceptions=exceptions)))])
    report = lint_tree(found, NOW, soon=timedelta(days=30))
    assert [(w.exception.name, w.state) for w in report.waivers] == [
        ("past", "Expired"),
        ("soon", "EndsSoon"),
        ("later", "InForce"),
    ]
    assert not report.failed
    (finding,) = report.findings
    assert finding.result == "Excused"
    assert "excused until 2026-12-20 by A: a reason" in finding.message


def test_an_exception_that_ended_is_a_warning_in_github(tmp_path: Path) -> None:
    result = run("lint", tree(tmp_path, with_spec(exceptions=[exception("past", "2026-01-31", "x")])), "-o", "github")
    assert "exception past from owned ended on 2026-01-31 (A: a reason)" in result.output


@pytest.mark.parametrize(("content", "words"), [("a: [", "no YAML"), ("a: 1", "holds no object of plantwright.io")])
def test_what_cannot_be_looked_at_is_said(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "x.yaml").write_text(content)
    result = run("lint", tmp_path)
    assert isinstance(result.exception, UserError)
    assert words in str(result.exception)


def test_an_exception_without_an_end_is_named(tmp_path: Path) -> None:
    endless = exception("e", "", "x")
    del endless["expires"]
    result = run("lint", tree(tmp_path, with_spec(exceptions=[endless])), "-o", "json")
    assert result.exit_code == 1
    (finding,) = json.loads(result.output)["findings"]
    assert finding["path"].endswith("governancepolicy-owners.yaml")
    assert (finding["result"], finding["fieldPath"]) == ("Refused", "spec.exceptions[0].expires")


def test_render_writes_a_file_per_policy_and_tells_what_it_leaves_out(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    folder = tree(tmp_path / "tree", POLICY)
    result = run("policy", "render", folder, "-o", tmp_path / "out")
    assert result.exit_code == 0
    assert "governance.owners: judged by the operator and lint, not at admission: near" in result.output
    policy, binding = yaml.safe_load_all((tmp_path / "out" / "governance.owners.yaml").read_text())
    assert policy["metadata"]["name"] == "governance.owners.enforce"
    assert policy["metadata"]["annotations"]["plantwright.io/deferred-rules"] == "near"
    assert [v["message"] for v in policy["spec"]["validations"]] == ["owned: spec.owner: set it"]
    chosen = binding["spec"]["matchResources"]["namespaceSelector"]["matchExpressions"][0]["values"]
    assert chosen == ["governance", "plant-stuttgart"]


def test_render_everywhere_chooses_no_namespace(tmp_path: Path) -> None:
    result = run("policy", "render", tree(tmp_path, with_spec(mode="Warn")), "--everywhere", "governance")
    documents = [d for d in yaml.safe_load_all(result.stdout) if d]
    assert "matchResources" not in documents[1]["spec"]
    assert documents[1]["spec"]["validationActions"] == ["Warn"]


def test_render_says_until_when_its_exceptions_hold(tmp_path: Path) -> None:
    exceptions = [
        exception("a", "2999-12-31", "x"),
        exception("b", "2999-01-31", "y"),
        exception("c", "2020-01-31", "z"),
    ]
    result = run("policy", "render", tree(tmp_path, with_spec(exceptions=exceptions)))
    policy = next(d for d in yaml.safe_load_all(result.stdout) if d)
    assert policy["metadata"]["annotations"]["plantwright.io/render-again-after"] == "2999-01-31"
    assert [v["name"] for v in policy["spec"]["variables"]] == ["excused_a", "excused_b"]


def test_render_writes_nothing_where_a_policy_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    rule = {**POLICY["spec"]["rules"][0], "expression": "has(object.spec.ownr)"}
    folder = tree(
        tmp_path / "tree", with_spec(rules=[rule]), {**POLICY, "metadata": {"name": "good", "namespace": "g"}}
    )
    result = run("policy", "render", folder, "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert "GovernancePolicy owners: spec.rules[owned].expression" in result.output
    assert not (tmp_path / "out").exists()


def test_the_library_can_be_used_and_its_readme_lists_it() -> None:
    result = run("lint", LIBRARY, "-o", "json")
    assert result.exit_code == 0, result.output
    readme = (LIBRARY / "README.md").read_text()
    listed = [path.name for path in LIBRARY.glob("*.yaml") if path.name != "00-namespace.yaml"]
    assert len(listed) >= 10
    assert all(f"]({name})" in readme for name in listed)
    assert all(path.read_text().startswith("# Why: ") for path in LIBRARY.glob("*.yaml") if path.name in listed)


def extension(**spec: Any) -> Obj:
    """A site's contract on the base one."""
    body = laid_over(BASE["DataContract"], {"metadata.namespace": "plant-stuttgart", "metadata.name": "site"})
    fields = [{"name": "extra", "type": "Number"}]
    family = BASE["DataContract"]["spec"].get("name", BASE["DataContract"]["metadata"]["name"])
    kept = {key: body["spec"][key] for key in ("classification", "freshnessSeconds") if key in body["spec"]}
    return {
        **body,
        "spec": {"name": "site", "version": "1.0.0", "extends": {"name": family}, "fields": fields, **kept, **spec},
    }


def contract_findings(folder: Path) -> list[Obj]:
    report = json.loads(run("lint", folder, "-o", "json").output)
    return [finding for finding in report["findings"] if finding["kind"] == "DataContract"]


def test_an_extension_is_judged_with_what_it_inherits(tmp_path: Path) -> None:
    rule = {"name": "warm", "expression": "temperature < 90.0 || extra > 1.0", "message": "m"}
    assert contract_findings(tree(tmp_path, extension(rules=[rule]))) == []


def test_an_extension_that_loosens_is_found(tmp_path: Path) -> None:
    wider = {"name": "temperature", "type": "Number", "unit": "Cel", "minimum": "-273", "maximum": "9999"}
    (finding,) = contract_findings(
        tree(tmp_path, extension(fields=[wider]), DataContract={"spec.fields.1.maximum": "120"})
    )
    assert finding["result"] == "Stalled"
    assert "loosens" in finding["message"]


def test_what_a_rule_says_of_one_plant_is_not_said_of_another(tmp_path: Path) -> None:
    """The rule looks at the plant alone, so its outcome is remembered from one machine to the next, by plant."""
    near = with_spec(rules=[POLICY["spec"]["rules"][1]])
    folder = tree(tmp_path, near)
    for name, country in (("lyon", "FR"), ("ulm", "DE")):
        for kind, change in (("Plant", {"spec.country": country}), ("Machine", {"spec.plantRef.name": name})):
            named = {"metadata.namespace": "plant-stuttgart", "metadata.name": name}
            body = laid_over(BASE[kind], named | change)
            (folder / f"{kind}-{name}.yaml").write_text(yaml.safe_dump(body))
    report = json.loads(run("lint", folder, "-o", "json").output)
    assert [f["name"] for f in report["findings"] if f["rule"] == "governance/owners/near"] == ["lyon"]
    assert report["verdicts"] == {"Failed": 1, "Passed": 2}
