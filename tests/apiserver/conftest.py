"""The API-server tier: etcd, kube-apiserver, kube-controller-manager, the real operator as a process of its own.

There is no kubelet. `PretendNode` stands in for it and for the gateways: it runs pods by writing their status as a kubelet
does, shows a pod its ConfigMap only when it starts or is touched, and answers /status for each at an address of its own.
"""

import asyncio
import contextlib
import itertools
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from base64 import b64decode
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from aiohttp import web

from plantwright_api.wire import status as wire
from plantwright_api.wire.config import decode
from plantwright_cluster import Cluster, control_plane

ROOT = Path(__file__).parents[2]
OURS = ("plants", "machines", "machineprofiles", "datacontracts", "governancepolicies")
CHILDREN = ("configmaps", "statefulsets", "networkpolicies", "persistentvolumeclaims", "serviceaccounts")
AUDIT_POLICY = """
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: Metadata
    userGroups: [test:operators]
  - level: None
"""
STORAGE_CLASS = """
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: standard, annotations: {storageclass.kubernetes.io/is-default-class: "true"}}
provisioner: kubernetes.io/no-provisioner
"""
EDITORS = 4
Obj = dict[str, Any]
_numbers = itertools.count(1)


HERE = Path(__file__).parent
BROKEN_WATCH = "Exception ignored in. <(function _SelectorTransport|socket.socket|ssl.SSLSocket):pytest.PytestUnraisableExceptionWarning"
"""A watch of the test's own client that is cancelled leaves its TLS connection to the garbage collector, some tests later."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings(f"ignore:{BROKEN_WATCH}"))


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    policy = tmp_path_factory.mktemp("audit") / "policy.yaml"
    policy.write_text(AUDIT_POLICY)
    with control_plane(controllers=True, audit_policy=policy) as running:
        for crd in sorted((ROOT / "crds").glob("*.yaml")):
            running.kubectl("apply", "--server-side", "-f", str(crd))
        running.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
        running.kubectl("apply", "-f", str(Path(__file__).parent / "rbac.yaml"))
        running.kubectl("apply", "-f", "-", stdin=STORAGE_CLASS)
        # The garbage collector learns of new kinds every 30 s, or when it starts.
        running.kill_component("kube-controller-manager")
        running.restart_component("kube-controller-manager")
        wait_for_collector(running)
        yield running


def wait_for_collector(cluster: Cluster) -> None:
    """Until what a Plant owns goes with it."""
    spec = {"enterprise": "a", "site": "b", "mes": {"sinks": [{"name": "mes", "http": {"url": "http://10.0.0.1"}}]}}
    version = "plantwright.io/v1alpha1"
    plant = {"apiVersion": version, "kind": "Plant", "metadata": {"name": "canary"}, "spec": spec}
    uid = json.loads(cluster.kubectl("create", "-o", "json", "-f", "-", stdin=json.dumps(plant)))["metadata"]["uid"]
    owner = {"apiVersion": version, "kind": "Plant", "name": "canary", "uid": uid}
    child = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "canary", "ownerReferences": [owner]}}
    cluster.kubectl("create", "-f", "-", stdin=json.dumps(child))
    cluster.kubectl("delete", "plant", "canary")
    cluster.kubectl("wait", "--for=delete", "configmap/canary", "--timeout=60s")


class Api:
    """A small client of the test's own, as administrator."""

    def __init__(self, kubeconfig: Path) -> None:
        found = yaml.safe_load(kubeconfig.read_text())
        cluster, user = found["clusters"][0]["cluster"], found["users"][0]["user"]
        self.server: str = cluster["server"]
        tls = ssl.create_default_context(cadata=b64decode(cluster["certificate-authority-data"]).decode())
        with tempfile.NamedTemporaryFile() as pem:
            pem.write(b64decode(user["client-certificate-data"]) + b64decode(user["client-key-data"]))
            pem.flush()
            tls.load_cert_chain(pem.name)
        self.session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls, limit=200))

    async def call(self, method: str, path: str, body: Obj | None = None, kind: str = "application/json") -> Obj:
        headers = {"Content-Type": kind}
        data = None if body is None else json.dumps(body)
        with contextlib.suppress(
            aiohttp.ServerDisconnectedError
        ):  # the API server was started anew since the last call
            return await self._call(method, path, data, headers)
        return await self._call(method, path, data, headers)

    async def _call(self, method: str, path: str, data: str | None, headers: dict[str, str]) -> Obj:
        async with self.session.request(method, self.server + path, data=data, headers=headers) as response:
            answer: Obj = await response.json()
            if response.status >= 400:
                raise ApiFailedError(response.status, str(answer.get("message")))
            return answer

    async def merge(self, path: str, body: Obj) -> Obj:
        return await self.call("PATCH", path, body, "application/merge-patch+json")

    async def watch(self, path: str) -> AsyncIterator[Obj]:
        timeout = aiohttp.ClientTimeout(total=None)
        async with self.session.get(f"{self.server}{path}&watch=true", timeout=timeout) as response:
            async for line in response.content:
                yield json.loads(line)


class ApiFailedError(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status} {message}")
        self.status = status


@dataclass
class Gateway:
    """What a pretended gateway says of itself; tests change it."""

    namespace: str
    machine: str
    pod: str
    config: Obj = field(default_factory=dict)
    hash: str = ""
    connected: bool = True
    fresh: bool = True
    stored: str | None = "2026-01-01T00:00:00Z"
    backlog: int = 0
    sequence: int = 1
    silent: bool = False
    loads: int = 1
    error: str = ""
    violations: list[wire.Violation] = field(default_factory=list)

    def status(self) -> wire.GatewayStatus:
        def condition(type_: wire.GatewayCondition, ok: bool, good: str, bad: str) -> wire.Condition:
            return wire.Condition(type=type_, status="True" if ok else "False", reason=good if ok else bad)

        machine = wire.MachineStatus(
            uid=self.config["machines"][0]["uid"],
            name=self.machine,
            epoch="e1",
            sequence=self.sequence,
            violations=self.violations,
            first_stored_time=self.stored,
            sinks=[wire.SinkStatus(name="mes", watermark=self.sequence - self.backlog, backlog=self.backlog)],
            conditions=[
                condition("Connected", self.connected, "SessionUp", "Unreachable"),
                condition("DataFresh", self.fresh and self.connected, "Flowing", "NotConnected"),
                wire.Condition(type="ContractMet", status="True", reason="AllFieldsValid"),
                wire.Condition(type="Buffered", status="True", reason="RoomLeft"),
                wire.Condition(type="Durable", status="True", reason="PersistentVolumeClaim"),
            ],
        )
        return wire.GatewayStatus(
            version="0",
            config_hash=self.hash,
            started_time="2026-01-01T00:00:00Z",
            machines=[machine],
            config_error=self.error,
        )


class PretendNode:
    """Kubelet and gateways in one. Pods get addresses 127.x.y.z, all served by one server on `port`."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.port = 0
        self.by_ip: dict[str, Gateway] = {}
        self.start_seconds = 0.2
        self.ready_seconds = 0.0
        """How long a gateway answers before its pod is ready."""
        self.connects = True
        self.stores: str | None = "2026-01-01T00:00:00Z"
        self.farewell: Callable[[Gateway], str] = lambda g: json.dumps({"backlog": g.backlog})
        self.starts = True
        self._ips: dict[str, str] = {}
        self._touches: dict[str, str] = {}
        self._ending: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._numbers = itertools.count(next(_numbers) * 256 * 16)

    async def start(self) -> None:
        app = web.Application()
        app.router.add_get("/status", self._status)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("0.0.0.0", 0))
        self.port = server.getsockname()[1]
        await web.SockSite(self._runner, server).start()
        node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "pretend"}}
        with contextlib.suppress(ApiFailedError):
            await self.api.call("POST", "/api/v1/nodes", node)
        self._spawn(self._beat())
        self._spawn(self._follow("/api/v1/pods", self._pod))
        self._spawn(self._follow("/api/v1/persistentvolumeclaims", self._claim))

    async def stop(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._runner.cleanup()

    def gateway(self, namespace: str, machine: str) -> Gateway:
        return next(g for g in self.by_ip.values() if (g.namespace, g.machine) == (namespace, machine))

    def _spawn(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _beat(self) -> None:
        while True:
            now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            ready = {"type": "Ready", "status": "True", "reason": "Pretended", "lastHeartbeatTime": now}
            await self.api.merge("/api/v1/nodes/pretend/status", {"status": {"conditions": [ready]}})
            await asyncio.sleep(10)

    async def _follow(self, path: str, seen: Callable[[str, Obj], Awaitable[None]]) -> None:
        # Version 0 is what the API server's cache has; without it a watch may wait seconds for etcd to move.
        selector = "resourceVersion=0&labelSelector=app.kubernetes.io/managed-by%3Dplantwright-operator"
        while True:
            # A stream may break in the middle of a line, or begin with a refusal, while the API server comes back.
            with contextlib.suppress(aiohttp.ClientError, ValueError, KeyError):
                async for event in self.api.watch(f"{path}?{selector}"):
                    if event["type"] in ("ADDED", "MODIFIED", "DELETED"):
                        self._spawn(seen(event["type"], event["object"]))
            await asyncio.sleep(0.2)

    async def _claim(self, type_: str, claim: Obj) -> None:
        """Give the claim a volume; the controller manager binds them."""
        meta = claim["metadata"]
        if type_ != "ADDED" or "volumeName" in claim["spec"]:
            return
        spec = {
            "capacity": {"storage": "10Gi"},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "claimRef": {"namespace": meta["namespace"], "name": meta["name"], "uid": meta["uid"]},
            "hostPath": {"path": "/nowhere"},
            "storageClassName": claim["spec"].get("storageClassName", ""),
        }
        volume = {"metadata": {"name": f"volume-{meta['uid']}"}, "spec": spec}
        with contextlib.suppress(ApiFailedError):
            await self.api.call("POST", "/api/v1/persistentvolumes", volume)

    async def _pod(self, type_: str, pod: Obj) -> None:
        meta = pod["metadata"]
        uid = meta["uid"]
        if type_ == "DELETED":
            self.by_ip.pop(self._ips.pop(uid, ""), None)
        elif "deletionTimestamp" in meta:
            await self._end(pod)
        elif uid not in self._ips:
            if self.starts:
                await self._run(pod)
        else:
            await self._maybe_reload(pod)

    async def _run(self, pod: Obj) -> None:
        meta = pod["metadata"]
        number = next(self._numbers)
        ip = f"127.{1 + number // 65536}.{number // 256 % 256}.{number % 256}"
        self._ips[meta["uid"]] = ip
        path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}"
        binding = {"metadata": {"name": meta["name"]}, "target": {"kind": "Node", "name": "pretend"}}
        with contextlib.suppress(ApiFailedError):
            await self.api.call("POST", f"{path}/binding", binding)
        await asyncio.sleep(self.start_seconds)
        machine = meta["annotations"]["plantwright.io/machine"]
        gateway = Gateway(meta["namespace"], machine, meta["name"], connected=self.connects)
        gateway.stored = self.stores if self.connects else None
        await self._load(gateway)
        self.by_ip[ip] = gateway
        started = {"startedAt": "2026-01-01T00:00:00Z"}
        container = {"name": "gateway", "ready": True, "started": True, "restartCount": 0, "image": "i", "imageID": "i"}
        for ready in ("False", "True") if self.ready_seconds else ("True",):
            with contextlib.suppress(ApiFailedError):
                await self.api.merge(f"{path}/status", {"status": self._running(ip, container, started, ready)})
            await asyncio.sleep(self.ready_seconds if ready == "False" else 0)

    @staticmethod
    def _running(ip: str, container: Obj, started: Obj, ready: str) -> Obj:
        conditions = {"PodScheduled": "True", "Initialized": "True", "ContainersReady": ready, "Ready": ready}
        return {
            "phase": "Running",
            "podIP": ip,
            "podIPs": [{"ip": ip}],
            "conditions": [{"type": type_, "status": status} for type_, status in conditions.items()],
            "containerStatuses": [{**container, "ready": ready == "True", "state": {"running": started}}],
        }

    async def _load(self, gateway: Gateway) -> None:
        name = gateway.pod.rsplit("-", 1)[0]
        config_map = await self.api.call("GET", f"/api/v1/namespaces/{gateway.namespace}/configmaps/{name}")
        content = config_map["data"]["config.json"]
        decode(content.encode())
        gateway.config = json.loads(content)
        gateway.hash = gateway.config["hash"]

    async def _maybe_reload(self, pod: Obj) -> None:
        meta = pod["metadata"]
        touches = meta.get("annotations", {}).get("plantwright.io/config-touches", "")
        gateway = self.by_ip.get(self._ips[meta["uid"]])
        if gateway is not None and touches != self._touches.get(meta["uid"], ""):
            self._touches[meta["uid"]] = touches
            await self._load(gateway)
            gateway.loads += 1

    async def _end(self, pod: Obj) -> None:
        meta = pod["metadata"]
        if meta["uid"] in self._ending:
            return
        self._ending.add(meta["uid"])
        path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}"
        gateway = self.by_ip.pop(self._ips.get(meta["uid"], ""), None)
        if gateway is not None:
            ended = {"exitCode": 0, "reason": "Completed", "message": self.farewell(gateway)}
            statuses = [
                {**s, "ready": False, "state": {"terminated": ended}} for s in pod["status"]["containerStatuses"]
            ]
            with contextlib.suppress(ApiFailedError):
                await self.api.merge(f"{path}/status", {"status": {"containerStatuses": statuses}})
        with contextlib.suppress(ApiFailedError):
            await self.api.call("DELETE", path, {"gracePeriodSeconds": 0, "preconditions": {"uid": meta["uid"]}})

    async def _status(self, request: web.Request) -> web.Response:
        assert request.transport is not None
        ip = request.transport.get_extra_info("sockname")[0]
        gateway = self.by_ip.get(ip)
        if gateway is None or gateway.silent:
            return web.Response(status=503)
        return web.Response(body=wire.encode(gateway.status()), content_type="application/json")


class Operator:
    """The operator as a process."""

    def __init__(self, cluster: Cluster, log: Path, gateway_port: int, environment: dict[str, str]) -> None:
        self.cluster = cluster
        self.log = log
        number = next(_numbers)
        self.user = f"operator-{number}"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("KUBERNETES_")},
            "KUBECONFIG": str(cluster.client_kubeconfig(self.user, groups=["test:operators"])),
            "GATEWAY_IMAGE": "gateway:test",
            "POD_NAMESPACE": "default",
            "POD_NAME": self.user,
            "METRICS_PORT": str(self.port),
            "GATEWAY_HTTP_PORT": str(gateway_port),
            "LEASE_DURATION_SECONDS": "12",
            "LEASE_RENEW_DEADLINE_SECONDS": "8",
            "LEASE_RETRY_PERIOD_SECONDS": "1",
            "POLL_SECONDS": "1",
            **environment,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        output = self.log.open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "plantwright_operator"], env=self.environment, stderr=output, stdout=output, cwd="/"
        )
        output.close()

    async def get(self, path: str) -> tuple[int, str]:
        try:
            timeout, url = aiohttp.ClientTimeout(total=2), f"http://127.0.0.1:{self.port}{path}"
            async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as response:
                return response.status, await response.text()
        except (TimeoutError, aiohttp.ClientError):
            return 0, ""

    async def leads(self) -> bool:
        return "plantwright_leader 1.0" in (await self.get("/metrics"))[1]

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def stop(self, seconds: float = 15) -> int | None:
        if self.process is None:
            return None
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return None

    def requests(self, since: float = 0.0) -> list[Obj]:
        """Requests of this operator in the audit log, Lease and Events left out, from this time on (Unix seconds)."""
        entries = [json.loads(line) for line in self.cluster.audit_log.read_text().splitlines()]
        mine = [e for e in entries if e["user"]["username"] == self.user]
        start = datetime.fromtimestamp(since, UTC)
        recent = [e for e in mine if datetime.fromisoformat(e["requestReceivedTimestamp"]) >= start]
        return [e for e in recent if e.get("objectRef", {}).get("resource") not in ("leases", "events")]

    def writes(self, since: float = 0.0, namespace: str | None = None) -> Counter[tuple[str, str]]:
        """Writes by resource (with subresource) and object name."""
        tally: Counter[tuple[str, str]] = Counter()
        changing = [e for e in self.requests(since) if e["verb"] not in ("get", "list", "watch")]
        for entry in changing:
            ref = entry["objectRef"]
            if namespace and ref.get("namespace") != namespace:
                continue
            resource = f"{ref['resource']}/{ref['subresource']}" if "subresource" in ref else ref["resource"]
            tally[resource, ref.get("name", "")] += 1
        return tally


@pytest.fixture
async def api(cluster: Cluster) -> AsyncIterator[Api]:
    client = Api(cluster.kubeconfig)
    yield client
    await client.session.close()
    await asyncio.sleep(0.3)  # TLS connections say good-bye after close() has returned


@pytest.fixture
async def node(api: Api) -> AsyncIterator[PretendNode]:
    pretend = PretendNode(api)
    await pretend.start()
    yield pretend
    await pretend.stop()


@pytest.fixture
async def namespace(api: Api) -> AsyncIterator[str]:
    name = f"plant-{os.getpid()}-{next(_numbers)}"
    await api.call("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    yield name
    await clear(api, name)


async def clear(api: Api, namespace: str) -> None:
    """Remove a test's namespace with all that is in it."""
    for plural in OURS:
        await api.call("DELETE", f"/apis/plantwright.io/v1alpha1/namespaces/{namespace}/{plural}")
    await api.call("DELETE", f"/apis/apps/v1/namespaces/{namespace}/statefulsets")
    await api.call("DELETE", f"/api/v1/namespaces/{namespace}")


@pytest.fixture
def restart_api_server(cluster: Cluster) -> Callable[[], None]:
    """Let a stopped API server come back, and the controllers with it: those it left would wait half a minute each."""

    def restart() -> None:
        cluster.restart_component("kube-apiserver")
        cluster.wait_for_api()
        cluster.kill_component("kube-controller-manager")
        cluster.restart_component("kube-controller-manager")

    return restart


@pytest.fixture
def logs() -> list[Path]:
    """Logs of the operators the test has started, for what a failure shows."""
    return []


@pytest.fixture
async def start_operator(
    cluster: Cluster, node: PretendNode, namespace: str, tmp_path: Path, logs: list[Path]
) -> AsyncIterator[Callable[..., Awaitable[Operator]]]:
    """Start operators that watch only the test's namespace, with a Lease of the test's own."""
    started: list[Operator] = []

    async def start(leading: bool = True, **environment: str) -> Operator:
        settings = {"WATCH_NAMESPACES": namespace, "LEASE_NAME": f"lease-{namespace}", **environment}
        operator = Operator(cluster, tmp_path / f"operator-{len(started)}.log", node.port, settings)
        started.append(operator)
        logs.append(operator.log)
        operator.start()
        if leading:
            await until(operator.leads, 20, operator.log)
        return operator

    yield start
    for operator in started:
        operator.stop()


async def until(done: Callable[[], Any], seconds: float = 15.0, *logs: Path) -> Any:
    """Wait until `done` gives something true, and return it."""
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(ApiFailedError, KeyError, StopIteration):
            found = done()
            found = await found if asyncio.iscoroutine(found) else found
            if found:
                return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {getattr(done, '__name__', done)}\n{_tails(logs)}")
        await asyncio.sleep(0.05)


def _tails(logs: Iterable[Path]) -> str:
    return "\n".join(line for log in logs for line in [f"== {log.name}", *log.read_text().splitlines()[-30:]])


@pytest.fixture
def eventually(logs: list[Path]) -> Callable[..., Awaitable[Any]]:
    """Wait until something gives something true; a failure shows the operators' logs."""

    async def wait(done: Callable[[], Any], seconds: float = 15.0) -> Any:
        return await until(done, seconds, *logs)

    return wait


@dataclass
class World:
    """One test's namespace: apply, read, change objects."""

    api: Api
    name: str
    raw: Callable[..., Obj]
    logs: list[Path] = field(default_factory=list)

    def path(self, plural: str, name: str = "") -> str:
        group = {
            "configmaps": "/api/v1",
            "pods": "/api/v1",
            "persistentvolumeclaims": "/api/v1",
            "serviceaccounts": "/api/v1",
            "statefulsets": "/apis/apps/v1",
            "networkpolicies": "/apis/networking.k8s.io/v1",
        }.get(plural, "/apis/plantwright.io/v1alpha1")
        return f"{group}/namespaces/{self.name}/{plural}" + (f"/{name}" if name else "")

    async def apply(self, kind: str, name: str | None = None, **spec: Any) -> Obj:
        obj = self.raw(kind, name, **spec)
        meta = {"name": obj["metadata"]["name"], "namespace": self.name}
        plural = {"Plant": "plants", "Machine": "machines", "MachineProfile": "machineprofiles"}.get(
            kind, "datacontracts"
        )
        path = f"{self.path(plural, meta['name'])}?fieldManager=person&force=true"
        return await self.api.call("PATCH", path, {**obj, "metadata": meta}, "application/apply-patch+yaml")

    async def base(self) -> None:
        for kind in ("Plant", "DataContract", "MachineProfile"):
            await self.apply(kind)

    async def get(self, plural: str, name: str) -> Obj:
        return await self.api.call("GET", self.path(plural, name))

    async def list(self, plural: str) -> list[Obj]:
        found: list[Obj] = (await self.api.call("GET", self.path(plural)))["items"]
        return found

    async def patch(self, plural: str, name: str, body: Obj) -> Obj:
        return await self.api.merge(self.path(plural, name), body)

    async def edit(
        self, plural: str, name: str, rate: float, seconds: float, body: Callable[[int], Obj]
    ) -> tuple[Sequence[Obj], float]:
        """Edit an object so many times a second for so long; the answers, and the edits/s reached.

        A few edits are under way at once, so that an answer's time is not added to every pause. Many would be slower
        again, since the API server begins each anew that another has overtaken.
        """
        began, turn, answers = time.monotonic(), itertools.count(), []

        async def editor() -> None:
            while (number := next(turn)) < rate * seconds and time.monotonic() - began < seconds:
                await asyncio.sleep(began + number / rate - time.monotonic())
                answers.append(await self.patch(plural, name, body(number)))

        await asyncio.gather(*(editor() for _ in range(EDITORS)))
        return answers, len(answers) / (time.monotonic() - began)

    async def delete(self, plural: str, name: str) -> None:
        await self.api.call("DELETE", self.path(plural, name))

    async def condition(self, type_: str, name: str = "press-1", plural: str = "machines") -> Obj:
        conditions: list[Obj] = (await self.get(plural, name))["status"]["conditions"]
        return next(c for c in conditions if c["type"] == type_)

    async def has_reason(self, reason: str, name: str = "press-1", plural: str = "machines") -> bool:
        return bool((await self.condition("Ready", name, plural))["reason"] == reason)

    async def ready(self, name: str = "press-1", seconds: float = 20.0) -> Obj:
        async def is_ready() -> bool:
            return bool((await self.condition("Ready", name))["status"] == "True")

        try:
            await until(is_ready, seconds, *self.logs)
        except AssertionError as error:
            pods = [{key: pod[key] for key in ("metadata", "status")} for pod in await self.list("pods")]
            machine = await self.get("machines", name)
            seen = json.dumps({"machine": machine.get("status"), "pods": pods}, indent=1)
            raise AssertionError(f"{error}\n{seen}") from None
        return await self.get("machines", name)


@pytest.fixture
def world(api: Api, namespace: str, raw: Callable[..., Obj], logs: list[Path]) -> World:
    return World(api, namespace, raw, logs)
