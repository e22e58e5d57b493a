"""The images of the demo: which Dockerfile makes which, and the wheels they are made from."""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

from plantwright_cluster import BASE_IMAGE, base_archive, buildah_build, kind, provider, silent
from plantwright_cluster.images import archive

ROOT = Path(__file__).parents[3]
WHEELS = ROOT / "dist" / "wheels"
REQUIREMENTS = ("gateway", "operator", "examples")
TARGET = (
    "--only-binary=:all:",
    "--python-version=3.11",
    "--implementation=cp",
    "--abi=cp311",
    "--abi=abi3",
    "--abi=none",
)
"""The images run Python 3.11 whatever this machine runs."""
PLATFORMS = ("manylinux2014", "manylinux_2_17", "manylinux_2_28")


class Image(NamedTuple):
    """One image: its short name, its Dockerfile and what it is made from, as paths from the project's root."""

    name: str
    dockerfile: str
    sources: tuple[str, ...] = ()
    versioned: bool = False
    """True: the tag changes with the sources, so that an upgrade of the chart rolls it out."""

    @property
    def tag(self) -> str:
        """The name under which manifests know it."""
        version = f"dev-{self.fingerprint()}" if self.versioned else "dev"
        return f"localhost/plantwright-{self.name}:{version}"

    def fingerprint(self) -> str:
        """A hash over everything it is made from, as it was when this run first asked."""
        return _fingerprint_once((self.dockerfile, *self.sources))


@cache
def _fingerprint_once(paths: tuple[str, ...]) -> str:
    return fingerprint([ROOT / path for path in paths])


API = ("crds/plantwright_api", "pyproject.toml")
PRODUCT = (
    Image("operator", "operator/Dockerfile", (*API, "operator", "board", "requirements/operator.txt"), True),
    Image("gateway", "gateway-image/Dockerfile", (*API, "gateway-image", "requirements/gateway.txt"), True),
)
SERVICES = (
    Image("mes", "examples/mes/Dockerfile", (*API, "examples/mes", "requirements/examples.txt")),
    Image("postgres", "examples/mes/postgres.Dockerfile", ("examples/mes/postgres-start",)),
    Image("mosquitto", "examples/mes/mosquitto.Dockerfile"),
    Image("shopfloor", "examples/shopfloor/Dockerfile", (*API, "examples/shopfloor", "requirements/examples.txt")),
    Image("prometheus", "examples/07-prometheus/Dockerfile"),
)
FOREIGN = (
    Image("foreign-node-opcua", "examples/foreign/node-opcua/Dockerfile", ("examples/foreign/node-opcua",)),
    Image("foreign-libmodbus", "examples/foreign/libmodbus/Dockerfile", ("examples/foreign/libmodbus",)),
)
"""Servers that share no protocol code with ours; the end-to-end tests read them."""


def fingerprint(paths: list[Path]) -> str:
    """A hash over files, and over all files of folders, by content."""
    digest = hashlib.sha256()
    for path in paths:
        files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
        for file in files:
            if "__pycache__" not in file.parts and "node_modules" not in file.parts:
                digest.update(str(file.relative_to(ROOT)).encode())
                digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _platforms() -> list[str]:
    machine = subprocess.run(["uname", "-m"], capture_output=True, text=True, check=True).stdout.strip()
    return [f"--platform={platform}_{machine}" for platform in PLATFORMS]


def download_wheels(note: Callable[[str], None]) -> None:
    """Fetch the locked wheels, and build our own, into dist/wheels; nothing to do when the locks are unchanged."""
    stamp = WHEELS / ".stamp"
    wanted = fingerprint([ROOT / "requirements"])
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    if not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(WHEELS, ignore_errors=True)
        WHEELS.mkdir(parents=True)
        for name in REQUIREMENTS:
            note(f"downloading the wheels of requirements/{name}.txt")
            words = ["download", "--require-hashes", *TARGET, *_platforms(), "-d", str(WHEELS)]
            subprocess.run([*pip, *words, "-r", str(ROOT / "requirements" / f"{name}.txt")], check=True)
        stamp.write_text(wanted)
    for old in WHEELS.glob("plantwright-*.whl"):
        old.unlink()
    words = ["wheel", "--no-deps", "--no-build-isolation", "-w", str(WHEELS), str(ROOT)]
    subprocess.run([*pip, *words], check=True)


def build(image: Image, note: Callable[[str], None]) -> None:
    """Build one image; buildah and Docker reuse the layers that did not change."""
    note(f"building {image.tag} from {image.dockerfile}")
    dockerfile = ROOT / image.dockerfile
    if provider.choose() == provider.KIND:
        kind.build(dockerfile, ROOT, image.tag, {})
    else:
        buildah_build(dockerfile, ROOT, image.tag, {"BASE_IMAGE": BASE_IMAGE})


def build_all(images: tuple[Image, ...], note: Callable[[str], None]) -> None:
    """Build what is missing or was made from other sources than these; the stamps lie in dist/images."""
    download_wheels(note)
    if provider.choose() != provider.KIND:
        note(f"base image {BASE_IMAGE}")
        base_archive(silent())
    stamps = ROOT / "dist" / "images"
    stamps.mkdir(parents=True, exist_ok=True)
    for image in images:
        wanted = image.fingerprint()
        stamp = stamps / image.name
        fresh = stamp.exists() and stamp.read_text() == wanted
        if not fresh or (provider.choose() != provider.KIND and not archive(image.tag).exists()):
            build(image, note)
            stamp.write_text(wanted)
