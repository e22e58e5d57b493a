"""The image of a pod's first process."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from plantwright_cluster.commands import run
from plantwright_cluster.images.building import archive, buildah_build
from plantwright_cluster.progress import Progress

__all__ = ["PAUSE_IMAGE", "pause_archive"]

PAUSE_IMAGE = "localhost/pause:1"
_SOURCE = Path(__file__).parent / "pause"


def pause_archive(progress: Progress) -> Path:
    """Return the pause image's archive, compiled and built the first time."""
    path = archive(PAUSE_IMAGE)
    if path.exists():
        return path
    with progress.step("pause image"), tempfile.TemporaryDirectory() as folder:
        context = Path(folder)
        run(["gcc", "-static", "-Os", "-s", "-o", context / "pause", _SOURCE / "pause.c"])
        shutil.copy(_SOURCE / "Dockerfile", context)
        return buildah_build(context / "Dockerfile", context, PAUSE_IMAGE, {}, with_machine=False)
