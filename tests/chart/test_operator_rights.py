"""The operator does its work with the rights that the chart gives it, all of them: the audit log holds no refusal, and every use."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from rights import Verdict, compare, granted

from plantwright_api.v1alpha1 import KINDS
from plantwright_cluster import Cluster, control_plane

pytestmark = [pytest.mark.apiserver, pytest.mark.slow]

SYSTEM, PLANT = "plantwright-system", "plant-stuttgart"
ACCOUNT = f"system:serviceaccount:{SYSTEM}:plantwright-operator"
POLICY = f"""
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - {{level: Metadata, users: ["{ACCOUNT}"]}}
"""
SECONDS = 60.0
GOVERNANCE = {
    "apiVersion": "plantwright.io/v1alpha1",
    "kind": "GovernancePolicy",
    "metadata": {"name": "naming", "namespace": PLANT},
    "spec": {
        "owner": {"team": "Governance"},
        "rules": [
            {
                "name": "short",
                "kinds": ["Machine"],
                "expression": "object.metadata.name.size() < 50",
                "message": "metadata.name: a machine's name is short",
            }
        ],
    },
}


def eventually(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


@contextmanager
def operator(kubeconfig: Path, watch: str, log: Path) -> Iterator[None]:
    """Run the operator as its pod would, under the account's name."""
    told = {
        "KUBECONFIG": str(kubeconfig),
        "WATCH_NAMESPACES": watch,
        "GATEWAY_IMAGE": "gateway:test",
        "POD_NAMESPACE": SYSTEM,
        "LEASE_NAME": "plantwright-operator",
        "METRICS_PORT": str(free_port()),
    }
    with log.open("w") as output:
        command = [sys.executable, "-m", "plantwright_operator"]
        process = subprocess.Popen(command, env=os.environ | told, stdout=output, stderr=output)
        try:
            yield
        finally:
            process.terminate()
            process.wait(20)


@pytest.mark.parametrize("case", ["namespaced", "defaults"])
def test_the_operator_is_refused_nothing_and_uses_all_it_may(
    case: str, render: Callable[..., list[Any]], raw: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY)
    objects = render(case, "crds.enabled=true")
    watch = next(each["value"] for each in container(objects)["env"] if each["name"] == "WATCH_NAMESPACES")
    with control_plane(controllers=True, audit_policy=policy) as cluster:
        prepare(cluster, objects)
        # The file that the cluster makes is named after the user, and a colon parts paths in KUBECONFIG.
        kubeconfig = tmp_path / "kubeconfig"
        shutil.copy(cluster.client_kubeconfig(ACCOUNT), kubeconfig)
        with operator(kubeconfig, watch, tmp_path / "operator.log"):
            live_through_a_machine(cluster, raw)
        lines = cluster.audit_log.read_text().splitlines()
        assert compare(granted(objects), lines, ACCOUNT) == Verdict(refused=(), unused=())
    assert "forbidden" not in (tmp_path / "operator.log").read_text().lower()


def container(objects: list[Any]) -> Any:
    deployment = next(each for each in objects if each["kind"] == "Deployment")
    return deployment["spec"]["template"]["spec"]["containers"][0]


def prepare(cluster: Cluster, objects: list[Any]) -> None:
    for name in (SYSTEM, PLANT, "plant-catalogue"):
        cluster.kubectl("create", "namespace", name)
    wanted = [each for each in objects if each["kind"] != "Deployment"]
    cluster.kubectl("apply", "--server-side", "-f", "-", stdin=yaml.safe_dump_all(wanted))
    eventually(
        lambda: cluster.kubectl("api-resources", "-o", "name").count(".plantwright.io") == len(KINDS),
        "a kind is not served",
    )


def live_through_a_machine(cluster: Cluster, raw: Callable[..., dict[str, Any]]) -> None:
    """A machine comes, changes and goes; its pod is made by the StatefulSet's controller and never runs."""
    refused = raw("Machine", "press-2", endpoint={"url": "modbus+tcp://no-network-is-declared:502"})
    objects = [GOVERNANCE, refused, *(raw(kind) for kind in ("Plant", "DataContract", "MachineProfile", "Machine"))]
    for each in objects:
        each["metadata"] = {key: each["metadata"][key] for key in ("name", "namespace")}
    cluster.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(objects))
    eventually(lambda: has(cluster, "pod"), "no pod was made")
    eventually(lambda: "Progressing" in conditions(cluster), "the machine has no conditions")
    spec = json.dumps({"spec": {"endpoint": {"url": "modbus+tcp://10.2.3.5:502"}}})
    cluster.kubectl("-n", PLANT, "patch", "machine", "press-1", "--type=merge", "-p", spec)
    eventually(lambda: "10.2.3.5" in configuration(cluster), "the change did not arrive")
    eventually(lambda: "NotReady" in cluster.kubectl("-n", PLANT, "get", "events"), "the refused machine is no news")
    eventually(lambda: "conditions" in cluster.kubectl("-n", PLANT, "get", "governancepolicy/naming", "-o", "yaml"), "")
    cluster.kubectl("-n", PLANT, "delete", "machine", "press-1")
    # The garbage collector would do this, once it has noticed the new kinds, which takes it half a minute.
    cluster.kubectl("-n", PLANT, "delete", "statefulset", "--all")
    eventually(lambda: not has(cluster, "persistentvolumeclaim"), "the claim that never held data was not removed")


def has(cluster: Cluster, kind: str) -> bool:
    """Whether there is such an object of the machine that is not on its way out already."""
    template = "{range .items[*]}{.metadata.name} {.metadata.deletionTimestamp}\n{end}"
    lines = cluster.kubectl("-n", PLANT, "get", kind, "-o", f"jsonpath={template}").splitlines()
    return any(line.endswith(" ") for line in lines if line.strip())


def conditions(cluster: Cluster) -> str:
    return cluster.kubectl("-n", PLANT, "get", "machine", "press-1", "-o", "jsonpath={.status.conditions[*].reason}")


def configuration(cluster: Cluster) -> str:
    return cluster.kubectl("-n", PLANT, "get", "configmap", "gw-press-1", "-o", "jsonpath={.data}")
