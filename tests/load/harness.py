"""What all measuring scripts stand on: one cluster named `load`, a fleet of simulated machines, and ways to ask.

The cluster is the demo's own stage without its machines. It is used as it is where it runs already; `--keep` leaves it for
the next script. Pods are reached at their own addresses, which needs the project's local cluster, not kind.
"""

import argparse
import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg

from fleet import Fleet, fleet_objects, machine_objects, profile_object
from plantwright_cluster import Cluster
from plantwright_demo.__main__ import down
from plantwright_demo.kubectl import Kubectl, Object, is_true
from plantwright_demo.progress import Progress, TimedOutError, wait_for
from plantwright_demo.stage import (
    EXAMPLES,
    FLOOR,
    MES,
    OPERATOR_NAMESPACE,
    PLANT_NAMESPACE,
    PROMETHEUS,
    STEPS,
    Stage,
    apply_plant,
    bring_up,
    build_images,
    collect,
    install_operator,
    load_images,
    manifests,
    pod_ready,
    start_services,
    wait_for_machines,
)
from plantwright_shopfloor.oracle import judgements
from plantwright_shopfloor.verdict import Judgement

NAME = "load"
MACHINES = "machines.plantwright.io"
GATEWAY = "app.kubernetes.io/name=plantwright-gateway"
GATEWAY_PROGRAM = "plantwright_gateway.app"
OPERATOR_PROGRAM = "plantwright_operator"
LEFT_OUT = (apply_plant, wait_for_machines, collect)
INSTALLING = (build_images, load_images, install_operator, start_services)


def say(text: str) -> None:
    """Print one line of progress at once."""
    print(f"      {text}", flush=True)


def options(doc: str, count: int) -> argparse.Namespace:
    """The words that all scripts take: how many machines, and what happens to the cluster."""
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--count", type=int, default=count, help="how many machines")
    parser.add_argument("--keep", action="store_true", help="leave the cluster for the next script")
    return parser.parse_args()


class Load:
    """The cluster of a measurement, and what a script asks of it."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.kubectl: Kubectl = stage.kubectl

    # -- what is applied -----------------------------------------------------------------------------------------------

    def start_fleet(self, fleet: Fleet) -> None:
        """Run the simulators of a fleet, in a pod of their own with a ledger of its own."""
        self.apply(fleet_objects(fleet))
        self.kubectl.run("rollout", "status", "-n", FLOOR[0], "deployment/fleet", "--timeout=120s")
        say(f"{fleet.size} simulated machines {fleet.prefix}-… run")

    def apply(self, objects: Iterable[Object]) -> float:
        """Apply objects in one call, as Argo CD and Flux do; answers when it began, in seconds since the epoch."""
        began = time.time()
        self.kubectl.apply_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)}))
        return began

    def add(self, fleet: Fleet) -> float:
        """Apply all machines of a fleet at once; answers when that began."""
        return self.apply(machine_objects(fleet))

    def remove_machines(self) -> None:
        """Take all machines away, and wait until their children are gone."""
        self.kubectl.run("delete", "machines.plantwright.io", "-n", PLANT_NAMESPACE, "--all", "--wait=false")

        def missing() -> str:
            return f"{len(left)} pods are left" if (left := self.pods()) else ""

        wait_for("earlier machines", missing, say, 180)
        with contextlib.suppress(TimedOutError):
            wait_for("earlier buffers", self._claims, say, 10)
        if kept := self._claims():
            say(f"{kept}, which the operator keeps because they may hold undelivered data; they are deleted now")
            self.kubectl.run("delete", "persistentvolumeclaims", "-n", PLANT_NAMESPACE, "-l", GATEWAY)

    def _claims(self) -> str:
        found = self.kubectl.items("persistentvolumeclaims", PLANT_NAMESPACE, GATEWAY)
        return f"{len(found)} claims are left" if found else ""

    def wait_settled(self, names: list[str], seconds: float) -> None:
        """Wait until these machines are in force, deliver, and their statuses say so."""

        def missing() -> str:
            done = [name for name, found in self.machines(names).items() if _settled(found)]
            return f"{len(done)} of {len(names)} deliver" if len(done) < len(names) else ""

        wait_for("machines", missing, say, seconds)

    # -- what is there -------------------------------------------------------------------------------------------------

    def machines(self, names: Iterable[str]) -> dict[str, Object]:
        """These machines by name."""
        wanted = set(names)
        found = {item["metadata"]["name"]: item for item in self.kubectl.items(MACHINES, PLANT_NAMESPACE)}
        return {name: item for name, item in found.items() if name in wanted}

    def pods(self) -> dict[str, Object]:
        """Gateway pods by machine."""
        pods = self.kubectl.items("pods", PLANT_NAMESPACE, GATEWAY)
        return {pod["metadata"]["labels"]["plantwright.io/machine"]: pod for pod in pods}

    def address(self, namespace: str, selector: str) -> str:
        """The address of the one pod that a label selects."""
        found: str = self.kubectl.items("pods", namespace, selector)[0]["status"]["podIP"]
        return found

    @property
    def fleet_url(self) -> str:
        """Where the fleet's control and ledger are."""
        return f"http://{self.address(FLOOR[0], 'app.kubernetes.io/name=fleet')}:8080"

    @property
    def dsn(self) -> str:
        """The connection string of the MES's database."""
        return f"postgresql://mes@{self.address(MES[0], 'app.kubernetes.io/name=postgres')}:5432/mes"

    @property
    def audit_log(self) -> Path:
        """The audit log of the API server."""
        if self.stage.cluster is None:
            raise RuntimeError("the audit log needs the local cluster, not kind")
        return self.stage.cluster.audit_log

    # -- the verdict ---------------------------------------------------------------------------------------------------

    async def judge(self, names: list[str]) -> dict[str, list[Judgement]]:
        """The oracle's judgement of each machine, per sink."""
        return {sink: await judgements([self.fleet_url], self.dsn, names, sink) for sink in ("http", "mqtt")}

    async def control(self, machine: str, action: str, seconds: float = 5.0) -> None:
        """Tell the fleet, as someone at the machine would; `*` is every machine."""
        body = {"machine": machine, "action": action, "seconds": seconds}
        async with aiohttp.ClientSession() as session, session.post(f"{self.fleet_url}/control", json=body) as answer:
            answer.raise_for_status()


@contextlib.contextmanager
def standing(arguments: argparse.Namespace) -> Iterator[Load]:
    """The running cluster without machines; taken down afterwards unless it is to be kept."""
    stage = Stage(NAME, audit_policy=Path(__file__).with_name("audit.yaml"))
    left_out = (*LEFT_OUT, *INSTALLING) if _stands() else LEFT_OUT
    steps = [step for step in STEPS if step.act not in left_out]
    try:
        bring_up(stage, steps, Progress(len(steps)))
        load = Load(stage)
        for folder in ("01-plant", "02-contracts", "03-profiles"):
            load.kubectl.apply(*manifests(EXAMPLES / folder))
        load.apply([profile_object("load-lathe", "1.0.0", "Published")])
        load.remove_machines()
        yield load
    finally:
        if not arguments.keep:
            down(NAME)


def _stands() -> bool:
    """Whether an earlier script left everything running; it is then measured as it is, whatever has changed since."""
    cluster = Cluster.attach(NAME)
    if cluster is None or not cluster.is_alive():
        return False
    pods = json.loads(cluster.kubectl("get", "pods", "-A", "-o", "json"))["items"]
    namespaces = {pod["metadata"]["namespace"] for pod in pods if pod_ready(pod)}
    return namespaces >= {OPERATOR_NAMESPACE, *(place[0] for place in (MES, FLOOR, PROMETHEUS))}


def _settled(machine: Object) -> bool:
    return all(is_true(machine, type_) for type_ in ("Ready", "Commissioned", "Connected", "DataFresh"))


# -- the MES's database ------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def database(load: Load) -> AsyncIterator[Any]:
    """A connection to the MES's database."""
    connection: Any = await asyncpg.connect(load.dsn)
    try:
        yield connection
    finally:
        await connection.close()


FIRST_ROWS = (
    "SELECT DISTINCT ON (machine) machine, extract(epoch FROM recorded_time)::float8 AS recorded,"
    " extract(epoch FROM stored_time)::float8 AS stored FROM observations"
    " WHERE machine = ANY($1) AND sink = 'http' ORDER BY machine, stored_time, seq"
)


async def first_rows(connection: Any, names: list[str]) -> dict[str, tuple[float, float]]:
    """Per machine that has any, when its first row was recorded and stored, in seconds since the epoch."""
    return {row["machine"]: (row["recorded"], row["stored"]) for row in await connection.fetch(FIRST_ROWS, names)}


async def wait_first_rows(
    connection: Any, names: list[str], seconds: float, pause: float
) -> dict[str, tuple[float, float]]:
    """Wait until each machine has a row.

    Raises:
        TimedOutError: naming a machine that has none.
    """
    deadline = time.monotonic() + seconds
    while len(found := await first_rows(connection, names)) < len(names):
        if time.monotonic() > deadline:
            late = sorted(set(names) - set(found))
            raise TimedOutError(f"{len(late)} machines have stored nothing after {seconds:.0f} s, such as {late[0]}")
        await asyncio.sleep(pause)
    return found


# -- gateways ----------------------------------------------------------------------------------------------------------


class Gateways:
    """Asks gateways directly, so that what is measured is theirs and not the operator's view."""

    def __init__(self, addresses: dict[str, str]) -> None:
        self.addresses = addresses
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2))

    async def statuses(self) -> dict[str, Object]:
        """What each gateway says of itself; one that does not answer is left out."""
        answers = await asyncio.gather(*map(self._status, self.addresses.values()))
        return {name: answer for name, answer in zip(self.addresses, answers, strict=True) if answer}

    async def _status(self, address: str) -> Object:
        try:
            async with self._session.get(f"http://{address}:8080/status") as response:
                answer: Object = await response.json()
                return answer
        except (aiohttp.ClientError, TimeoutError):
            return {}

    async def until(self, holds: Callable[[Object], bool], seconds: float, pause: float) -> dict[str, float]:
        """When something first held for each gateway, on the monotonic clock; those for which it never did are left out."""
        found: dict[str, float] = {}
        deadline = time.monotonic() + seconds
        while len(found) < len(self.addresses) and time.monotonic() < deadline:
            for name, status in (await self.statuses()).items():
                if name not in found and holds(status):
                    found[name] = time.monotonic()
            await asyncio.sleep(pause)
        return found

    async def close(self) -> None:
        """Let go of connections."""
        await self._session.close()


def addresses(load: Load, names: Iterable[str]) -> dict[str, str]:
    """Pod addresses by machine."""
    pods = load.pods()
    return {name: pods[name]["status"]["podIP"] for name in names}


def restarts(pods: dict[str, Object]) -> dict[str, int]:
    """Per machine, how often its container began anew."""
    counts = {name: pod["status"].get("containerStatuses", ()) for name, pod in pods.items()}
    return {name: sum(status["restartCount"] for status in statuses) for name, statuses in counts.items()}


def all_restarts(load: Load) -> int:
    """How often containers began anew in the whole cluster, the operator's and the services' among them."""
    pods = {pod["metadata"]["uid"]: pod for pod in load.kubectl.items("pods")}
    return sum(restarts(pods).values())


def operator_pods(load: Load) -> set[str]:
    """Uids of the operator's pods."""
    return {pod["metadata"]["uid"] for pod in load.kubectl.items("pods", OPERATOR_NAMESPACE)}


def run(doc: str, count: int, measure: Callable[[Load, Fleet], Coroutine[Any, Any, bool]]) -> int:
    """Run one script: bring the cluster up, start a fleet named after the script, measure; 0 when figures are met."""
    import sys

    arguments = options(doc, count)
    script = Path(sys.argv[0]).stem.replace("_", "-")
    fleet = Fleet(f"{script}-{time.strftime('%H%M%S')}", arguments.count)
    try:
        with standing(arguments) as load:
            load.start_fleet(fleet)
            return 0 if asyncio.run(measure(load, fleet)) else 1
    except (RuntimeError, OSError, asyncpg.PostgresError) as error:
        print(f"error: {type(error).__name__}: {error}", file=sys.stderr)
        return 2
