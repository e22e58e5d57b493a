"""O3, O9: many machines, with the operator there and with the operator gone."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.apiserver, pytest.mark.slow]

RSS_MEGABYTES = 300
CHILDREN = ("configmaps", "statefulsets", "networkpolicies", "persistentvolumeclaims", "pods")


def endpoint(number: int) -> dict[str, str]:
    return {"url": f"modbus+tcp://10.{3 + number // 62500}.{number // 250 % 250}.{number % 250 + 1}"}


def name(number: int) -> str:
    return f"press-{number:04}"


async def at_most(limit: int, work: list[Awaitable[Any]]) -> None:
    slots = asyncio.Semaphore(limit)

    async def one(each: Awaitable[Any]) -> None:
        async with slots:
            await each

    await asyncio.gather(*(one(each) for each in work))


async def make(world: Any, numbers: range) -> None:
    await at_most(20, [world.apply("Machine", name(n), endpoint=endpoint(n)) for n in numbers])


async def all_ready(world: Any, count: int, model: str = "") -> bool:
    """Whether so many machines exist, every one in force at its newest generation, and the Plant says so."""
    machines = await world.list("machines")
    if len(machines) != count or not all(is_ready(m) for m in machines):
        return False
    if model and not all(f'"{model}"' in c["data"].get("config.json", model) for c in await own(world, "configmaps")):
        return False
    status = (await world.get("plants", "stuttgart")).get("status", {})
    return bool(status.get("machines") == status.get("readyMachines") == count)


def is_ready(machine: dict[str, Any]) -> bool:
    status = machine.get("status", {})
    ready = [c for c in status.get("conditions", []) if c["type"] == "Ready" and c["status"] == "True"]
    return bool(ready) and status["observedGeneration"] == machine["metadata"]["generation"]


async def own(world: Any, plural: str) -> list[dict[str, Any]]:
    return [o for o in await world.list(plural) if o["metadata"]["name"].startswith("gw-")]


async def until(done: Callable[[], Awaitable[Any]], seconds: float) -> float:
    """Wait; returns how long it took."""
    began = time.monotonic()
    async with asyncio.timeout(seconds):
        while not await done():  # noqa: ASYNC110 what is waited for is another process's doing
            await asyncio.sleep(0.5)
    return time.monotonic() - began


async def left(world: Any) -> int:
    return sum([len(await own(world, plural)) for plural in CHILDREN])


def megabytes(operator: Any, what: str = "VmRSS") -> float:
    status = Path(f"/proc/{operator.process.pid}/status").read_text()
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith(f"{what}:"))


@pytest.mark.parametrize(
    ("count", "seconds"),
    [
        pytest.param(20, 30.0, id="20"),
        pytest.param(200, 30.0, id="200", marks=pytest.mark.chaos),
    ],
)
@pytest.mark.row("O3")
async def test_what_happens_while_the_operator_is_gone(
    world: Any, start_operator: Callable[..., Awaitable[Any]], count: int, seconds: float, measured: Any
) -> None:
    """A quarter is made, a quarter changed, a quarter deleted and a quarter's pods killed meanwhile."""
    quarter = count // 4
    operator = await start_operator(POLL_SECONDS="2")
    await world.base()
    await make(world, range(quarter, count))
    await until(lambda: all_ready(world, count - quarter), 60 + count)
    pods = {p["metadata"]["name"]: p["metadata"]["uid"] for p in await own(world, "pods")}
    operator.process.kill()
    await make(world, range(quarter))
    changed, deleted, killed = (range(quarter * part, quarter * (part + 1)) for part in (1, 2, 3))
    await at_most(
        20,
        [world.apply("Machine", name(n), endpoint=endpoint(n), asset={"model": "X"}) for n in changed]
        + [world.delete("machines", name(n)) for n in deleted]
        + [world.delete("pods", f"gw-{name(n)}-0") for n in killed],
    )
    await asyncio.sleep(3)
    now = {p["metadata"]["name"]: p["metadata"]["uid"] for p in await own(world, "pods")}
    assert all(now[f"gw-{name(n)}-0"] == pods[f"gw-{name(n)}-0"] for n in changed), "gateways run on"
    await start_operator(POLL_SECONDS="2")
    took = await until(lambda: converged(world, count - quarter, changed, deleted), seconds + 60)
    now = {p["metadata"]["name"]: p["metadata"]["uid"] for p in await own(world, "pods")}
    assert all(now[f"gw-{name(n)}-0"] == pods[f"gw-{name(n)}-0"] for n in changed), "a change restarts nothing"
    terminating = [p for p in await own(world, "pods") if "deletionTimestamp" in p["metadata"]]
    assert not terminating
    assert took <= seconds
    measured(
        f"{count} machines: converged {took:.0f} s after the operator led again, nothing stuck, no changed gateway restarted"
    )


async def converged(world: Any, count: int, changed: range, deleted: range) -> bool:
    if not await all_ready(world, count):
        return False
    configs = {c["metadata"]["name"]: c["data"]["config.json"] for c in await own(world, "configmaps")}
    sets = {s["metadata"]["name"] for s in await own(world, "statefulsets")}
    gone = not sets & {f"gw-{name(n)}" for n in deleted}
    return gone and len(sets) == count and all('"X"' in configs[f"gw-{name(n)}"] for n in changed)


@pytest.mark.row("O9")
async def test_a_hundred_machines_made_changed_and_deleted(
    world: Any, start_operator: Callable[..., Awaitable[Any]], measured: Any
) -> None:
    operator = await start_operator(POLL_SECONDS="5")
    await world.base()
    text = await life(world, operator, 100)
    measured(text[1])


@pytest.mark.chaos
@pytest.mark.row("O9")
async def test_a_thousand_machines_take_no_more_each(
    world: Any, start_operator: Callable[..., Awaitable[Any]], measured: Any
) -> None:
    operator = await start_operator()
    await world.base()
    hundred, told = await life(world, operator, 100)
    thousand, told_more = await life(world, operator, 1000)
    assert thousand <= 12 * hundred
    measured(f"{told}; {told_more}; {thousand / hundred:.1f} × the time of 100")


async def life(world: Any, operator: Any, count: int) -> tuple[float, str]:
    """Make, change and delete so many machines; returns seconds in all and what to tell."""
    began = time.monotonic()
    await make(world, range(count))
    await until(lambda: all_ready(world, count), 60 + count)
    made = time.monotonic()
    signals = world.raw("MachineProfile")["spec"]["signals"]
    signals[0]["intervalMilliseconds"] = 250 + count
    await world.apply("MachineProfile", signals=signals)
    await until(lambda: all_changed(world, count, 250 + count), 60 + count)
    changed = time.monotonic()
    await world.api.call("DELETE", world.path("machines"))
    await until(lambda: nothing_left(world), 60 + count)
    deleted = time.monotonic()
    peak = megabytes(operator, "VmHWM")
    assert peak <= RSS_MEGABYTES
    parts = f"made {made - began:.0f} s, changed {changed - made:.0f} s, deleted {deleted - changed:.0f} s"
    return deleted - began, f"{count} machines: {parts}, peak {peak:.0f} MB"


async def all_changed(world: Any, count: int, interval: int) -> bool:
    configs = await own(world, "configmaps")
    told = {
        c["metadata"]["annotations"]["plantwright.io/config-hash"]
        for c in configs
        if str(interval) in c["data"]["config.json"]
    }
    heard = {m["status"].get("configHash") for m in await world.list("machines")}
    return len(told) == count and told == heard


async def nothing_left(world: Any) -> bool:
    return not await left(world)
