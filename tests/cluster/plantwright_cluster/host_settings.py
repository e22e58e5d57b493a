"""The few settings of the machine itself that a node needs changed, and their way back.

What they were is written down before the first cluster starts and restored when the last one ends. Everything else a
node changes (routes, firewall, mounts) is in namespaces of its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from plantwright_cluster.paths import state_root

__all__ = ["AT_LEAST", "CHANGED_BY_KUBELET", "apply", "raised", "restore"]

_PROC = Path("/proc/sys")

AT_LEAST: Mapping[str, int] = {
    "fs/inotify/max_user_instances": 8192,
    "fs/inotify/max_user_watches": 524288,
    "net/netfilter/nf_conntrack_max": 131072,
    "kernel/pid_max": 131072,
}
"""A hundred pods and their containers' shims need more than the usual 128 inotify instances."""

CHANGED_BY_KUBELET = (
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
)
"""The kubelet sets these by itself; we only see to it that they return to what they were."""

_CNI_CACHE = Path("/var/lib/cni")
"""libcni writes here whatever it is told. A cluster covers it with a mount of its own, for which it must exist."""


def _memo() -> Path:
    return state_root() / "host-settings.json"


def raised(current: Mapping[str, str], minima: Mapping[str, int] = AT_LEAST) -> dict[str, str]:
    """Return what to write: each setting that is below its minimum."""
    return {name: str(least) for name, least in minima.items() if name in current and int(current[name]) < least}


def _read() -> dict[str, str]:
    names = (*AT_LEAST, *CHANGED_BY_KUBELET)
    return {name: (_PROC / name).read_text().strip() for name in names if (_PROC / name).exists()}


def apply() -> None:
    """Raise what is too low, and write down what was, unless an earlier cluster has done so."""
    current = _read()
    if not _memo().exists():
        _memo().parent.mkdir(parents=True, exist_ok=True)
        _memo().write_text(json.dumps({"settings": current, "made_cni_cache": not _CNI_CACHE.exists()}, indent=2))
    _CNI_CACHE.mkdir(parents=True, exist_ok=True)
    for name, value in raised(current).items():
        (_PROC / name).write_text(value)


def restore() -> None:
    """Put everything back; called when the last cluster is gone."""
    if not _memo().exists():
        return
    memo = json.loads(_memo().read_text())
    current = _read()
    for name, value in memo["settings"].items():
        if current.get(name) not in (None, value):
            (_PROC / name).write_text(value)
    if memo["made_cni_cache"] and _CNI_CACHE.is_dir() and not any(_CNI_CACHE.iterdir()):
        _CNI_CACHE.rmdir()
    _memo().unlink()
