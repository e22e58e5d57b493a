"""`plantwright top`."""

import time
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.live import Live

from plantwright_cli.errors import UserError
from plantwright_cli.top import stream
from plantwright_cli.top.picture import Picture

RETRY_SECONDS: Final = 2.0


def top(
    namespace: Annotated[str, typer.Option("--namespace", "-n", help="Namespace of the plant's board.")] = "default",
    plant: Annotated[str, typer.Option(help="Name of the Plant, where the namespace has several boards.")] = "",
    url: Annotated[str, typer.Option(help="URL of the board, instead of a cluster.")] = "",
    once: Annotated[bool, typer.Option("--once", help="Print once and end; so it is where no terminal is.")] = False,
) -> None:
    """Show what the machines of a plant do now, as on its shop-floor board, until Ctrl-C.

    Exit status: 0, or 2 where no board answers.
    """
    board = stream.at(url) if url else stream.in_cluster(namespace, plant)
    console, picture = Console(highlight=False), Picture()
    if once or not console.is_terminal:
        picture.take(stream.snapshot(board))
        console.print(picture.draw())
        return
    try:
        follow(board, console, picture)
    except KeyboardInterrupt:
        return


def follow(board: stream.Opening, console: Console, picture: Picture) -> None:
    """Draw each frame in place of the one before; does not return. A board that goes is waited for, one that never was is not.

    Raises:
        UserError: no board answers.
    """
    trouble = "the board's stream ended"
    with Live(console=console, screen=True, auto_refresh=False, vertical_overflow="crop") as screen:
        while True:
            try:
                for frame in stream.frames(board):
                    picture.take(frame)
                    screen.update(picture.draw(), refresh=True)
            except UserError as error:
                if not picture.now:
                    raise
                trouble = str(error)
            screen.update(picture.draw(trouble), refresh=True)
            time.sleep(RETRY_SECONDS)
