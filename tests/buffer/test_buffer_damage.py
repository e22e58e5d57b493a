"""Broken files, lost tails, disks that refuse: it always goes on, and says what is gone."""

import asyncio
import os
import random
import sqlite3
from pathlib import Path
from typing import Any

import pytest


async def filled(box: Any, row: Any, count: int = 300) -> str:
    buffer = await box.open()
    await buffer.append([row(n, 200) for n in range(count)], state={"kpi": b"totals", "last_observed": b"7"})
    epoch: str = buffer.stats.epoch
    await box.close()
    return epoch


async def test_of_a_broken_file_every_whole_row_goes_on_and_the_others_are_a_gap(box: Any, row: Any) -> None:
    epoch = await filled(box, row)
    content = bytearray(box.path.read_bytes())
    content[4096 * 12 : 4096 * 18] = os.urandom(4096 * 6)
    box.path.write_bytes(content)
    buffer = await box.open()
    assert buffer.stats.epoch == epoch
    numbers = await box.numbers()
    [told] = await box.gaps()
    assert 100 < len(numbers) < 300
    assert (told["gap"], told["count"]) == ("BufferCorrupt", 300 - len(numbers))
    assert list((box.path.parent / "quarantine" / "m.db").iterdir())
    await buffer.append([row(1000)])
    assert await box.numbers() == [*numbers, 1000]
    assert dict(buffer.stats.gaps) == {"BufferCorrupt": 1}


async def test_where_sqlite_finds_no_table_the_rows_are_found_all_the_same(box: Any, row: Any) -> None:
    await filled(box, row)
    content = bytearray(box.path.read_bytes())
    content[:100] = b"\0" * 100
    box.path.write_bytes(content)
    await box.open()
    assert await box.numbers() == list(range(300))
    assert await box.gaps() == []


async def test_long_rows_are_followed_over_their_pages(box: Any, row: Any) -> None:
    buffer = await box.open()
    await buffer.append([row(n, size) for n, size in enumerate((10, 3900, 4000, 4030, 8000, 60_000))])
    await box.close()
    content = bytearray(box.path.read_bytes())
    content[:100] = b"\0" * 100
    box.path.write_bytes(content)
    await box.open()
    assert await box.numbers() == list(range(6))


async def test_what_the_mes_has_is_not_delivered_again_and_no_sequence_is_given_out_twice(box: Any, row: Any) -> None:
    buffer = await box.open()
    await buffer.set_sinks(["mes"])
    await buffer.append([row(n, 200) for n in range(300)])
    await buffer.acknowledge(buffer.stats.epoch, "mes", 250)
    await box.close()
    database = sqlite3.connect(box.path)
    root = database.execute("SELECT rootpage FROM sqlite_schema WHERE name='rows'").fetchone()[0]
    database.close()
    content = bytearray(box.path.read_bytes())
    content[4096 * (root - 1) : 4096 * (root - 1) + 8] = b"\xff" * 8
    box.path.write_bytes(content)
    buffer = await box.open()
    await buffer.append([row(1000)])
    page = await buffer.page("mes", 1000, 1_000_000)
    assert [found.seq for found in page.rows[:50]] == list(range(251, 301))
    assert page.position.watermark == 250
    assert page.rows[-1].seq > 1_000_000_000


async def test_a_kill_while_the_file_is_made_anew_begins_again(box: Any, row: Any, tmp_path: Path) -> None:
    await filled(box, row)
    content = bytearray(box.path.read_bytes())
    content[:100] = b"\0" * 100
    box.path.write_bytes(content)
    box.path.with_name("m.db-new").write_bytes(b"half of it")
    await box.open()
    assert await box.numbers() == list(range(300))
    await box.close()
    box.path.replace(box.path.with_name("m.db-new"))
    await box.open()
    assert await box.numbers() == list(range(300))


async def test_what_can_be_read_of_the_state_goes_over(box: Any, row: Any) -> None:
    await filled(box, row)
    database = sqlite3.connect(box.path)
    root = database.execute("SELECT rootpage FROM sqlite_schema WHERE name='rows'").fetchone()[0]
    database.close()
    content = bytearray(box.path.read_bytes())
    content[4096 * (root - 1) : 4096 * (root - 1) + 200] = b"\xff" * 200
    box.path.write_bytes(content)
    buffer = await box.open()
    assert await buffer.load_state() == {"kpi": b"totals", "last_observed": b"7"}


@pytest.mark.parametrize("rubbish", [b"", b"SQLite format 3\x00" + b"\x00" * 50, b"no database at all" * 500])
async def test_rubbish_in_the_files_place_is_survived(box: Any, row: Any, rubbish: bytes) -> None:
    box.path.write_bytes(rubbish)
    buffer = await box.open()
    await buffer.append([row(1)])
    assert await box.numbers() == [1]


@pytest.mark.slow
async def test_any_damage_to_file_or_log_is_survived(box: Any, row: Any, tmp_path: Path) -> None:
    buffer = await box.open()
    await buffer.append([row(n, 200) for n in range(200)])
    parts = box.files()
    await box.close()
    chance = random.Random(7)
    for _ in range(40):
        for name, content in parts.items():
            (tmp_path / name).write_bytes(content)
        victim = chance.choice(["m.db", "m.db-wal"])
        damaged = bytearray(parts[victim])
        where = chance.randrange(len(damaged))
        if chance.random() < 0.5:
            del damaged[where:]
        else:
            damaged[where] ^= 1 << chance.randrange(8)
        (tmp_path / victim).write_bytes(damaged)
        async with asyncio.timeout(5):
            buffer = await box.open()
            await buffer.append([row(1000)])
        numbers, gaps = await box.numbers(), await box.gaps()
        assert numbers[-1] == 1000
        assert len(numbers) == 201 or gaps, f"rows are gone without a gap: {victim} at {where}"
        await box.close()


async def test_a_lost_tail_of_the_log_is_told_and_its_sequences_stay_taken(box: Any, row: Any, tmp_path: Path) -> None:
    buffer = await box.open()
    await buffer.append([row(1)])
    saved = box.files()
    await buffer.append([row(2)])
    await buffer.append([row(3)])
    high = box.path.with_name("m.db-high").read_bytes()
    await box.close()
    for name, content in {**saved, "m.db-high": high}.items():
        (tmp_path / name).write_bytes(content)
    buffer = await box.open()
    [told] = await box.gaps()
    assert (told["gap"], told["count"]) == ("BufferCorrupt", 2)
    await buffer.append([row(4)])
    assert [found.seq for found in (await buffer.page("mes", 10, 10_000)).rows] == [1, 4, 5]


async def test_what_lies_behind_damage_in_the_log_goes_on(box: Any, row: Any, tmp_path: Path) -> None:
    buffer = await box.open()
    for number in range(1, 21):
        await buffer.append([row(number, 3000)])
    saved = box.files()
    await box.close()
    log = bytearray(saved["m.db-wal"])
    log[len(log) // 2] ^= 1
    for name, content in {**saved, "m.db-wal": bytes(log)}.items():
        (tmp_path / name).write_bytes(content)
    buffer = await box.open()
    numbers, gaps = await box.numbers(), await box.gaps()
    assert len(numbers) >= 19
    assert sum(told["count"] for told in gaps) == 20 - len(numbers)


async def test_a_file_that_breaks_while_it_is_open_is_replaced_and_nothing_accepted_later_is_lost(
    box: Any, row: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from plantwright_gateway.buffer.store import Store

    buffer = await box.open()
    await buffer.append([row(1)])
    whole, original = [True], Store.append

    def breaking(self: Store, *arguments: Any) -> None:
        if whole:
            whole.clear()
            for part in (box.path, box.path.with_name("m.db-wal")):
                part.write_bytes(b"rubbish" * 2000)
            error = sqlite3.DatabaseError("database disk image is malformed")
            error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise error
        original(self, *arguments)

    monkeypatch.setattr(Store, "append", breaking)
    async with asyncio.timeout(5):
        await buffer.append([row(2)])
    numbers, gaps = await box.numbers(), await box.gaps()
    assert numbers[-1] == 2
    assert (numbers == [2]) == ([told["gap"] for told in gaps] == ["BufferCorrupt"])
    assert list(buffer.stats.sinks) == ["mes"], "the sinks go over to the new file"


async def test_a_disk_that_refuses_is_told_and_waited_for(
    box: Any, row: Any, eventually: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from plantwright_gateway.buffer.store import Store

    buffer = await box.open()
    original, refusing = Store.commit, [True]

    def commit(self: Store) -> None:
        if refusing:
            raise sqlite3.OperationalError("disk I/O error")
        original(self)

    monkeypatch.setattr(Store, "commit", commit)
    appending = asyncio.create_task(buffer.append([row(1)]))
    await eventually(lambda: not buffer.stats.writable)
    assert "disk I/O error" in buffer.stats.error
    assert not appending.done()
    refusing.clear()
    async with asyncio.timeout(5):
        await appending
    assert buffer.stats.writable
    assert await box.numbers() == [1], "stored once, though it was tried several times"


async def test_a_folder_that_cannot_be_written_is_waited_for(
    box: Any, row: Any, eventually: Any, tmp_path: Path
) -> None:
    blocker = tmp_path / "folder"
    blocker.write_text("in the way")
    box.path = blocker / "m.db"
    opening = asyncio.create_task(box.open())
    await eventually(lambda: box.buffer and box.buffer.stats.error)
    assert not box.buffer.stats.writable
    blocker.unlink()
    async with asyncio.timeout(5):
        buffer = await opening
    await buffer.append([row(1)])
    assert await box.numbers() == [1]


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param("body = replace(body, '5', '6')", id="a value changed"),
        pytest.param("contract = CAST(x'ff63' AS TEXT)", id="a name that is no text"),
        pytest.param("body = NULL", id="no content"),
    ],
)
async def test_a_row_that_changed_on_the_disk_is_not_delivered_and_leaves_a_gap(
    box: Any, row: Any, damage: str
) -> None:
    """SQLite's own check cannot see what changed inside of a row."""
    await filled(box, row, 20)
    database = sqlite3.connect(box.path)
    database.execute("PRAGMA ignore_check_constraints=ON")
    database.execute("PRAGMA writable_schema=ON")
    database.execute("UPDATE sqlite_schema SET sql = replace(sql, 'body BLOB NOT NULL', 'body BLOB') WHERE name='rows'")
    database.commit()
    database.close()
    database = sqlite3.connect(box.path)
    database.execute(f"UPDATE rows SET {damage} WHERE seq IN (6, 7)")  # noqa: S608
    database.commit()
    database.close()
    buffer = await box.open()
    assert await box.numbers() == [n for n in range(20) if n not in (5, 6)]
    [told] = await box.gaps()
    assert (told["gap"], told["count"], told["start"], told["end"]) == ("BufferCorrupt", 2, 4, 7)
    assert buffer.stats.rows == 19
    await box.acknowledge("mes", buffer.stats.last_seq)
    assert buffer.stats.rows == 0


async def test_rows_of_an_earlier_gateway_have_no_checksum_and_are_delivered(box: Any, row: Any) -> None:
    await filled(box, row, 3)
    database = sqlite3.connect(box.path)
    database.execute("UPDATE rows SET crc = NULL")
    database.commit()
    database.close()
    await box.open()
    assert await box.numbers() == [0, 1, 2]
