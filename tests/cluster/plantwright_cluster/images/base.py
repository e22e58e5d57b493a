"""The Debian base image, in place of `python:3.11-slim-bookworm` where no registry can be reached.

It has what Dockerfiles written for that image expect: `python` and `python3` 3.11 with the whole standard library, pip
that installs for everybody, certificate authorities, time zones.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from plantwright_cluster import packages
from plantwright_cluster.commands import run
from plantwright_cluster.images.building import BASE_IMAGE, archive, buildah_build
from plantwright_cluster.progress import Progress

__all__ = ["base_archive"]

_SOURCE = Path(__file__).parent / "base"
_PACKAGES = ("python3", "python3-venv", "python3-pip", "ca-certificates", "tzdata", "netbase")
_LEFT_OUT = ("/usr/share/man/*", "/usr/share/locale/*", "/usr/share/doc/*")
_LIKE_THE_PYTHON_IMAGE = 'rm -f "$1"/usr/lib/python3*/EXTERNALLY-MANAGED; ln -s python3 "$1/usr/bin/python"'
"""Debian's pip refuses to install outside a venv and Debian has no `python`; the official image does both."""


def _bootstrap(target: Path) -> None:
    left_out = [f"--dpkgopt=path-exclude={pattern}" for pattern in _LEFT_OUT]
    words = ["--variant=minbase", f"--include={','.join(_PACKAGES)}", f"--customize-hook={_LIKE_THE_PYTHON_IMAGE}"]
    run(["mmdebstrap", *words, *left_out, "bookworm", target])


def base_archive(progress: Progress) -> Path:
    """Return the base image's archive, made the first time; later builds find the image in buildah's store."""
    path = archive(BASE_IMAGE)
    if path.exists():
        return path
    packages.install(packages.IMAGES, progress)
    progress.expect(2)
    with tempfile.TemporaryDirectory() as folder:
        context = Path(folder)
        with progress.step("Debian base by mmdebstrap"):
            _bootstrap(context / "base.tar")
        shutil.copy(_SOURCE / "Dockerfile", context)
        with progress.step(f"image {BASE_IMAGE}"):
            return buildah_build(context / "Dockerfile", context, BASE_IMAGE, {}, with_machine=False)
