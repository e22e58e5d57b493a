"""`plantwright quarantine list` and `plantwright quarantine replay`."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Final, Literal

import typer
from rich.console import Console

from plantwright_api.wire import quarantine as wire
from plantwright_api.wire import status
from plantwright_cli.errors import UserError
from plantwright_cli.quarantine import forward, render

app = typer.Typer(no_args_is_help=True, help="What a machine's gateway keeps out of the stream, and its replay.")

Output = Literal["text", "json"]
Machine = Annotated[str, typer.Argument(help="Name of the Machine.")]
Namespace = Annotated[str, typer.Option("--namespace", "-n", help="Namespace of the Machine.")]
Written = Annotated[Output, typer.Option("--output", "-o", help="How the answer is written.")]
POLL_SECONDS: Final = 1.0


@app.command("list")
def list_(machine: Machine, namespace: Namespace = "default", output: Written = "text") -> None:
    """Show what a machine's gateway keeps out of the stream: how many values of which kind, and the newest.

    Exit status: 0 nothing is held, 1 something is, 2 it could not be looked at.
    """
    with forward.gateway(namespace, machine) as url:
        answer = wire.decode(forward.get(f"{url}/quarantine"))
    found = next((each for each in answer.machines if each.name == machine), None)
    if found is None:
        raise UserError(
            f"machine {namespace}/{machine}: its gateway has no configuration yet; try again in some seconds"
        )
    if output == "json":
        typer.echo(render.json(found))
    else:
        render.show(Console(highlight=False), found)
    raise typer.Exit(1 if found.held else 0)


@app.command()
def replay(
    machine: Machine,
    namespace: Namespace = "default",
    timeout: Annotated[
        float, typer.Option(min=1, max=3600, help="How long to wait for the outcome, in seconds.")
    ] = 300,
    output: Written = "text",
) -> None:
    """Judge a machine's quarantine by the contract and mapping in force now, and deliver what meets them.

    Writes the annotation plantwright.io/replay-quarantine onto the Machine, then waits. Exit status: 0 all was delivered, 1 some
    values stay, 2 it could not be done.
    """
    request = datetime.now(UTC).isoformat(timespec="milliseconds")
    forward.ask_for_replay(namespace, machine, request)
    with forward.gateway(namespace, machine) as url:
        found = _outcome(_progress(url, machine, request, timeout), output)
    typer.echo(render.json(found) if output == "json" else render.replay_text(found))
    raise typer.Exit(1 if found.kept else 0)


def _outcome(progress: Iterator[status.Replay], output: Output) -> status.Replay:
    told = 0
    for replay in progress:
        if replay.done:
            return replay
        if output == "text" and replay.released != told:
            typer.echo(f"{replay.released} values delivered so far", err=True)
            told = replay.released
    raise UserError("the replay has not ended in time; it goes on: ask again, or use --timeout")


def _progress(url: str, machine: str, request: str, timeout: float) -> Iterator[status.Replay]:
    """What the gateway says of this request, until the time is over."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        for each in status.decode(forward.get(f"{url}/status")).machines:
            found = each.quarantine.replay
            if each.name == machine and found is not None and found.request == request:
                yield found
        time.sleep(POLL_SECONDS)
