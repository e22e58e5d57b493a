"""F8: the disk is full. Nothing is lost that the policy keeps; what it drops is counted, and told in gaps that arrive."""

import asyncio
import contextlib
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from ledger import Verdict, verdict

from plantwright_gateway.context.gaps import BUFFER_FULL

PAD = 1500
"""Characters beside each number: a megabyte per second at 500 values/s and more."""


@contextlib.contextmanager
def small_disk(folder: Path, mib: int) -> Iterator[Path]:
    """A file system of a few MiB of its own; only root may mount one."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", folder], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True, timeout=20)


class Outcome(NamedTuple):
    """What became of a full disk; `told` are the observations that delivered gaps stand for, `counted` those of the metric."""

    verdict: Verdict
    counted: int
    told: int
    recovered_seconds: float

    def __str__(self) -> str:
        dropped = f"{len(self.verdict.lost):,} dropped = {self.counted:,} counted = {self.told:,} in gap records"
        return (
            f"{self.verdict.kept:,} accepted, {dropped}, on again {self.recovered_seconds:.1f} s after there was space"
        )


async def full_disk(gateway: Any, mes: Any, proxy: Any, disk: Path, overflow: str, last: int) -> Outcome:
    """The MES is away until the disk is full; then a foreign file takes the last byte; then there is space, and the MES."""
    gateway.buffer_dir = disk
    gateway.configure(f"http://127.0.0.1:{proxy.port}", fields=1, overflow=overflow)
    await proxy.refuse()
    await gateway.start(RATE=3000, PAD=PAD, LAST=last)
    await overflowing(gateway, overflow)
    fill(disk / "foreign")
    await asyncio.sleep(1.0)
    assert not gateway.ended
    (disk / "foreign").unlink()
    if overflow == "Block":
        await proxy.listen()
    recovered = await accepts_again(gateway)
    # While rows are dropped the MES stays away: of a batch under way nobody knows yet whether it is lost.
    if overflow != "Block":
        async with asyncio.timeout(60):
            while gateway.kept() < last:  # noqa: ASYNC110
                await asyncio.sleep(0.2)
        await proxy.listen()
    counted = await settled(gateway, last)
    assert await gateway.end(signal.SIGTERM) == 0
    assert "Traceback" not in gateway.output, gateway.output[-3000:]
    told = sum(gap["count"] for gap in mes.gaps if gap["reason"] == BUFFER_FULL)
    return Outcome(verdict(gateway.ledger, mes.numbers), counted, told, recovered)


async def overflowing(gateway: Any, overflow: str) -> None:
    """Wait until the policy shows: rows are dropped, or the source is held up."""
    async with asyncio.timeout(60):
        while overflow != "Block" and await dropped(gateway) < 300:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        before = -1
        while overflow == "Block" and gateway.kept() != before:
            before = gateway.kept()
            await asyncio.sleep(0.5)


def fill(path: Path) -> None:
    """Take all that is left of a disk."""
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))


async def accepts_again(gateway: Any) -> float:
    """Seconds until more is accepted."""
    began, before = time.monotonic(), gateway.kept()
    async with asyncio.timeout(30):
        while gateway.kept() == before:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return time.monotonic() - began


async def settled(gateway: Any, last: int) -> int:
    """Wait until the source has ended and everything is delivered; how many were dropped by the gateway's own count."""
    async with asyncio.timeout(90):
        while gateway.kept() < last or (await gateway.status())["sinks"][0]["backlog"]:  # noqa: ASYNC110
            await asyncio.sleep(0.2)
    return await dropped(gateway)


async def dropped(gateway: Any) -> int:
    """The metric `plantwright_dropped_total`."""
    lines = (await gateway.page("metrics")).splitlines()
    return int(sum(float(line.split()[-1]) for line in lines if line.startswith("plantwright_dropped_total{")))


def judge(found: Outcome, overflow: str) -> None:
    assert found.verdict._replace(lost=set()).holds, found
    assert len(found.verdict.lost) == found.counted == found.told, found
    assert bool(found.told) == (overflow != "Block"), found
    assert found.recovered_seconds <= 10, found


@pytest.mark.slow
@pytest.mark.row("F8")
@pytest.mark.parametrize("overflow", ["Block", "DropOldest", "DropNewest"])
async def test_a_full_disk_loses_what_its_policy_says_and_tells_it(
    gateway: Any, mes: Any, proxy: Any, tmp_path: Path, overflow: str, measured: Callable[[str], None]
) -> None:
    with small_disk(tmp_path / "disk", 4) as disk:
        found = await full_disk(gateway, mes, proxy, disk, overflow, 15_000)
    measured(f"{overflow}, 4 MiB: {found}")
    judge(found, overflow)


@pytest.mark.chaos
@pytest.mark.row("F8")
@pytest.mark.parametrize("overflow", ["Block", "DropOldest", "DropNewest"])
async def test_a_full_disk_of_16_mib(
    gateway: Any, mes: Any, proxy: Any, tmp_path: Path, overflow: str, measured: Callable[[str], None]
) -> None:
    with small_disk(tmp_path / "disk", 16) as disk:
        found = await full_disk(gateway, mes, proxy, disk, overflow, 40_000)
    measured(f"{overflow}, 16 MiB: {found}")
    judge(found, overflow)
