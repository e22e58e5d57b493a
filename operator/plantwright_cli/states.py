"""Where a state of the tree comes from: files, a commit, or a cluster."""

import io
import subprocess
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

from plantwright_cli import manifests
from plantwright_cli.errors import UserError
from plantwright_cli.tree import Tree

KINDS = "plants,machineprofiles,machines,datacontracts,governancepolicies"


def of_files(paths: Sequence[str], known: manifests.Known | None = None) -> Tree:
    """The objects in these files and folders."""
    return Tree(tuple(manifest.obj for manifest in manifests.read(paths, known)))


def of_commit(revision: str, paths: Sequence[str], known: manifests.Known | None = None) -> Tree:
    """The objects in these folders as a commit of their repository has them.

    Raises:
        UserError: what git said.
    """
    with tempfile.TemporaryDirectory() as folder:
        for number, path in enumerate(paths):
            with tarfile.open(fileobj=io.BytesIO(_archive(revision, Path(path)))) as archive:
                archive.extractall(Path(folder, str(number)), filter="data")
        return of_files([folder], known)


def of_cluster() -> Tree:
    """The objects of the cluster that KUBECONFIG names.

    Raises:
        UserError: what kubectl said.
    """
    found = _run(["kubectl", "get", KINDS, "--all-namespaces", "--output=json"], None)
    return Tree(tuple(manifest.obj for manifest in manifests.of_text("the cluster", found.decode())))


def _archive(revision: str, path: Path) -> bytes:
    """A file or folder as the commit has it; an empty archive where the commit has none."""
    folder = path if path.is_dir() else path.parent
    top, prefix = (
        _run(["git", "rev-parse", word], folder).decode().strip() for word in ("--show-toplevel", "--show-prefix")
    )
    inside = prefix if path.is_dir() else prefix + path.name
    there = _run(["git", "ls-tree", revision, "--", inside or "."], top)
    return (
        _run(["git", "archive", "--format=tar", revision, *([inside] if inside and there else [])], top)
        if there
        else _EMPTY
    )


_EMPTY = bytes(tarfile.RECORDSIZE)


def _run(words: list[str], folder: str | Path | None) -> bytes:
    try:
        done = subprocess.run(words, cwd=folder, capture_output=True, check=False)
    except OSError as error:
        raise UserError(f"{words[0]} cannot be run: {error.strerror}") from error
    if done.returncode:
        raise UserError(f"{' '.join(words[:3])}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout
