"""Import an image's archive into a node's containerd."""

from __future__ import annotations

from pathlib import Path

from plantwright_cluster.commands import ClusterError, run
from plantwright_cluster.images.building import archive

__all__ = ["load"]


def load(containerd_socket: Path, tag: str) -> None:
    """Import one image; layers the node has already are not written again."""
    path = archive(tag)
    if not path.exists():
        raise ClusterError(f"there is no image {tag} in the cache; build it with image-build")
    run(["ctr", "--address", containerd_socket, "--namespace", "k8s.io", "images", "import", path])
