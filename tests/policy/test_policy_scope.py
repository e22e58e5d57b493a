"""Rules add up: a plant adds to what its catalogue demands and never loosens it."""

from typing import Any

from policy_cases import BASE, NOW, laid_over

from plantwright_api.v1alpha1 import GovernancePolicy, Machine, Plant
from plantwright_operator.decide.policy.compiling import compile_policy
from plantwright_operator.decide.policy.judging import Others, Verdict, evaluate, refusing
from plantwright_operator.decide.policy.scope import effective, governed, reach
from plantwright_operator.decide.policy.shapes import canonical


def policy(namespace: str, name: str, **spec: Any) -> GovernancePolicy:
    rule = {
        "name": "owned",
        "kinds": ["Machine"],
        "expression": "has(object.spec.owner)",
        "message": "spec.owner: set it",
    }
    body = {
        "apiVersion": "plantwright.io/v1alpha1",
        "kind": "GovernancePolicy",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"owner": {"team": namespace}, "rules": [rule], **spec},
    }
    return GovernancePolicy.model_validate(body)


def plant(namespace: str, catalog: str | None, name: str = "plant") -> Plant:
    metadata = {"metadata.namespace": namespace, "metadata.name": name, "spec.catalogNamespace": catalog}
    return Plant.model_validate(laid_over(BASE["Plant"], metadata))


def names(policies: list[GovernancePolicy]) -> list[str]:
    return [f"{p.metadata.namespace}/{p.metadata.name}" for p in policies]


POLICIES = [policy("plant-a", "own"), policy("corporate", "above"), policy("plant-b", "other"), policy("always", "all")]


def test_a_plant_is_under_its_own_policies_and_its_catalogues() -> None:
    reached = reach([plant("plant-a", "corporate"), plant("plant-b", None)])
    assert names(effective(POLICIES, "plant-a", reached)) == ["corporate/above", "plant-a/own"]
    assert names(effective(POLICIES, "plant-b", reached)) == ["plant-b/other"]
    assert names(effective(POLICIES, "corporate", reached)) == ["corporate/above"]


def test_all_catalogues_of_a_namespace_count_since_admission_cannot_tell_its_plants_apart() -> None:
    reached = reach([plant("plant-a", "corporate", "one"), plant("plant-a", "plant-b", "two")])
    assert names(effective(POLICIES, "plant-a", reached)) == ["corporate/above", "plant-b/other", "plant-a/own"]


def test_a_plant_cannot_leave_what_holds_everywhere() -> None:
    reached = reach([plant("plant-a", None)])
    assert names(effective(POLICIES, "plant-a", reached, ["always"])) == ["always/all", "plant-a/own"]
    assert names(effective(POLICIES, "nowhere", reached, ["always"])) == ["always/all"]


def test_a_policy_holds_where_it_is_effective() -> None:
    reached = reach([plant("plant-a", "corporate"), plant("plant-b", "corporate"), plant("plant-c", None)])
    for each in POLICIES:
        holding = governed(each, reached)
        assert all(each in effective(POLICIES, namespace, reached) for namespace in holding)
        assert {n for n in reached if each in effective(POLICIES, n, reached)} <= set(holding)
    assert governed(POLICIES[1], reached) == ("corporate", "plant-a", "plant-b")


def verdicts(*policies: GovernancePolicy) -> list[Verdict]:
    machine = Machine.model_validate(laid_over(BASE["Machine"], {"metadata.namespace": "plant-a"}))
    return evaluate([compile_policy(p) for p in policies], canonical(machine), Others(), NOW)


def test_a_plant_does_not_excuse_itself_from_a_corporate_rule() -> None:
    excuse = {"name": "e", "rule": "owned", "kind": "Machine", "names": ["lathe-07"], "owner": {"team": "a"}}
    own = policy("plant-a", "own", exceptions=[{**excuse, "reason": "r", "expires": "2030-01-01"}])
    found = verdicts(policy("corporate", "above"), own)
    assert [(v.policy, v.result) for v in found] == [("corporate/above", "Failed"), ("plant-a/own", "Excused")]
    assert refusing(found) is found[0]


def test_a_plant_does_not_soften_a_corporate_rule_of_the_same_name() -> None:
    found = verdicts(policy("corporate", "owners"), policy("plant-a", "owners", mode="Audit"))
    assert [(v.owner.team, v.mode) for v in found] == [("corporate", "Enforce"), ("plant-a", "Audit")]
    assert refusing(found) is found[0]


def test_a_plant_adds_a_rule() -> None:
    above = policy(
        "corporate", "above", rules=[{"name": "r", "kinds": ["Machine"], "expression": "true", "message": "m"}]
    )
    found = verdicts(above, policy("plant-a", "own"))
    assert [v.result for v in found] == ["Passed", "Failed"]
    refused = refusing(found)
    assert refused is not None
    assert refused.sentence == "owned: spec.owner: set it"
