"""What is kept in the file and by which rules. Synchronous, for one thread; the caller opens and ends transactions.

A sink's `watermark` says how far it is done, `acknowledged` what it has confirmed: rows given up for it (poison) lie between
the two, and the chain of previous sequences that the sink sees goes over what it confirmed. Rows go once every sink is
done with them.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from plantwright_api.wire.delivery import CONFIGURATION, GAP
from plantwright_gateway.buffer.overflow import DropCount, Dropped, drop_oldest
from plantwright_gateway.buffer.pages import SavedRow
from plantwright_gateway.buffer.quarantine import SHARE, Quarantine, Refused, Still
from plantwright_gateway.buffer.records import (
    PAGE_BYTES,
    RESERVE_PAGES,
    Clock,
    GapMaker,
    Limits,
    Page,
    PageRow,
    SinkPosition,
    Stats,
    checksum,
)
from plantwright_gateway.buffer.salvage import INSERT as INSERT_SAVED
from plantwright_gateway.buffer.salvage import META_LOSS, Loss
from plantwright_gateway.context.events import Original, Row
from plantwright_gateway.context.gaps import BUFFER_CORRUPT, BUFFER_FULL, MES_REJECTS, MES_WENT_BACK

ROW_OVERHEAD: Final = 48
FILL_FACTOR: Final = 1.2
"""SQLite's pages against the bytes of the rows in them, from above."""
PRUNE_ROWS: Final = 1000
SYSTEM_KINDS: Final = frozenset({GAP, CONFIGURATION})

INSERT_ROW: Final = (
    "INSERT INTO rows (kind, contract, body, weight, start_ns, end_ns, meets, accepted_ns, crc)"
    " VALUES (?,?,?,?,?,?,?,?,?)"
)


AROUND: Final = (
    "SELECT (SELECT end_ns FROM rows WHERE seq < ? ORDER BY seq DESC LIMIT 1),"
    " (SELECT start_ns FROM rows WHERE seq > ? ORDER BY seq LIMIT 1)"
)
"""When the rows beside a stretch were observed; its own times are as little to be trusted as its content."""


class NoRoomError(Exception):
    """The buffer is full and its policy is Block: try again when rows have gone."""


class Store:
    """The tables of one open file."""

    def __init__(self, connection: sqlite3.Connection, limits: Limits, make_gap: GapMaker, now: Clock) -> None:
        self._db = connection
        self._make_gap = make_gap
        self._now = now
        self.limits = limits
        self.dropped = 0
        self.gaps: Counter[str] = Counter()
        self.mended = False
        """Whether a read had to take out rows; whoever shows the store's figures sets it back."""
        self.uid = str(self._meta("uid"))
        self.epoch = str(self._meta("epoch"))
        self._offered: dict[str, int] = {}
        self.quarantine = Quarantine(connection)
        self._rows = int(self._one("SELECT count(*) FROM rows"))
        self._drops = DropCount.load(self._state("drops"))
        self._before = (self._rows, self._drops, self.dropped, Counter(self.gaps))

    def configure(self, limits: Limits, make_gap: GapMaker) -> None:
        """Put another bound, policy or configuration in force."""
        self.limits, self._make_gap = limits, make_gap

    # transactions

    def begin(self) -> None:
        """Start a transaction."""
        self._before = (self._rows, self._drops, self.dropped, Counter(self.gaps))
        self._db.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Make it durable: returns when the disk has it."""
        self._db.execute("COMMIT")

    def rollback(self) -> None:
        """Undo it, in the file and in what was counted."""
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")
            self.quarantine.reload()
        self._rows, self._drops, self.dropped, self.gaps = self._before

    # rows

    def append(self, rows: Sequence[Row], originals: Sequence[Original], state: Mapping[str, bytes]) -> None:
        """Add rows in order, with what was quarantined and the state that belongs to them.

        Raises:
            NoRoomError: under policy Block; nothing was changed.
        """
        if not self._make_room(rows):
            return self._drop(rows, state)
        self._flush_drops()
        self._insert(rows)
        self.quarantine.keep(originals, self._now(), self._quarantine_bytes())
        self.save(state)
        return None

    def release(self, rows: Sequence[Row], released: Iterable[int], still: Still, state: Mapping[str, bytes]) -> bool:
        """Move values from the quarantine into the stream, and note why others stay. False: there is no room now.

        Whatever the policy, nothing is dropped for it: what is in quarantine can wait.
        """
        if rows and not self._fits(_pages(rows)):
            return False
        self._insert(rows)
        self.quarantine.release(released)
        self.quarantine.judge_again(still)
        self.save(state)
        return True

    def append_system(self, rows: Sequence[Row]) -> None:
        """Add gap and configuration rows, for which room is reserved."""
        self._insert(rows)

    def save(self, state: Mapping[str, bytes]) -> None:
        """Keep state under its keys."""
        if state:
            self._db.executemany("INSERT OR REPLACE INTO state VALUES (?, ?)", state.items())

    def load_state(self) -> dict[str, bytes]:
        """All state, by key."""
        return {key: bytes(value) for key, value in self._db.execute("SELECT key, value FROM state")}

    def page(self, sink: str, max_rows: int, max_bytes: int, after: int = 0) -> Page:
        """The next rows for a sink, above its watermark and `after`: at least one if there is one, then as many as fit.

        Rows that are not as they were written are taken out, and leave a gap.
        """
        found: list[PageRow] = []
        damaged: list[int] = []
        size = 0
        position = self.position(sink)
        sql = "SELECT seq, CAST(contract AS BLOB), body, crc FROM rows WHERE seq > ? ORDER BY seq LIMIT ?"
        cursor = self._db.execute(sql, (max(position.watermark, after), max_rows))
        for seq, contract, body, crc in cursor:
            if crc is not None and crc != checksum(contract, body):
                damaged.append(seq)
                continue
            size += len(body)
            if found and size > max_bytes:
                break
            found.append(PageRow(seq, contract.decode("utf-8", "replace"), body))
        cursor.close()
        if found:
            self._offered[sink] = found[-1].seq
        if damaged:
            self._take_out(damaged)
            return self.page(sink, max_rows, max_bytes, after)
        return Page(self.epoch, position, found)

    def _take_out(self, damaged: Sequence[int]) -> None:
        """A page of the file that changed on the disk: SQLite cannot see it inside of a row."""
        self.begin()
        try:
            around = self._db.execute(AROUND, (damaged[0], damaged[-1])).fetchone()
            start_ns, end_ns = (self._now() if time is None else int(time) for time in around)
            self._db.executemany("DELETE FROM rows WHERE seq = ?", [(seq,) for seq in damaged])
            self._rows -= len(damaged)
            self._tell_gap(BUFFER_CORRUPT, min(start_ns, end_ns), end_ns, len(damaged), "rows were changed on the disk")
            self.commit()
            self.mended = True
        except BaseException:
            self.rollback()
            raise

    # sinks

    def set_sinks(self, names: Iterable[str]) -> None:
        """Deliver to these sinks from now on; a new one begins with the oldest row, one that is gone holds nothing back."""
        wanted, known = set(names), set(self.positions())
        self._db.executemany("DELETE FROM sinks WHERE name = ?", [(name,) for name in known - wanted])
        self._db.executemany("INSERT INTO sinks VALUES (?, 0, 0)", [(name,) for name in wanted - known])
        self.prune()

    def positions(self) -> dict[str, SinkPosition]:
        """Every sink's position."""
        rows = self._db.execute("SELECT name, watermark, acknowledged FROM sinks ORDER BY name")
        return {name: SinkPosition(watermark, acknowledged) for name, watermark, acknowledged in rows}

    def position(self, sink: str) -> SinkPosition:
        """One sink's position; the very beginning for one that is not known."""
        return self.positions().get(sink, SinkPosition(0, 0))

    def acknowledge(self, sink: str, watermark: int, rejected: Sequence[tuple[int, str]], commissions: bool) -> None:
        """The sink has everything up to `watermark`, but for what it `rejected` (sequence, reason) for good."""
        before = self.position(sink).watermark
        for seq, reason in rejected:
            self._give_up(sink, seq, reason, tell=False)
        if commissions and self._meta("first_stored_ns") is None and self._stored_good(before, watermark, rejected):
            self._set_meta("first_stored_ns", self._now())
        sql = "UPDATE sinks SET watermark=?, acknowledged=? WHERE name=? AND watermark <= ?"
        self._db.execute(sql, (watermark, watermark, sink, watermark))
        self.prune()

    def skip(self, sink: str, seq: int, reason: str) -> None:
        """Give one row up for a sink that refuses it: it goes to the quarantine and leaves a gap in the stream."""
        self._give_up(sink, seq, reason, tell=True)
        self._db.execute("UPDATE sinks SET watermark=? WHERE name=? AND watermark < ?", (seq, sink, seq))
        self.prune()

    def rewind(self, sink: str, watermark: int) -> None:
        """The sink has no more than `watermark`: go back there; what is gone already leaves a gap."""
        before = self.position(sink).acknowledged
        held = self._one("SELECT count(*) FROM rows WHERE seq > ? AND seq <= ?", watermark, before)
        self._db.execute("UPDATE sinks SET watermark=?, acknowledged=? WHERE name=?", (watermark, watermark, sink))
        lost = before - watermark - int(held)
        if lost > 0:
            created = int(self._meta("created_ns") or 0)
            text = f"sink {sink} went back from sequence {before} to {watermark}"
            self._tell_gap(MES_WENT_BACK, created, self._now(), lost, text)

    def prune(self) -> None:
        """Delete a chunk of the rows that every sink is done with."""
        first, floor = self._first_seq(), self._floor()
        if first is None or first > floor:
            return
        stop = min(floor, first + self._chunk_rows())
        self._rows -= self._db.execute("DELETE FROM rows WHERE seq <= ?", (stop,)).rowcount
        self._flush_drops()

    def prunable(self) -> bool:
        """Whether there are rows that every sink is done with."""
        first = self._first_seq()
        return first is not None and first <= self._floor()

    # what happened to the file

    def report_corruption(self, start_ns: int, count: int | None, text: str) -> None:
        """Leave a gap for what was lost with a broken file."""
        self._tell_gap(BUFFER_CORRUPT, start_ns, self._now(), count, text)

    def take_loss(self) -> Loss | None:
        """What the making of this file out of a broken one noted as lost, once."""
        noted = self._meta(META_LOSS)
        if noted is None:
            return None
        self._db.execute("DELETE FROM meta WHERE key=?", (META_LOSS,))
        return msgspec.json.decode(str(noted), type=Loss)

    def recover(self, rows: Sequence[SavedRow], highest: int) -> int:
        """Put rows back under the sequences they had, and never give out again what was given out; returns how many are missing."""
        missing = highest - self.last_seq() - len(rows)
        self._db.executemany(INSERT_SAVED, rows)
        self._rows += len(rows)
        if (
            highest > self.last_seq()
            and not self._db.execute("UPDATE sqlite_sequence SET seq=? WHERE name='rows'", (highest,)).rowcount
        ):
            self._db.execute("INSERT INTO sqlite_sequence VALUES ('rows', ?)", (highest,))
        return max(missing, 0)

    def set_recorded_config(self, text: str) -> bool:
        """Remember which configuration was recorded last; False when it is this one already."""
        if self._meta("config") == text:
            return False
        self._set_meta("config", text)
        return True

    def last_seq(self) -> int:
        """The highest sequence ever given out."""
        return int(self._one("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name='rows'"))

    def stats(self) -> Stats:
        """A snapshot of everything that is shown."""
        oldest = self._db.execute("SELECT seq, accepted_ns FROM rows ORDER BY seq LIMIT 1").fetchone()
        used, first_stored = self._used_pages(), self._meta("first_stored_ns")
        return Stats(
            uid=self.uid,
            epoch=self.epoch,
            last_seq=self.last_seq(),
            first_seq=oldest[0] if oldest else 0,
            rows=self._rows,
            used_bytes=used * PAGE_BYTES,
            max_bytes=self._data_pages() * PAGE_BYTES,
            oldest_ns=oldest[1] if oldest else None,
            sinks=self.positions(),
            first_stored_ns=None if first_stored is None else int(first_stored),
            blocked=bool(self._drops.count),
            writable=True,
            dropped=self.dropped,
            gaps=tuple(self.gaps.items()),
            held=self.quarantine.held,
            held_dropped=self.quarantine.dropped,
        )

    # room

    def _make_room(self, rows: Sequence[Row]) -> bool:
        """Whether the rows go in, after dropping the oldest where that is the policy.

        Raises:
            NoRoomError: under policy Block.
        """
        need = _pages(rows)
        if self._fits(need):
            return True
        if self.limits.overflow == "Block":
            raise NoRoomError
        return self.limits.overflow == "DropOldest" and self._drop_oldest(need)

    def _fits(self, pages: int) -> bool:
        return self._used_pages() + pages <= self._data_pages()

    def _drop_oldest(self, need: int) -> bool:
        """Drop chunks until the pages are free, told in one gap: a gap per chunk would itself need room."""
        dropped: Dropped | None = None
        while not self._fits(need):
            chunk = drop_oldest(self._db, self._chunk_rows(), self._on_their_way())
            if chunk is None:
                break
            self._rows -= chunk.rows
            dropped = chunk.after(dropped)
        if dropped is not None:
            self.dropped += dropped.fresh
            behind = [name for name, position in self.positions().items() if position.watermark < dropped.last_seq]
            text = f"buffer full, oldest dropped; behind: {', '.join(behind)}"
            self._tell_gap(BUFFER_FULL, dropped.start_ns, dropped.end_ns, dropped.weight, text)
        return self._fits(need)

    def _on_their_way(self) -> list[tuple[int, int]]:
        """Which sequences, above and up to, sinks have been given and not confirmed: they may be stored already, and telling
        them lost would be wrong."""
        return [
            (position.watermark, self._offered[name])
            for name, position in self.positions().items()
            if self._offered.get(name, 0) > position.watermark
        ]

    def _drop(self, rows: Sequence[Row], state: Mapping[str, bytes]) -> None:
        """Drop what comes, and count it in place until there is room for its gap."""
        for row in rows:
            self._drops = self._drops.plus(row)
            self.dropped += row.weight
        self.save({**state, "drops": self._drops.dump()})

    def _flush_drops(self) -> None:
        if self._drops.count and self._fits(1):
            drops, self._drops = self._drops, DropCount()
            self.save({"drops": self._drops.dump()})
            self._tell_gap(BUFFER_FULL, drops.start_ns, drops.end_ns, drops.count, "buffer full, newest dropped")

    def _chunk_rows(self) -> int:
        """Rows that may be deleted in one transaction: what it touches goes through the WAL, which is bounded."""
        row_bytes = self._used_pages() * PAGE_BYTES // max(self._rows, 1) + 1
        return min(max(self.limits.chunk_bytes // row_bytes, 1), PRUNE_ROWS)

    def _used_pages(self) -> int:
        return int(self._one("PRAGMA page_count")) - int(self._one("PRAGMA freelist_count"))

    def _quarantine_bytes(self) -> int:
        return self._data_pages() * PAGE_BYTES // SHARE

    def _data_pages(self) -> int:
        return self.limits.database_pages - RESERVE_PAGES

    # small things

    def _insert(self, rows: Sequence[Row]) -> None:
        now = self._now()
        self._db.executemany(
            INSERT_ROW, [(*row, now, checksum(row.contract.encode("utf-8", "replace"), row.body)) for row in rows]
        )
        self._rows += len(rows)

    def _tell_gap(self, reason: str, start_ns: int, end_ns: int, count: int | None, text: str) -> None:
        self._insert([self._make_gap(reason, start_ns, end_ns, self._now(), count, message=text)])
        self.gaps[reason] += 1

    def _give_up(self, sink: str, seq: int, reason: str, tell: bool) -> None:
        sql = "SELECT kind, contract, body, weight, start_ns, end_ns FROM rows WHERE seq = ?"
        row = self._db.execute(sql, (seq,)).fetchone()
        if row is None:
            return
        kind, contract, body, weight, start_ns, end_ns = row
        refused = Refused(sink, seq, MES_REJECTS, contract, reason, start_ns, body)
        self.quarantine.keep_refused(refused, self._now(), self._quarantine_bytes())
        if tell and kind not in SYSTEM_KINDS:
            text = f"sink {sink} refused sequence {seq}: {reason}"
            self._tell_gap(MES_REJECTS, start_ns, end_ns, weight, text)

    def _stored_good(self, after: int, upto: int, rejected: Sequence[tuple[int, str]]) -> bool:
        refused = {seq for seq, _ in rejected}
        found = self._db.execute("SELECT seq FROM rows WHERE seq > ? AND seq <= ? AND meets", (after, upto))
        return any(seq not in refused for (seq,) in found.fetchall())

    def _floor(self) -> int:
        """Up to here every sink is done; 0 where there is no sink."""
        return int(self._one("SELECT coalesce(min(watermark), 0) FROM sinks"))

    def _first_seq(self) -> int | None:
        row = self._db.execute("SELECT min(seq) FROM rows").fetchone()
        return None if row[0] is None else int(row[0])

    def _meta(self, key: str) -> str | int | None:
        row = self._db.execute("SELECT value FROM meta WHERE key=?", (key,)).fetchone()
        return row[0] if row else None

    def _set_meta(self, key: str, value: str | int) -> None:
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def _state(self, key: str) -> bytes | None:
        row = self._db.execute("SELECT value FROM state WHERE key=?", (key,)).fetchone()
        return bytes(row[0]) if row else None

    def _one(self, sql: str, *parameters: object) -> int:
        return self._db.execute(sql, parameters).fetchone()[0]  # type: ignore[no-any-return]


def _pages(rows: Sequence[Row]) -> int:
    """Pages that rows take, from above."""
    return int(sum(len(row.body) + ROW_OVERHEAD for row in rows) * FILL_FACTOR) // PAGE_BYTES + 1
