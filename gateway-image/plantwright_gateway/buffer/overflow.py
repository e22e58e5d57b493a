"""Dropping under a bound, so that every loss is counted exactly once and told in a gap."""

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from plantwright_api.wire.delivery import GAP
from plantwright_gateway.context.events import Row


class Dropped(NamedTuple):
    """A chunk of the oldest rows that went. `weight` includes what earlier gaps among them stood for, `fresh` does not."""

    rows: int
    weight: int
    fresh: int
    start_ns: int
    end_ns: int
    last_seq: int

    def after(self, before: "Dropped | None") -> "Dropped":
        """This chunk together with those dropped before it."""
        if before is None:
            return self
        return Dropped(
            before.rows + self.rows,
            before.weight + self.weight,
            before.fresh + self.fresh,
            min(before.start_ns, self.start_ns),
            max(before.end_ns, self.end_ns),
            self.last_seq,
        )


def drop_oldest(db: sqlite3.Connection, rows: int, kept: Sequence[tuple[int, int]] = ()) -> Dropped | None:
    """Delete so many of the oldest rows; None when there is nothing to delete.

    Those within `kept` (above, up to) stay as long as there are others.
    """
    dropped = _drop(db, rows, kept)
    return _drop(db, rows, ()) if dropped is None and kept else dropped


def _drop(db: sqlite3.Connection, rows: int, kept: Sequence[tuple[int, int]]) -> Dropped | None:
    others = " AND ".join(["NOT (seq > ? AND seq <= ?)"] * len(kept)) or "TRUE"
    bounds = [bound for stretch in kept for bound in stretch]
    sql = f"SELECT max(seq) FROM (SELECT seq FROM rows WHERE {others} ORDER BY seq LIMIT ?)"  # noqa: S608
    last = db.execute(sql, (*bounds, rows)).fetchone()[0]
    if last is None:
        return None
    which = f"FROM rows WHERE {others} AND seq <= ?"
    parts = "count(*), sum(weight), sum(CASE WHEN kind = ? THEN 0 ELSE weight END), min(start_ns), max(end_ns)"
    deleted, weight, fresh, start_ns, end_ns = db.execute(f"SELECT {parts} {which}", (GAP, *bounds, last)).fetchone()
    db.execute(f"DELETE {which}", (*bounds, last))
    return Dropped(deleted, weight, fresh, start_ns, end_ns, last)


class DropCount(msgspec.Struct, frozen=True):
    """What was dropped since the last gap that told it; kept in the file, so that no kill forgets it."""

    count: int = 0
    start_ns: int = 0
    end_ns: int = 0

    def plus(self, row: Row) -> "DropCount":
        """With one more row."""
        if not self.count:
            return DropCount(row.weight, row.start_ns, row.end_ns)
        return DropCount(self.count + row.weight, min(self.start_ns, row.start_ns), max(self.end_ns, row.end_ns))

    def dump(self) -> bytes:
        """As it is stored."""
        return msgspec.json.encode(self)

    @staticmethod
    def load(content: bytes | None) -> "DropCount":
        """Read back; nothing stored is nothing dropped."""
        return msgspec.json.decode(content, type=DropCount) if content else DropCount()
