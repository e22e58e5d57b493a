"""The board's feed against a real API server, with the rights that the chart gives it and no others."""

import asyncio
import base64
import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
import yaml

from plantwright_api.wire.board import MachineRow
from plantwright_board.feed.cluster import OURS
from plantwright_board.feed.cluster import Cluster as Feed
from plantwright_board.feed.gateways import Gateways
from plantwright_board.feed.kubernetes import Api
from plantwright_board.model.board import Board, Changes
from plantwright_board.model.site import Site
from plantwright_cli.top.stream import Opening, frames, in_cluster
from plantwright_cluster import Cluster, control_plane
from plantwright_operator.cluster.service_account import ServiceAccount

sys.path.insert(0, str(Path(__file__).parents[1] / "board"))

from replay import Floor, floor
from running import run_board

pytestmark = pytest.mark.apiserver

Obj = dict[str, Any]
ROOT = Path(__file__).parents[2]
NAMESPACE, PLANT = "plant-stuttgart", "stuttgart"
MACHINE = {
    "apiVersion": "plantwright.io/v1alpha1",
    "kind": "Machine",
    "metadata": {"name": "machi-000"},
    "spec": {
        "plantRef": {"name": PLANT},
        "profileRef": {"name": "press"},
        "location": {"area": "machining", "line": "line-1"},
        "endpoint": {"url": "modbus+tcp://10.2.3.4:502"},
    },
}
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {
        "name": "gw-machi-000-0",
        "labels": {"app.kubernetes.io/name": "plantwright-gateway", "plantwright.io/plant": PLANT},
    },
    "spec": {"containers": [{"name": "gateway", "image": "none"}], "terminationGracePeriodSeconds": 0},
}


@pytest.fixture(scope="module")
def cluster(render: Callable[..., list[Obj]]) -> Iterator[Cluster]:
    with control_plane() as running:
        for crd in sorted((ROOT / "crds").glob("*.yaml")):
            running.kubectl("apply", "--server-side", "-f", str(crd))
        running.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
        running.kubectl("create", "namespace", NAMESPACE)
        kinds = ("ServiceAccount", "Role", "RoleBinding")
        own = [
            each for each in render("board") if each["kind"] in kinds and each["metadata"]["name"] == "board-stuttgart"
        ]
        assert [each["kind"] for each in own] == ["ServiceAccount", "Role", "RoleBinding"]
        running.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(own))
        running.kubectl("-n", NAMESPACE, "apply", "-f", str(Path(__file__).parent / "plant.yaml"))
        running.kubectl("-n", NAMESPACE, "create", "serviceaccount", "default")  # no controller makes it here
        yield running


@pytest.fixture
def account(cluster: Cluster, tmp_path: Path) -> ServiceAccount:
    """The board's own credentials, as the kubelet mounts them."""
    found = yaml.safe_load(Path(cluster.kubeconfig).read_text())["clusters"][0]["cluster"]
    (tmp_path / "ca.crt").write_bytes(base64.b64decode(found["certificate-authority-data"]))
    (tmp_path / "token").write_text(cluster.kubectl("-n", NAMESPACE, "create", "token", "board-stuttgart"))
    at = urlsplit(found["server"])
    environ = {"KUBERNETES_SERVICE_HOST": str(at.hostname), "KUBERNETES_SERVICE_PORT": str(at.port)}
    return ServiceAccount(tmp_path, environ)


class Looker:
    """Looks at the board until it is as expected."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self.rows: dict[str, MachineRow] = {}

    async def until(self, holds: Callable[[Changes, dict[str, MachineRow]], object]) -> None:
        async with asyncio.timeout(20):
            while True:
                changes = self._board.look()
                self.rows = {} if changes.whole else self.rows
                self.rows.update({row.machine: row for row in changes.machines})
                if holds(changes, self.rows):
                    return
                await asyncio.sleep(0.05)


@asynccontextmanager
async def watching(account: ServiceAccount, port: int) -> AsyncIterator[Looker]:
    board, api = Board(Site(PLANT)), Api(account)
    gateways = Gateways(board.hear, board.lose)
    feed = asyncio.create_task(Feed(api, NAMESPACE, PLANT, port, board, gateways).run())
    try:
        yield Looker(board)
    finally:
        feed.cancel()
        await asyncio.gather(feed, return_exceptions=True)
        await gateways.close()
        await api.close()


@pytest.fixture
async def hall() -> AsyncIterator[Floor]:
    async with floor(1) as made:
        yield made


async def kubectl(cluster: Cluster, *words: str, stdin: Obj | None = None) -> str:
    text = json.dumps(stdin) if stdin else ""
    return await asyncio.to_thread(cluster.kubectl, "-n", NAMESPACE, *words, stdin=text)


async def test_machines_come_are_heard_and_go(cluster: Cluster, account: ServiceAccount, hall: Floor) -> None:
    async with watching(account, urlsplit(hall.base).port or 0) as look:
        await look.until(lambda changes, _: changes.plant and changes.plant.enterprise == "acme")
        await kubectl(cluster, "create", "-f", "-", stdin=MACHINE)
        await look.until(lambda _, rows: "machi-000" in rows and rows["machi-000"].state == "NoData")
        await kubectl(cluster, "create", "-f", "-", stdin=POD)
        await run_pod(cluster, "gw-machi-000-0", "127.0.0.1")
        await look.until(lambda _, rows: rows["machi-000"].state == hall.machines[0].state)
        line = {"name": "line-1", "flow": "Serial", "bottleneck": "machi-000", "exit": "machi-000"}
        areas = json.dumps({"spec": {"timeZone": "Asia/Tokyo", "areas": [{"name": "machining", "lines": [line]}]}})
        await kubectl(cluster, "patch", "plant", PLANT, "--type=merge", "-p", areas)
        await look.until(
            lambda changes, _: (
                changes.plant
                and changes.plant.time_zone == "Asia/Tokyo"
                and [row.flow for row in changes.lines] == ["Serial"]
            )
        )
        await kubectl(cluster, "delete", "pod", "gw-machi-000-0", "--force", "--grace-period=0")
        await look.until(lambda _, rows: rows["machi-000"].state == "NoData" and rows["machi-000"].since)
        await kubectl(cluster, "delete", "machine", "machi-000")
        await look.until(lambda _, rows: not rows)


async def test_it_may_not_look_further(account: ServiceAccount) -> None:
    api = Api(account)
    core, ours = f"/api/v1/namespaces/{NAMESPACE}", f"{OURS}/namespaces/{NAMESPACE}"
    assert await api.list(f"{ours}/plants", {"fieldSelector": f"metadata.name={PLANT}"})
    for path in (f"{core}/secrets", f"{core}/configmaps", f"{ours}/plants", "/api/v1/pods", f"{OURS}/machines"):
        with pytest.raises(aiohttp.ClientResponseError, match="403"):
            await api.list(path, {})
    await api.close()


def own_address() -> str:
    """An address of this machine that is not loopback: the API server proxies to no other."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
        probe.connect(("192.0.2.1", 9))  # nothing is sent
        return str(probe.getsockname()[0])
    pytest.skip("this machine has no address but loopback")


def service(name: str, plant: str, address: str, port: int) -> Obj:
    """A Service of the chart's labels and names, that leads to a board of this machine.

    The API server proxies to addresses of Pods only, so a Pod has the address.
    """
    meta = {"name": name, "labels": {"plantwright.io/board": plant}}
    ports = [{"name": "http", "port": port}]
    target = {"kind": "Pod", "namespace": NAMESPACE, "name": "board-0"}
    slices = {"name": name, "labels": {"kubernetes.io/service-name": name}}
    items = [
        {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"ports": [{**ports[0], "port": 80}]}},
        {
            "apiVersion": "v1",
            "kind": "Endpoints",
            "metadata": meta,
            "subsets": [{"addresses": [{"ip": address, "targetRef": target}], "ports": ports}],
        },
        {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": slices, "addressType": "IPv4"}
        | {"ports": ports, "endpoints": [{"addresses": [address], "conditions": {"ready": True}, "targetRef": target}]},
    ]
    return {"apiVersion": "v1", "kind": "List", "items": items}


async def top(cluster: Cluster, *words: str) -> tuple[int, str]:
    env = {**os.environ, "KUBECONFIG": str(cluster.kubeconfig), "COLUMNS": "160"}
    command = [sys.executable, "-m", "plantwright_cli", "top", *words]
    done = await asyncio.to_thread(
        subprocess.run, command, env=env, capture_output=True, text=True, check=False, timeout=60
    )
    return done.returncode, done.stdout + done.stderr


async def run_pod(cluster: Cluster, name: str, address: str) -> None:
    """Write the status of a Pod as its kubelet would."""
    status = {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]}
    words = ("--subresource=status", "--type=merge", "-p", json.dumps({"status": status}))
    await kubectl(cluster, "patch", "pod", name, *words)


async def soon(cluster: Cluster, *words: str) -> str:
    """What top prints once the API server knows the endpoints."""
    async with asyncio.timeout(30):
        while True:
            status, said = await top(cluster, *words)
            if status == 0:
                return said
            assert "no endpoints available" in said
            await asyncio.sleep(0.2)


async def test_top_finds_the_board_and_reads_it_through_the_api_server(
    cluster: Cluster, hall: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    status, said = await top(cluster, "-n", NAMESPACE)
    assert status == 2
    assert "has no board" in said
    async with run_board(hall.urls) as board:
        await board.until(lambda frame: len(frame.machines) == 1)
        await kubectl(cluster, "create", "-f", "-", stdin={**POD, "metadata": {"name": "board-0"}})
        await run_pod(cluster, "board-0", own_address())
        made = service("board-stuttgart", PLANT, own_address(), urlsplit(board.url).port or 0)
        await kubectl(cluster, "create", "-f", "-", stdin=made)
        said = await soon(cluster, "-n", NAMESPACE, "--once")
        assert "machi-000" in said
        monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
        opened = in_cluster(NAMESPACE, PLANT)
        await kubectl(cluster, "create", "-f", "-", stdin=service("board-ulm", "ulm", "192.0.2.9", 1))
        status, said = await top(cluster, "-n", NAMESPACE)
        assert "2 boards: name the plant" in said
        await asyncio.to_thread(first_change, opened, hall, asyncio.get_running_loop())


def first_change(opened: Opening, hall: Floor, loop: asyncio.AbstractEventLoop) -> None:
    """The stream comes through the proxy piece by piece, not at its end."""
    found = frames(opened)
    assert next(found).whole
    loop.call_soon_threadsafe(lambda: hall.say(0, state="Setup", reason="through the proxy"))
    assert next(frame for frame in found if frame.machines).machines[0].reason == "through the proxy"
    found.close()
