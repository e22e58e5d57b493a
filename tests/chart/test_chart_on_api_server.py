"""The rendered chart against a real API server: strictly valid, installable, and with the rights it says."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from plantwright_api.v1alpha1 import KINDS
from plantwright_cluster import Cluster, CommandError, control_plane, tools

pytestmark = pytest.mark.apiserver

Obj = dict[str, Any]
ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts/plantwright"
HERE = Path(__file__).parent
CASES = sorted(path.stem for path in (HERE / "values").glob("*.yaml"))
SYSTEM, WATCHED, ELSEWHERE = "plantwright-system", "plant-stuttgart", "other-team"
NAMESPACES = (SYSTEM, WATCHED, ELSEWHERE, "plant-catalogue", "monitoring", "operators")
PROMETHEUS_OPERATOR = "github.com/prometheus-operator/prometheus-operator@v0.85.0"
"""A Go module that carries the CRDs of PodMonitor and PrometheusRule."""


@pytest.fixture(scope="module")
def monitoring_crds() -> list[Path]:
    """The real CRDs of the Prometheus operator, from Go's module cache; none where they cannot be had."""
    go = shutil.which("go")
    if go is None:
        return []
    command = [go, "mod", "download", "-json", PROMETHEUS_OPERATOR]
    env = os.environ | {"GOFLAGS": "-mod=mod", "GOWORK": "off"}
    done = subprocess.run(command, cwd="/", env=env, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode != 0:
        return []
    folder = Path(json.loads(done.stdout)["Dir"]) / "example/prometheus-operator-crd"
    return [folder / f"monitoring.coreos.com_{plural}.yaml" for plural in ("podmonitors", "prometheusrules")]


@pytest.fixture
def judged(render: Callable[..., list[Obj]], monitoring_crds: list[Path]) -> Callable[[str], list[Obj]]:
    """A case's objects, where the server knows all their kinds."""

    def objects(case: str) -> list[Obj]:
        found = render(case)
        if not monitoring_crds and any(each["apiVersion"].startswith("monitoring.") for each in found):
            pytest.skip("the CRDs of the Prometheus operator cannot be fetched: is Go installed?")
        return found

    return objects


def eventually(holds: Callable[[], bool]) -> None:
    """Wait for what the API server does a moment later: serve a new kind, take a new role into account."""
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.fixture(scope="module")
def cluster(monitoring_crds: list[Path]) -> Iterator[Cluster]:
    with control_plane() as running:
        for name in NAMESPACES:
            running.kubectl("create", "namespace", name)
        running.kubectl("label", "namespace", SYSTEM, "pod-security.kubernetes.io/enforce=restricted")
        for path in monitoring_crds:
            running.kubectl("apply", "--server-side", "-f", str(path))
        if monitoring_crds:
            eventually(lambda: "podmonitors" in running.kubectl("api-resources", "-o", "name"))
            eventually(lambda: "prometheusrules" in running.kubectl("api-resources", "-o", "name"))
        yield running


def manifest(objects: list[Obj]) -> str:
    return yaml.safe_dump_all(objects, sort_keys=False)


@pytest.mark.parametrize("case", CASES)
def test_every_object_is_strictly_valid(cluster: Cluster, judged: Callable[[str], list[Obj]], case: str) -> None:
    text = manifest(judged(case))
    words = ("apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-")
    assert "serverside-applied (server dry run)" in cluster.kubectl(*words, stdin=text)


def test_strict_validation_would_notice(cluster: Cluster, judged: Callable[[str], list[Obj]]) -> None:
    objects = judged("monitored")
    monitor = next(each for each in objects if each["kind"] == "PodMonitor")
    monitor["spec"]["podMetricsEndpoint"] = []
    with pytest.raises(CommandError, match="podMetricsEndpoint"):
        cluster.kubectl(
            "apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-", stdin=manifest([monitor])
        )


# -- kubeconform, with this server's own schemas -------------------------------------------------------------------------


def closed(node: Any) -> Any:
    """A schema that refuses unknown fields, and says `integer or string` in words of JSON schema."""
    if isinstance(node, list):
        return [closed(each) for each in node]
    if not isinstance(node, dict):
        return node
    if node.get("format") == "int-or-string":
        return {"type": ["integer", "string"]}
    out = {key: closed(value) for key, value in node.items()}
    known = isinstance(node.get("properties"), dict) and node.get("type") == "object"
    if known and "additionalProperties" not in node and not node.get("x-kubernetes-preserve-unknown-fields"):
        out["additionalProperties"] = False
    return out


def used(render: Callable[..., list[Obj]]) -> set[tuple[str, str]]:
    """API version and kind of everything the chart makes."""
    return {(each["apiVersion"], each["kind"]) for case in CASES for each in render(case)}


@pytest.fixture(scope="module")
def schemas(cluster: Cluster, render: Callable[..., list[Obj]], tmp_path_factory: pytest.TempPathFactory) -> str:
    """A schema location for kubeconform, made from what the server publishes at /openapi/v3."""
    folder, made = tmp_path_factory.mktemp("schemas"), used(render)
    published = json.loads(cluster.kubectl("get", "--raw", "/openapi/v3"))["paths"]
    for version in sorted({version for version, _ in made}):
        entry = published.get(f"apis/{version}" if "/" in version else f"api/{version}")
        if entry is None:  # a kind that this server does not have; its cases are left out
            continue
        components = closed(json.loads(cluster.kubectl("get", "--raw", entry["serverRelativeURL"]))["components"])
        for name, schema in components["schemas"].items():
            for kind in schema.get("x-kubernetes-group-version-kind", ()):
                if (version, kind["kind"]) in made:
                    path = folder / version / f"{kind['kind'].lower()}.json"
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text(json.dumps({"$ref": f"#/components/schemas/{name}", "components": components}))
    (folder / "v1/v1").symlink_to(folder / "v1")  # kubeconform calls the core group by its version
    return f"{folder}/{{{{.Group}}}}/{{{{.ResourceAPIVersion}}}}/{{{{.ResourceKind}}}}.json"


def kubeconform(schemas: str, text: str) -> subprocess.CompletedProcess[str]:
    words = [tools().kubeconform, "-strict", "-summary", "-schema-location", schemas]
    return subprocess.run(words, input=text, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("case", CASES)
def test_kubeconform_agrees(schemas: str, judged: Callable[[str], list[Obj]], case: str) -> None:
    objects = judged(case)
    done = kubeconform(schemas, manifest(objects))
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Valid: {len(objects)}, Invalid: 0, Errors: 0, Skipped: 0" in done.stdout


def test_kubeconform_would_notice(schemas: str, render: Callable[..., list[Obj]]) -> None:
    objects = render()
    deployment = next(each for each in objects if each["kind"] == "Deployment")
    deployment["spec"]["template"]["spec"]["containers"][0]["imagePullPolice"] = "Always"
    done = kubeconform(schemas, manifest([deployment]))
    assert done.returncode != 0
    assert "imagePullPolice" in done.stdout


# -- a release ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def release(cluster: Cluster, helm: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    """Run Helm against the server; whatever it installed is taken away afterwards."""

    def run(*words: str | Path) -> Any:
        done = helm(*words, "--namespace", SYSTEM, "--kubeconfig", cluster.kubeconfig)
        assert done.returncode == 0, done.stderr
        return done

    yield run
    helm("uninstall", "plantwright", "--namespace", SYSTEM, "--kubeconfig", cluster.kubeconfig)


def crds(cluster: Cluster) -> int:
    return cluster.kubectl("get", "crd", "-o", "name").count(".plantwright.io")


def test_a_release_comes_changes_and_goes_and_leaves_the_crds(cluster: Cluster, release: Callable[..., Any]) -> None:
    release("install", "plantwright", CHART)
    release("upgrade", "plantwright", CHART, "--set", "replicaCount=3")
    replicas = cluster.kubectl(
        "-n", SYSTEM, "get", "deployment/plantwright-operator", "-o", "jsonpath={.spec.replicas}"
    )
    assert replicas == "3"
    eventually(lambda: "plants.plantwright.io" in cluster.kubectl("api-resources", "-o", "name"))
    cluster.kubectl("-n", WATCHED, "apply", "-f", str(HERE / "plant.yaml"))
    release("uninstall", "plantwright")
    assert crds(cluster) == len(KINDS)
    assert (
        cluster.kubectl("-n", WATCHED, "get", "plant", "stuttgart", "-o", "name").strip()
        == "plant.plantwright.io/stuttgart"
    )
    release("install", "plantwright", CHART)
    release("upgrade", "plantwright", CHART, "--set", "crds.keep=false")
    release("uninstall", "plantwright")
    eventually(lambda: crds(cluster) == 0)


def test_the_operators_pods_pass_the_restricted_standard(
    cluster: Cluster, release: Callable[..., Any], render: Callable[..., list[Obj]]
) -> None:
    release("install", "plantwright", CHART, "--set", "crds.enabled=false")
    deployment = next(each for each in render() if each["kind"] == "Deployment")
    template = deployment["spec"]["template"]
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**template["metadata"], "name": "try"},
        "spec": template["spec"],
    }
    create = ("--namespace", SYSTEM, "create", "--dry-run=server", "-f", "-")
    cluster.kubectl(*create, stdin=manifest([pod]))
    pod["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
    with pytest.raises(CommandError, match="violates PodSecurity"):
        cluster.kubectl(*create, stdin=manifest([pod]))


CAN = [
    ("list", "machines.plantwright.io"),
    ("watch", "plants.plantwright.io"),
    ("patch", "machines.plantwright.io/status"),
    ("update", "machines.plantwright.io/finalizers"),
    ("create", "statefulsets.apps"),
    ("patch", "networkpolicies.networking.k8s.io"),
    ("delete", "persistentvolumeclaims"),
    ("patch", "pods"),
    ("delete", "pods"),
    ("create", "events.events.k8s.io"),
]
CANNOT = [
    ("patch", "machines.plantwright.io"),
    ("delete", "plants.plantwright.io"),
    ("delete", "statefulsets.apps"),
    ("delete", "serviceaccounts"),
    ("get", "secrets"),
    ("list", "secrets"),
    ("create", "pods"),
    ("create", "pods/exec"),
    ("get", "pods/log"),
    ("create", "serviceaccounts/token"),
    ("create", "rolebindings.rbac.authorization.k8s.io"),
    ("delete", "customresourcedefinitions.apiextensions.k8s.io"),
]


def can(cluster: Cluster, namespace: str, verb: str, resource: str, name: str = "") -> bool:
    """What the authorizer says of the operator's account."""
    plain, _, subresource = resource.partition("/")
    words = [f"{plain}/{name}" if name else plain, *([f"--subresource={subresource}"] if subresource else [])]
    account = f"system:serviceaccount:{SYSTEM}:plantwright-operator"
    try:
        return cluster.kubectl("auth", "can-i", verb, *words, "-n", namespace, f"--as={account}").strip() == "yes"
    except CommandError as error:
        assert str(error).rstrip().endswith("no"), error  # noqa: PT017 - kubectl says "no" with exit code 1
        return False


def granted(cluster: Cluster, namespace: str, asked: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(verb, resource) for verb, resource in asked if can(cluster, namespace, verb, resource)]


def test_rights_with_watched_namespaces_end_at_these(cluster: Cluster, release: Callable[..., Any]) -> None:
    release("install", "plantwright", CHART, "--values", HERE / "values/namespaced.yaml", "--set", "crds.enabled=true")
    eventually(lambda: granted(cluster, WATCHED, CAN) == CAN)
    eventually(lambda: can(cluster, SYSTEM, "update", "leases.coordination.k8s.io", "plantwright-operator"))
    assert granted(cluster, WATCHED, CANNOT) == []
    assert granted(cluster, ELSEWHERE, CAN) == []
    assert granted(cluster, SYSTEM, CAN) == []
    assert not can(cluster, SYSTEM, "update", "leases.coordination.k8s.io", "another")
    assert not can(cluster, WATCHED, "create", "leases.coordination.k8s.io")


def test_rights_without_watched_namespaces_reach_all(cluster: Cluster, release: Callable[..., Any]) -> None:
    release("install", "plantwright", CHART)
    eventually(lambda: granted(cluster, ELSEWHERE, CAN) == CAN)
    assert granted(cluster, ELSEWHERE, CANNOT) == []
    assert granted(cluster, SYSTEM, CANNOT) == []
    assert not can(cluster, ELSEWHERE, "create", "leases.coordination.k8s.io")
