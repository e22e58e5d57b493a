"""Under its bound: each policy, each loss counted once and told in a gap that is itself kept."""

import asyncio
from typing import Any

import pytest

SMALL = 2**20


async def fill(buffer: Any, row: Any, numbers: range, size: int = 2000) -> None:
    for start in range(numbers.start, numbers.stop, 20):
        await buffer.append([row(n, size) for n in range(start, min(start + 20, numbers.stop))])


async def test_block_waits_and_goes_on_when_rows_have_gone(box: Any, row: Any, eventually: Any) -> None:
    buffer = await box.open(SMALL)
    filling = asyncio.create_task(fill(buffer, row, range(1000)))
    await eventually(lambda: buffer.stats.blocked)
    held = buffer.stats.rows
    assert 50 < held < 1000, held
    assert box.disk_bytes() <= SMALL
    stored: list[int] = []
    async with asyncio.timeout(20):
        while len(stored) < 1000:
            page = await buffer.page("mes", 100, SMALL)
            stored += [n for n in await box.numbers() if n not in stored][: len(page.rows)]
            if page.rows:
                await box.acknowledge("mes", page.rows[-1].seq)
            assert box.disk_bytes() <= SMALL
    await filling
    assert stored == list(range(1000))
    assert buffer.stats.dropped == 0
    assert not buffer.stats.blocked


async def test_drop_newest_keeps_the_oldest_and_tells_one_gap_when_there_is_room(box: Any, row: Any) -> None:
    buffer = await box.open(SMALL, "DropNewest")
    await fill(buffer, row, range(1000))
    numbers = await box.numbers()
    assert numbers == list(range(len(numbers)))
    assert buffer.stats.dropped == 1000 - len(numbers) > 100
    assert buffer.stats.blocked
    await box.acknowledge("mes", len(numbers) // 2)
    await buffer.append([row(1000)])
    [told] = await box.gaps()
    assert told["count"] == buffer.stats.dropped
    assert (told["start"], told["end"]) == (len(numbers), 999)
    assert (await box.numbers())[-1] == 1000
    assert not buffer.stats.blocked


async def test_drops_are_not_forgotten_by_a_restart(box: Any, row: Any) -> None:
    buffer = await box.open(SMALL, "DropNewest")
    await fill(buffer, row, range(1000))
    dropped = buffer.stats.dropped
    await box.close()
    buffer = await box.open(SMALL, "DropNewest")
    await box.acknowledge("mes", 100)
    assert [told["count"] for told in await box.gaps()] == [dropped]


async def test_drop_oldest_keeps_the_newest_and_every_loss_stands_in_a_gap(box: Any, row: Any) -> None:
    buffer = await box.open(SMALL, "DropOldest")
    for start in range(0, 4000, 400):
        await fill(buffer, row, range(start, start + 400))
        assert box.disk_bytes() <= SMALL
    numbers = await box.numbers()
    assert numbers == list(range(4000 - len(numbers), 4000))
    gaps = await box.gaps()
    assert sum(told["count"] for told in gaps) == buffer.stats.dropped == 4000 - len(numbers)
    assert len(gaps) < 60, "gaps are few"
    assert min(told["start"] for told in gaps) == 0
    assert "mes" in gaps[0]["message"]


@pytest.mark.parametrize("overflow", ["DropOldest", "DropNewest"])
async def test_one_row_larger_than_the_buffer_is_dropped_and_told(box: Any, row: Any, overflow: str) -> None:
    buffer = await box.open(SMALL, overflow)
    await buffer.append([row(1), row(2)])
    await buffer.append([row(3, 2 * SMALL)])
    assert buffer.stats.dropped >= 1
    await buffer.append([row(4)])
    assert (await box.numbers())[-1] == 4
    assert sum(told["count"] for told in await box.gaps()) == buffer.stats.dropped


async def test_another_bound_takes_effect_while_rows_wait(box: Any, row: Any, eventually: Any, make_gap: Any) -> None:
    from plantwright_gateway.buffer import Limits

    buffer = await box.open(SMALL)
    filling = asyncio.create_task(fill(buffer, row, range(600)))
    await eventually(lambda: buffer.stats.blocked)
    await buffer.configure(Limits(8 * SMALL), make_gap)
    async with asyncio.timeout(5):
        await filling
    assert await box.numbers() == list(range(600))


@pytest.mark.slow
async def test_free_pages_go_back_to_the_disk(box: Any, row: Any, eventually: Any) -> None:
    buffer = await box.open(2**24)
    await fill(buffer, row, range(500))
    await box.acknowledge("mes", 500)
    await eventually(lambda: buffer.stats.rows == 0)
    await eventually(lambda: box.disk_bytes() < 200_000, 30.0)
    await box.close()
    assert box.disk_bytes() < 200_000


async def test_a_disk_smaller_than_the_bound_is_the_bound(
    box: Any, row: Any, eventually: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plantwright_gateway.buffer.writer.disk_bytes", lambda _path: 2 * SMALL)
    buffer = await box.open(64 * SMALL)
    filling = asyncio.create_task(fill(buffer, row, range(2000)))
    await eventually(lambda: buffer.stats.blocked)
    assert box.disk_bytes() <= 2 * SMALL
    filling.cancel()
