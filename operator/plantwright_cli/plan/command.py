"""`plantwright plan`."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated

import typer

from plantwright_cli import states
from plantwright_cli.errors import UserError
from plantwright_cli.manifests import Known
from plantwright_cli.plan import render
from plantwright_cli.plan.effects import Plan, compare
from plantwright_cli.policy.command import Everywhere
from plantwright_cli.tree import Tree


def plan(
    paths: Annotated[list[str], typer.Argument(help="Files and folders of the state that is to come.")],
    base: Annotated[str, typer.Option(help="Commit to compare with, such as origin/main.")] = "",
    before: Annotated[list[str] | None, typer.Option(help="Files or folders to compare with; may be repeated.")] = None,
    cluster: Annotated[bool, typer.Option("--cluster", help="Compare with the cluster that KUBECONFIG names.")] = False,
    everywhere: Everywhere = None,
    output: Annotated[render.Output, typer.Option("--output", "-o", help="How the plan is written.")] = "text",
) -> None:
    """Say per plant what machines, fields, consumers and policies a change touches, and whether it breaks them.

    Exit status: 0 additive or nothing, 1 breaking or a rule that is enforced would refuse an object, 2 it could not be looked at.
    """
    with _uncollected():
        found = _compared(paths, base, before or [], cluster, everywhere or [])
    typer.echo(render.RENDERERS[output](found))
    raise typer.Exit(1 if found.breaking else 0)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Nearly all that is read stays to the end, so that looking for garbage among it costs a tenth of the time for nothing."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _compared(paths: list[str], base: str, before: list[str], cluster: bool, everywhere: list[str]) -> Plan:
    known: Known = {}
    after = states.of_files(paths, known)
    return compare(_former(paths, base, before, cluster, known), after, datetime.now(UTC), everywhere)


def _former(paths: list[str], base: str, before: list[str], cluster: bool, known: Known) -> Tree:
    if (bool(base), bool(before), cluster).count(True) != 1:
        raise UserError("say what to compare with: one of --base COMMIT, --before FOLDER, --cluster")
    if cluster:
        return states.of_cluster()
    return states.of_commit(base, paths, known) if base else states.of_files(before, known)
