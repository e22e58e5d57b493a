"""What is kept out of the stream: on disk within bounds, and out again in one transaction with the rows it becomes."""

import sqlite3
from pathlib import Path
from typing import Any

from plantwright_api.wire.delivery import QUARANTINE
from plantwright_gateway.buffer.database import open_database
from plantwright_gateway.buffer.records import Limits
from plantwright_gateway.buffer.store import Store
from plantwright_gateway.context.events import Original, Row, packed

LAST = 2**63 - 1


def original(number: int, text: str = "?") -> Original:
    return Original("c", "f", "s", text, "WrongType", number, "1.0.0", packed(text, "Good"))


def told(number: int) -> Row:
    return Row(QUARANTINE, "c", b'{"n":%d}' % number, 1, number, number)


async def test_originals_lie_in_the_order_of_their_events_over_many_transactions_and_restarts(box: Any) -> None:
    buffer = await box.open()
    await buffer.append([told(n) for n in range(600)], [original(n) for n in range(600)])
    assert buffer.stats.held == 600
    await box.close()
    buffer = await box.open()
    found = []
    while page := await buffer.held(found[-1].id if found else 0, LAST):
        found += page
    assert [held.time_ns for held in found] == list(range(600))
    assert buffer.stats.held == 600


async def test_a_released_value_is_out_of_the_one_and_in_the_other(box: Any, row: Any) -> None:
    buffer = await box.open()
    await buffer.append([told(1), told(2)], [original(1), original(2)])
    first, second = await buffer.held(0, LAST)
    assert await buffer.release([row(7)], [first.id], [(second.id, "OutOfRange")], {"replay": b"r"})
    assert [held.reason for held in await buffer.held(0, LAST)] == ["OutOfRange"]
    assert (buffer.stats.held, buffer.stats.rows) == (1, 3)
    assert (await buffer.load_state())["replay"] == b"r"


async def test_without_room_nothing_is_released_and_nothing_dropped(box: Any, row: Any) -> None:
    buffer = await box.open(2**20, "DropOldest")
    await buffer.append([told(1)], [original(1)])
    (held,) = await buffer.held(0, LAST)
    await buffer.append([row(n, size=1000) for n in range(2000)])
    dropped = buffer.stats.dropped
    assert dropped > 0
    assert not await buffer.release([row(n, size=1000) for n in range(200)], [held.id], [], {})
    assert (buffer.stats.held, buffer.stats.dropped) == (1, dropped)


async def test_the_oldest_go_when_it_takes_more_than_its_share(box: Any) -> None:
    buffer = await box.open(2**22)
    text = "x" * 1000
    for first in range(0, 2000, 100):
        await buffer.append(
            [told(n) for n in range(first, first + 100)], [original(n, text) for n in range(first, first + 100)]
        )
    stats = buffer.stats
    assert stats.held_dropped > 0
    assert stats.held + stats.held_dropped == 2000
    assert stats.held * 2000 < 2**22 // 8 + 2000 * 100
    assert (await buffer.held(0, LAST))[0].time_ns == stats.held_dropped


def test_a_file_of_an_earlier_gateway_is_taken_over(tmp_path: Path) -> None:
    limits = Limits(2**24)
    connection = open_database(tmp_path / "m.db", "uid", limits, 0).connection
    for column in ("version", "packed"):
        connection.execute(f"ALTER TABLE quarantine DROP COLUMN {column}")
    sql = "INSERT INTO quarantine (recorded_ns, reason, contract, field, signal, value, time_ns, sink) VALUES (1,'r','c','f','s','v',1,'')"
    connection.execute(sql)
    connection.close()
    connection = open_database(tmp_path / "m.db", "uid", limits, 0).connection
    (held,) = Store(connection, limits, lambda *_, **__: told(0), lambda: 1).quarantine.page(0, LAST)
    assert (held.value, held.version, held.packed) == ("v", "", None)
    connection.execute(sql)  # and an earlier gateway goes on with it
    connection.close()


def test_a_rollback_counts_as_if_nothing_had_been(tmp_path: Path) -> None:
    connection = open_database(tmp_path / "m.db", "uid", Limits(2**24), 0).connection
    store = Store(connection, Limits(2**24), lambda *_, **__: told(0), lambda: 1)
    store.begin()
    store.append([told(1)], [original(1)], {})
    store.rollback()
    assert (store.quarantine.held, store.stats().held) == (0, 0)
    connection.close()
    assert sqlite3.connect(tmp_path / "m.db").execute("SELECT count(*) FROM quarantine").fetchone() == (0,)
