"""F10: the buffer's files are damaged. The gateway starts, delivers what can be read, and counts what cannot."""

import asyncio
import random
import signal
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from ledger import kept

START_SECONDS = 5.0
VALUES = 600
AWAY = "http://127.0.0.1:9"
FILES = ("lathe-07.db", "lathe-07.db-wal")


class Start(NamedTuple):
    """One start on a damaged buffer: seconds until it accepts, numbers missing at the MES, and what gaps say of them."""

    damage: str
    seconds: float
    missing: int
    invented: int
    twice: int
    gaps: list[Any]

    @property
    def counted(self) -> int | None:
        """What the gaps say is missing; None where one of them cannot know."""
        counts = [gap.get("count") for gap in self.gaps]
        return None if None in counts else sum(counts)

    @property
    def fault(self) -> str:
        """What is not as promised; "" when all is."""
        if self.seconds > START_SECONDS:
            return f"{self.damage}: started after {self.seconds:.1f} s"
        if self.invented:
            return f"{self.damage}: {self.invented} values were delivered that nobody gave"
        if self.twice:
            return f"{self.damage}: {self.twice} values were delivered twice"
        if self.missing and not self.gaps:
            return f"{self.damage}: {self.missing} values are missing without a gap"
        if self.counted is not None and self.counted < self.missing:
            return f"{self.damage}: {self.missing} values are missing, gaps tell {self.counted}"
        return ""


def damaged(parts: dict[str, bytes], chance: random.Random) -> tuple[str, dict[str, bytes]]:
    """One bit turned, or the end cut off, in one of the files."""
    name = chance.choice([name for name in parts if parts[name]])
    content = bytearray(parts[name])
    where = chance.randrange(len(content))
    if chance.random() < 0.5:
        content[where] ^= 1 << chance.randrange(8)
        return f"bit turned at {where} of {name}", {**parts, name: bytes(content)}
    return f"cut at {where} of {name}", {**parts, name: bytes(content[:where])}


async def filled(gateway: Any, seed: int) -> dict[str, bytes]:
    """A buffer with a backlog, killed; its files. Half of the rows are in the log, half in the database itself."""
    gateway.configure(AWAY, fields=1)
    await gateway.start(RATE=4000, LAST=VALUES // 2)
    await until_kept(gateway, VALUES // 2)
    assert await gateway.end(signal.SIGTERM) == 0
    await gateway.start(RATE=4000, LAST=VALUES)
    await until_kept(gateway, VALUES)
    await gateway.end(signal.SIGKILL)
    return {path.name: path.read_bytes() for path in gateway.folder.glob("lathe-07.db*")}


async def until_kept(gateway: Any, count: int) -> None:
    async with asyncio.timeout(20):
        while gateway.kept() < count:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def start(gateway: Any, mes: Any, parts: dict[str, bytes], chance: random.Random) -> Start:
    """Start on a damaged copy, with an MES that has nothing yet."""
    damage, files = damaged({name: parts[name] for name in FILES}, chance)
    clean(gateway.folder)
    for name, content in {**parts, **files}.items():
        (gateway.folder / name).write_bytes(content)
    for known in (mes.numbers, mes.gaps, mes.watermarks):
        known.clear()
    began = time.monotonic()
    gateway.output = ""
    await gateway.start(LAST=1)
    try:
        await gateway.until_status(lambda found: found["epoch"])
        seconds = time.monotonic() - began
        await gateway.until_drained()
    except TimeoutError:
        pytest.fail(f"{damage}: it delivers nothing: {gateway.output[-2000:]}")
    assert await gateway.end(signal.SIGTERM) == 0
    numbers, given = set(mes.numbers), kept(gateway.ledger)
    twice = len(mes.numbers) - len(numbers)
    return Start(damage, seconds, len(given - numbers), len(numbers - given), twice, list(mes.gaps))


def clean(folder: Path) -> None:
    for path in folder.glob("lathe-07.db*"):
        path.unlink()


async def starts(gateway: Any, mes: Any, count: int) -> str:
    """So many damages, one after the other; what was measured."""
    chance = random.Random(count)
    parts = await filled(gateway, count)
    gateway.configure(mes.url, fields=1)
    found = [await start(gateway, mes, parts, chance) for _ in range(count)]
    faults = [each.fault for each in found if each.fault]
    assert not faults, faults
    whole = sum(not each.missing for each in found)
    partly = sum(0 < each.missing < VALUES for each in found)
    uncounted = sum(each.counted is None for each in found)
    slowest, median = max(each.seconds for each in found), statistics.median(each.seconds for each in found)
    return (
        f"{count} of {count} starts, median {median:.1f} s, slowest {slowest:.1f} s; of {VALUES} values all delivered {whole} ×, "
        f"a part {partly} ×, none {count - whole - partly} ×; every loss in a gap record, {uncounted} × without a number"
    )


@pytest.mark.slow
@pytest.mark.row("F10")
async def test_a_damaged_buffer_never_stops_the_gateway(
    gateway: Any, mes: Any, measured: Callable[[str], None]
) -> None:
    measured(await starts(gateway, mes, 8))


@pytest.mark.chaos
@pytest.mark.row("F10")
async def test_two_hundred_damages_never_stop_the_gateway(
    gateway: Any, mes: Any, measured: Callable[[str], None]
) -> None:
    measured(await starts(gateway, mes, 200))
