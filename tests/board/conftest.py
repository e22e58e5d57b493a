"""A replayed feed of two hundred machines, the board as a process of its own, and Debian's chromium."""

import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from browser import PROGRAM, Browser, chromium, tab
from replay import Floor, floor
from running import Board, run_board

ROOT = Path(__file__).parents[2]
MACHINES = 200


@pytest.fixture
async def hall() -> AsyncIterator[Floor]:
    """Gateways of two hundred machines."""
    async with floor(MACHINES) as replayed:
        yield replayed


@pytest.fixture
async def board(hall: Floor) -> AsyncIterator[Board]:
    async with run_board(hall.urls, TIME_ZONE="Europe/Berlin") as running:
        await running.until(lambda frame: len(frame.machines) == MACHINES)
        yield running


@pytest.fixture(scope="module")
def devtools(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Chromium, started once; each test has a tab of its own."""
    if not shutil.which(PROGRAM):
        pytest.skip(f"{PROGRAM} is not there: apt-get install chromium")
    with chromium(tmp_path_factory.mktemp("profile")) as address:
        yield address


@pytest.fixture
async def browser(devtools: str) -> AsyncIterator[Browser]:
    async with tab(devtools) as running:
        yield running


@pytest.fixture
def pictures(request: pytest.FixtureRequest) -> Path | None:
    """Where screenshots go; None where none are asked for."""
    return ROOT / "docs/images" if request.config.getoption("--screenshots") else None
