"""What was kept out of the stream, on disk until it is replayed: values with their reason, and rows that a sink refused.

Values (`sink` is "") can be replayed once their contract or mapping is mended. Rows refused by a sink are kept for a person to
look at. Both together take a share of the buffer's bound; beyond it the oldest go first, and are counted.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from plantwright_gateway.buffer.records import CHUNK_BYTES, CHUNK_ROWS, Held, HeldKind
from plantwright_gateway.context.events import Original

SHARE: Final = 8
"""One part in so many of the bound may be quarantine: it must not push out what is to be delivered."""
EVENT_BYTES: Final = 480
"""What an event takes beside its values, about."""
ROW_BYTES: Final = 160
"""What a row takes beside its texts, from above."""
SIZE: Final = f"length(value) + length(reason) + coalesce(length(packed), 0) + coalesce(length(body), 0) + {ROW_BYTES}"
ADDED_COLUMNS: Final = {"version": "TEXT NOT NULL DEFAULT ''", "packed": "BLOB"}
"""Columns that files of earlier gateways lack; an earlier gateway does not mind them."""

_INSERT: Final = (
    "INSERT INTO quarantine (recorded_ns, reason, contract, field, signal, value, time_ns, sink, seq, body, version, packed)"
    " VALUES (?,?,?,?,?,?,?,?,?,?,?,?)"
)
_HELD: Final = "id, recorded_ns, time_ns, contract, version, field, signal, value, reason, packed"
_VALUES: Final = "sink = ''"
_KINDS: Final = (
    "SELECT contract, version, field, reason, count(*), min(time_ns), max(time_ns), sum(packed IS NOT NULL)"
    " FROM quarantine WHERE sink = '' GROUP BY 1, 2, 3, 4 ORDER BY 5 DESC, 1, 3, 4"
)


Still = Iterable[tuple[int, str]]
"""Values that stay, by id, with what keeps them out now."""


class Refused(NamedTuple):
    """A row that a sink refused for good."""

    sink: str
    seq: int
    reason: str
    contract: str
    cause: str
    time_ns: int
    body: bytes


def add_columns(connection: sqlite3.Connection) -> None:
    """Bring a file of an earlier gateway up to date."""
    if not any(name == "crc" for _, name, *_ in connection.execute("PRAGMA table_info(rows)")):
        connection.execute("ALTER TABLE rows ADD COLUMN crc INTEGER")
    known = {name for _, name, *_ in connection.execute("PRAGMA table_info(quarantine)")}
    for name, declared in ADDED_COLUMNS.items():
        if name not in known:
            connection.execute(f"ALTER TABLE quarantine ADD COLUMN {name} {declared}")


class Quarantine:
    """The table; the caller opens and ends transactions, and says after a rollback that what was counted is to be read anew."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        self.dropped = 0
        self.held = self._bytes = 0
        self.reload()

    def reload(self) -> None:
        """Count what is there."""
        sql = f"SELECT coalesce(sum({SIZE}), 0), coalesce(sum({_VALUES}), 0) FROM quarantine"  # noqa: S608
        self._bytes, self.held = map(int, self._db.execute(sql).fetchone())

    def keep(self, originals: Sequence[Original], now_ns: int, max_bytes: int) -> None:
        """Put values in, and the oldest out where there are too many."""
        self._insert(
            [
                (
                    now_ns,
                    o.reason,
                    o.contract,
                    o.field,
                    o.signal,
                    o.value,
                    o.time_ns,
                    "",
                    None,
                    None,
                    o.version,
                    o.packed,
                )
                for o in originals
            ]
        )
        self.held += len(originals)
        self._trim(max_bytes)

    def keep_refused(self, row: Refused, now_ns: int, max_bytes: int) -> None:
        """Put in a row that a sink refused."""
        r = row
        self._insert([(now_ns, r.reason, r.contract, "", "", r.cause, r.time_ns, r.sink, r.seq, r.body, "", None)])
        self._trim(max_bytes)

    def page(self, after: int, upto: int) -> list[Held]:
        """The next values from above `after` to `upto`, in the order in which they came: what one transaction may release."""
        found: list[Held] = []
        size = 0
        sql = f"SELECT {_HELD} FROM quarantine WHERE id > ? AND id <= ? AND {_VALUES} ORDER BY id LIMIT ?"  # noqa: S608
        for held in map(Held._make, self._db.execute(sql, (after, upto, CHUNK_ROWS)).fetchall()):
            size += EVENT_BYTES + 2 * len(held.packed or b"")
            if found and size > CHUNK_BYTES:
                break
            found.append(held)
        return found

    def newest(self, max_rows: int) -> list[Held]:
        """The values that came last, newest first."""
        sql = f"SELECT {_HELD} FROM quarantine WHERE {_VALUES} ORDER BY id DESC LIMIT ?"  # noqa: S608
        return [Held(*found) for found in self._db.execute(sql, (max_rows,))]

    def kinds(self) -> list[HeldKind]:
        """How many values are held per contract, field and reason, the most first."""
        return [HeldKind(*found) for found in self._db.execute(_KINDS)]

    def last(self) -> int:
        """The id that was given out last; 0 where nothing is held."""
        return int(self._db.execute("SELECT coalesce(max(id), 0) FROM quarantine").fetchone()[0])

    def release(self, ids: Iterable[int]) -> None:
        """Take values out that go into the stream in the same transaction."""
        before = self._db.total_changes
        gone = [(each,) for each in ids]
        for each in gone:
            size = self._db.execute(f"SELECT {SIZE} FROM quarantine WHERE id = ?", each).fetchone()  # noqa: S608
            self._bytes -= int(size[0]) if size else 0
        self._db.executemany("DELETE FROM quarantine WHERE id = ?", gone)
        self.held -= self._db.total_changes - before

    def judge_again(self, reasons: Still) -> None:
        """Note why values are still kept out."""
        self._db.executemany(
            "UPDATE quarantine SET reason = ? WHERE id = ?", [(reason, each) for each, reason in reasons]
        )

    def _insert(self, rows: list[tuple[object, ...]]) -> None:
        if not rows:
            return
        before = self.last()
        self._db.executemany(_INSERT, rows)
        sql = f"SELECT sum({SIZE}) FROM quarantine WHERE id > ?"  # noqa: S608
        self._bytes += int(self._db.execute(sql, (before,)).fetchone()[0])

    def _trim(self, max_bytes: int) -> None:
        while self._bytes > max_bytes:
            sql = f"SELECT id, {SIZE}, {_VALUES} FROM quarantine ORDER BY id LIMIT 100"  # noqa: S608
            oldest = self._db.execute(sql).fetchall()
            if not oldest:
                self._bytes = 0
                return
            for each, size, is_value in oldest:
                self._db.execute("DELETE FROM quarantine WHERE id = ?", (each,))
                self._bytes -= int(size)
                self.held -= is_value
                self.dropped += is_value
                if self._bytes <= max_bytes:
                    break
