"""Policies that cannot be used are refused at once, with the rule, the field and a cure; they never let anything through."""

import time
from typing import Any

import pydantic
import pytest
import yaml
from policy_cases import BASE, HERE, NOW, POLICIES

from plantwright_api.v1alpha1 import GovernancePolicy, Machine, Plant
from plantwright_operator.decide.policy.compiling import Broken, Compiled, compile_policy, judge
from plantwright_operator.decide.policy.judging import Others, evaluate, refusing
from plantwright_operator.decide.policy.shapes import canonical

CASES = yaml.safe_load((HERE / "unusable.yaml").read_text())
EXCEPTION = {"name": "e", "rule": "r", "kind": "Machine", "names": ["m"], "owner": {"team": "t"}, "reason": "r"}


def policy(*rules: dict[str, Any], **spec: Any) -> GovernancePolicy:
    filled = [{"name": "r", "kinds": ["Machine"], "expression": "true", "message": "m", **rule} for rule in rules]
    body = {
        "apiVersion": "plantwright.io/v1alpha1",
        "kind": "GovernancePolicy",
        "metadata": {"name": "p", "namespace": "n"},
        "spec": {"owner": {"team": "t"}, "rules": filled or [{**CASES[0]["rule"]}], **spec},
    }
    return GovernancePolicy.model_validate(body)


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["case"]))
def test_what_cannot_be_used_is_refused_at_once(case: dict[str, Any]) -> None:
    began = time.monotonic()
    refusal = judge(policy(case["rule"]))
    assert time.monotonic() - began < 1
    assert refusal is not None
    assert refusal.reason == "InvalidSpec"
    for words in ["spec.rules[r].", *case["says"]]:
        assert words in refusal.message


def test_dear_rules_are_refused_together() -> None:
    dear = "object.spec.fields.all(f, f.name.matches('^[a-zA-Z0-9]+$') && f.name.matches('^[a-z]+[A-Za-z0-9]+$'))"
    rules = [{"name": f"r{n}", "kinds": ["DataContract"], "expression": dear} for n in range(64)]
    assert judge(policy(*rules[:8])) is None
    refusal = judge(policy(*[{**rule, "expression": " && ".join([dear] * 8)} for rule in rules]))
    assert refusal is not None
    assert "split the policy" in refusal.message


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"expires": None}, "expires"),
        ({"expires": "next year"}, "expires"),
        ({"owner": None}, "owner"),
        ({"reason": None}, "reason"),
        ({"names": []}, "names"),
    ],
)
def test_an_exception_has_an_end_an_owner_and_a_reason(change: dict[str, Any], field: str) -> None:
    exception = {**EXCEPTION, "expires": "2027-01-31", **change}
    given = {key: value for key, value in exception.items() if value is not None}
    with pytest.raises(pydantic.ValidationError, match=f"exceptions.0.{field}"):
        policy({}, exceptions=[given])


def test_an_exception_until_a_day_that_is_none_is_refused() -> None:
    refusal = judge(policy({}, exceptions=[{**EXCEPTION, "expires": "2027-02-31"}]))
    assert refusal is not None
    assert "spec.exceptions[e].expires: 2027-02-31 is no date" in refusal.message


def test_a_broken_policy_lets_nothing_of_its_kinds_through() -> None:
    broken = compile_policy(policy({"expression": "1 ="}, {"name": "s", "mode": "Audit", "kinds": ["Plant"]}))
    assert isinstance(broken, Broken)
    bodies = [{**BASE[kind], "metadata": {"name": "x", "namespace": "n"}} for kind in ("Machine", "Plant")]
    machine, plant = Machine.model_validate(bodies[0]), Plant.model_validate(bodies[1])
    (found,) = evaluate([broken], canonical(machine), Others(), NOW)
    assert (found.result, found.mode, found.policy) == ("Error", "Enforce", "n/p")
    assert "spec.rules[r].expression" in found.sentence
    assert refusing([found]) is found
    (audited,) = evaluate([broken], canonical(plant), Others(), NOW)
    assert refusing([audited]) is None


def test_a_policy_judges_its_own_kinds_only() -> None:
    compiled = compile_policy(POLICIES["stewards"])
    assert isinstance(compiled, Compiled)
    machine = Machine.model_validate({**BASE["Machine"], "metadata": {"name": "x", "namespace": "n"}})
    assert evaluate([compiled], canonical(machine), Others(), NOW) == []
