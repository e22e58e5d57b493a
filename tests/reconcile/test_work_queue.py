"""Each key at most once at a time, never lost, never hammered."""

import asyncio

import pytest

from plantwright_operator.model import Key
from plantwright_operator.reconcile.queue import FIRST_PAUSE, LONGEST_PAUSE, WorkQueue


def key(name: str) -> Key:
    return Key("Machine", "n", name)


async def take(queue: WorkQueue, seconds: float = 0.5) -> Key | None:
    try:
        return await asyncio.wait_for(queue.get(), seconds)
    except TimeoutError:
        return None


async def test_a_key_added_often_is_worked_on_once() -> None:
    queue = WorkQueue(spacing=0)
    for _ in range(5):
        queue.add(key("a"))
    assert await take(queue) == key("a")
    queue.done(key("a"))
    assert await take(queue, 0.05) is None


async def test_a_key_is_never_worked_on_twice_at_a_time_and_comes_again() -> None:
    queue = WorkQueue(spacing=0)
    queue.add(key("a"))
    assert await take(queue) == key("a")
    queue.add(key("a"))
    assert await take(queue, 0.05) is None, "it is being worked on"
    queue.done(key("a"))
    assert await take(queue) == key("a"), "what changed meanwhile is not lost"


async def test_the_earliest_wish_counts() -> None:
    queue = WorkQueue(spacing=0)
    queue.add(key("a"), 60)
    queue.add(key("a"), 0.05)
    queue.add(key("a"), 60)
    assert await take(queue) == key("a")
    assert len(queue) == 0


async def test_due_keys_come_in_order() -> None:
    queue = WorkQueue(spacing=0)
    queue.add(key("later"), 0.1)
    queue.add(key("now"))
    assert [await take(queue), await take(queue)] == [key("now"), key("later")]


async def test_a_burst_is_spaced() -> None:
    now = [100.0]
    queue = WorkQueue(spacing=0.2, clock=lambda: now[0])
    queue.add(key("a"))
    assert await take(queue) == key("a")
    queue.done(key("a"))
    queue.add(key("a"))
    assert queue.ready() == 0
    now[0] += 0.2
    assert queue.ready() == 1


async def test_failures_wait_longer_and_longer_and_success_forgets_them() -> None:
    now = [100.0]
    queue = WorkQueue(spacing=0, clock=lambda: now[0])
    pauses = []
    for _ in range(12):
        queue.add(key("a"))
        now[0] += LONGEST_PAUSE * 2
        assert await take(queue) == key("a")
        pauses.append(queue.failed(key("a")))
    assert pauses[0] <= FIRST_PAUSE * 1.25
    assert all(pauses[i] < pauses[i + 3] for i in range(4))
    assert max(pauses) <= LONGEST_PAUSE * 1.25
    now[0] += LONGEST_PAUSE * 2
    assert await take(queue) == key("a")
    queue.done(key("a"))
    queue.add(key("a"))
    assert await take(queue) == key("a")
    assert queue.failed(key("a")) <= FIRST_PAUSE * 1.25


async def test_a_failed_key_is_not_retried_before_its_pause_though_it_changed_meanwhile() -> None:
    queue = WorkQueue(spacing=0)
    queue.add(key("a"))
    assert await take(queue) == key("a")
    queue.add(key("a"))
    queue.failed(key("a"), at_least=30)
    assert await take(queue, 0.05) is None


@pytest.mark.parametrize("workers", [1, 4])
async def test_workers_share_the_keys(workers: int) -> None:
    queue, seen, running = WorkQueue(spacing=0), [], set()

    async def work() -> None:
        while True:
            found = await queue.get()
            assert found not in running
            running.add(found)
            await asyncio.sleep(0)
            running.discard(found)
            seen.append(found)
            queue.done(found)

    tasks = [asyncio.create_task(work()) for _ in range(workers)]
    for number in range(200):
        queue.add(key(str(number % 50)))
        if number % 7 == 0:
            await asyncio.sleep(0)
    async with asyncio.timeout(5):
        while len(queue) or queue.working:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert set(seen) == {key(str(n)) for n in range(50)}


async def test_a_key_that_changes_without_end_is_worked_on_less_often() -> None:
    now = [100.0]
    queue = WorkQueue(spacing=0.2, clock=lambda: now[0])
    starts = []
    for _ in range(600):  # half a minute, twenty changes a second
        queue.add(key("a"))
        if queue.ready():
            assert await take(queue) == key("a")
            starts.append(now[0])
            queue.done(key("a"))
        now[0] += 0.05
    assert len([at for at in starts if at < 102]) >= 9, "a gateway that starts is followed closely"
    assert len([at for at in starts if at >= 110]) <= 21, "about once per second afterwards"
    now[0] += 15
    queue.add(key("a"))
    assert await take(queue) == key("a")
    queue.done(key("a"))
    queue.add(key("a"))
    now[0] += 0.2
    assert queue.ready() == 1, "calm has given the burst back"


async def test_failures_within_a_pause_do_not_lengthen_it() -> None:
    now = [100.0]
    queue = WorkQueue(spacing=0, clock=lambda: now[0])
    ends = []
    for _ in range(6):  # one failure after its pause, then two that events brought forward
        for _ in range(3):
            queue.add(key("a"))
            assert await take(queue) == key("a")
            ends.append(now[0] + queue.failed(key("a")))
            now[0] += 0.01
        now[0] = max(ends[-3:]) + 0.01
    lengths = [ends[i + 2] - ends[i] for i in range(6, 18, 3)]
    assert max(lengths) < 0.01, "the same pause, to its end"
    assert now[0] - 100 <= sum(FIRST_PAUSE * 2**n * 1.25 for n in range(6)) + 3
