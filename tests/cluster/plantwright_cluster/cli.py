"""The command line: one small function per verb, and a table that names them."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from plantwright_cluster import inventory, kind, packages, provider
from plantwright_cluster.cluster import Cluster, remove
from plantwright_cluster.commands import ClusterError
from plantwright_cluster.images import BASE_IMAGE, base_archive, buildah_build
from plantwright_cluster.progress import Progress
from plantwright_cluster.tools import GO_TOOLS, build_tools, tools

__all__ = ["main"]

Options = argparse.Namespace


def _tools(_: Options, progress: Progress) -> None:
    packages.install((*packages.CLUSTER, *packages.IMAGES, *packages.CHECKS), progress)
    build_tools(progress)
    for tool in GO_TOOLS:
        for program in tool.programs:
            print(tools().path(program))


def _up(options: Options, progress: Progress) -> None:
    if provider.choose() == provider.KIND and not options.control_plane_only:
        with progress.step("kind create cluster"):
            print(kind.create(options.name))
        return
    cluster = Cluster.up(
        options.name,
        progress,
        control_plane_only=options.control_plane_only,
        controllers=not options.no_controllers,
        audit_policy=options.audit_policy,
    )
    progress.say(f"cluster {options.name} is up after {progress.elapsed():.1f} s; to use it:")
    print(f"export KUBECONFIG={cluster.kubeconfig}")


def _down(options: Options, progress: Progress) -> None:
    if provider.choose() == provider.KIND and inventory.read(options.name) is None:
        kind.delete(options.name)
        return
    remove(options.name, progress)


def _existing(name: str) -> Cluster:
    cluster = Cluster.attach(name)
    if cluster is None:
        raise ClusterError(f"there is no cluster {name}; see: python -m plantwright_cluster list")
    return cluster


def _list(_: Options, __: Progress) -> None:
    for entry in inventory.all_entries():
        cluster = Cluster(entry, Progress(stream=None))
        state = "running" if cluster.is_alive() else "broken"
        tier = "control-plane" if entry.slot is None else f"node, slot {entry.slot}"
        print(f"{entry.name}\t{state}\t{tier}\t{cluster.kubeconfig}")
    if provider.choose() == provider.KIND:
        for name in kind.names():
            print(f"{name}\trunning\tkind\t{kind.kubeconfig(name)}")


def _kubeconfig(options: Options, _: Progress) -> None:
    if inventory.read(options.name) is None and provider.choose() == provider.KIND:
        print(kind.kubeconfig(options.name))
        return
    print(_existing(options.name).kubeconfig)


def _status(options: Options, _: Progress) -> None:
    cluster = _existing(options.name)
    print(json.dumps(cluster.control.states(), indent=2))


def _provider(_: Options, __: Progress) -> None:
    print(provider.choose())


def _image_base(_: Options, progress: Progress) -> None:
    base_archive(progress)
    print(BASE_IMAGE)


def _image_build(options: Options, progress: Progress) -> None:
    arguments = dict(pair.split("=", 1) for pair in options.build_arg)
    if provider.choose() == provider.KIND:
        with progress.step(f"docker build {options.tag}"):
            kind.build(options.file, options.context, options.tag, arguments)
        return
    base_archive(progress)
    progress.expect(1)
    with progress.step(f"buildah build {options.tag}"):
        print(buildah_build(options.file, options.context, options.tag, {"BASE": BASE_IMAGE, **arguments}, show=True))


def _image_load(options: Options, progress: Progress) -> None:
    if provider.choose() == provider.KIND and inventory.read(options.name) is None:
        kind.load(options.name, options.tags)
        return
    cluster = _existing(options.name)
    cluster.progress = progress
    progress.expect(len(options.tags))
    cluster.load(options.tags)


Arguments = tuple[tuple[tuple[str, ...], dict[str, object]], ...]
_NAME: Arguments = ((("--name",), {"required": True, "help": "the cluster's name"}),)


@dataclass(frozen=True)
class Verb:
    """One verb of the command line."""

    act: Callable[[Options, Progress], None]
    help: str
    arguments: Arguments = ()


VERBS = {
    "tools": Verb(_tools, "install Debian packages and build all programs into the cache (about seven minutes, once)"),
    "provider": Verb(_provider, "say which provider is used here: kind or local"),
    "up": Verb(
        _up,
        "start a cluster and print the KUBECONFIG line",
        (
            *_NAME,
            (
                ("--control-plane-only",),
                {"action": "store_true", "help": "etcd and kube-apiserver only, no root needed"},
            ),
            (("--no-controllers",), {"action": "store_true", "help": "fast tier without kube-controller-manager"}),
            (("--audit-policy",), {"type": Path, "help": "write an audit log by this policy"}),
        ),
    ),
    "down": Verb(_down, "remove a cluster and everything it left", _NAME),
    "list": Verb(_list, "list the clusters"),
    "status": Verb(_status, "show the programs of a cluster", _NAME),
    "kubeconfig": Verb(_kubeconfig, "print the path of a cluster's kubeconfig", _NAME),
    "image-base": Verb(_image_base, "make the Debian base image"),
    "image-build": Verb(
        _image_build,
        "build a Dockerfile into an archive in the cache",
        (
            (("--file",), {"type": Path, "required": True, "help": "the Dockerfile"}),
            (("--context",), {"type": Path, "required": True, "help": "the folder COPY reads from"}),
            (("--tag",), {"required": True, "help": "the image's name"}),
            (("--build-arg",), {"action": "append", "default": [], "metavar": "K=V", "help": "a build argument"}),
        ),
    ),
    "image-load": Verb(_image_load, "import images into a cluster", (*_NAME, (("tags",), {"nargs": "+"}))),
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="plantwright_cluster", description="a real Kubernetes on this machine")
    verbs = parser.add_subparsers(dest="verb", required=True)
    for name, verb in VERBS.items():
        sub = verbs.add_parser(name, help=verb.help, description=verb.help)
        for words, settings in verb.arguments:
            sub.add_argument(*words, **settings)  # type: ignore[arg-type]
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; errors meant for people are printed without a traceback."""
    options = _parser().parse_args(arguments)
    try:
        VERBS[options.verb].act(options, Progress())
    except ClusterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0
