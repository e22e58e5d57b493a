"""The other provider: kind on Docker. Thin, as kind does all of it itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from plantwright_cluster.commands import run
from plantwright_cluster.inventory import checked_name
from plantwright_cluster.paths import state_root

__all__ = ["build", "create", "delete", "kubeconfig", "load", "names"]


def _called(name: str) -> str:
    return f"plantwright-{checked_name(name)}"


def kubeconfig(name: str) -> Path:
    """Return where the kubeconfig of a kind cluster is; never the user's own file."""
    return state_root() / "kind" / f"{checked_name(name)}.kubeconfig"


def names() -> list[str]:
    """Return our kind clusters."""
    prefix = "plantwright-"
    return [
        line.removeprefix(prefix) for line in run(["kind", "get", "clusters"]).splitlines() if line.startswith(prefix)
    ]


def create(name: str) -> Path:
    """Create a cluster unless it is there, and return its kubeconfig."""
    path = kubeconfig(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    if name in names():
        run(["kind", "export", "kubeconfig", "--name", _called(name), "--kubeconfig", path])
    else:
        run(["kind", "create", "cluster", "--name", _called(name), "--kubeconfig", path, "--wait", "120s"])
    return path


def delete(name: str) -> None:
    """Delete a cluster."""
    run(["kind", "delete", "cluster", "--name", _called(name), "--kubeconfig", kubeconfig(name)])
    kubeconfig(name).unlink(missing_ok=True)


def load(name: str, tags: Sequence[str]) -> None:
    """Import images from Docker's store."""
    run(["kind", "load", "docker-image", "--name", _called(name), *tags])


def build(dockerfile: Path, context: Path, tag: str, build_args: Mapping[str, str]) -> None:
    """Build an image into Docker's store."""
    arguments = [word for key, value in build_args.items() for word in ("--build-arg", f"{key}={value}")]
    run(["docker", "build", "--file", dockerfile, "--tag", tag, *arguments, context])
