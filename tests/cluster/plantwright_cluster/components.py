"""The programs of a cluster as a table: name, and the arguments it is started with. Pure: nothing is started here."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from plantwright_cluster.site import Site

__all__ = ["CONTROLLERS", "DATABASE_AND_API", "NODE", "Component", "component"]

Locate = Callable[[str], str]
"""From a program's name to its path."""


@dataclass(frozen=True)
class Component:
    """One program of a cluster."""

    name: str
    argv: Callable[[Site, Locate], list[str]]
    env: Callable[[], dict[str, str]] = dict


def etcd(site: Site, locate: Locate) -> list[str]:
    """Return etcd's arguments; without fsync, as nothing in a test cluster has to survive a power cut."""
    peer = f"http://127.0.0.1:{site.etcd_peer_port}"
    return [
        locate("etcd"),
        "--name=default",
        f"--data-dir={site.data('etcd')}",
        f"--listen-client-urls={site.etcd_url}",
        f"--advertise-client-urls={site.etcd_url}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--unsafe-no-fsync",
        "--logger=zap",
        "--log-level=warn",
    ]


def _audit(site: Site) -> list[str]:
    if site.audit_policy is None:
        return []
    return [f"--audit-policy-file={site.audit_policy}", f"--audit-log-path={site.audit_log}"]


def _api_address(site: Site) -> list[str]:
    """Return where kube-apiserver listens: beside a node on all addresses, else on the loopback address only."""
    if site.place is None:
        return [
            "--bind-address=127.0.0.1",
            "--endpoint-reconciler-type=none",
            "--service-cluster-ip-range=10.96.0.0/16",
        ]
    authority = site.authority
    return [
        "--bind-address=0.0.0.0",
        f"--advertise-address={site.place.node}",
        f"--service-cluster-ip-range={site.place.services}",
        "--kubelet-preferred-address-types=InternalIP",
        f"--kubelet-client-certificate={authority.certificate('kubelet-client')}",
        f"--kubelet-client-key={authority.key('kubelet-client')}",
    ]


def kube_apiserver(site: Site, locate: Locate) -> list[str]:
    """Return kube-apiserver's arguments."""
    authority = site.authority
    return [
        locate("kube-apiserver"),
        f"--etcd-servers={site.etcd_url}",
        f"--secure-port={site.api_port}",
        f"--tls-cert-file={authority.certificate('server')}",
        f"--tls-private-key-file={authority.key('server')}",
        f"--client-ca-file={authority.ca}",
        f"--service-account-key-file={authority.service_accounts}",
        f"--service-account-signing-key-file={authority.key('service-accounts')}",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged=true",
        "--profiling=false",
        *_api_address(site),
        *_audit(site),
    ]


def kube_controller_manager(site: Site, locate: Locate) -> list[str]:
    """Return the controller manager's arguments; the request rate is raised so that bursts measure us, not its limit."""
    authority, config = site.authority, site.client_kubeconfig("controller-manager")
    return [
        locate("kube-controller-manager"),
        f"--kubeconfig={config}",
        f"--authentication-kubeconfig={config}",
        f"--authorization-kubeconfig={config}",
        f"--service-account-private-key-file={authority.key('service-accounts')}",
        f"--root-ca-file={authority.ca}",
        f"--cluster-signing-cert-file={authority.ca}",
        f"--cluster-signing-key-file={authority.key('ca')}",
        f"--cert-dir={site.data('controller-manager')}",
        "--use-service-account-credentials=true",
        "--leader-elect=false",
        "--kube-api-qps=200",
        "--kube-api-burst=400",
        "--profiling=false",
        "--secure-port=0" if site.place is None else "--bind-address=127.0.0.1",
    ]


def kube_scheduler(site: Site, locate: Locate) -> list[str]:
    """Return the scheduler's arguments."""
    config = site.client_kubeconfig("scheduler")
    return [
        locate("kube-scheduler"),
        f"--kubeconfig={config}",
        f"--authentication-kubeconfig={config}",
        f"--authorization-kubeconfig={config}",
        f"--cert-dir={site.data('scheduler')}",
        "--bind-address=127.0.0.1",
        "--leader-elect=false",
        "--profiling=false",
    ]


def containerd(site: Site, locate: Locate) -> list[str]:
    """Return containerd's arguments."""
    return [locate("containerd"), "--config", str(site.file("containerd.toml")), "--log-level", "warn"]


def kubelet(site: Site, locate: Locate) -> list[str]:
    """Return the kubelet's arguments; what may stand in its file stands there."""
    return [
        locate("kubelet"),
        f"--config={site.file('kubelet.yaml')}",
        f"--kubeconfig={site.client_kubeconfig('kubelet')}",
        f"--hostname-override={site.node_name}",
        f"--node-ip={site.network.node}",
        f"--root-dir={site.data('kubelet')}",
        f"--cert-dir={site.data('kubelet-pki')}",
    ]


def kube_proxy(site: Site, locate: Locate) -> list[str]:
    """Return kube-proxy's arguments."""
    return [locate("kube-proxy"), f"--config={site.file('kube-proxy.yaml')}"]


def coredns(site: Site, locate: Locate) -> list[str]:
    """Return CoreDNS's arguments."""
    return [locate("coredns"), "-conf", str(site.file("Corefile"))]


def storage(site: Site, _: Locate) -> list[str]:
    """Return the arguments of our own volume provisioner."""
    return [
        sys.executable,
        "-m",
        "plantwright_cluster.storage",
        f"--server={site.server}",
        f"--certificates={site.authority.folder}",
        "--user=storage",
        f"--folder={site.data('volumes')}",
        f"--node={site.node_name}",
    ]


def _our_path() -> dict[str, str]:
    return {"PYTHONPATH": str(Path(__file__).parent.parent), "PYTHONUNBUFFERED": "1"}


DATABASE_AND_API = (Component("etcd", etcd), Component("kube-apiserver", kube_apiserver))
CONTROLLERS = (Component("kube-controller-manager", kube_controller_manager),)
NODE = (
    Component("containerd", containerd),
    Component("kube-scheduler", kube_scheduler),
    Component("kubelet", kubelet),
    Component("kube-proxy", kube_proxy),
    Component("coredns", coredns),
    Component("storage", storage, _our_path),
)


def component(name: str) -> Component:
    """Return a component by name."""
    return next(entry for entry in (*DATABASE_AND_API, *CONTROLLERS, *NODE) if entry.name == name)
