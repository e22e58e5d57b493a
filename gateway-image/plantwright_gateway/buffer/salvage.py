"""A file that SQLite calls broken is made anew of what can be read of it: the same stream, the same sequences.

broken file --rows, each by its checksum--> <name>-new --moved into place--> <name>
     |                                                                         the loss, if any, is noted in it and told as a gap
     +------------------------------------> moved aside

Rows keep their epoch and sequence, so an MES that has some of them already ignores those. A kill in the midst begins again.
"""

import contextlib
import itertools
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from plantwright_gateway.buffer.overflow import DropCount
from plantwright_gateway.buffer.pages import SavedRow, page_rows, wal_frames
from plantwright_gateway.buffer.records import PAGE_BYTES, RESERVE_PAGES, STATE_KPI, STATE_LAST_OBSERVED, Limits

SEQUENCE_LEAP: Final = 1_000_000_000
"""After a salvage sequences go on so far ahead: what a power cut took from the file may have gone to the MES before."""
MOST_SECONDS: Final = 30.0
CHUNK_ROWS: Final = 250
META_LOSS: Final = "loss"
STATE_DROPS: Final = "drops"
INSERT: Final = f"INSERT OR IGNORE INTO rows VALUES ({','.join('?' * len(SavedRow._fields))})"  # noqa: S608
QUARANTINE: Final = "recorded_ns, reason, contract, field, signal, value, time_ns, sink, seq, body, version, packed"


class Loss(msgspec.Struct, frozen=True):
    """What is gone with a broken file: from when on, and how many rows at most; None where that cannot be known."""

    start_ns: int
    count: int | None


class Known(NamedTuple):
    """What SQLite could still read of a broken file; each part may be missing. Up to `floor` every sink has everything."""

    epoch: str
    created_ns: int
    last_seq: int
    sinks: dict[str, list[int]]
    floor: int | None
    state: dict[str, bytes]
    quarantine: list[tuple[Any, ...]]


def learn(path: Path) -> Known:
    """Ask SQLite for what it can still read."""
    found: dict[str, Any] = dict.fromkeys(_QUESTIONS)
    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(path, timeout=1.0)) as broken:
        for name, sql in _QUESTIONS.items():
            with contextlib.suppress(sqlite3.Error):
                found[name] = broken.execute(sql).fetchall()
    meta = dict(found["meta"] or ())
    epoch, created = meta.get("epoch"), meta.get("created_ns")
    positions = [(name, place) for name, *place in found["sinks"] or () if _is_position(*place)]
    whole = found["sinks"] is not None and len(positions) == len(found["sinks"])
    return Known(
        epoch if isinstance(epoch, str) else "",
        created if isinstance(created, int) else path.stat().st_mtime_ns,
        max((int(seq) for (seq,) in found["last"] or () if isinstance(seq, int)), default=0),
        dict(positions),
        min((done for _, (done, _) in positions), default=0) if whole else None,
        {key: bytes(value) for key, value in found["state"] or () if _is_state(key, value)},
        found["quarantine"] or [],
    )


_QUESTIONS: Final = {
    "meta": "SELECT key, value FROM meta",
    "last": "SELECT seq FROM sqlite_sequence WHERE name = 'rows'",
    "sinks": "SELECT name, watermark, acknowledged FROM sinks",
    "state": "SELECT key, value FROM state",
    "quarantine": f"SELECT {QUARANTINE} FROM quarantine ORDER BY id",  # noqa: S608
}


def _is_position(*numbers: object) -> bool:
    return all(isinstance(number, int) and number >= 0 for number in numbers)


def _is_state(key: object, value: object) -> bool:
    if not isinstance(value, bytes):
        return False
    if key == STATE_DROPS:
        with contextlib.suppress(msgspec.MsgspecError):
            return bool(DropCount.load(value).count)
    return key in (STATE_KPI, STATE_LAST_OBSERVED)


def saved_rows(path: Path, wal: bytes, known_committed: int) -> Iterator[SavedRow]:
    """Every whole row of a database that nobody has open, and of its log; in no order, some more than once.

    A row of a frame that the log's checksums do not vouch for was committed if its sequence is at most `known_committed`.
    """
    frames = wal_frames(wal)
    latest = {frame.number: frame.image for frame in frames}
    with path.open("rb") as file:

        def own(number: int) -> bytes:
            file.seek((number - 1) * PAGE_BYTES)
            return file.read(PAGE_BYTES).ljust(PAGE_BYTES, b"\0")

        def fetch(number: int) -> bytes:
            return latest.get(number) or own(number)

        for number in range(1, path.stat().st_size // PAGE_BYTES + 2):
            yield from page_rows(own(number), number, fetch)
        for frame in frames:
            for row in page_rows(frame.image, frame.number, fetch):
                if frame.committed or row.seq <= known_committed:
                    yield row


def log_rows(wal: bytes, after: int, upto: int) -> list[SavedRow]:
    """The whole rows of a log between two sequences, one each; for a log that SQLite has cut off."""
    frames = wal_frames(wal)
    latest = {frame.number: frame.image for frame in frames}
    found = {
        row.seq: row
        for frame in frames
        for row in page_rows(frame.image, frame.number, latest.__getitem__)
        if after < row.seq <= upto
    }
    return [found[seq] for seq in sorted(found)]


def refill(new: sqlite3.Connection, known: Known, rows: Iterator[SavedRow], high: int, limits: Limits) -> None:
    """Put what was saved into a new, empty file, and note what is missing.

    `high` is the highest sequence that is known to have been given out, 0 where none is. What does not fit under the
    limits, or takes too long, stays missing.
    """
    floor = known.floor or 0
    new.execute(f"PRAGMA max_page_count={limits.database_pages - 2 * RESERVE_PAGES}")
    with contextlib.suppress(sqlite3.OperationalError):  # full
        _insert(new, (row for row in rows if row.seq > floor))
    new.execute(f"PRAGMA max_page_count={limits.database_pages}")
    _restore(new, known)
    most = int(new.execute("SELECT coalesce(max(seq), 0) FROM rows").fetchone()[0])
    top = max(high, known.last_seq, most, floor)
    loss = _loss(new, known, top)
    new.execute("BEGIN IMMEDIATE")
    new.execute("DELETE FROM sqlite_sequence WHERE name = 'rows'")
    new.execute("INSERT INTO sqlite_sequence VALUES ('rows', ?)", (top + SEQUENCE_LEAP,))
    if loss is not None:
        new.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (META_LOSS, msgspec.json.encode(loss).decode()))
    new.execute("COMMIT")


def _insert(new: sqlite3.Connection, rows: Iterator[SavedRow]) -> None:
    """In transactions of a chunk each, so that the log stays small.

    Raises:
        sqlite3.OperationalError: the file is full; what was committed stays.
    """
    end = time.monotonic() + MOST_SECONDS
    while time.monotonic() < end:
        chunk = list(itertools.islice(rows, CHUNK_ROWS))
        if not chunk:
            return
        new.execute("BEGIN IMMEDIATE")
        try:
            new.executemany(INSERT, chunk)
            new.execute("COMMIT")
        except sqlite3.OperationalError:
            new.execute("ROLLBACK")
            raise


def _restore(new: sqlite3.Connection, known: Known) -> None:
    new.execute("BEGIN IMMEDIATE")
    new.executemany("INSERT INTO sinks VALUES (?, ?, ?)", [(name, *place) for name, place in known.sinks.items()])
    new.executemany("INSERT OR REPLACE INTO state VALUES (?, ?)", known.state.items())
    new.execute("COMMIT")
    marks = ",".join("?" * (QUARANTINE.count(",") + 1))
    with contextlib.suppress(sqlite3.Error):
        new.execute("BEGIN IMMEDIATE")
        new.executemany(f"INSERT INTO quarantine ({QUARANTINE}) VALUES ({marks})", known.quarantine)  # noqa: S608
        new.execute("COMMIT")
    if new.in_transaction:
        new.execute("ROLLBACK")


def _loss(new: sqlite3.Connection, known: Known, top: int) -> Loss | None:
    """What is missing above the floor; where the floor is not known, so is the number."""
    first, held = new.execute("SELECT min(seq), count(*) FROM rows").fetchone()
    floor = known.floor
    if floor is None and not (first == 1 and held == top):
        return Loss(_before_hole(new, 1, known), None)
    missing = top - (floor or 0) - held
    return Loss(_before_hole(new, (floor or 0) + 1, known), missing) if missing > 0 else None


def _before_hole(new: sqlite3.Connection, expected: int, known: Known) -> int:
    """When the last row before the first missing one was observed; ns."""
    if new.execute("SELECT min(seq) FROM rows").fetchone()[0] != expected:
        return known.created_ns
    sql = "SELECT end_ns FROM rows AS one WHERE NOT EXISTS (SELECT 1 FROM rows WHERE seq = one.seq + 1) ORDER BY seq LIMIT 1"
    return int(new.execute(sql).fetchone()[0])
