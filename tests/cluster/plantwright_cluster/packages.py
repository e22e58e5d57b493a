"""Debian packages: install what is missing, start no service.

A program is looked for by name and not by package, so that a machine with Docker's containerd is left as it is.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from plantwright_cluster.commands import ClusterError, environment, run
from plantwright_cluster.progress import Progress

__all__ = ["CHECKS", "CLUSTER", "IMAGES", "Package", "install", "missing"]


@dataclass(frozen=True)
class Package:
    """A Debian package, why we want it, and the files of which one shows that it is there (names are looked up on PATH)."""

    name: str
    why: str
    proofs: tuple[str, ...]


CLUSTER = (
    Package("etcd-server", "the cluster's database", ("etcd",)),
    Package("containerd", "runs the containers", ("containerd",)),
    Package("runc", "starts one container", ("runc",)),
    Package("containernetworking-plugins", "connects pods", ("/usr/lib/cni/ptp", "/opt/cni/bin/ptp")),
    Package("iptables", "kube-proxy's rules", ("iptables",)),
    Package("iproute2", "the cluster's link to this machine", ("ip",)),
    Package("openssl", "the cluster's certificates", ("openssl",)),
    Package("util-linux", "namespaces", ("unshare",)),
)
IMAGES = (
    Package("buildah", "builds images without Docker", ("buildah",)),
    Package("mmdebstrap", "makes the Debian base image", ("mmdebstrap",)),
    Package("gcc", "compiles the pause program", ("gcc",)),
    Package("libc6-dev", "compiles the pause program", ("/usr/include/stdlib.h",)),
    Package("ca-certificates", "lets image builds download", ("/etc/ssl/certs/ca-certificates.crt",)),
)
CHECKS = (
    Package("prometheus", "promtool, which checks alert rules", ("promtool",)),
    Package("postgresql", "the reference MES's database, in its tests", ("/usr/lib/postgresql/15/bin/initdb",)),
    Package("mosquitto", "the broker, in the tests of the MQTT sink", ("mosquitto",)),
    Package("libmodbus-dev", "a Modbus server that is not ours", ("/usr/include/modbus/modbus.h",)),
    Package("pkg-config", "finds libmodbus", ("pkg-config",)),
)

_POLICY = Path("/usr/sbin/policy-rc.d")
_FORBID_SERVICES = "#!/bin/sh\n# Written by plantwright_cluster for the time of one installation.\nexit 101\n"


def _is_there(proof: str) -> bool:
    if proof.startswith("/"):
        return Path(proof).exists()
    return shutil.which(proof, path=environment()["PATH"]) is not None


def missing(wanted: Iterable[Package], is_there: Callable[[str], bool] = _is_there) -> list[Package]:
    """Return the packages of which no proof is on this machine."""
    return [package for package in wanted if not any(is_there(proof) for proof in package.proofs)]


@contextmanager
def _no_services() -> Iterator[None]:
    """Forbid packages to start their services (Debian's policy-rc.d), unless the machine's owner has a rule already."""
    ours = not _POLICY.exists()
    if ours:
        _POLICY.write_text(_FORBID_SERVICES)
        _POLICY.chmod(0o755)
    try:
        yield
    finally:
        if ours:
            _POLICY.unlink(missing_ok=True)


def _has_lists() -> bool:
    """Say whether `apt-get update` was ever run here: fresh containers have no lists at all."""
    return any(Path("/var/lib/apt/lists").glob("*Packages*"))


def _apt(*words: str) -> None:
    run(["apt-get", "-q", *words], env={"DEBIAN_FRONTEND": "noninteractive"})


def _install_one(package: Package) -> None:
    """Install one package; lists that are too old name files the mirror no longer has, so update once and try again."""
    try:
        _apt("install", "-y", "--no-install-recommends", package.name)
    except ClusterError:
        _apt("update")
        _apt("install", "-y", "--no-install-recommends", package.name)


def install(wanted: Iterable[Package], progress: Progress) -> None:
    """Install what is missing, one line each."""
    needed = missing(wanted)
    if not needed:
        return
    names = " ".join(package.name for package in needed)
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise ClusterError(f"these Debian packages are missing and only root can install them: {names}")
    progress.say(f"Debian packages to install: {names}")
    with _no_services():
        if not _has_lists():
            with progress.step("apt-get update"):
                _apt("update")
        for package in needed:
            with progress.step(f"apt-get install {package.name} ({package.why})"):
                _install_one(package)
