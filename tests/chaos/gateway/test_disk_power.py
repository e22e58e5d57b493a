"""F3, F9: the power fails, and the disk refuses. What was accepted is on the disk, or it was not accepted."""

import asyncio
import json
import random
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import pytest
from diskfaults import FULL, IOERR_FSYNC, IOERR_WRITE, Disk, Image

from plantwright_gateway.buffer import Buffer, Limits
from plantwright_gateway.buffer.database import aside_folder, open_database
from plantwright_gateway.buffer.store import NoRoomError, Store
from plantwright_gateway.context.events import Row

OBSERVATION = "io.plantwright.observation.v1"
LIMITS = Limits(2**20)
STEPS = 200
MES = "mes"


def observation(number: int, size: int) -> Row:
    return Row(OBSERVATION, "c", json.dumps({"n": number, "pad": "x" * size}).encode(), 1, number, number, True)


def gap(reason: str, start: int, end: int, _now: int, count: int | None = None, *, message: str = "") -> Row:
    return Row(
        "io.plantwright.gap.v1", "", json.dumps({"gap": reason, "message": message}).encode(), count or 0, start, end
    )


class Cut(NamedTuple):
    """The disk at one moment, and what had been promised by then: numbers by sequence, and the sink's watermark.

    `underway` is the watermark that a transaction not yet ended would set: what lies below may be gone already.
    """

    images: dict[str, Image]
    rows: dict[int, int]
    watermark: int
    underway: int


class Story:
    """Two hundred transactions on one file; the power fails at one of all moments, each as likely as any other."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.chance = random.Random(seed)
        self.path = folder / "m.db"
        self.rows: dict[int, int] = {}
        self.watermark = self.underway = self.number = self.moments = 0
        self.cut: Cut | None = None
        self.disk = Disk(self._at)

    def _at(self, _event: str, _path: str) -> int:
        self.moments += 1
        if self.chance.random() < 1 / self.moments:
            self.cut = Cut(self.disk.snapshot(), dict(self.rows), self.watermark, self.underway)
        return 0

    def run(self, synchronous: str = "") -> Cut:
        with self.disk.installed():
            connection = open_database(self.path, "uid", LIMITS, 1).connection
            if synchronous:
                connection.execute(f"PRAGMA synchronous={synchronous}")
            store = Store(connection, LIMITS, gap, lambda: 7)
            self._commit(store, lambda: store.set_sinks([MES]))
            self.moments = 0
            for _ in range(STEPS):
                self.chance.choices([self._append, self._acknowledge, self._tidy], [10, 6, 1])[0](store)
            connection.close()
        assert self.cut is not None
        return self.cut

    def _append(self, store: Store) -> None:
        count = self.chance.randrange(1, 12)
        numbers = range(self.number, self.number + count)
        self.number += count
        rows = [observation(number, self.chance.randrange(600)) for number in numbers]
        first = store.last_seq() + 1
        try:
            self._commit(store, lambda: store.append(rows, [], {"kpi": b"x"}))
        except NoRoomError:
            store.rollback()
            return
        self.rows.update(zip(range(first, first + count), numbers, strict=True))

    def _acknowledge(self, store: Store) -> None:
        page = store.page(MES, self.chance.randrange(1, 40), 2**20)
        if page.rows:
            self.underway = page.rows[-1].seq
            self._commit(store, lambda: store.acknowledge(MES, self.underway, (), True))
            self.watermark = self.underway

    @staticmethod
    def _tidy(store: Store) -> None:
        store._db.execute("PRAGMA incremental_vacuum(64)").fetchall()
        store._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    @staticmethod
    def _commit(store: Store, act: Callable[[], object]) -> None:
        store.begin()
        act()
        store.commit()


def wrong_after(cut: Cut, folder: Path, chance: random.Random) -> str:
    """What is broken after the power came back; "" when all that was promised is there."""
    for path, image in cut.images.items():
        (folder / Path(path).name).write_bytes(image.cut(chance))
    opened = open_database(folder / "m.db", "uid", LIMITS, 1)
    with opened.connection as connection:
        answers = [line[0] for line in connection.execute("PRAGMA integrity_check")]
        found = {seq: json.loads(body)["n"] for seq, body in connection.execute("SELECT seq, body FROM rows")}
        watermark = max([row[0] for row in connection.execute("SELECT watermark FROM sinks")], default=0)
    opened.connection.close()
    if aside_folder(folder / "m.db").exists() or answers != ["ok"]:
        return f"the file is broken: {answers}"
    lost = {seq: n for seq, n in cut.rows.items() if seq > cut.underway and found.get(seq) != n}
    if lost:
        return f"{len(lost)} committed rows are lost"
    return "" if watermark >= cut.watermark else "a committed watermark is lost"


def power_cuts(folder: Path, seeds: range, synchronous: str = "") -> list[str]:
    """What went wrong, seed by seed, where anything did."""
    wrong = []
    for seed in seeds:
        before, after = folder / f"{seed}", folder / f"{seed}-after"
        before.mkdir()
        after.mkdir()
        story = Story(before, seed)
        told = wrong_after(story.run(synchronous), after, story.chance)
        wrong += [f"seed {seed}: {told}"] * bool(told)
        for part in [*before.iterdir(), *after.iterdir()]:
            part.unlink()
    return wrong


@pytest.fixture
def fast(tmp_path: Path) -> Iterator[Path]:
    """A folder whose own syncs cost nothing: the layer below is what decides."""
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else tmp_path))
    yield folder
    shutil.rmtree(folder)


@pytest.mark.slow
@pytest.mark.row("F3")
def test_after_a_power_cut_every_committed_row_is_there(fast: Path, measured: Callable[[str], None]) -> None:
    seeds = range(40)
    wrong = power_cuts(fast, seeds)
    assert not wrong
    measured(f"{len(seeds)} cuts of {STEPS} transactions: 0 committed rows lost, {len(seeds)} files sound")


@pytest.mark.slow
@pytest.mark.row("F3")
def test_without_full_sync_the_same_loses_rows(fast: Path, measured: Callable[[str], None]) -> None:
    seeds = range(20)
    wrong = power_cuts(fast, seeds, "NORMAL")
    assert wrong, "the power cut is too gentle to show anything"
    measured(f"with synchronous=NORMAL {len(wrong)} of {len(seeds)} cuts lose what was committed")


@pytest.mark.chaos
@pytest.mark.row("F3")
def test_a_thousand_power_cuts(fast: Path, measured: Callable[[str], None]) -> None:
    seeds = range(1000, 2000)
    wrong = power_cuts(fast, seeds)
    assert not wrong
    measured(f"{len(seeds)} cuts of {STEPS} transactions: 0 committed rows lost, {len(seeds)} files sound")


class Refusals:
    """A disk that refuses a share of all writes, syncs and truncations, also several in a row."""

    CODES: ClassVar = {"write": (IOERR_WRITE, FULL), "sync": (IOERR_FSYNC,), "truncate": (IOERR_WRITE,)}
    SHARES: ClassVar = {"write": 0.01, "sync": 0.06, "truncate": 0.05}

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.left = 0
        self.on = False
        self.syncs = 0

    def at(self, event: str, _path: str) -> int:
        if not self.on or event not in self.CODES:
            return 0
        if not self.left and self.chance.random() < self.SHARES[event]:
            self.left = self.chance.choice((1, 1, 2, 3))
        if not self.left:
            return 0
        self.left -= 1
        self.syncs += event == "sync"
        return self.chance.choice(self.CODES[event])


async def refused(folder: Path, seed: int) -> tuple[int, int]:
    """One story of a refusing disk and a power cut at its end; refusals, and failed syncs among them."""
    refusals = Refusals(seed)
    disk = Disk(refusals.at)
    accepted: set[int] = set()
    acknowledged = 0
    with disk.installed():
        buffer = Buffer(folder / "m.db", "uid", LIMITS, gap, lambda: 7)
        buffer.start()
        await buffer.load_state()
        await buffer.set_sinks([MES])
        refusals.on = True
        for number in range(0, 400, 4):
            async with asyncio.timeout(20):
                await buffer.append([observation(n, refusals.chance.randrange(600)) for n in range(number, number + 4)])
            accepted.update(range(number, number + 4))
            if refusals.chance.random() < 0.3:
                acknowledged = max(acknowledged, await acknowledge(buffer, refusals.chance))
        epoch = buffer.stats.epoch
        images = disk.snapshot()
        refusals.on = False
        await buffer.close()
    found = reopened(images, folder / "after", refusals.chance)
    assert found[0] == epoch, "a disk that refuses is no broken file"
    assert {n for n in accepted if n not in found[1]} <= set(range(acknowledged)), "accepted, and not on the disk"
    return disk.failed, refusals.syncs


async def acknowledge(buffer: Buffer, chance: random.Random) -> int:
    """Have the MES take a page; numbers below the answer may be gone."""
    try:
        page = await buffer.page(MES, chance.randrange(1, 40), 2**20)
    except sqlite3.Error:
        return 0
    if not page.rows:
        return 0
    async with asyncio.timeout(20):
        await buffer.acknowledge(page.epoch, MES, page.rows[-1].seq)
    last: int = json.loads(page.rows[-1].body)["n"]
    return last + 1


def reopened(images: dict[str, Image], folder: Path, chance: random.Random) -> tuple[str, set[int]]:
    folder.mkdir()
    for path, image in images.items():
        (folder / Path(path).name).write_bytes(image.cut(chance))
    opened = open_database(folder / "m.db", "uid", LIMITS, 1)
    with opened.connection as connection:
        epoch = connection.execute("SELECT value FROM meta WHERE key='epoch'").fetchone()[0]
        numbers = {json.loads(body).get("n") for (body,) in connection.execute("SELECT body FROM rows")}
    opened.connection.close()
    return epoch, numbers


async def stories(folder: Path, seeds: range, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr("plantwright_gateway.buffer.writer.RETRY_SECONDS", 0.005)
    counts = []
    for seed in seeds:
        (folder / f"{seed}").mkdir()
        counts.append(await refused(folder / f"{seed}", seed))
    failed, syncs = (sum(column) for column in zip(*counts, strict=True))
    assert syncs > len(seeds), "the disk hardly refused"
    return f"{failed} refusals ({syncs} failed syncs) in {len(seeds)} runs of 400 values, each ended by a power cut: 0 accepted lost"


@pytest.mark.slow
@pytest.mark.row("F9")
async def test_nothing_is_accepted_that_a_refusing_disk_has_not(
    fast: Path, monkeypatch: pytest.MonkeyPatch, measured: Callable[[str], Any]
) -> None:
    measured(await stories(fast, range(15), monkeypatch))


@pytest.mark.chaos
@pytest.mark.row("F9")
async def test_nothing_is_accepted_that_a_refusing_disk_has_not_many_times(
    fast: Path, monkeypatch: pytest.MonkeyPatch, measured: Callable[[str], Any]
) -> None:
    measured(await stories(fast, range(100, 500), monkeypatch))
