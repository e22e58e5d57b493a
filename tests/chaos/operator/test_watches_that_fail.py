"""O2, O4: watches that tell nothing, too little or an error, and lists that are old."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

pytestmark = [pytest.mark.apiserver, pytest.mark.slow]

CHILD = "gw-press-1"
FAST_RESYNC = {"RESYNC_SECONDS": "3"}


async def has_model(world: Any, model: str) -> bool:
    """Whether the machine's asset has come as far as its gateway's configuration."""
    return f'"{model}"' in (await world.get("configmaps", CHILD))["data"]["config.json"]


@pytest.mark.row("O2")
async def test_events_that_never_came_are_made_up_by_the_resync(
    world: Any, deploy: Callable[..., Awaitable[Any]], proxy: Any, eventually: Callable[..., Any], measured: Any
) -> None:
    await deploy(**FAST_RESYNC)
    await world.base()
    await world.apply("Machine")
    await world.ready()
    began = time.monotonic()
    proxy.swallow("machines", 2)
    await world.apply("Machine", asset={"model": "X"})
    await world.apply("Machine", "press-2", endpoint={"url": "modbus+tcp://10.2.3.5"})
    await eventually(lambda: proxy.swallowing("machines") == 0)
    await eventually(lambda: has_model(world, "X"))
    await world.ready("press-2")
    proxy.swallow("configmaps")
    await world.patch("configmaps", CHILD, {"data": {"config.json": "{}"}})
    await eventually(lambda: has_model(world, "X"))
    measured(
        f"a change, a new machine and a child changed by hand, each untold: right {time.monotonic() - began:.0f} s "
        "after the first at a resync every 3 s"
    )


@pytest.mark.row("O2")
async def test_a_version_that_is_gone_makes_the_watch_begin_anew(
    world: Any, deploy: Callable[..., Awaitable[Any]], proxy: Any, eventually: Callable[..., Any], measured: Any
) -> None:
    deployment = await deploy()
    await world.base()
    await world.apply("Machine")
    await world.ready()
    proxy.swallow("machines")
    await world.apply("Machine", asset={"model": "X"})
    await eventually(lambda: proxy.swallowing("machines") == 0)
    began = time.monotonic()
    proxy.fail_watch("machines", 410)
    await eventually(lambda: has_model(world, "X"), 5)
    assert deployment.operator.process.poll() is None
    measured(f"410: converged after {time.monotonic() - began:.1f} s, the process lives")


@pytest.mark.row("O2")
async def test_an_error_in_the_stream_ends_the_process_which_begins_anew(
    world: Any, deploy: Callable[..., Awaitable[Any]], proxy: Any, eventually: Callable[..., Any], measured: Any
) -> None:
    deployment = await deploy(restarts=True)
    await world.base()
    await world.apply("Machine")
    await world.ready()
    began = time.monotonic()
    proxy.fail_watch("machines", 500)
    await eventually(lambda: deployment.ends, 20)
    assert deployment.ends[0] != 0, "an end that Kubernetes counts as a failure"
    ended = time.monotonic() - began
    await world.apply("Machine", asset={"model": "X"})
    await eventually(lambda: has_model(world, "X"), 20)
    measured(
        f"ERROR 500: the process ends after {ended:.1f} s, converged {time.monotonic() - began:.1f} s after the error"
    )


@pytest.mark.chaos
@pytest.mark.row("O2")
async def test_streams_that_tell_nothing_are_opened_anew(
    world: Any, deploy: Callable[..., Awaitable[Any]], proxy: Any, eventually: Callable[..., Any], measured: Any
) -> None:
    deployment = await deploy()
    await world.base()
    await world.apply("Machine")
    await world.ready()
    proxy.idle("machines")
    began = time.monotonic()
    await world.apply("Machine", asset={"model": "X"})
    await eventually(lambda: has_model(world, "X"), 90)
    took = time.monotonic() - began
    assert took <= 75
    assert deployment.operator.process.poll() is None
    measured(f"an idle stream: converged after {took:.0f} s")


@pytest.mark.row("O4")
async def test_an_old_list_undoes_nothing(
    world: Any, deploy: Callable[..., Awaitable[Any]], proxy: Any, eventually: Callable[..., Any], measured: Any
) -> None:
    """The operator restarts and is shown the cluster as it was; what has happened since is told three seconds late."""
    proxy.record()
    deployment = await deploy()
    await world.base()
    await world.apply("Machine")
    await world.apply("Machine", "press-2", endpoint={"url": "modbus+tcp://10.2.3.5"}, bufferOnDelete="Discard")
    await world.ready()
    await world.ready("press-2")
    deployment.kill()
    proxy.mend()
    proxy.record()
    await deployment.again()
    await eventually(deployment.operator.leads, 20)
    await world.apply("Machine", asset={"model": "X"})
    await eventually(lambda: has_model(world, "X"))
    await world.delete("machines", "press-2")
    await eventually(lambda: _gone(world, "gw-press-2"), 30)
    await world.apply("Machine", "press-2", endpoint={"url": "modbus+tcp://10.2.3.5"}, bufferOnDelete="Discard")
    await world.ready("press-2")
    await world.ready()
    before = await uids(world)
    versions = await configurations(world)
    deployment.kill()
    assert proxy.replay(seconds=3.0) >= 10
    await deployment.again()
    began, restarted = time.monotonic(), time.monotonic()
    async with asyncio.timeout(40):
        while time.monotonic() - began < 8:
            assert await configurations(world) == versions, "rolled back"
            if not await deployment.operator.leads():
                began = time.monotonic()
            await asyncio.sleep(0.1)
    assert await uids(world) == before
    writes = [f"{r.method} {r.path}" for r in proxy.writes(restarted) if "/status" not in r.path]
    assert not writes
    measured(f"{len(before)} objects untouched, no write but {len(proxy.writes(restarted))} statuses")


async def _gone(world: Any, child: str) -> bool:
    plurals = ("configmaps", "statefulsets", "persistentvolumeclaims", "pods")
    return not [o for p in plurals for o in await world.list(p) if o["metadata"]["name"].startswith(child)]


async def uids(world: Any) -> dict[str, str]:
    plurals = ("configmaps", "statefulsets", "networkpolicies", "persistentvolumeclaims", "serviceaccounts", "pods")
    return {f"{p} {o['metadata']['name']}": o["metadata"]["uid"] for p in plurals for o in await world.list(p)}


async def configurations(world: Any) -> dict[str, str]:
    return {o["metadata"]["name"]: o["data"].get("config.json", "") for o in await world.list("configmaps")}
