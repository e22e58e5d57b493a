"""After everything else: the operator used all that the chart grants it, and was refused nothing."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from plantwright_demo.stage import OPERATOR_NAMESPACE, PLANT_NAMESPACE, RELEASE

sys.path.insert(0, str(Path(__file__).parents[1] / "chart"))
from rights import Verdict, compare, granted

pytestmark = pytest.mark.e2e
NAME = f"{RELEASE}-operator"
POLICY = "governancepolicies.plantwright.io"
RULE = {
    "name": "short",
    "kinds": ["Machine"],
    "expression": "object.metadata.name.size() < 50",
    "message": "metadata.name: a machine's name is short",
}


def test_the_operator_used_all_that_it_may_and_was_refused_nothing(world: Any) -> None:
    policy = {
        "apiVersion": "plantwright.io/v1alpha1",
        "kind": "GovernancePolicy",
        "metadata": {"name": "short-names", "namespace": PLANT_NAMESPACE},
        "spec": {"owner": {"team": "Governance"}, "rules": [RULE]},
    }
    world.kubectl.apply_text(json.dumps(policy))

    def missing() -> str:
        status = world.kubectl.get(POLICY, PLANT_NAMESPACE, "short-names").get("status", {})
        return "" if status.get("conditions") else "no conditions"

    world.wait_for("the policy's status", missing, 30)
    world.kubectl.run("delete", POLICY, "-n", PLANT_NAMESPACE, "short-names")
    roles = [
        world.kubectl.get("clusterroles", OPERATOR_NAMESPACE, NAME),
        world.kubectl.get("roles", OPERATOR_NAMESPACE, f"{NAME}-leadership"),
    ]
    rights = granted(roles)
    assert len(rights) > 20
    account = f"system:serviceaccount:{OPERATOR_NAMESPACE}:{NAME}"
    lines = world.stage.cluster.audit_log.read_text().splitlines()
    assert compare(rights, lines, account) == Verdict(refused=(), unused=())
