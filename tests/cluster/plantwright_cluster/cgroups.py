"""The control groups a cluster's pods live in: one group per cluster, removed when the cluster is gone."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Hierarchy", "create", "hierarchies", "remove"]

_MOUNTS = Path("/proc/self/mountinfo")
_INHERITED = ("cpuset.cpus", "cpuset.mems")
"""A new group of version 1 has no processors at all until somebody copies them from its parent."""
_WEIGHTS = {"cpu.shares": "32768", "cpu.weight": "3200"}
"""A new group weighs as much as one process beside it; on a node of their own all pods together weigh most."""
_SECONDS_TO_EMPTY = 10.0


@dataclass(frozen=True)
class Hierarchy:
    """One mounted tree of control groups; version 1 has one per controller, version 2 one for all."""

    folder: Path
    version: int


def hierarchies(mountinfo: str) -> list[Hierarchy]:
    """Return the trees in the text of /proc/self/mountinfo."""
    versions = {"cgroup": 1, "cgroup2": 2}
    found = []
    for line in mountinfo.splitlines():
        left, _, right = line.partition(" - ")
        kind = right.split()[0] if right else ""
        if kind in versions:
            found.append(Hierarchy(Path(left.split()[4]), versions[kind]))
    return found


def _all() -> list[Hierarchy]:
    return hierarchies(_MOUNTS.read_text())


def _hand_down(parent: Path) -> None:
    """Let children of a version 2 group use its controllers."""
    names = (parent / "cgroup.controllers").read_text().split()
    if names:
        (parent / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in names))


def _inherit(folder: Path) -> None:
    for name in _INHERITED:
        if (folder / name).exists() and not (folder / name).read_text().strip():
            (folder / name).write_text((folder.parent / name).read_text())


def _weigh(folder: Path) -> None:
    for name, weight in _WEIGHTS.items():
        if (folder / name).exists():
            (folder / name).write_text(weight)


def create(name: str) -> None:
    """Make the group in every tree."""
    for hierarchy in _all():
        folder = hierarchy.folder / name.strip("/")
        folder.mkdir(exist_ok=True)
        if hierarchy.version == 2:
            _hand_down(hierarchy.folder)
            _hand_down(folder)
        _inherit(folder)
        _weigh(folder)


def _below(folder: Path) -> Iterable[Path]:
    """Yield a group and all below it, the deepest first, which is the only order they can be removed in."""
    for place, _, _ in os.walk(folder, topdown=False):
        yield Path(place)


def _remove_one(folder: Path, deadline: float) -> None:
    """Remove an empty group; the kernel still calls it busy for a moment after its last process."""
    while True:
        try:
            folder.rmdir()
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno != errno.EBUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


def remove(name: str) -> None:
    """Remove the group from every tree."""
    deadline = time.monotonic() + _SECONDS_TO_EMPTY
    for hierarchy in _all():
        for folder in _below(hierarchy.folder / name.strip("/")):
            _remove_one(folder, deadline)
