"""Golden files: tests/golden/<case>/input.yaml (objects and facts) gives exactly expected.yaml, or expected.txt."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from plantwright_api.v1alpha1 import KINDS, DataContract, Machine, MachineProfile, Plant
from plantwright_operator.decide import budget, machines
from plantwright_operator.desired import children
from plantwright_operator.model import Facts, Refusal

GOLDEN = Path(__file__).parent.parent / "golden"
CASES = sorted(path.parent.name for path in GOLDEN.glob("*/input.yaml"))
MODELS = {model.model_fields["kind"].default: model for model in KINDS}
FACTS: dict[str, Any] = {
    "gateway_uid": "machine-uid",
    "default_image": "gateway:1",
    "pull_policy": "IfNotPresent",
    "operator_namespace": "plantwright-system",
}


def load(case: str) -> tuple[dict[type, list[Any]], dict[str, Any]]:
    found: dict[type, list[Any]] = {model: [] for model in KINDS}
    facts: dict[str, Any] = {}
    for document in yaml.safe_load_all((GOLDEN / case / "input.yaml").read_text(encoding="utf-8")):
        if document.get("kind") == "Facts":
            facts = document["facts"]
        else:
            model = MODELS[document["kind"]]
            found[model].append(model.model_validate(document))
    return found, facts


def outcome(case: str) -> str:
    """The children as YAML, in the order of application, or the refusal as text."""
    found, facts = load(case)
    machine, plant = found[Machine][0], next(iter(found[Plant]), None)
    judged = machines.judge(machine, plant, found[MachineProfile], found[DataContract])
    if isinstance(judged, Refusal):
        return f"{judged.reason}\n{judged.message}\nstalled: {judged.stalled}\n"
    claim = budget.claim(judged, incumbent=False)
    grant = budget.judge(claim.key, judged.endpoint.device, [claim])
    assert isinstance(grant, budget.Grant)
    desired = children.build(judged, Facts(**{**FACTS, "requests_per_second": grant.requests_per_second, **facts}))
    objects = [children.service_account(judged.plant), *desired.objects.values()]
    return yaml.safe_dump_all(objects, sort_keys=False, width=120, allow_unicode=True)


def test_there_are_cases() -> None:
    assert len(CASES) >= 8


@pytest.mark.parametrize("case", CASES)
def test_children_are_as_agreed(case: str, golden: Callable[[Path, str], None]) -> None:
    golden(GOLDEN / case / "expected.yaml", outcome(case))


@pytest.mark.parametrize("case", CASES)
def test_building_twice_gives_the_same(case: str) -> None:
    assert outcome(case) == outcome(case)
