"""`plantwright report`."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from plantwright_cli import states
from plantwright_cli.report import render
from plantwright_cli.report.entries import entries


def report(
    paths: Annotated[
        list[str] | None,
        typer.Argument(help="What kubectl get -o yaml wrote; - is standard input. Absent: the cluster."),
    ] = None,
    team: Annotated[str, typer.Option(help="Only what this team answers for.")] = "",
    days: Annotated[int, typer.Option(min=0, max=366, help="An exception is due so many days before its end.")] = 30,
    output: Annotated[render.Output, typer.Option("--output", "-o", help="How the report is written.")] = "text",
) -> None:
    """List by owner what is broken, what breaks a policy, and which exceptions are in force or due.

    Exit status: 0 nothing is broken or due, 1 something is, 2 it could not be looked at.
    """
    tree = states.of_files(paths) if paths else states.of_cluster()
    found = entries(tree.objects, datetime.now(UTC).date(), timedelta(days=days))
    shown = [entry for entry in found if not team or entry.owner.team == team]
    typer.echo(render.RENDERERS[output](shown))
    raise typer.Exit(1 if any(entry.state != "Waived" for entry in shown) else 0)
