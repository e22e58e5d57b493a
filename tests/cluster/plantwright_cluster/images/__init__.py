"""Images without a registry: a Debian base of our own, the same Dockerfiles as with Docker, import into the node."""

from __future__ import annotations

from plantwright_cluster.images.base import base_archive
from plantwright_cluster.images.building import BASE_IMAGE, archive, buildah_build
from plantwright_cluster.images.loading import load
from plantwright_cluster.images.names import normalised
from plantwright_cluster.images.pause import PAUSE_IMAGE, pause_archive

__all__ = [
    "BASE_IMAGE",
    "PAUSE_IMAGE",
    "archive",
    "base_archive",
    "buildah_build",
    "load",
    "normalised",
    "pause_archive",
]
