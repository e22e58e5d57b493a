"""Where things are kept: what may be rebuilt in the cache folder, what belongs to one cluster in its state folder."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["cache_root", "clusters_root", "state_root"]


def _xdg(variable: str, default: str) -> Path:
    return Path(os.environ.get(variable) or Path.home() / default) / "plantwright"


def cache_root() -> Path:
    """Return the folder of everything that is only built once; `down` never touches it."""
    return _xdg("XDG_CACHE_HOME", ".cache")


def state_root() -> Path:
    """Return the folder of what belongs to running clusters."""
    return _xdg("XDG_STATE_HOME", ".local/state")


def clusters_root() -> Path:
    """Return the folder that holds one folder per cluster."""
    return state_root() / "clusters"
