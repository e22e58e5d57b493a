"""Who talks to the API server, and under which name. A table: one line per program."""

from __future__ import annotations

from plantwright_cluster.certificates import Identity
from plantwright_cluster.site import Site

__all__ = ["ADMIN", "clients", "server"]

ADMIN = Identity("plantwright-admin", ("system:masters",))


def server(site: Site) -> Identity:
    """Return kube-apiserver's own identity: every name and address a client may know it by."""
    names = (
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
        "localhost",
    )
    inside = (site.place.node, site.place.api_service) if site.place else ()
    return Identity("kube-apiserver", names=names, ips=("127.0.0.1", *inside))


def clients(site: Site) -> dict[str, Identity]:
    """Return the identity of each client; programs of ours that only serve tests speak as administrators of their own name."""
    controllers = {
        "admin": ADMIN,
        "controller-manager": Identity("system:kube-controller-manager"),
    }
    node = {
        "scheduler": Identity("system:kube-scheduler"),
        "kubelet": Identity(f"system:node:{site.node_name}", ("system:nodes",)),
        "kubelet-client": Identity("kube-apiserver-kubelet-client", ("system:masters",)),
        "kube-proxy": Identity("system:kube-proxy", ("system:node-proxier",)),
        "coredns": Identity("plantwright-coredns", ("system:masters",)),
        "storage": Identity("plantwright-storage", ("system:masters",)),
    }
    return controllers | (node if site.place else {})
