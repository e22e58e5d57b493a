"""What is written down about each cluster, so that any later run can find it, use it and remove it."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from plantwright_cluster.commands import ClusterError
from plantwright_cluster.network import addresses
from plantwright_cluster.paths import clusters_root
from plantwright_cluster.processes import Recorded
from plantwright_cluster.site import Site

__all__ = ["Entry", "all_entries", "checked_name", "cluster_folder", "forget", "read", "write"]

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?")
_FILE = "cluster.json"


@dataclass(frozen=True)
class Entry:
    """One cluster's record."""

    name: str
    slot: int | None
    """The network slot; None for the fast tier."""
    ports: tuple[int, int, int]
    """kube-apiserver, etcd for clients, etcd for its peers."""
    audited: bool = False
    supervisor: Recorded | None = None
    finished: bool = False
    """Whether `up` came to its end; what is not finished was left behind by a crash."""

    @property
    def site(self) -> Site:
        """Return the cluster's place."""
        folder = cluster_folder(self.name)
        site = Site(self.name, folder, *self.ports, addresses(self.slot) if self.slot is not None else None)
        return replace(site, audit_policy=site.file("audit-policy.yaml")) if self.audited else site


def checked_name(name: str) -> str:
    """Return the name if it can be a folder, a control group and a part of a node's name; it must be short, too."""
    if not _NAME.fullmatch(name):
        raise ClusterError(f"a cluster's name is 1 to 20 small letters, digits and dashes, not {name!r}")
    return name


def cluster_folder(name: str) -> Path:
    """Return the folder of everything that belongs to a cluster."""
    return clusters_root() / checked_name(name)


def write(entry: Entry) -> Entry:
    """Write a record down, in one piece: a crash must not leave half a record."""
    path = cluster_folder(entry.name) / _FILE
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    half = path.with_suffix(".half")
    half.write_text(json.dumps(asdict(entry), indent=2))
    half.rename(path)
    return entry


def parsed(text: str) -> Entry:
    """Return the record in a file's text."""
    content = json.loads(text)
    supervisor = content.pop("supervisor")
    ports = content.pop("ports")
    return Entry(**content, ports=tuple(ports), supervisor=Recorded(**supervisor) if supervisor else None)


def read(name: str) -> Entry | None:
    """Return a cluster's record, None where there is none."""
    path = cluster_folder(name) / _FILE
    return parsed(path.read_text()) if path.exists() else None


def all_entries() -> list[Entry]:
    """Return the records of all clusters of this user."""
    return [parsed(path.read_text()) for path in sorted(clusters_root().glob(f"*/{_FILE}"))]


def forget(name: str) -> None:
    """Remove a cluster's folder with everything in it."""
    shutil.rmtree(cluster_folder(name), ignore_errors=False)
