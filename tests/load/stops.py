"""A machine stops: when viewers of the board are told, when the page shows it, which scrape has it; writes docs/measured/board.md.

    .venv/bin/python tests/load/stops.py --write

Machines of the examples over Modbus TCP and OPC UA, a gateway process each, the board's process, Prometheus and Debian's chromium
(tests/board/stopworld.py). One clock times all of it. Exit status: 0 all figures met, 1 one is missed.
"""

import argparse
import asyncio
import random
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parents[1] / "board"))

from browser import chromium, tab
from stopworld import HAVE_PROMETHEUS, PROTOCOLS, Seen, World, world

from boardpage import TITLES, Figure, section, spread, write

STOPS: Final = 30
SCRAPE_SECONDS: Final = 5.0
ON_THE_BOARD_MS: Final = 2000
WORDS: Final = {
    "ModbusTCP": "Modbus TCP, read once a second",
    "OPCUA": "OPC UA, subscribed: sampled each 250 ms, published each 500 ms, changed by the simulator each 500 ms",
}


async def stops(running: World, machine: str, page: Any, count: int) -> list[Seen]:
    """Stop a machine again and again, each time somewhere else between two reads and two scrapes."""
    luck, seen = random.Random(machine), []
    for number in range(count):
        await asyncio.sleep(luck.uniform(0, SCRAPE_SECONDS))
        seen.append(await running.stop(machine, page))
        await running.producing(machine)
        print(f"{machine}, stop {number + 1}: told after {seen[-1].event - seen[-1].stopped} ms", flush=True)
    return seen


async def measure(count: int) -> list[Seen]:
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as profile:
        async with world(Path(folder), SCRAPE_SECONDS) as running:
            with chromium(Path(profile)) as devtools:
                async with tab(devtools) as page:
                    await page.open(running.board.url)
                    await page.until("performance.getEntriesByName('board-painted').length")
                    found = await asyncio.gather(*(stops(running, name, page, count) for name in PROTOCOLS))
    return [each for machine in found for each in machine]


def figures(protocol: str, seen: Sequence[Seen]) -> list[Figure]:
    """What the stops of one protocol's machine come to."""
    told = [each.event - each.stopped for each in seen]
    shown = [each.page - each.stopped for each in seen if each.page]
    scraped = [each.scraped - each.stopped for each in seen if each.scraped]
    passed = sum(each.passed for each in seen)
    board = f"≤ {ON_THE_BOARD_MS} ms"
    return [
        Figure(f"{protocol}: told to a viewer of `/events`", spread(told), board, max(told) <= ON_THE_BOARD_MS),
        Figure(f"{protocol}: stands in the page", spread(shown), board, max(shown) <= ON_THE_BOARD_MS),
        Figure(f"{protocol}: the first scrape that has it began", spread(scraped), "", True),
        Figure(
            f"{protocol}: scrapes that began after viewers were told, and did not have it", str(passed), "0", not passed
        ),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write docs/measured/board.md")
    parser.add_argument("--count", type=int, default=STOPS, help="how many stops of each machine")
    asked = parser.parse_args()
    if not HAVE_PROMETHEUS:
        print("prometheus is not installed (Debian: apt-get install prometheus)", file=sys.stderr)
        return 2
    seen = asyncio.run(measure(asked.count))
    found = [figure for each in WORDS for figure in figures(each, [one for one in seen if one.protocol == each])]
    text = section("stops.py", about(), found, AFTER)
    print(text)
    if asked.write:
        write(TITLES[0], text)
    return 0 if all(each.met for each in found) else 1


def about() -> str:
    """What was measured, in a sentence or two."""
    machines = ";\n".join(WORDS.values())
    return (
        "Times count from the entry that the simulated machine makes in its own ledger when it stops.\n"
        f"{machines}.\nA gateway process for each machine, the board, Prometheus (it scrapes each {SCRAPE_SECONDS:.0f} s) and the browser "
        "share the cores."
    )


AFTER: Final = """Most of the time goes by until the next read or publish; then come up to 250 ms until the gateway looks and up to 250 ms until the board does.
Whatever a scrape's interval, the first one that begins after the gateway has read the stop has it: its value is the time at which the gateway
knew the machine to stand."""


if __name__ == "__main__":
    sys.exit(main())
