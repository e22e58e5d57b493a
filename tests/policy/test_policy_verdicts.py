"""The table of cases, judged as the operator does and as `plantwright lint` does over files."""

from pathlib import Path

import pytest
import yaml
from policy_cases import BASE, CASES, LIBRARY, LIBRARY_POLICIES, NOW, POLICIES, Case, compiled, laid_over

from plantwright_cli import manifests
from plantwright_cli.policy.linting import lint
from plantwright_operator.decide.policy.judging import Others, Verdict, evaluate
from plantwright_operator.decide.policy.shapes import canonical

cases = pytest.mark.parametrize("case", CASES, ids=lambda case: str(case.name))


def verdicts(case: Case, others: Others) -> list[Verdict]:
    return evaluate([compiled(case.policy)], canonical(case.model), others, NOW)


@cases
def test_the_operator_judges_as_the_table_says(case: Case) -> None:
    found = verdicts(case, case.others())
    assert {verdict.rule: verdict.result for verdict in found} == case.verdicts
    messages = [verdict.message for verdict in found if verdict.violated]
    assert len(messages) == len(case.says)
    for words, message in zip(case.says, messages, strict=True):
        assert words in message


@cases
def test_what_needs_others_is_deferred_without_them_and_nothing_else_changes(case: Case) -> None:
    alone = {verdict.rule: verdict.result for verdict in verdicts(case, Others())}
    needing = {rule.rule.name for rule in compiled(case.policy).rules if rule.others}
    for rule, result in case.verdicts.items():
        assert alone[rule] == ("Deferred" if rule in needing else result)
    assert {rule for rule, result in alone.items() if rule not in case.verdicts} <= needing


@cases
def test_lint_judges_the_same_over_files(case: Case, tmp_path: Path) -> None:
    policy = POLICIES[case.policy].model_dump(by_alias=True, exclude_unset=True)
    tree = [*case.around.values(), policy]
    (tmp_path / "around.yaml").write_text(yaml.safe_dump_all(tree))
    (tmp_path / "subject.yaml").write_text(yaml.safe_dump(case.body))
    report = lint(manifests.read([str(tmp_path)]), NOW, everywhere=["governance"])
    subject = [f for f in report.findings if f.path.endswith("subject.yaml") and f.mode != "Operator"]
    notable = {rule: result for rule, result in case.verdicts.items() if result != "Passed"}
    assert {f.rule.rsplit("/", 1)[1]: f.result for f in subject} == notable
    expected = {v.rule: v.message for v in verdicts(case, case.others()) if v.violated}
    assert {f.rule.rsplit("/", 1)[1]: f.message for f in subject if f.result in ("Failed", "Error")} == expected


def test_the_table_is_large_and_tries_every_rule_both_ways() -> None:
    assert len(CASES) >= 60
    tried: dict[str, set[str]] = {}
    for case in CASES:
        for rule, result in case.verdicts.items():
            tried.setdefault(f"{case.policy}/{rule}", set()).add(result)
    library = {f"{name}/{rule.name}" for name, policy in LIBRARY_POLICIES.items() for rule in policy.spec.rules}
    assert len(LIBRARY_POLICIES) >= 10
    assert {rule for rule in library if not {"Passed", "Failed"} <= tried.get(rule, set())} == set()


def test_the_base_objects_pass_the_whole_library() -> None:
    tree = [laid_over(body, {"metadata.namespace": "plant-stuttgart"}) for body in BASE.values()]
    found = [manifests.Source("base.yaml", body) for body in tree] + manifests.sources([str(LIBRARY)])
    report = lint(found, NOW, everywhere=["governance"])
    assert report.findings == []
    assert report.counts["Passed"] > 20
