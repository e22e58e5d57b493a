"""The shop-floor board with two hundred machines and a hundred viewers, in Debian's chromium; writes docs/measured/board.md.

    .venv/bin/python tests/load/board.py --write

Gateways are replayed (tests/board/replay.py): real streams on the loopback, each machine tells its numbers once a second. What a
gateway itself needs from a machine's stop to its word is measured by stops.py. Exit status: 0 all figures met, 1 one is missed.
"""

import argparse
import asyncio
import contextlib
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import aiohttp

sys.path.insert(0, str(Path(__file__).parents[1] / "board"))

from browser import Browser, chromium, tab
from replay import Floor, floor
from running import Board, run_board

from boardpage import TITLES, Figure, section, spread, write

MACHINES, VIEWERS, LOADS, STOPS = 200, 100, 20, 40
SECONDS: Final = 20.0
PAINTED = "performance.getEntriesByName('board-painted').length"


async def loads(devtools: str, board: Board) -> list[Figure]:
    """Open the page again and again with an empty cache."""
    first, whole = [], []
    for _ in range(LOADS):
        async with tab(devtools) as browser:
            await browser.call("Network.setCacheDisabled", cacheDisabled=True)
            await browser.open(board.url)
            await browser.until(PAINTED)
            first.append(await browser.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))
            whole.append(await browser.evaluate("performance.getEntriesByName('board-painted')[0].startTime"))
    return [
        Figure("first contentful paint", spread(first), "≤ 1000 ms", max(first) <= 1000),
        Figure(f"all {MACHINES} machines painted", spread(whole), "≤ 1000 ms", max(whole) <= 1000),
    ]


async def stops(browser: Browser, board: Board, hall: Floor) -> Figure:
    """From a gateway's word to the page, as another process sees it: the browser's answer is part of it."""
    await browser.open(board.url)
    await browser.until(PAINTED)
    took = []
    for number in range(STOPS):
        name, state = hall.machines[number].machine, "Setup" if hall.machines[number].state == "Delay" else "Delay"
        begun = time.monotonic()
        hall.say(number, state=state)
        await browser.until(f"document.querySelector('.card[data-machine=\"{name}\"]').dataset.state === '{state}'")
        took.append((time.monotonic() - begun) * 1000)
    return Figure("a gateway says that its machine stands → on the page", spread(took), "≤ 2000 ms", max(took) <= 2000)


def processor(board: Board) -> float:
    """Seconds of processor so far."""
    fields = Path(f"/proc/{board.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def viewers(board: Board) -> list[Figure]:
    """A hundred streams that are read, while every machine tells its numbers."""
    alone, quiet = board.memory(), processor(board)
    await asyncio.sleep(SECONDS)
    share, received = (processor(board) - quiet) / SECONDS, 0

    async def read(session: aiohttp.ClientSession) -> None:
        nonlocal received
        async with session.get(f"{board.url}/events") as response:
            async for piece in response.content.iter_any():
                received += len(piece)

    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout()
    ) as session:
        readers = [asyncio.create_task(read(session)) for _ in range(VIEWERS)]
        await asyncio.sleep(2)
        begun, busy, received = time.monotonic(), processor(board), 0
        await asyncio.sleep(SECONDS)
        passed = time.monotonic() - begun
        more, full = board.memory() - alone, (processor(board) - busy) / passed
        assert not any(reader.done() for reader in readers)
        for reader in readers:
            reader.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*readers)
    each = received / passed / VIEWERS / 1000
    return [
        Figure(
            f"memory more for {VIEWERS} viewers",
            f"{more / 1e6:.1f} MB (without {alone / 1e6:.1f} MB)",
            "≤ 50 MB",
            more <= 50e6,
        ),
        Figure("processor without viewers, with them", f"{share:.1%}, {full:.1%} of a core", "", True),
        Figure("sent to each viewer", f"{each:.1f} kB/s", "", True),
    ]


async def measure() -> list[Figure]:
    figures = []
    with tempfile.TemporaryDirectory() as profile:
        async with floor(MACHINES) as hall, run_board(hall.urls, TIME_ZONE="Europe/Berlin") as board:
            await board.until(lambda frame: len(frame.machines) == MACHINES)
            working = asyncio.create_task(hall.work())
            with chromium(Path(profile)) as devtools:
                figures += await loads(devtools, board)
                async with tab(devtools) as browser:
                    figures.append(await stops(browser, board, hall))
            figures += await viewers(board)
            working.cancel()
    return figures


def about() -> str:
    """What was measured, in a sentence."""
    return (
        f"{MACHINES} machines, each with a stream of its own on the loopback, each telling its numbers once a second; board, "
        "replayed gateways and browser share the cores."
    )


AFTER: Final = """Not part of it: what a gateway needs from a machine's stop to its word on `/live`, see above. Viewers read as fast as they can; one that
does not read at all costs one frame and 64 kB of the kernel's (tests/board/test_board_server.py)."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write docs/measured/board.md")
    asked = parser.parse_args()
    figures = asyncio.run(measure())
    text = section("board.py", about(), figures, AFTER)
    print(text)
    if asked.write:
        write(TITLES[1], text)
    return 0 if all(each.met for each in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
