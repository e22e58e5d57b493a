"""What the demo and the end-to-end tests stand on: a cluster with the operator, the central MES and a shop floor.

A table of steps; each does one thing that a person could do by hand with kubectl and helm, and returns when the cluster
shows that it is done.
"""

import json
import secrets
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from plantwright_cluster import Cluster, build_tools, kind, packages, provider, silent, tools
from plantwright_cluster import Progress as ClusterProgress
from plantwright_demo import images
from plantwright_demo.kubectl import Kubectl, condition, is_true
from plantwright_demo.progress import Progress, wait_for

ROOT = images.ROOT
EXAMPLES = ROOT / "examples"
CHART = ROOT / "charts" / "plantwright"
RELEASE = "plantwright"
OPERATOR_NAMESPACE = "plantwright-system"
PLANT_NAMESPACE = "plant-stuttgart"


class Service(NamedTuple):
    """A service of the cluster."""

    namespace: str
    name: str
    port: int | str


MES = Service("mes", "mes", 8080)
FLOOR = Service("shopfloor", "shopfloor", 8080)
"""Where the simulators' ledger is read."""
FOREIGN = (Service("shopfloor", "foreign-opcua", 8080), Service("shopfloor", "foreign-modbus", 8080))
"""Where the ledgers of the foreign servers are read."""
PROMETHEUS = Service("monitoring", "prometheus", 9090)
BOARD = Service("plant-stuttgart", "board-stuttgart", "http")

Note = Callable[[str], None]


@dataclass
class Stage:
    """One cluster and what runs on it."""

    name: str
    services: tuple[images.Image, ...] = images.SERVICES
    audit_policy: Path | None = None
    cluster: Cluster | None = None
    kubeconfig: Path = Path()
    applied: float = 0.0
    """When the machines were applied, in seconds since the epoch."""
    timings: dict[str, float] = field(default_factory=dict)
    ledgers: tuple[Service, ...] = (FLOOR,)
    """Everything that numbers what it offers."""

    @property
    def kubectl(self) -> Kubectl:
        """kubectl against this cluster."""
        return Kubectl(tools().kubectl, self.kubeconfig)

    def helm(self, *arguments: str) -> str:
        """Run helm against this cluster."""
        words = [str(tools().helm), "--kubeconfig", str(self.kubeconfig), *arguments]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"helm {arguments[0]}: {done.stderr.strip()[:2000]}")
        return done.stdout

    def ask(self, service: Service, path: str) -> Any:
        """GET JSON from a service through the API server."""
        return json.loads(self.kubectl.service(*service, path))


def get_tools(stage: Stage, note: Note) -> None:
    """Programs the machine lacks: Debian's packages, and Kubernetes compiled once into the cache."""
    if provider.choose() == provider.KIND:
        note("Docker and kind are here and will be used")
        return
    progress = ClusterProgress()
    packages.install((*packages.CLUSTER, *packages.IMAGES), progress)
    build_tools(progress)


def start_cluster(stage: Stage, note: Note) -> None:
    """A cluster of this name, fresh or as it was left running."""
    if provider.choose() == provider.KIND:
        stage.kubeconfig = Path(kind.create(stage.name))
        return
    stage.cluster = Cluster.up(stage.name, silent(), audit_policy=stage.audit_policy)
    stage.kubeconfig = stage.cluster.kubeconfig
    note(f"export KUBECONFIG={stage.kubeconfig}")


def build_images(stage: Stage, note: Note) -> None:
    """All images, from the project's Dockerfiles."""
    images.build_all((*images.PRODUCT, *stage.services), note)


def load_images(stage: Stage, note: Note) -> None:
    """All images into the node."""
    tags = [image.tag for image in (*images.PRODUCT, *stage.services)]
    if stage.cluster:
        stage.cluster.load(tags)
    else:
        kind.load(stage.name, tags)
    note(f"{len(tags)} images loaded")


def install_operator(stage: Stage, note: Note) -> None:
    """The operator from its Helm chart, waiting until its replicas are ready."""
    operator, gateway = (image.tag.rsplit(":", 1) for image in images.PRODUCT)
    values = {
        "image.repository": operator[0],
        "image.tag": operator[1],
        "gateway.image.repository": gateway[0],
        "gateway.image.tag": gateway[1],
    }
    sets = [word for key, value in values.items() for word in ("--set", f"{key}={value}")]
    stage.helm(
        "upgrade", "--install", RELEASE, str(CHART), "-n", OPERATOR_NAMESPACE, "--create-namespace",
        "--wait", "--timeout", "3m", *sets,
    )  # fmt: skip


def start_services(stage: Stage, note: Note) -> None:
    """The central MES, Prometheus with the chart's rules, and the shop floor with its certificates."""
    certificates = ROOT / ".run" / stage.name / "certificates"
    words = [
        "-m",
        "plantwright_shopfloor.certificates",
        "--out",
        str(certificates),
        "--plant-namespace",
        PLANT_NAMESPACE,
    ]
    subprocess.run([str(ROOT / ".venv/bin/python"), *words], check=True, capture_output=True)
    kubectl = stage.kubectl
    for folder in ("01-plant", "05-shopfloor", "06-mes"):
        kubectl.apply(*manifests(EXAMPLES / folder, only="namespace"))
    kubectl.apply(certificates / "secrets.yaml")
    make_writers(kubectl)
    kubectl.apply(*manifests(EXAMPLES / "05-shopfloor"), *manifests(EXAMPLES / "06-mes"))
    kubectl.apply(EXAMPLES / "07-prometheus" / "prometheus.yaml")
    rules = kubectl.run(
        "create", "configmap", "plantwright-rules", "-n", "monitoring",
        f"--from-file={CHART / 'files' / 'rules'}", "--dry-run=client", "-o", "yaml",
    )  # fmt: skip
    kubectl.apply_text(rules)
    for namespace in ("mes", "shopfloor", "monitoring"):
        wait_for(f"namespace {namespace}", lambda ns=namespace: pods_missing(kubectl, ns), note, 180)  # type: ignore[misc]


def make_writers(kubectl: Kubectl) -> None:
    """Who may write orders, log-ons and stop reasons in the MES: a foreman, with a token of this cluster's own."""
    writers = json.dumps({"foreman": secrets.token_urlsafe(24)})
    made = kubectl.run(
        "create", "secret", "generic", "mes-writers", "-n", MES.namespace, f"--from-literal=writers={writers}",
        "--dry-run=client", "-o", "yaml",
    )  # fmt: skip
    kubectl.apply_text(made)


def open_board(stage: Stage, note: Note) -> None:
    """The plant's shop-floor board, from the operator's chart."""
    stage.helm(
        "upgrade", RELEASE, str(CHART), "-n", OPERATOR_NAMESPACE, "--reuse-values", "--wait", "--timeout", "2m",
        "--set", "board.enabled=true", "--set", f"board.plants[0].namespace={PLANT_NAMESPACE}",
        "--set", "board.plants[0].name=stuttgart",
    )  # fmt: skip
    note(f"kubectl port-forward -n {PLANT_NAMESPACE} service/{BOARD.name} 8081:http, then http://localhost:8081")


def apply_plant(stage: Stage, note: Note) -> None:
    """The plant, its contracts, profiles and machines: what a platform team keeps in Git."""
    stage.applied = time.time()
    for folder in ("01-plant", "02-contracts", "03-profiles", "04-machines"):
        stage.kubectl.apply(*manifests(EXAMPLES / folder))
        note(f"applied examples/{folder}")


def apply_foreign(stage: Stage, note: Note) -> None:
    """Two machines behind servers that share no code with ours."""
    stage.kubectl.apply(*manifests(EXAMPLES / "foreign"))
    stage.ledgers = (FLOOR, *FOREIGN)
    wait_for("namespace shopfloor", lambda: pods_missing(stage.kubectl, "shopfloor"), note, 60)


def wait_for_machines(stage: Stage, note: Note) -> None:
    """Until every machine is in force and its first value is stored."""
    wait_for("machines", lambda: machines_missing(stage.kubectl), note, 180)


def collect(stage: Stage, note: Note) -> None:
    """Let the machines run a while, so that there is something to judge; two have what happens on every shop floor.

    Without it what dashboards show of contracts and gaps would be empty: no such series would exist.
    """
    trouble(stage, "lathe-01", "disturb", 10)
    note(
        "the sensors of lathe-01 have read nonsense for 10 s: see `kubectl get machines` and the dashboard Data quality"
    )
    trouble(stage, "lathe-02", "reboot", 3)
    note("lathe-02 has been without network for 3 s: a gap record says so")
    time.sleep(25)


def trouble(stage: Stage, machine: str, action: str, seconds: float) -> None:
    """Let something happen to a machine of the shop floor."""
    namespace, _, port = FLOOR
    [pod] = stage.kubectl.items("pods", namespace, "app.kubernetes.io/name=shopfloor")
    words = ("python3", "-m", "plantwright_shopfloor.ask", action, machine, "--seconds", f"{seconds:g}")
    url = f"http://127.0.0.1:{port}"
    stage.kubectl.run("exec", "-n", namespace, pod["metadata"]["name"], "--", *words, "--url", url)


class Step(NamedTuple):
    """One step: what is printed and what is done."""

    title: str
    act: Callable[[Stage, Note], None]


STEPS = (
    Step("programs: Debian packages, Kubernetes, Helm (compiled once, then cached)", get_tools),
    Step("a Kubernetes cluster", start_cluster),
    Step("images from the project's Dockerfiles", build_images),
    Step("images into the node", load_images),
    Step("the operator from its Helm chart", install_operator),
    Step("the central MES, Prometheus and the shop floor", start_services),
    Step("examples/: a plant, its contracts, profiles and machines", apply_plant),
    Step("machines in force, their first values stored", wait_for_machines),
    Step("the shop-floor board", open_board),
    Step("data arriving", collect),
)


def bring_up(stage: Stage, steps: Iterable[Step] = STEPS, progress: Progress | None = None) -> None:
    """Do the steps one after the other, printing each with its time."""
    listed = list(steps)
    progress = progress or Progress(len(listed))
    for step in listed:
        begun = time.monotonic()
        with progress.step(step.title) as note:
            step.act(stage, note)
        stage.timings[step.act.__name__] = time.monotonic() - begun


def manifests(folder: Path, only: str = "") -> list[Path]:
    """The YAML files of an example folder, in their order."""
    return [path for path in sorted(folder.glob("*.yaml")) if only in path.name]


def pods_missing(kubectl: Kubectl, namespace: str) -> str:
    """Which pods of a namespace are not ready, as a sentence; empty when all are."""
    pods = kubectl.items("pods", namespace)
    waiting = [pod["metadata"]["name"] for pod in pods if not pod_ready(pod)]
    return f"waiting for {', '.join(waiting)}" if waiting else ("" if pods else "no pods yet")


def pod_ready(pod: dict[str, Any]) -> bool:
    """Whether a pod is ready, or has done its work."""
    return bool(pod["status"].get("phase") == "Succeeded" or condition(pod, "Ready")["status"] == "True")


def machines_missing(kubectl: Kubectl) -> str:
    """How many machines are not there yet and why the first is not."""
    machines = kubectl.items("machines.plantwright.io")
    waiting = [machine for machine in machines if not (is_true(machine, "Ready") and is_true(machine, "Commissioned"))]
    if not waiting:
        return "" if machines else "no machines yet"
    first = waiting[0]
    problem = first.get("status", {}).get("problem") or condition(first, "Ready")["message"]
    done = len(machines) - len(waiting)
    return f"{done} of {len(machines)} deliver; {first['metadata']['name']}: {problem or 'starting'}"
