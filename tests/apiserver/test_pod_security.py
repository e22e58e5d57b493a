"""Gateways run where the restricted Pod Security Standard is enforced, and the API server would refuse what it forbids."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from plantwright_cluster import Cluster, CommandError, control_plane

pytestmark = [pytest.mark.apiserver, pytest.mark.slow]

Obj = dict[str, Any]
GOLDEN = Path(__file__).parents[1] / "golden"
CASES = sorted(path.parent.name for path in GOLDEN.glob("*/expected.yaml") if "StatefulSet" in path.read_text())
NAMESPACE = "plant-stuttgart"
SECONDS = 60.0


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with control_plane(controllers=True) as running:
        running.kubectl("create", "namespace", NAMESPACE)
        running.kubectl("label", "namespace", NAMESPACE, "pod-security.kubernetes.io/enforce=restricted")
        yield running


def children(case: str) -> dict[str, Obj]:
    """A case's children by kind; what owns them is not there, and the garbage collector would take them."""
    found = {each["kind"]: each for each in yaml.safe_load_all((GOLDEN / case / "expected.yaml").read_text())}
    for each in found.values():
        each["metadata"].pop("ownerReferences", None)
    return found


def pod(stateful_set: Obj) -> Obj:
    template = stateful_set["spec"]["template"]
    meta = {**template["metadata"], "name": "try", "namespace": NAMESPACE}
    spec = {**template["spec"], "serviceAccountName": "default"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}


def eventually(cluster: Cluster, *words: str) -> str:
    """What kubectl prints, once it prints something."""
    deadline = time.monotonic() + SECONDS
    while not (said := cluster.kubectl("-n", NAMESPACE, *words)):
        assert time.monotonic() < deadline, words
        time.sleep(0.1)
    return said


def test_there_are_cases() -> None:
    assert len(CASES) > 5


@pytest.mark.parametrize("case", CASES)
def test_a_gateways_pod_is_taken(cluster: Cluster, case: str) -> None:
    eventually(cluster, "get", "serviceaccount", "default", "--ignore-not-found", "-o", "name")
    answer = cluster.kubectl(
        "create", "--dry-run=server", "-f", "-", stdin=json.dumps(pod(children(case)["StatefulSet"]))
    )
    assert "created (server dry run)" in answer


def test_a_pod_that_may_gain_privileges_is_not(cluster: Cluster) -> None:
    made = pod(children(CASES[0])["StatefulSet"])
    made["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
    with pytest.raises(CommandError, match="violates PodSecurity"):
        cluster.kubectl("create", "--dry-run=server", "-f", "-", stdin=json.dumps(made))


def test_the_statefulset_makes_its_pod_and_the_pod_has_no_token(cluster: Cluster) -> None:
    wanted = children("opcua-secured")
    cluster.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all([wanted["ServiceAccount"], wanted["StatefulSet"]]))
    name = wanted["StatefulSet"]["metadata"]["name"]
    eventually(cluster, "get", "pod", f"{name}-0", "--ignore-not-found", "-o", "name")
    spec = json.loads(cluster.kubectl("-n", NAMESPACE, "get", "pod", f"{name}-0", "-o", "json"))["spec"]
    assert spec["automountServiceAccountToken"] is False
    assert not any("projected" in volume for volume in spec["volumes"])
