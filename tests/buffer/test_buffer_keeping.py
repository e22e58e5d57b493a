"""What is accepted is on disk, in order, under one identity, until every sink has it."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from plantwright_gateway.buffer import Buffer, BufferClosedError
from plantwright_gateway.buffer.database import open_database, refuse_network
from plantwright_gateway.buffer.records import Limits


async def test_accepted_rows_are_there_after_reopening_in_order_under_the_same_epoch(box: Any, row: Any) -> None:
    buffer = await box.open()
    await buffer.append([row(n) for n in range(700)], state={"kpi": b"k"})
    epoch = buffer.stats.epoch
    await box.close()
    buffer = await box.open()
    assert await box.numbers() == list(range(700))
    assert (buffer.stats.epoch, buffer.stats.uid, buffer.stats.last_seq) == (epoch, "uid", 700)
    assert await buffer.load_state() == {"kpi": b"k"}


async def test_a_file_keeps_its_identity_when_the_machine_is_added_again(box: Any, row: Any, make_gap: Any) -> None:
    buffer = await box.open()
    await buffer.append([row(1)])
    epoch = buffer.stats.epoch
    await box.close()
    box.buffer = buffer = Buffer(box.path, "another-uid", Limits(2**24), make_gap, lambda: 1)
    buffer.start()
    await buffer.load_state()
    assert (buffer.stats.uid, buffer.stats.epoch) == ("uid", epoch), "the MES must know its rows again"


def test_every_connection_is_fully_synchronous(tmp_path: Path) -> None:
    opened = open_database(tmp_path / "m.db", "uid", Limits(2**24), 0)
    assert opened.connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert opened.connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert opened.connection.execute("PRAGMA auto_vacuum").fetchone() == (2,)
    opened.connection.close()


async def test_a_second_process_is_kept_out(box: Any, row: Any) -> None:
    buffer = await box.open()
    await buffer.append([row(1)])
    second = sqlite3.connect(box.path, timeout=0.1)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        second.execute("SELECT * FROM rows").fetchall()
    second.close()


async def test_sequences_are_never_given_out_twice(box: Any, row: Any) -> None:
    buffer = await box.open()
    await buffer.append([row(1), row(2)])
    await box.acknowledge("mes", 2)
    await box.close()
    buffer = await box.open()
    assert buffer.stats.rows == 0
    await buffer.append([row(3)])
    page = await buffer.page("mes", 10, 10_000)
    assert [found.seq for found in page.rows] == [3]
    assert page.position.acknowledged == 2


async def test_rows_go_when_every_sink_is_done_with_them(box: Any, row: Any) -> None:
    box.sinks = ("slow", "mes")
    buffer = await box.open()
    await buffer.append([row(n) for n in range(10)])
    await box.acknowledge("mes", 10)
    assert buffer.stats.rows == 10
    assert (buffer.stats.backlog("mes"), buffer.stats.backlog("slow")) == (0, 10)
    await box.acknowledge("slow", 4)
    assert await box.numbers("slow") == [4, 5, 6, 7, 8, 9]
    assert buffer.stats.rows == 6


async def test_a_sink_that_is_gone_holds_nothing_back_and_a_new_one_gets_what_is_left(box: Any, row: Any) -> None:
    box.sinks = ("old", "mes")
    buffer = await box.open()
    await buffer.append([row(n) for n in range(5)])
    await box.acknowledge("mes", 3)
    await buffer.set_sinks(["mes", "new"])
    page = await buffer.page("new", 10, 10_000)
    assert page.position.acknowledged == 0, "a new sink has confirmed nothing: its chain begins at 0"
    assert [found.seq for found in page.rows] == [1, 2, 3, 4, 5]
    await buffer.set_sinks(["mes"])
    await buffer.append([row(5)])
    assert buffer.stats.rows == 3


async def test_pages_hold_at_least_one_row_and_stay_below_their_size(box: Any, row: Any) -> None:
    buffer = await box.open()
    await buffer.append([row(n, 1000) for n in range(10)])
    assert len((await buffer.page("mes", 10, 10)).rows) == 1
    assert len((await buffer.page("mes", 10, 4000)).rows) == 3
    assert len((await buffer.page("mes", 4, 2**20)).rows) == 4
    assert [found.seq for found in (await buffer.page("mes", 2, 2**20, after=5)).rows] == [6, 7]


async def test_the_first_stored_time_is_set_once_by_the_first_sink_and_by_good_data_alone(box: Any, row: Any) -> None:
    buffer = await box.open()
    await buffer.append([row(1, meets=False), row(2), row(3), row(4)])
    await box.acknowledge("mes", 1, commissions=True)
    assert buffer.stats.first_stored_ns is None
    await box.acknowledge("mes", 2, rejected=[(2, "no")], commissions=True)
    assert buffer.stats.first_stored_ns is None, "what the MES rejected it has not stored"
    await box.acknowledge("mes", 3, commissions=False)
    assert buffer.stats.first_stored_ns is None
    await box.acknowledge("mes", 4, commissions=True)
    first = buffer.stats.first_stored_ns
    assert first is not None
    await box.close()
    buffer = await box.open()
    assert buffer.stats.first_stored_ns == first


async def test_a_poison_row_goes_to_the_quarantine_and_leaves_a_gap_and_the_chain_goes_over_it(
    box: Any, row: Any
) -> None:
    buffer = await box.open()
    await buffer.append([row(n) for n in range(1, 4)])
    await box.acknowledge("mes", 1)
    await buffer.skip(buffer.stats.epoch, "mes", 2, "field is wrong")
    page = await buffer.page("mes", 10, 10_000)
    assert [found.seq for found in page.rows] == [3, 4]
    assert page.position.acknowledged == 1, "the sink never confirmed 2"
    [told] = await box.gaps()
    assert (told["gap"], told["count"]) == ("MesRejects", 1)
    await buffer.skip(buffer.stats.epoch, "mes", 4, "refuses the gap too")
    assert len(await box.gaps()) == 0, "a refused gap does not beget gaps"
    await box.close()
    database = sqlite3.connect(box.path)
    assert database.execute("SELECT seq, sink, value FROM quarantine ORDER BY id").fetchall() == [
        (2, "mes", "field is wrong"),
        (4, "mes", "refuses the gap too"),
    ]
    database.close()


async def test_a_sink_that_went_back_gets_what_is_left_and_a_gap_for_what_is_gone(box: Any, row: Any) -> None:
    box.sinks = ("mes", "slow")
    buffer = await box.open()
    await buffer.append([row(n) for n in range(1, 11)])
    await box.acknowledge("slow", 4)
    await box.acknowledge("mes", 10)
    await buffer.rewind(buffer.stats.epoch, "mes", 2)
    assert await box.numbers() == [5, 6, 7, 8, 9, 10]
    [told] = await box.gaps()
    assert (told["gap"], told["count"]) == ("MesWentBack", 2)


async def test_nothing_happens_on_the_word_of_another_epoch(box: Any, row: Any) -> None:
    buffer = await box.open()
    await buffer.append([row(1)])
    await buffer.acknowledge("another", "mes", 1)
    await buffer.skip("another", "mes", 1, "no")
    assert await box.numbers() == [1]


async def test_the_configuration_is_recorded_once_per_change(box: Any, row: Any) -> None:
    buffer = await box.open()
    for name in ("a", "a", "b", "a"):
        await buffer.record_config(name, row(1))
    assert buffer.stats.rows == 3


async def test_after_closing_nothing_is_accepted(box: Any, row: Any) -> None:
    buffer = await box.open()
    await buffer.close()
    with pytest.raises(BufferClosedError):
        await buffer.append([row(1)])
    assert not buffer.alive


async def test_many_at_once_are_committed_together(box: Any, row: Any) -> None:
    buffer = await box.open()
    await asyncio.gather(*(buffer.append([row(n)]) for n in range(200)))
    assert sorted(await box.numbers()) == list(range(200))


def test_network_file_systems_are_refused(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"rootfs / ext4 rw 0 0\nserver:/x {tmp_path} nfs4 rw 0 0\n")
    with pytest.raises(OSError, match="nfs4"):
        refuse_network(tmp_path, mounts)
    mounts.write_text(f"server:/x / nfs4 rw 0 0\n/dev/sda {tmp_path} ext4 rw 0 0\n")
    refuse_network(tmp_path, mounts)
