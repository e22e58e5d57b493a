"""Buffers on real files, and rows to put in them."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from plantwright_gateway.buffer import Buffer, Limits
from plantwright_gateway.context.events import Row

OBSERVATION, GAP = "io.plantwright.observation.v1", "io.plantwright.gap.v1"


async def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait until the condition holds, a bounded time."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 what is waited for happens in another thread
            await asyncio.sleep(0.01)


class Ticks:
    """A clock that goes on by one ns per question."""

    def __init__(self) -> None:
        self._count = itertools.count(1_000)

    def __call__(self) -> int:
        return next(self._count)


def observation(number: int, size: int = 0, *, contract: str = "c", meets: bool = True) -> Row:
    body = json.dumps({"n": number, "pad": "x" * size}).encode()
    return Row(OBSERVATION, contract, body, 1, number, number, meets)


def gap(reason: str, start: int, end: int, _now: int, count: int | None = None, *, message: str = "") -> Row:
    body = json.dumps({"gap": reason, "count": count, "start": start, "end": end, "message": message}).encode()
    return Row(GAP, "", body, count or 0, start, end)


class Box:
    """One buffer file, opened and closed at will."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.buffer: Buffer | None = None
        self.sinks = ("mes",)

    async def open(self, max_bytes: int = 2**24, overflow: Any = "Block") -> Buffer:
        self.buffer = Buffer(self.path, "uid", Limits(max_bytes, overflow), gap, Ticks())
        self.buffer.start()
        await self.buffer.load_state()
        await self.buffer.set_sinks(self.sinks)
        return self.buffer

    async def close(self) -> None:
        if self.buffer is not None:
            await self.buffer.close()
            self.buffer = None

    async def acknowledge(self, sink: str, watermark: int, **more: Any) -> None:
        assert self.buffer is not None
        await self.buffer.acknowledge(self.buffer.stats.epoch, sink, watermark, **more)

    async def contents(self, sink: str = "mes") -> list[dict[str, Any]]:
        assert self.buffer is not None
        page = await self.buffer.page(sink, 1_000_000, 2**30)
        return [json.loads(row.body) for row in page.rows]

    async def numbers(self, sink: str = "mes") -> list[int]:
        return [row["n"] for row in await self.contents(sink) if "n" in row]

    async def gaps(self, sink: str = "mes") -> list[dict[str, Any]]:
        return [row for row in await self.contents(sink) if "gap" in row]

    def files(self) -> dict[str, bytes]:
        """Every file beside the buffer, as it is now."""
        return {part.name: part.read_bytes() for part in self.path.parent.iterdir() if part.is_file()}

    def disk_bytes(self) -> int:
        return sum(part.stat().st_size for part in self.path.parent.glob(self.path.name + "*"))


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Box]:
    found = Box(tmp_path / "m.db")
    yield found
    await found.close()


@pytest.fixture
def row() -> Callable[..., Row]:
    return observation


@pytest.fixture
def make_gap() -> Callable[..., Row]:
    return gap


@pytest.fixture
def eventually() -> Callable[..., Any]:
    return until
