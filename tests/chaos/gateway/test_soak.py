"""F17: hours with faults at random. Memory, files and the log are bounded, and nothing is lost. SOAK_SECONDS says how long."""

import asyncio
import os
import random
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from chaosproxy import ChaosProxy
from ledger import verdict

SECONDS = float(os.environ.get("SOAK_SECONDS", "3600"))
FIELDS, RATE = 500, 1000
WARM_SECONDS = 60.0
STARTED = {"RATE": RATE, "MALLOC_ARENA_MAX": 2}
"""The second as in the gateway's image."""


class Look(NamedTuple):
    """The process at a moment: seconds since the beginning, MiB, open files, MiB of the write-ahead log."""

    at: float
    resident: float
    files: int
    wal: float


def look(gateway: Any, began: float) -> Look:
    wal = gateway.folder / "lathe-07.db-wal"
    size = wal.stat().st_size / 2**20 if wal.exists() else 0.0
    files = len(list(Path(f"/proc/{gateway.process.pid}/fd").iterdir()))
    return Look(time.monotonic() - began, gateway.resident_mib(), files, size)


def slope(looks: list[Look]) -> float:
    """MiB per hour, by least squares."""
    mean_at = sum(each.at for each in looks) / len(looks)
    mean = sum(each.resident for each in looks) / len(looks)
    spread = sum((each.at - mean_at) ** 2 for each in looks)
    return 3600 * sum((each.at - mean_at) * (each.resident - mean) for each in looks) / spread


class Faults:
    """What goes wrong: the link to the MES, the MES itself, the process's time; and, while `kills`, the process."""

    def __init__(self, gateway: Any, mes: Any, proxy: ChaosProxy) -> None:
        self._gateway, self._mes, self._proxy = gateway, mes, proxy
        self.kills = True

    async def one(self, chance: random.Random) -> None:
        happenings: list[Callable[[float], Awaitable[None]]] = [
            self._away,
            self._silent,
            self._slow,
            self._unwilling,
            self._paused,
        ]
        if self.kills:
            happenings += [self._killed, self._ended]
        await chance.choice(happenings)(chance.uniform(1.0, 8.0))

    async def _away(self, seconds: float) -> None:
        await self._proxy.refuse()
        await asyncio.sleep(seconds)
        await self._proxy.listen()

    async def _silent(self, seconds: float) -> None:
        self._proxy.faults.hold = True
        await asyncio.sleep(seconds)
        self._proxy.faults.hold = False

    async def _slow(self, seconds: float) -> None:
        self._proxy.faults.delay = 0.3
        await asyncio.sleep(seconds)
        self._proxy.faults.delay = 0.0

    async def _unwilling(self, seconds: float) -> None:
        self._mes.status = 503
        await asyncio.sleep(seconds)
        self._mes.status = 200

    async def _paused(self, seconds: float) -> None:
        os.kill(self._gateway.process.pid, signal.SIGSTOP)
        await asyncio.sleep(seconds)
        os.kill(self._gateway.process.pid, signal.SIGCONT)

    async def _killed(self, _seconds: float) -> None:
        await self._gateway.end(signal.SIGKILL)
        await self._gateway.start(**STARTED)

    async def _ended(self, _seconds: float) -> None:
        await self._gateway.end(signal.SIGTERM)
        await self._gateway.start(**STARTED)


@pytest.mark.chaos
@pytest.mark.row("F17")
async def test_a_soak_leaks_and_loses_nothing(
    gateway: Any, mes: Any, proxy: ChaosProxy, measured: Callable[[str], None]
) -> None:
    chance, faults = random.Random(17), Faults(gateway, mes, proxy)
    gateway.configure(f"http://127.0.0.1:{proxy.port}", fields=FIELDS)
    await gateway.start(**STARTED)
    began, looks = time.monotonic(), list[Look]()
    while (passed := time.monotonic() - began) < SECONDS:
        faults.kills = passed < SECONDS / 3
        await faults.one(chance)
        await asyncio.sleep(chance.uniform(2.0, 10.0))
        if passed > SECONDS / 3 + WARM_SECONDS:
            looks.append(look(gateway, began))
    assert await gateway.end(signal.SIGTERM) == 0
    await gateway.start(LAST=1)
    await gateway.until_drained(120)
    found = verdict(gateway.ledger, mes.numbers)
    growth, files, wal = slope(looks), max(each.files for each in looks), max(each.wal for each in looks)
    measured(
        f"{SECONDS / 60:.0f} min, {FIELDS} signals, {RATE} values/s, faults at random: {found}; memory {growth:+.2f} MiB/h"
        f" ({', '.join(f'{each.resident:.1f}' for each in looks[:: len(looks) // 8 or 1])}), at most {files} files and {wal:.1f} MiB of log"
    )
    assert found.holds, found
    assert growth < 1.0
    assert files <= min(each.files for each in looks) + 5
    assert wal < 16
