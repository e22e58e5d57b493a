"""A real single-node Kubernetes on this machine, with or without Docker; see ../README.md."""

from plantwright_cluster.cluster import Cluster, control_plane
from plantwright_cluster.commands import ClusterError, CommandError
from plantwright_cluster.images import BASE_IMAGE, base_archive, buildah_build
from plantwright_cluster.progress import Progress, silent
from plantwright_cluster.tools import Tools, build_tools, tools

__all__ = [
    "BASE_IMAGE",
    "Cluster",
    "ClusterError",
    "CommandError",
    "Progress",
    "Tools",
    "base_archive",
    "build_tools",
    "buildah_build",
    "control_plane",
    "silent",
    "tools",
]
