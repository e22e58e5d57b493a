"""The API-server tier (tests/apiserver) with a proxy that breaks between operator and API server."""

import asyncio
import contextlib
import importlib.util
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from aiohttp import web

HERE = Path(__file__).parent


def _load(name: str, path: Path) -> ModuleType:
    """A module of the tests by its path: tests are no packages."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tier = _load("chaos_apiserver_tier", HERE.parents[1] / "apiserver" / "conftest.py")
apiproxy = _load("chaos_apiproxy", HERE.parent / "tools" / "apiproxy.py")


@pytest.fixture(scope="session", name="tier")
def the_tier() -> ModuleType:
    """The API-server tier's own helpers."""
    return tier


cluster, api, namespace = tier.cluster, tier.api, tier.namespace
start_operator, world, logs, eventually = tier.start_operator, tier.world, tier.logs, tier.eventually


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings(f"ignore:{tier.BROKEN_WATCH}"))


BESIDE = "beside"


class LosableNode(tier.PretendNode):  # type: ignore[name-defined,misc]
    """A node that can be lost: nobody answers, no pod ends, nothing is reported any more.

    Another one beside it lives on: where all nodes are lost, the node controller takes itself for the one that is, and evicts
    nothing.
    """

    lost = False

    async def start(self) -> None:
        with contextlib.suppress(tier.ApiFailedError):
            node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": BESIDE}}
            await self.api.call("POST", "/api/v1/nodes", node)
        await super().start()

    async def _beat(self) -> None:
        while True:
            for name in (BESIDE,) if self.lost else (BESIDE, "pretend"):
                condition = {"type": "Ready", "status": "True", "reason": "Pretended", "lastHeartbeatTime": _now()}
                await self.api.merge(f"/api/v1/nodes/{name}/status", {"status": {"conditions": [condition]}})
            await asyncio.sleep(10)

    async def _pod(self, type_: str, pod: Any) -> None:
        if not self.lost or type_ == "DELETED":
            await super()._pod(type_, pod)

    async def _status(self, request: Any) -> Any:
        return web.Response(status=503) if self.lost else await super()._status(request)


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


@pytest.fixture
async def node(api: Any) -> AsyncIterator[LosableNode]:
    pretend = LosableNode(api)
    await pretend.start()
    yield pretend
    await pretend.stop()


@pytest.fixture
async def proxy(cluster: Any, namespace: str, tmp_path: Path) -> AsyncIterator[Any]:
    """A proxy that speaks to the API server with an operator's rights, and no more."""
    kubeconfig = cluster.client_kubeconfig(f"proxied-{namespace}", groups=["test:operators"])
    found = apiproxy.ApiProxy(kubeconfig, tmp_path)
    await found.start()
    yield found
    await found.stop()


class Deployment:
    """An operator behind the proxy that is started again whenever it ends, as its Deployment would."""

    def __init__(self, operator: Any, world: Any) -> None:
        self.operator = operator
        self.ends: list[int] = []
        self._world = world

    def kill(self) -> None:
        self.operator.process.kill()

    async def again(self) -> None:
        """Start the killed operator anew; its Lease is given up for it, so that no test waits for it to expire."""
        self.ends.append(await asyncio.to_thread(self.operator.process.wait))
        await self.release()
        self.operator.start()

    async def release(self) -> None:
        lease = f"/apis/coordination.k8s.io/v1/namespaces/default/leases/lease-{self._world.name}"
        with_none = {"spec": {"holderIdentity": None}}
        try:
            await self._world.api.merge(lease, with_none)
        except tier.ApiFailedError as error:
            if error.status != 404:
                raise

    async def run(self) -> None:
        """Start it again and again, until cancelled."""
        while True:
            await asyncio.sleep(0.1)
            if self.operator.process.poll() is not None:
                await self.again()


@pytest.fixture
async def deploy(
    start_operator: Callable[..., Awaitable[Any]], proxy: Any, world: Any
) -> AsyncIterator[Callable[..., Awaitable[Deployment]]]:
    """Start an operator behind the proxy; `restarts=True` starts it again when it ends."""
    tasks: list[asyncio.Task[None]] = []

    async def deployed(*, restarts: bool = False, leading: bool = True, **environment: str) -> Deployment:
        operator = await start_operator(leading=leading, KUBECONFIG=str(proxy.kubeconfig), **environment)
        found = Deployment(operator, world)
        if restarts:
            tasks.append(asyncio.create_task(found.run()))
        return found

    yield deployed
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
def settled(proxy: Any) -> Callable[..., Awaitable[None]]:
    """Wait until the operator has written nothing for a while: counts follow machines after five seconds."""

    async def wait(quiet: float = 6.5, seconds: float = 60.0) -> None:
        await until_quiet(lambda: len(proxy.writes()), quiet, seconds)

    return wait


async def until_quiet(writes: Callable[[], int], quiet: float, seconds: float) -> None:
    """Until the number of writes has stood still for `quiet` seconds."""
    before, since = writes(), time.monotonic()
    async with asyncio.timeout(seconds):
        while time.monotonic() - since < quiet:
            await asyncio.sleep(0.1)
            if writes() != before:
                before, since = writes(), time.monotonic()


@pytest.fixture
async def second_world(
    cluster: Any, api: Any, node: Any, raw: Callable[..., Any], tmp_path: Path, logs: list[Path]
) -> AsyncIterator[Callable[..., Awaitable[Any]]]:
    """Another namespace with an operator of its own that nothing disturbs: (world, settled)."""
    name = f"undisturbed-{os.getpid()}-{next(tier._numbers)}"
    await api.call("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    settings = {"WATCH_NAMESPACES": name, "LEASE_NAME": f"lease-{name}"}
    operator = tier.Operator(cluster, tmp_path / "undisturbed.log", node.port, settings)

    async def make() -> Any:
        operator.start()
        logs.append(operator.log)
        await tier.until(operator.leads, 20, operator.log)

        async def settled(quiet: float = 6.5, seconds: float = 60.0) -> None:
            await until_quiet(lambda: sum(operator.writes().values()), quiet, seconds)

        return tier.World(api, name, raw, logs), settled

    yield make
    operator.stop()
    await tier.clear(api, name)
