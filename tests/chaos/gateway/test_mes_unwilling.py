"""F4, F5, F6, F14: an MES that is away, that stores and does not answer, that gets things twice and late, that is slow."""

import asyncio
import itertools
import json
import random
import signal
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from ledger import Verdict, verdict

FIELDS = 10
LIVE = 2000


async def ended(gateway: Any) -> None:
    """Deliver the rest and nothing new, then end well."""
    await gateway.end(signal.SIGTERM)
    await gateway.start(LAST=1)
    await gateway.until_drained(60)
    assert await gateway.end(signal.SIGTERM) == 0
    assert "Traceback" not in gateway.output, gateway.output[-3000:]


# -- F4: away ----------------------------------------------------------------------------------------------------------


class Away(NamedTuple):
    """What came of an outage: the backlog at its end, how fast it went, how old the newest stored value was then."""

    verdict: Verdict
    backlog: int
    drain_rate: float
    took_seconds: float
    """From the MES's return until its backlog was stored, the gateway's own waiting included."""
    lag_seconds: float
    growth_mib: float

    def __str__(self) -> str:
        rate = f"{self.drain_rate:,.0f}/s ({self.drain_rate / LIVE:.0f} × live)"
        drained = f"{self.backlog:,} values drained at {rate}, done {self.took_seconds:.0f} s after its return"
        return f"{self.verdict}; {drained}, live lag then {self.lag_seconds:.1f} s, {self.growth_mib:+.0f} MiB"


async def away(gateway: Any, mes: Any, proxy: Any, seconds: float, hold: bool) -> Away:
    """Take the MES away by refusing, by 503 and, where wanted, by silence, a third of the time each."""
    gateway.configure(f"http://127.0.0.1:{proxy.port}", fields=FIELDS)
    await gateway.start(RATE=LIVE)
    await asyncio.sleep(2.0)
    before = gateway.resident_mib()
    await proxy.refuse()
    await asyncio.sleep(seconds / 3)
    mes.status = 503
    await proxy.listen()
    await asyncio.sleep(seconds / 3)
    proxy.faults.hold = hold
    await asyncio.sleep(seconds / 3)
    growth = gateway.resident_mib() - before
    mes.status, proxy.faults.hold, back, there = 200, False, len(mes.arrivals), len(mes.numbers)
    backlog, returned = gateway.kept() - there, time.monotonic()
    lag = await caught_up(gateway, mes, there + backlog)
    took = time.monotonic() - returned
    growth = max(growth, gateway.resident_mib() - before)
    await ended(gateway)
    rate = drained(mes.arrivals[back:], there, backlog)
    return Away(verdict(gateway.ledger, mes.numbers), backlog, rate, took, lag, growth)


async def caught_up(gateway: Any, mes: Any, upto: int) -> float:
    """Wait for the backlog to be stored; how many seconds of the live stream are still missing then."""
    async with asyncio.timeout(120):
        while len(mes.numbers) < upto:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return (gateway.kept() - len(mes.numbers)) / LIVE


def drained(arrivals: list[tuple[float, int]], there: int, backlog: int) -> float:
    """Values per second from the first batch after the outage to the end of the backlog."""
    last = next(index for index, (_, count) in enumerate(arrivals) if count - there >= backlog)
    first_at, first_count = arrivals[0]
    return (arrivals[last][1] - first_count) / (arrivals[last][0] - first_at)


def judge_away(found: Away) -> None:
    assert found.verdict.holds, found
    assert found.lag_seconds <= 60, found
    assert found.took_seconds <= 120, found
    assert found.growth_mib <= 50, found


@pytest.mark.slow
@pytest.mark.row("F4")
async def test_an_mes_that_was_away_gets_everything(
    gateway: Any, mes: Any, proxy: Any, measured: Callable[[str], None]
) -> None:
    found = await away(gateway, mes, proxy, seconds=9, hold=False)
    measured(f"away 9 s at 2,000 values/s (refused, 503): {found}")
    judge_away(found)
    assert found.backlog >= 0.7 * 9 * LIVE


@pytest.mark.chaos
@pytest.mark.row("F4")
async def test_an_mes_that_was_away_for_long(
    gateway: Any, mes: Any, proxy: Any, measured: Callable[[str], None]
) -> None:
    found = await away(gateway, mes, proxy, seconds=180, hold=True)
    measured(f"away 180 s for 30 min at 2,000 values/s (refused, 503, silent): {found}")
    judge_away(found)
    assert found.drain_rate >= 20 * LIVE, found


# -- F5: stored, and not answered --------------------------------------------------------------------------------------


class Cuts(NamedTuple):
    verdict: Verdict
    batches: int
    tries: int
    cut: int

    def __str__(self) -> str:
        return f"{self.cut} of {self.tries:,} answers cut: {self.verdict}; {self.tries / max(self.batches, 1):.2f} tries per batch"


async def cut_answers(gateway: Any, central: Any, cutting: Any, batches: int) -> Cuts:
    """Cut every tenth answer after the MES has committed; batches of twenty rows, so that there are many."""
    chance = random.Random(batches)
    cutting.faults.cut_reply = lambda: chance.random() < 0.1
    gateway.configure(f"http://127.0.0.1:{cutting.port}", fields=1)
    await gateway.start(RATE=0, LAST=batches * 20, MAX_ROWS=20, BACKOFF=0.01)
    async with asyncio.timeout(60 + batches / 20):
        while len(set(await central.numbers())) < batches * 20:  # noqa: ASYNC110
            await asyncio.sleep(1.0)
    await gateway.until_drained(60)
    assert await gateway.end(signal.SIGTERM) == 0
    tries, cut = cutting.seen["requests"], cutting.seen["cut"]
    return Cuts(verdict(gateway.ledger, await central.numbers()), tries - cut, tries, cut)


@pytest.mark.slow
@pytest.mark.row("F5")
async def test_a_lost_answer_of_an_mes_that_has_stored_doubles_nothing(
    gateway: Any, central: Any, cutting: Any, measured: Callable[[str], None]
) -> None:
    found = await cut_answers(gateway, central, cutting, batches=300)
    measured(str(found))
    assert found.verdict.holds, found
    assert found.cut > 10
    assert found.tries <= 1.2 * found.batches


@pytest.mark.chaos
@pytest.mark.row("F5")
async def test_a_thousand_lost_answers_double_nothing(
    gateway: Any, central: Any, cutting: Any, measured: Callable[[str], None]
) -> None:
    found = await cut_answers(gateway, central, cutting, batches=10_000)
    measured(str(found))
    assert found.verdict.holds, found
    assert found.cut > 800
    assert found.tries <= 1.2 * found.batches


# -- F6: doubled and late ----------------------------------------------------------------------------------------------


async def doubled(gateway: Any, central: Any, cutting: Any, seconds: float) -> tuple[Verdict, int, list[int]]:
    """Let batches come again late over connections of their own; the verdict, how many did, and the watermark's way."""
    chance, watermarks = random.Random(6), []
    cutting.faults.double = lambda: chance.choice((0.0, 0.0, 0.02, 0.2, 1.0, None))
    cutting.faults.delay = 0.005
    gateway.configure(f"http://127.0.0.1:{cutting.port}")
    await gateway.start(RATE=LIVE)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        watermarks.append(await central.watermark())
        await asyncio.sleep(0.02)
    await ended(gateway)
    return verdict(gateway.ledger, await central.numbers()), cutting.seen["doubled"], watermarks


async def judge_doubled(found: Verdict, count: int, watermarks: list[int], central: Any) -> None:
    assert found.holds, found
    assert count > 10
    assert all(before <= after for before, after in itertools.pairwise(watermarks)), "the watermark went back"
    rows = await central.pool.fetch("SELECT seq FROM observations UNION SELECT seq FROM configurations ORDER BY seq")
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1)), "the watermark skipped rows"


@pytest.mark.slow
@pytest.mark.row("F6")
async def test_batches_that_come_again_and_late_change_nothing(
    gateway: Any, central: Any, cutting: Any, measured: Callable[[str], None]
) -> None:
    found, count, watermarks = await doubled(gateway, central, cutting, seconds=5)
    measured(f"{count} batches doubled, up to 1 s late: {found}; watermark without a step back or a hole")
    await judge_doubled(found, count, watermarks, central)


@pytest.mark.chaos
@pytest.mark.row("F6")
async def test_batches_that_come_again_and_late_for_long(
    gateway: Any, central: Any, cutting: Any, measured: Callable[[str], None]
) -> None:
    found, count, watermarks = await doubled(gateway, central, cutting, seconds=180)
    measured(f"{count} batches doubled, up to 1 s late: {found}; watermark without a step back or a hole")
    await judge_doubled(found, count, watermarks, central)


# -- F14: slow ---------------------------------------------------------------------------------------------------------


async def slow_consumer(gateway: Any, mes: Any, seconds: float) -> tuple[Verdict, float]:
    """Two seconds per batch; the verdict, and the event loop's lateness (99th percentile, in ms)."""
    mes.pause = 2.0
    gateway.configure(mes.url)
    await gateway.start(RATE=LIVE, LAG=gateway.lag)
    await asyncio.sleep(seconds)
    assert gateway.kept() >= 0.9 * LIVE * (seconds - 2), "the source was held up"
    mes.pause = 0.0
    await gateway.end(signal.SIGTERM)
    late = sorted(json.loads(gateway.lag.read_text()))
    await gateway.start(LAST=1)
    await gateway.until_drained(120)
    assert await gateway.end(signal.SIGTERM) == 0
    return verdict(gateway.ledger, mes.numbers), 1000 * late[int(0.99 * len(late))]


@pytest.mark.slow
@pytest.mark.row("F14")
async def test_a_slow_mes_slows_nothing_else(gateway: Any, mes: Any, measured: Callable[[str], None]) -> None:
    found, late = await slow_consumer(gateway, mes, seconds=8)
    measured(f"2 s per batch at 2,000 values/s for 8 s: {found}, no gap; event loop late p99 {late:.0f} ms")
    assert found.holds, found
    assert not mes.gaps
    assert late <= 100


@pytest.mark.chaos
@pytest.mark.row("F14")
async def test_a_slow_mes_slows_nothing_else_for_long(gateway: Any, mes: Any, measured: Callable[[str], None]) -> None:
    found, late = await slow_consumer(gateway, mes, seconds=180)
    measured(f"2 s per batch at 2,000 values/s for 180 s: {found}, no gap; event loop late p99 {late:.0f} ms")
    assert found.holds, found
    assert not mes.gaps
    assert late <= 100
