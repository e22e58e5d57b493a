"""Build images with buildah: in a store of our own, with the machine's network, without Docker or systemd.

The Dockerfiles stay those Docker builds. What only this machine needs to reach its package indexes (its certificate
authorities, pip's configuration) is mounted for the time of the build and never becomes part of an image.
"""

from __future__ import annotations

import configparser
import io
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from plantwright_cluster.commands import CommandError, environment, run
from plantwright_cluster.images.names import archive_name, normalised
from plantwright_cluster.locks import locked
from plantwright_cluster.paths import cache_root

__all__ = ["BASE_IMAGE", "archive", "buildah_build", "pip_configuration"]

BASE_IMAGE = "localhost/plantwright-base:bookworm"
_AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
_HANDED_ON = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


def archive(tag: str) -> Path:
    """Return where an image's archive is or will be."""
    return cache_root() / "images" / archive_name(tag)


def _store() -> list[str]:
    folder = cache_root() / "buildah"
    return ["--root", str(folder / "store"), "--runroot", str(folder / "run")]


def pip_configuration(listed: str, authorities: Path | None) -> str:
    """Return a pip.conf with the values of `pip config list` that say where packages come from.

    `listed` has lines like `global.index-url='…'`; folders of wheels on this machine mean nothing inside a build.
    """
    wanted = {"index-url", "extra-index-url", "trusted-host", "timeout", "proxy"}
    values = {}
    for line in listed.splitlines():
        key, _, value = line.partition("=")
        name = key.rpartition(".")[2]
        if name in wanted:
            values[name] = value.strip("'\"")
    if authorities:
        values["cert"] = str(authorities)
    config = configparser.RawConfigParser()
    config["global"] = values
    text = io.StringIO()
    config.write(text)
    return text.getvalue()


def _pip_volume() -> list[str]:
    """Return the mount of a pip.conf that holds what pip on this machine is configured with."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], text=True, capture_output=True, check=False, env=environment()
    ).stdout
    path = cache_root() / "images" / "pip.conf"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(pip_configuration(listed, _AUTHORITIES if _AUTHORITIES.exists() else None))
    return ["--volume", f"{path}:/etc/pip.conf:ro"]


def _machine_words() -> list[str]:
    """Return what lets RUN steps reach the package indexes the way this machine does."""
    words = _pip_volume()
    if _AUTHORITIES.exists():
        words += ["--volume", f"{_AUTHORITIES}:{_AUTHORITIES}:ro"]
    for name in _HANDED_ON:
        if os.environ.get(name):
            words += ["--build-arg", f"{name}={os.environ[name]}"]
    return words


def _build_words(dockerfile: Path, context: Path, tag: str, build_args: Mapping[str, str]) -> list[str]:
    arguments = [word for name, value in build_args.items() for word in ("--build-arg", f"{name}={value}")]
    common = ["--isolation", "chroot", "--network", "host", "--layers", "--pull-never", "--format", "oci"]
    return [*common, *arguments, "--file", str(dockerfile), "--tag", normalised(tag), str(context)]


def _export(tag: str) -> Path:
    """Write the archive; uncompressed, because packing and unpacking take longer than copying on one machine."""
    target = archive(tag)
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f"{target.name}.{os.getpid()}")
    run(
        [
            "buildah",
            *_store(),
            "push",
            "--disable-compression",
            normalised(tag),
            f"oci-archive:{unfinished}:{normalised(tag)}",
        ]
    )
    unfinished.rename(target)
    return target


def buildah_build(
    dockerfile: Path,
    context: Path,
    tag: str,
    build_args: Mapping[str, str],
    *,
    with_machine: bool = True,
    show: bool = False,
) -> Path:
    """Build one image and return its archive; `show` lets buildah's own lines through."""
    words = [*(_machine_words() if with_machine else ()), *_build_words(dockerfile, context, tag, build_args)]
    with locked(cache_root() / "buildah.lock"):
        _run_shown(["buildah", *_store(), "build", *words], show=show)
        return _export(tag)


def _run_shown(words: Sequence[str], *, show: bool) -> None:
    if not show:
        run(words)
        return
    if subprocess.run(words, env=environment(), stdout=sys.stderr, check=False).returncode != 0:
        raise CommandError("buildah build failed; its words are above")


def forget_store(names: Iterable[str]) -> None:
    """Remove images from buildah's store."""
    for name in names:
        run(["buildah", *_store(), "rmi", "--force", normalised(name)])
