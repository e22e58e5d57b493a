"""F1, F2, F15: the gateway's process killed, killed at every step of a commit, and told to end."""

import asyncio
import random
import signal
import statistics
import time
from collections.abc import Callable
from typing import Any

import pytest
from failpoints import MID_CHECKPOINT, STEPS
from ledger import Verdict, verdict

KILLED = -signal.SIGKILL


async def outcome(gateway: Any, central: Any) -> Verdict:
    """Let it deliver what it has and nothing new, end it well, and hold the MES against the ledger."""
    await gateway.start(LAST=1)
    await gateway.until_drained(60)
    assert await gateway.end(signal.SIGTERM) == 0
    return verdict(gateway.ledger, await central.numbers())


def first_deliveries(starts: list[tuple[float, float]], stored: list[tuple[float, list[int]]]) -> list[float]:
    """Seconds from each start to the first row that the MES stored of it.

    A start is when the process began and when it served: what the MES stores between is of the process before.
    """
    times = sorted(at for at, _ in stored)
    return [next(at for at in times if at > served) - began for began, served in starts]


async def killed(gateway: Any, central: Any, kills: int, rate: int, longest: float) -> tuple[Verdict, float]:
    """Kill it at random moments under load; the verdict, and the 95th percentile of restart to first delivery."""
    chance, starts = random.Random(kills), []
    gateway.configure(central.url)
    for _ in range(kills):
        starts.append((await gateway.start(RATE=rate), gateway.served))
        await asyncio.sleep(chance.uniform(0.2, longest))
        assert await gateway.end(signal.SIGKILL) == KILLED
    found = await outcome(gateway, central)
    restarts = first_deliveries(starts[1:], await central.stored())
    return found, statistics.quantiles(restarts, n=20, method="inclusive")[18]


@pytest.mark.slow
@pytest.mark.row("F1")
async def test_what_was_accepted_is_stored_once_over_kills(
    gateway: Any, central: Any, measured: Callable[[str], None]
) -> None:
    found, p95 = await killed(gateway, central, kills=6, rate=2000, longest=1.2)
    measured(f"6 kills at 2,000 values/s: {found}; restart to first delivery p95 {p95:.1f} s")
    assert found.holds, found
    assert found.kept > 2000
    assert p95 <= 3.0


@pytest.mark.chaos
@pytest.mark.row("F1")
async def test_fifty_kills_at_full_rate(gateway: Any, central: Any, measured: Callable[[str], None]) -> None:
    found, p95 = await killed(gateway, central, kills=50, rate=5000, longest=3.0)
    measured(f"50 kills at 5,000 values/s: {found}; restart to first delivery p95 {p95:.1f} s")
    assert found.holds, found
    assert p95 <= 3.0


async def killed_at_steps(gateway: Any, central: Any, times: int) -> Verdict:
    """Kill it at each step so many times, each time after another number of passings."""
    chance = random.Random(times)
    gateway.configure(central.url, max_bytes=2**20)
    for step in [*STEPS, MID_CHECKPOINT]:
        for _ in range(times):
            await gateway.start(RATE=2000, KILL=f"{step}:{chance.randrange(2, 20)}")
            assert await gateway.wait() == KILLED, f"{step} was never passed"
    return await outcome(gateway, central)


@pytest.mark.slow
@pytest.mark.row("F2")
async def test_no_step_of_a_commit_loses_or_doubles(
    gateway: Any, central: Any, measured: Callable[[str], None]
) -> None:
    found = await killed_at_steps(gateway, central, times=1)
    measured(f"1 kill at each of {len(STEPS) + 1} steps: {found}")
    assert found.holds, found


@pytest.mark.chaos
@pytest.mark.row("F2")
async def test_no_step_of_a_commit_loses_or_doubles_many_times(
    gateway: Any, central: Any, measured: Callable[[str], None]
) -> None:
    found = await killed_at_steps(gateway, central, times=25)
    measured(f"25 kills at each of {len(STEPS) + 1} steps ({', '.join([*STEPS, MID_CHECKPOINT])}): {found}")
    assert found.holds, found


async def told_to_end(gateway: Any, mes: Any, proxy: Any, times: int) -> tuple[Verdict, float]:
    """SIGTERM under load, every other time with the MES away; the verdict, and the longest end in seconds."""
    longest = 0.0
    gateway.configure(f"http://127.0.0.1:{proxy.port}")
    for turn in range(times):
        if turn % 2:
            await proxy.refuse()
        before = gateway.kept()
        await gateway.start(RATE=2000)
        async with asyncio.timeout(20):
            while gateway.kept() < before + 500:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        began = time.monotonic()
        assert await gateway.end(signal.SIGTERM) == 0
        longest = max(longest, time.monotonic() - began)
        if turn % 2:
            await proxy.listen()
    await gateway.start(LAST=1)
    await gateway.until_drained()
    assert await gateway.end(signal.SIGTERM) == 0
    assert "Traceback" not in gateway.output
    return verdict(gateway.ledger, mes.numbers), longest


@pytest.mark.slow
@pytest.mark.row("F15")
async def test_a_gateway_told_to_end_keeps_or_delivers_everything(
    gateway: Any, mes: Any, proxy: Any, measured: Callable[[str], None]
) -> None:
    found, longest = await told_to_end(gateway, mes, proxy, times=3)
    measured(f"3 × SIGTERM under load: {found}; longest end {longest:.1f} s, exit 0 each time")
    assert found.holds, found
    assert longest <= 10


@pytest.mark.chaos
@pytest.mark.row("F15")
async def test_a_gateway_told_to_end_twenty_times(
    gateway: Any, mes: Any, proxy: Any, measured: Callable[[str], None]
) -> None:
    found, longest = await told_to_end(gateway, mes, proxy, times=20)
    measured(f"20 × SIGTERM under load, MES away 10 ×: {found}; longest end {longest:.1f} s, exit 0 each time")
    assert found.holds, found
    assert longest <= 10
