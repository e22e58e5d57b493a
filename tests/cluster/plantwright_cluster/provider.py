"""Choose how clusters and images are made here: with kind and Docker where both work, else with our own node."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Sequence

__all__ = ["KIND", "LOCAL", "choose"]

KIND, LOCAL = "kind", "local"
_SECONDS = 10
_PROOFS: tuple[tuple[str, ...], ...] = (("docker", "info"), ("kind", "version"))


def _succeeds(argv: Sequence[str]) -> bool:
    if shutil.which(argv[0]) is None:
        return False
    try:
        return subprocess.run(argv, capture_output=True, timeout=_SECONDS, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def choose(succeeds: Callable[[Sequence[str]], bool] = _succeeds) -> str:
    """Return the provider; a Docker client without a daemon is common, so each program must really answer."""
    return KIND if all(succeeds(proof) for proof in _PROOFS) else LOCAL
