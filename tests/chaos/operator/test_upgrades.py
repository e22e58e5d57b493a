"""O8: from the release before to this one and back, with live machines. No gateway restarts, no field is lost."""

import asyncio
import io
import json
import os
import random
import subprocess
import sys
import tarfile
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from drawing import Drawing

pytestmark = [pytest.mark.apiserver, pytest.mark.slow, pytest.mark.row("O8")]

ROOT = Path(__file__).parents[3]
BEFORE_TAGS = "286a958"
"""What stands in for the release before as long as there is no tag: the last commit without governance."""

NEW = {"retentionDays": 30, "completenessPercent": 99}
"""Values for fields that a contract did not have in the release before."""

KINDS = ("plants", "machines", "machineprofiles", "datacontracts")
BUFFER = """
import asyncio, itertools, json, sys
from pathlib import Path
from plantwright_gateway.buffer import Buffer, Limits
from plantwright_gateway.context.events import Row

async def main(path, first, count):
    ticks = itertools.count(1000)
    buffer = Buffer(Path(path), "uid", Limits(2**24, "Block"), lambda *a, **k: None, lambda: next(ticks))
    buffer.start()
    await buffer.load_state()
    await buffer.set_sinks(["mes"])
    rows = [Row("io.plantwright.observation.v1", "c", json.dumps({"n": first + n}).encode(), 1, n, n) for n in range(count)]
    await buffer.append(rows)
    page = await buffer.page("mes", 1000, 2**20)
    print(json.dumps({"epoch": page.epoch, "rows": [[row.seq, json.loads(row.body)["n"]] for row in page.rows]}))
    await buffer.close()

asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
"""
READ_CONFIG = """
import sys
from plantwright_api.wire.config import decode
read = decode(sys.stdin.buffer.read())
print(read.hash, len(read.machines[0].signals))
"""


@pytest.fixture(scope="module")
def former(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources of the release before: the newest tag, or what stands in for it."""
    git = ["git", "-C", str(ROOT)]
    tag = subprocess.run([*git, "describe", "--tags", "--abbrev=0"], capture_output=True, text=True, check=False)
    commit = tag.stdout.strip() or BEFORE_TAGS
    archive = subprocess.run([*git, "archive", commit], capture_output=True, check=False)
    if archive.returncode:
        pytest.skip(f"{commit} is not in this copy of the repository (a shallow clone?): upgrades were not tried")
    folder = tmp_path_factory.mktemp("former")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as content:
        content.extractall(folder, filter="data")
    return folder


def paths(former: Path) -> str:
    return os.pathsep.join(str(former / each) for each in ("operator", "crds", "gateway-image"))


def run_former(former: Path, code: str, *words: str, stdin: bytes = b"") -> str:
    """Run a program with the packages of the release before."""
    environment = {**os.environ, "PYTHONPATH": paths(former)}
    done = subprocess.run(
        [sys.executable, "-c", code, *words], env=environment, input=stdin, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


@pytest.fixture(scope="module")
def cluster(former: Path, tier: Any) -> Iterator[Any]:
    """A control plane of its own, which has the CRDs of the release before."""
    with tier.control_plane(controllers=True) as running:
        apply_crds(running, former)
        running.kubectl("apply", "-f", str(ROOT / "tests" / "apiserver" / "rbac.yaml"))
        running.kubectl("apply", "-f", "-", stdin=tier.STORAGE_CLASS)
        running.kill_component("kube-controller-manager")
        running.restart_component("kube-controller-manager")
        tier.wait_for_collector(running)
        yield running


def apply_crds(cluster: Any, sources: Path) -> None:
    for crd in sorted((sources / "crds").glob("*.yaml")):
        cluster.kubectl("apply", "--server-side", "-f", str(crd))
    cluster.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")


def new_fields(former: Path) -> dict[str, set[str]]:
    """Fields of the specs that this release has and the one before had not, by plural, at the first level."""
    found = {}
    for path in (ROOT / "crds").glob("*.yaml"):
        if (former / "crds" / path.name).exists():
            found[path.stem] = spec_fields(path) - spec_fields(former / "crds" / path.name)
    return found


def spec_fields(path: Path) -> set[str]:
    version = yaml.safe_load(path.read_text())["spec"]["versions"][0]
    return set(version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"])


async def pods(world: Any) -> dict[str, Any]:
    """What must not change: which pod runs, how often its container has started, and its template."""
    running = {p["metadata"]["name"]: p["metadata"]["uid"] for p in await world.list("pods")}
    sets = await world.list("statefulsets")
    return {"pods": running, "templates": {s["metadata"]["name"]: s["spec"]["template"] for s in sets}}


@pytest.mark.parametrize("count", [3, pytest.param(100, marks=pytest.mark.chaos)])
async def test_to_this_release_and_back(
    count: int,
    world: Any,
    cluster: Any,
    former: Path,
    start_operator: Callable[..., Awaitable[Any]],
    eventually: Callable[..., Any],
    measured: Callable[[str], None],
) -> None:
    machines = [f"press-{number + 1}" for number in range(count)]
    operator = await start_operator(PYTHONPATH=paths(former))
    await world.base()
    for number, name in enumerate(machines):
        await world.apply("Machine", name, endpoint={"url": f"modbus+tcp://10.2.3.{number + 4}"})
    for name in machines:
        await world.ready(name, 90)
    before = await pods(world)
    specs = {p: {o["metadata"]["name"]: o["spec"] for o in await world.list(p)} for p in KINDS}

    operator.stop()
    apply_crds(cluster, ROOT)
    operator = await start_operator()
    await at_rest(world, machines)
    assert await pods(world) == before, "upgraded: no pod template changed, no gateway restarted"
    configs = {
        c["metadata"]["name"]: c["data"]["config.json"]
        for c in await world.list("configmaps")
        if "config.json" in c["data"]
    }
    for content in configs.values():
        digest, signals = run_former(former, READ_CONFIG, stdin=content.encode()).split()
        assert digest == json.loads(content)["hash"]
        assert int(signals) == 2

    added = new_fields(former)["datacontracts"]
    assert added, "there is a field to lose"
    known = {field: value for field, value in NEW.items() if field in added}
    assert known, f"give one of {added} a value in NEW"
    await world.apply("DataContract", **known)
    await at_rest(world, machines)

    operator.stop()
    await start_operator(PYTHONPATH=paths(former))
    await at_rest(world, machines)
    await world.apply("Machine", "press-2", endpoint={"url": "modbus+tcp://10.2.3.5"}, asset={"model": "X"})
    await at_rest(world, machines)
    assert await pods(world) == before, "downgraded: the same"
    after = {p: {o["metadata"]["name"]: o["spec"] for o in await world.list(p)} for p in KINDS}
    kept = {field: after["datacontracts"]["machine-state"].get(field) for field in known}
    assert kept == known, "what the release before does not know stays"
    assert after["machines"]["press-2"].pop("asset") == {"model": "X"}
    assert without_defaults(after, specs) == specs
    measured(f"{len(machines)} machines up and back: 0 gateways restarted, 0 pod templates changed, 0 fields lost")


def without_defaults(after: Any, before: Any) -> Any:
    """What is there now, less what the newer CRDs fill in by themselves."""
    if isinstance(after, dict) and isinstance(before, dict):
        return {k: without_defaults(v, before[k]) for k, v in after.items() if k in before}
    if isinstance(after, list) and isinstance(before, list) and len(after) == len(before):
        return [without_defaults(a, b) for a, b in zip(after, before, strict=True)]
    return after


async def at_rest(world: Any, machines: list[str]) -> None:
    """Every machine in force, and nothing of it changing for a while."""
    seen, since = None, asyncio.get_running_loop().time()
    async with asyncio.timeout(90 + 2 * len(machines)):
        while asyncio.get_running_loop().time() - since < 4:
            await asyncio.sleep(0.25)
            found = {p: await world.list(p) for p in ("machines", "configmaps", "statefulsets", "pods")}
            now = [o["metadata"]["resourceVersion"] for objects in found.values() for o in objects]
            ready = sum(is_ready(machine) for machine in found["machines"])
            if now != seen or ready < len(machines):
                seen, since = now, asyncio.get_running_loop().time()


def is_ready(machine: Any) -> bool:
    conditions = machine.get("status", {}).get("conditions", [])
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def test_the_buffer_file_goes_back_and_forth(former: Path, tmp_path: Path, measured: Callable[[str], None]) -> None:
    path = str(tmp_path / "buffer.db")
    ours = {**os.environ}

    def run_ours(*words: str) -> Any:
        return json.loads(
            subprocess.run([sys.executable, "-c", BUFFER, *words], env=ours, capture_output=True, check=True).stdout
        )

    first = json.loads(run_former(former, BUFFER, path, "0", "50"))
    second = run_ours(path, "50", "50")
    third = json.loads(run_former(former, BUFFER, path, "100", "50"))
    fourth = run_ours(path, "150", "50")
    assert first["epoch"] == second["epoch"] == third["epoch"] == fourth["epoch"]
    assert fourth["rows"] == [[n + 1, n] for n in range(200)]
    measured("200 rows written by the release before and this one in turns: one stream, none lost")


Kept = dict[tuple[str, str], Any]
"""Specs by plural and name."""


@pytest.mark.parametrize("count", [50, pytest.param(1000, marks=pytest.mark.chaos)])
async def test_random_objects_come_through_the_crds_of_both_releases(
    count: int, world: Any, cluster: Any, former: Path, tier: Any, measured: Callable[[str], None]
) -> None:
    """Under each set of CRDs every object is read and stored anew, which is when what a schema does not know is pruned."""
    apply_crds(cluster, former)
    await in_force(world, tier, former, is_former=True)
    kept, refused = await fill(world, former, tier, count)
    fields = {path for (plural, _), spec in kept.items() for path in places(spec, plural)}
    for sources in (ROOT, former, ROOT):
        apply_crds(cluster, sources)
        await in_force(world, tier, former, is_former=sources == former)
        await store_anew(world, kept, sources.name)
        found = {(p, o["metadata"]["name"]): o["spec"] for p in KINDS for o in await world.list(p)}
        assert without_defaults(found, kept) == kept, f"under the CRDs in {sources}"
    measured(
        f"{len(kept)} random objects ({sum(refused.values())} more were refused and drawn anew) with {len(fields)} different fields, "
        "N-1 → N → N-1 → N: all readable and stored anew each time, 0 fields pruned"
    )


async def fill(world: Any, former: Path, tier: Any, count: int) -> tuple[Kept, Counter[str]]:
    """Random objects that the CRDs of the release before take; what they refuse is drawn anew, with fewer fields."""
    kept: Kept = {}
    refused: Counter[str] = Counter()
    source = random.Random(count)

    async def make(plural: str, name: str, base: Any, schema: Any) -> None:
        chance = 0.5
        while True:
            body = {**base, "metadata": {"name": name}, "spec": Drawing(source, chance).grown(base["spec"], schema)}
            try:
                made = await world.api.call("POST", world.path(plural), body)
            except tier.ApiFailedError as error:
                if error.status != 422:
                    raise
                refused[plural] += 1
                chance *= 0.8
                continue
            kept[plural, name] = made["spec"]
            return

    for number in range(count):
        plural = KINDS[number % len(KINDS)]
        definition = yaml.safe_load((former / "crds" / f"{plural}.yaml").read_text())["spec"]
        schema = definition["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
        await make(plural, f"drawn-{number}", world.raw(definition["names"]["kind"]), schema)
    return kept, refused


async def in_force(world: Any, tier: Any, former: Path, *, is_former: bool) -> None:
    """Wait until the API server uses the CRDs, told from the last that was applied: whether it knows a field that is new."""
    added = new_fields(former)["plants"]
    assert added, "a field by which the two releases can be told apart: name one of another kind"
    plant = world.raw("Plant", **{min(added): "nonsense"})
    body = {**plant, "metadata": {"name": "canary"}}

    async def is_used() -> bool:
        try:
            await world.api.call("POST", f"{world.path('plants')}?dryRun=All", body)
        except tier.ApiFailedError:
            return not is_former
        return is_former

    await tier.until(is_used)


async def store_anew(world: Any, kept: Kept, word: str) -> None:
    """Write each object as it is read, with a label that differs, so that it goes through the schema into etcd."""
    for plural, name in kept:
        await world.patch(plural, name, {"metadata": {"labels": {"stored-under": word}}})


def places(value: Any, here: str) -> set[str]:
    """The fields that have a value, as dotted paths in which every entry of a list is the same."""
    if isinstance(value, dict):
        return {path for name, each in value.items() for path in places(each, f"{here}.{name}")}
    if isinstance(value, list):
        return {path for each in value for path in places(each, f"{here}[]")}
    return {here}
