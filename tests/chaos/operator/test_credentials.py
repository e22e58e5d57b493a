"""O7: an API server that takes no credentials for a while, and a pod's token that is renewed and the old one void."""

import asyncio
import ssl
import subprocess
import sys
import time
from base64 import b64decode
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
import yaml
from chaosproxy import ChaosProxy

pytestmark = [pytest.mark.apiserver, pytest.mark.slow, pytest.mark.row("O7")]

UNAUTHORIZED_SECONDS = 6.0
LATE_SECONDS = 4.0
"""How long after the old token's end the new one comes into the file; the Lease of these tests bears eight seconds."""
START = """
import sys
from pathlib import Path
from plantwright_operator.cluster import service_account
service_account.FOLDER = Path(sys.argv[1])
from plantwright_operator.handlers.main import main
main()
"""
RBAC = "/apis/rbac.authorization.k8s.io/v1"


async def has_model(world: Any, model: str) -> bool:
    """Whether the machine's asset has come as far as its gateway's configuration."""
    return f'"{model}"' in (await world.get("configmaps", "gw-press-1"))["data"]["config.json"]


@pytest.mark.parametrize("seconds", [UNAUTHORIZED_SECONDS, pytest.param(40.0, marks=pytest.mark.chaos)])
async def test_nobody_is_authorized_for_a_while(
    seconds: float,
    world: Any,
    deploy: Callable[..., Awaitable[Any]],
    proxy: Any,
    eventually: Callable[..., Any],
    measured: Any,
) -> None:
    """Every request gets 401, and each watch begins anew, as after a restart of the API server."""
    deployment = await deploy(restarts=True)
    await world.base()
    await world.apply("Machine")
    await world.ready()
    began = time.monotonic()
    proxy.refuse(1.0, (401,))
    for plural in ("machines", "plants", "statefulsets", "pods"):
        proxy.fail_watch(plural, 410)
    await world.apply("Machine", asset={"model": "X"})
    await asyncio.sleep(seconds)
    asked = len(proxy.since(began)) / seconds
    proxy.mend()
    ended = time.monotonic()
    await eventually(lambda: has_model(world, "X"), 60)
    await world.ready()
    measured(
        f"401 to all for {seconds:.0f} s: {len(deployment.ends)} restarts, {asked:.1f} requests/s, converged "
        f"{time.monotonic() - ended:.1f} s after"
    )


class Tokens:
    """Tokens of one service account, each bound to a Secret of its own: with the Secret the token ends."""

    def __init__(self, world: Any, folder: Path) -> None:
        self.world = world
        self.folder = folder
        self._secrets = f"/api/v1/namespaces/{world.name}/secrets"
        self._account = f"/api/v1/namespaces/{world.name}/serviceaccounts"

    async def prepare(self) -> None:
        """An account with the operator's rights."""
        await self.world.api.call("POST", self._account, {"metadata": {"name": "operator"}})
        subject = {"kind": "ServiceAccount", "name": "operator", "namespace": self.world.name}
        for kind, where in (("ClusterRole", "clusterrolebindings"), ("Role", "namespaces/default/rolebindings")):
            role = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": "plantwright-operator"}
            binding = {"metadata": {"name": self.world.name}, "roleRef": role, "subjects": [subject]}
            await self.world.api.call("POST", f"{RBAC}/{where}", binding)

    async def clear(self) -> None:
        for where in ("clusterrolebindings", "namespaces/default/rolebindings"):
            await self.world.api.call("DELETE", f"{RBAC}/{where}/{self.world.name}")

    async def renew(self, name: str) -> str:
        """A new token, not yet in the file."""
        secret = await self.world.api.call("POST", self._secrets, {"metadata": {"name": name}})
        bound = {"apiVersion": "v1", "kind": "Secret", "name": name, "uid": secret["metadata"]["uid"]}
        answer = await self.world.api.call(
            "POST", f"{self._account}/operator/token", {"spec": {"boundObjectRef": bound}}
        )
        return str(answer["status"]["token"])

    def mount(self, token: str) -> None:
        """As the kubelet does it: in one step."""
        (self.folder / "next").write_text(token)
        (self.folder / "next").rename(self.folder / "token")

    async def end(self, name: str, token: str, server: str, ca_file: str) -> None:
        """End a token, and wait until the API server knows: it remembers what it has checked for ten seconds."""
        await self.world.api.call("DELETE", f"{self._secrets}/{name}")
        headers = {"Authorization": f"Bearer {token}"}
        tls = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=ca_file))
        async with asyncio.timeout(30), aiohttp.ClientSession(connector=tls, headers=headers) as session:
            while True:
                async with session.get(f"{server}/apis/plantwright.io/v1alpha1") as response:
                    if response.status == 401:
                        return
                await asyncio.sleep(0.2)


@pytest.fixture
async def tokens(cluster: Any, world: Any, tmp_path: Path) -> AsyncIterator[Tokens]:
    """What a pod finds in the folder of its service account."""
    found = Tokens(world, tmp_path)
    named = yaml.safe_load(cluster.kubeconfig.read_text())["clusters"][0]["cluster"]
    (tmp_path / "ca.crt").write_bytes(b64decode(named["certificate-authority-data"]))
    await found.prepare()
    yield found
    await found.clear()


@pytest.fixture
async def relay(cluster: Any) -> AsyncIterator[ChaosProxy]:
    """Between the operator and the API server; it passes TLS on as it is."""
    port = urlsplit(yaml.safe_load(cluster.kubeconfig.read_text())["clusters"][0]["cluster"]["server"]).port
    assert port is not None
    found = ChaosProxy(port)
    await found.listen()
    yield found
    await found.close()


@pytest.fixture
async def pod(
    cluster: Any, world: Any, node: Any, tier: Any, tokens: Tokens, relay: ChaosProxy, logs: list[Path]
) -> AsyncIterator[Any]:
    """An operator that is configured as in a pod: by its environment and the folder of its service account."""

    class Pod(tier.Operator):  # type: ignore[misc]
        def start(self) -> None:
            with self.log.open("ab") as output:
                self.process = subprocess.Popen(
                    [sys.executable, "-c", START, str(tokens.folder)],
                    env=self.environment,
                    stderr=output,
                    stdout=output,
                    cwd="/",
                )

    where = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(relay.port)}
    settings = {**where, "WATCH_NAMESPACES": world.name, "LEASE_NAME": f"lease-{world.name}"}
    found = Pod(cluster, tokens.folder / "pod.log", node.port, settings)
    logs.append(found.log)
    yield found
    found.stop()


@pytest.mark.parametrize("late", [0.0, LATE_SECONDS])
async def test_a_token_is_renewed_and_the_old_one_ends(
    late: float,
    pod: Any,
    tokens: Tokens,
    relay: ChaosProxy,
    world: Any,
    cluster: Any,
    eventually: Callable[..., Any],
    measured: Callable[[str], None],
) -> None:
    """Connections break with the old token's end, so that watches begin anew; the new one may come into its file late."""
    first = await tokens.renew("first")
    tokens.mount(first)
    pod.start()
    await eventually(pod.leads, 20)
    await world.base()
    await world.apply("Machine")
    await world.ready()
    second = await tokens.renew("second")
    if not late:
        tokens.mount(second)
    await tokens.end("first", first, f"https://127.0.0.1:{relay.port}", str(tokens.folder / "ca.crt"))
    await relay.refuse()
    await relay.listen()
    await asyncio.sleep(late)
    tokens.mount(second)
    renewed = time.monotonic()
    await world.apply("Machine", asset={"model": "X"})
    await eventually(lambda: has_model(world, "X"), 20)
    await world.ready()
    assert pod.process.poll() is None, "the process that began with the old token"
    said = pod.log.read_text()
    assert first not in said
    assert second not in said
    when = f"{late:.0f} s after" if late else "before"
    measured(
        f"the new token comes {when} the old one's end: no restart, converged {time.monotonic() - renewed:.1f} s later"
    )
