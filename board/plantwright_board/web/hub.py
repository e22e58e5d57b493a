"""Versions of rows, so that a viewer is told what is newer than what it has, and nothing is queued for any viewer.

Each look at the board that finds a change is a version. A viewer is a number: the version it has. Whoever was slow takes
one longer step. A frame is made once for all who have the same version.
"""

import asyncio
from datetime import UTC, datetime
from typing import Final

import msgspec

from plantwright_api.wire import sse
from plantwright_api.wire.board import Frame, LineRow, MachineRow, PlantRow
from plantwright_board.model.board import Board, Changes

PAUSE_SECONDS: Final = 0.25
"""The first change after a rest is told at once, then four times a second at most."""


class Hub:
    """Looks at the board when it stirs and keeps every row with the version in which it changed last."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._stirred = asyncio.Event()
        self._stirred.set()
        board.stir = self._stirred.set
        self._news = asyncio.Event()
        self.version = 0
        self._whole_since = 0
        self._plant: tuple[int, PlantRow | None] = (0, None)
        self._lines: dict[tuple[str, str], tuple[int, LineRow]] = {}
        self._machines: dict[str, tuple[int, MachineRow]] = {}
        self._made: tuple[tuple[int, str], dict[int, bytes]] = ((0, ""), {})

    async def run(self) -> None:
        """Look again and again; does not return."""
        while True:
            await self._stirred.wait()
            self._stirred.clear()
            self.take(self._board.look())
            await asyncio.sleep(PAUSE_SECONDS)

    def take(self, changes: Changes) -> None:
        """Make what changed the next version."""
        if not (changes.whole or changes.plant or changes.lines or changes.machines):
            return
        self.version += 1
        if changes.whole:
            self._whole_since = self.version
            self._lines, self._machines = {}, {}
        if changes.plant:
            self._plant = self.version, changes.plant
        self._lines.update({(row.area, row.line): (self.version, row) for row in changes.lines})
        self._machines.update({row.machine: (self.version, row) for row in changes.machines})
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def newer(self, than: int, seconds: float) -> None:
        """Wait for a version after this one, or so long."""
        if self.version == than:
            news = self._news
            try:
                async with asyncio.timeout(seconds):
                    await news.wait()
            except TimeoutError:
                return

    def snapshot(self) -> bytes:
        """A whole frame as JSON."""
        return msgspec.json.encode(self._frame(0, _now()))

    def event(self, since: int) -> bytes:
        """The event that brings a viewer from this version to the latest; without a difference an empty frame."""
        now = _now()
        # The clock is told to the second, so that a frame serves all who ask for it within one.
        if self._made[0] != (self.version, now):
            self._made = (self.version, now), {}
        made = self._made[1]
        if since not in made:
            made[since] = sse.event(msgspec.json.encode(self._frame(since, now)))
        return made[since]

    def _frame(self, since: int, now: str) -> Frame:
        whole = since < self._whole_since or since == 0
        since = -1 if whole else since
        return Frame(
            now=now,
            whole=whole,
            plant=self._plant[1] if self._plant[0] > since else None,
            lines=[row for version, row in self._lines.values() if version > since],
            machines=[row for version, row in self._machines.values() if version > since],
        )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
