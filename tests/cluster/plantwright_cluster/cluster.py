"""Start, use and remove one cluster.

Two tiers: a whole node in namespaces of its own (root), and the fast tier, etcd and kube-apiserver on free ports of the
loopback address (any user). Both are a supervisor's programs, so both end with it.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import shutil
import signal
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from plantwright_cluster import (
    cgroups,
    components,
    configs,
    control,
    host_settings,
    identities,
    inventory,
    network,
    packages,
)
from plantwright_cluster.api import Api, ApiError
from plantwright_cluster.certificates import Identity, kubeconfig
from plantwright_cluster.commands import ClusterError, environment, run, tail
from plantwright_cluster.components import Component
from plantwright_cluster.dns import answers
from plantwright_cluster.images import PAUSE_IMAGE, load, pause_archive
from plantwright_cluster.locks import locked
from plantwright_cluster.objects import initial_objects
from plantwright_cluster.paths import cache_root, clusters_root, state_root
from plantwright_cluster.processes import end, is_running
from plantwright_cluster.progress import Progress, silent
from plantwright_cluster.site import Site
from plantwright_cluster.tools import COREDNS, KUBERNETES, build_tools, tools

__all__ = ["Cluster", "control_plane"]

_READY_SECONDS = 90.0
_numbers = itertools.count()


def _free_ports(count: int) -> tuple[int, ...]:
    """Return ports nobody listens on; all are held until the last is found, so that no two are the same."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return tuple(each.getsockname()[1] for each in sockets)


def _locate(program: str) -> str:
    """Return where a program is: those of Debian on PATH or beside a given kube-apiserver, ours in the cache."""
    known = tools()
    if program in {"etcd", "containerd"}:
        given = known.assets / program if known.assets else None
        found = str(given) if given and given.exists() else shutil.which(program, path=environment()["PATH"])
        if not found:
            raise ClusterError(f"{program} is not installed")
        return found
    return str(known.require(program))


@dataclass
class Cluster:
    """A cluster that runs, or ran until it was stopped."""

    entry: inventory.Entry
    progress: Progress

    @property
    def site(self) -> Site:
        """Return where everything of the cluster is."""
        return self.entry.site

    @property
    def name(self) -> str:
        """Return the cluster's name."""
        return self.entry.name

    @property
    def kubeconfig(self) -> Path:
        """Return the path of the administrator's kubeconfig."""
        return self.site.kubeconfig

    @property
    def audit_log(self) -> Path:
        """Return the path of the audit log; it is written only where `up` was given a policy."""
        return self.site.audit_log

    @property
    def host_address(self) -> str:
        """Return the address under which pods reach programs on this machine."""
        return self.site.place.host if self.site.place else "127.0.0.1"

    @property
    def control(self) -> control.Control:
        """Return the way to the supervisor."""
        return control.Control(self.site.folder)

    # -- what a cluster is asked to do ---------------------------------------------------------------------------------

    @classmethod
    def up(
        cls,
        name: str,
        progress: Progress | None = None,
        *,
        control_plane_only: bool = False,
        controllers: bool = True,
        audit_policy: Path | None = None,
    ) -> Cluster:
        """Start a cluster, or return the one of this name if it runs; remove first what a crashed run left behind."""
        progress = progress or silent()
        running = cls.attach(name)
        if running and running.is_alive():
            progress.say(f"cluster {name} runs already")
            return running
        _prepare(progress, control_plane_only=control_plane_only)
        remove(name, progress)
        cluster = cls(_reserve(name, audit_policy, with_node=not control_plane_only), progress)
        try:
            cluster._start(controllers=controllers)
        except BaseException:
            cluster._explain()
            raise
        return cluster

    @classmethod
    def attach(cls, name: str, progress: Progress | None = None) -> Cluster | None:
        """Return the cluster of a name that an earlier `up` has started, None where there is none."""
        entry = inventory.read(name)
        return cls(entry, progress or silent()) if entry else None

    def down(self) -> None:
        """End the cluster and remove everything it left on the machine."""
        remove(self.name, self.progress)

    def is_alive(self) -> bool:
        """Say whether `up` came to its end and every program still runs."""
        if not (self.entry.finished and self.entry.supervisor and is_running(self.entry.supervisor)):
            return False
        return all(state["exit"] is None for state in self.control.states().values())

    def kubectl(self, *words: str, stdin: str | None = None, timeout: float | None = 120) -> str:
        """Run kubectl against this cluster and return what it printed."""
        ours = [f"--kubeconfig={self.kubeconfig}", f"--cache-dir={self.site.folder / 'kubectl-cache'}"]
        return run([tools().kubectl, *ours, *words], stdin=stdin, timeout=timeout)

    def api(self, user: str = "admin") -> Api:
        """Return a connection to the API server as one of the cluster's users."""
        return Api(self.site.server, self.site.authority, user)

    def client_kubeconfig(self, user: str, groups: Iterable[str] = ()) -> Path:
        """Return a kubeconfig for a user of your own, so that the audit log can tell who wrote what."""
        self.site.authority.issue(user, Identity(user, tuple(groups)))
        return self._write_kubeconfig(user)

    def load(self, tags: Iterable[str]) -> None:
        """Import images that `image-build` made into the node."""
        for tag in tags:
            with self.progress.step(f"import {tag}"):
                load(self.site.containerd_socket, tag)

    def stop_component(self, name: str) -> None:
        """End one program as an administrator would (SIGTERM)."""
        self.control.stop(name, signal.SIGTERM)

    def kill_component(self, name: str) -> None:
        """End one program as a crash would (SIGKILL)."""
        self.control.stop(name, signal.SIGKILL)

    def freeze_component(self, name: str, frozen: bool = True) -> None:
        """Stop one program in its tracks, or let it go on: connections stay open and nobody answers."""
        self.control.ask("signal", name=name, number=int(signal.SIGSTOP if frozen else signal.SIGCONT))

    def restart_component(self, name: str) -> None:
        """Start a program again that was ended."""
        self.control.ask("restart", name=name)

    def wait_for_api(self) -> None:
        """Wait until the API server is ready, for instance after a test has killed it."""
        with self.api() as api:
            self._wait("kube-apiserver", api.is_ready)

    # -- how it starts -------------------------------------------------------------------------------------------------

    def _start(self, *, controllers: bool) -> None:
        steps: list[tuple[str, Callable[[], None]]] = [
            ("certificates and configuration", self._configure),
            ("etcd and kube-apiserver", self._start_api),
        ]
        if self.site.place:
            steps += [
                ("controllers, containerd, kubelet, kube-proxy, CoreDNS", self._start_node),
                ("node ready, DNS answers", self._wait_for_node),
            ]
        elif controllers:
            steps.append(("kube-controller-manager", self._start_controllers))
        self.progress.expect(len(steps))
        for text, action in steps:
            with self.progress.step(text):
                action()
        self.entry = inventory.write(replace(self.entry, finished=True))

    def _write_kubeconfig(self, user: str) -> Path:
        path = self.site.client_kubeconfig(user)
        path.touch(mode=0o600)
        path.write_text(kubeconfig(self.site.authority, user, self.site.server, f"plantwright-{self.name}"))
        return path

    def _configure(self) -> None:
        site = self.site
        site.authority.create()
        site.authority.issue("server", identities.server(site))
        for user, identity in identities.clients(site).items():
            site.authority.issue(user, identity)
            self._write_kubeconfig(user)
        for folder in (site.data("."), site.log("x").parent):
            folder.mkdir(parents=True, exist_ok=True)
        for name, render in configs.FILES.items() if site.place else ():
            site.file(name).parent.mkdir(parents=True, exist_ok=True)
            site.file(name).write_text(render(site))

    def _run(self, wanted: Iterable[Component]) -> None:
        for each in wanted:
            self.control.ask("start", name=each.name, argv=each.argv(self.site, _locate), env=each.env())

    def _start_api(self) -> None:
        supervisor = control.launch(self.site.folder, namespaces=self.site.place is not None)
        self.entry = inventory.write(replace(self.entry, supervisor=supervisor))
        if self.site.place:
            network.connect(self.site.place, supervisor.pid)
            cgroups.create(self.site.cgroup)
        self._run(components.DATABASE_AND_API)
        self.wait_for_api()

    def _start_controllers(self) -> None:
        self._run(components.CONTROLLERS)
        self._wait_for_controllers()

    def _wait_for_controllers(self) -> None:
        """Wait for the default service account: the first sign that controllers work, and pods cannot be made before it."""
        with self.api() as api:
            account = "/api/v1/namespaces/default/serviceaccounts/default"
            self._wait("kube-controller-manager", partial(_exists, api, account))

    def _start_node(self) -> None:
        """Start the rest at once: all of them wait for each other by themselves."""
        self._run((*components.CONTROLLERS, *components.NODE))
        with self.api() as api:
            for path, body in initial_objects(self.site):
                self._wait("kube-apiserver", partial(_accepted, api, path, body))
        self._wait("containerd", self._imports_pause)

    def _imports_pause(self) -> bool:
        try:
            load(self.site.containerd_socket, PAUSE_IMAGE)
        except ClusterError:
            return False
        return True

    def _wait_for_node(self) -> None:
        dns = self.site.network.dns_service
        with self.api() as api:
            self._wait("kubelet", partial(_is_node_ready, api, self.site.node_name))
        self._wait_for_controllers()
        self._wait("coredns", partial(answers, dns, "kubernetes.default.svc.cluster.local"))

    def _wait(self, program: str, is_done: Callable[[], bool]) -> None:
        """Wait for something a program has to do; if the program ends instead, show its last words."""
        deadline = time.monotonic() + _READY_SECONDS
        while not is_done():
            state = self.control.states().get(program, {"exit": None})
            if state["exit"] is not None:
                raise ClusterError(f"{program} ended with {state['exit']}:\n{tail(self.site.log(program))}")
            if time.monotonic() > deadline:
                raise ClusterError(
                    f"{program} is not ready after {_READY_SECONDS:.0f} s:\n{tail(self.site.log(program))}"
                )
            time.sleep(0.05)

    def _explain(self) -> None:
        self.progress.say(f"the logs of cluster {self.name} are in {self.site.folder / 'logs'}; `down` removes them")


# -- questions to the API server ---------------------------------------------------------------------------------------


def _accepted(api: Api, path: str, body: dict[str, Any]) -> bool:
    """Say whether the API server took an object; in its first second some of its own namespaces do not exist yet."""
    try:
        api.apply(path, body)
    except ApiError as error:
        if error.status in {404, 403, 409, 500, 503}:
            return False
        raise
    return True


def _exists(api: Api, path: str) -> bool:
    try:
        api.request("GET", path)
    except ApiError:
        return False
    return True


def _is_node_ready(api: Api, name: str) -> bool:
    try:
        node = api.request("GET", f"/api/v1/nodes/{name}")
    except ApiError:
        return False
    conditions = node.get("status", {}).get("conditions", [])
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


# -- before and after --------------------------------------------------------------------------------------------------


def _prepare(progress: Progress, *, control_plane_only: bool) -> None:
    """Get the programs; the whole cluster also needs root and a few settings of the machine."""
    if control_plane_only:
        _prepare_control_plane(progress)
        return
    if os.geteuid() != 0:
        raise ClusterError("a whole cluster needs root (namespaces, mounts); `up --control-plane-only` does not")
    packages.install((*packages.CLUSTER, *packages.IMAGES), progress)
    build_tools(progress, (KUBERNETES, COREDNS))
    pause_archive(progress)


def _prepare_control_plane(progress: Progress) -> None:
    assets = tools().assets
    if assets and (assets / "kube-apiserver").exists() and (assets / "etcd").exists():
        return
    packages.install([package for package in packages.CLUSTER if package.name in {"etcd-server", "openssl"}], progress)
    build_tools(progress, (KUBERNETES,))


def _reserve(name: str, audit_policy: Path | None, *, with_node: bool) -> inventory.Entry:
    """Take a slot or ports and write them down before anything is started, so that a crash leaves a trace to follow."""
    with locked(cache_root() / "clusters.lock"):
        slot = None
        ports = _free_ports(3)
        if with_node:
            taken = [entry.slot for entry in inventory.all_entries() if entry.slot is not None]
            slot = network.free_slot(taken, network.routed_networks())
            ports = (6443, 2379, 2380)
            host_settings.apply()
        entry = inventory.write(inventory.Entry(name, slot, (ports[0], ports[1], ports[2]), audit_policy is not None))
    if audit_policy is not None:
        copy = entry.site.file("audit-policy.yaml")
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(audit_policy, copy)
    return entry


def _end_supervisor(entry: inventory.Entry) -> None:
    """End the recorded supervisor; one that was started and not written down yet is found by its socket."""
    folder = inventory.cluster_folder(entry.name)
    recorded = entry.supervisor or control.find(folder, seconds=0.5)
    if recorded is None or not is_running(recorded):
        return
    with contextlib.suppress(ClusterError):
        control.Control(folder).ask("end")
    if not end(recorded, patience=10):
        raise ClusterError(f"process {recorded.pid} of cluster {entry.name} does not end")


def remove(name: str, progress: Progress) -> None:
    """Remove a cluster, whole or half started; nothing is left but the build cache."""
    entry = inventory.read(name)
    if entry is None:
        if inventory.cluster_folder(name).exists():
            inventory.forget(name)
        return
    progress.expect(1)
    with progress.step(f"remove cluster {name}"), locked(cache_root() / "clusters.lock"):
        _end_supervisor(entry)
        if entry.site.place:
            network.disconnect(entry.site.place)
            cgroups.remove(entry.site.cgroup)
        inventory.forget(name)
        if all(other.slot is None for other in inventory.all_entries()) and os.geteuid() == 0:
            host_settings.restore()
    _tidy()


def _tidy() -> None:
    """Remove our state folders when the last cluster is gone."""
    for folder in (clusters_root(), state_root()):
        with contextlib.suppress(OSError):
            folder.rmdir()


_NAMELESS = re.compile(r"fast-(\d+)-\d+")
"""How a control plane without a name of its own is called, after the process that started it."""


def remove_orphans(progress: Progress) -> list[str]:
    """Remove control planes without a name whose process is gone; returns what they were called."""
    found = ((entry.name, _NAMELESS.fullmatch(entry.name)) for entry in inventory.all_entries())
    orphans = [name for name, match in found if match and not Path("/proc", match[1]).exists()]
    for name in orphans:
        remove(name, progress)
    return orphans


@contextlib.contextmanager
def control_plane(
    name: str | None = None,
    progress: Progress | None = None,
    *,
    controllers: bool = False,
    audit_policy: Path | None = None,
) -> Iterator[Cluster]:
    """Run etcd and kube-apiserver for the time of a test; without a name it is one that nobody else has.

    What test runs that were killed have left running is removed first.
    """
    remove_orphans(progress or silent())
    cluster = Cluster.up(
        name or f"fast-{os.getpid()}-{next(_numbers)}",
        progress,
        control_plane_only=True,
        controllers=controllers,
        audit_policy=audit_policy,
    )
    try:
        yield cluster
    finally:
        cluster.down()
