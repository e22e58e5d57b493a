"""The facts about one cluster that everything else is derived from: name, folder, addresses, ports. No I/O here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from plantwright_cluster.certificates import Authority
from plantwright_cluster.network import Addresses

__all__ = ["Site"]


@dataclass(frozen=True)
class Site:
    """One cluster's place on this machine."""

    name: str
    folder: Path
    api_port: int = 6443
    etcd_port: int = 2379
    etcd_peer_port: int = 2380
    place: Addresses | None = None
    """The node's network; None for the fast tier, which has no node and listens on the loopback address only."""
    audit_policy: Path | None = None

    @property
    def network(self) -> Addresses:
        """Return the node's network, for what only a cluster with a node has."""
        if self.place is None:
            raise ValueError(f"cluster {self.name} has no node")
        return self.place

    @property
    def authority(self) -> Authority:
        """Return the cluster's certificates."""
        return Authority(self.folder / "certificates")

    @property
    def node_name(self) -> str:
        """Return the name of the cluster's only node."""
        return f"{self.name}-node"

    @property
    def api_host(self) -> str:
        """Return the address clients on this machine use."""
        return self.place.node if self.place else "127.0.0.1"

    @property
    def server(self) -> str:
        """Return the URL of kube-apiserver."""
        return f"https://{self.api_host}:{self.api_port}"

    @property
    def etcd_url(self) -> str:
        """Return etcd's URL; it only listens where the cluster's own programs are."""
        return f"http://127.0.0.1:{self.etcd_port}"

    @property
    def kubeconfig(self) -> Path:
        """Return the administrator's kubeconfig."""
        return self.client_kubeconfig("admin")

    @property
    def audit_log(self) -> Path:
        """Return the audit log, one JSON object a line; written only where a policy was given."""
        return self.folder / "logs" / "audit.log"

    @property
    def containerd_socket(self) -> Path:
        """Return containerd's socket, reachable from this machine too."""
        return self.folder / "containerd.sock"

    @property
    def cgroup(self) -> str:
        """Return the control group all pods of this cluster are under: two kubelets in one would remove each other's."""
        return f"/plantwright-{self.name}"

    def client_kubeconfig(self, user: str) -> Path:
        """Return where a client's kubeconfig is."""
        return self.folder / f"{'kubeconfig' if user == 'admin' else user + '.kubeconfig'}"

    def file(self, name: str) -> Path:
        """Return the path of a configuration file."""
        return self.folder / "config" / name

    def data(self, name: str) -> Path:
        """Return the folder of one program's data."""
        return self.folder / "data" / name

    def log(self, program: str) -> Path:
        """Return the log of one program."""
        return self.folder / "logs" / f"{program}.log"
