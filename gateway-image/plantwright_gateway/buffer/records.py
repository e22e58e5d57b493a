"""What goes in and out of the buffer."""

import zlib
from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

from plantwright_api.wire.config import Overflow
from plantwright_gateway.context.events import Row

PAGE_BYTES: Final = 4096
WAL_FRAME_BYTES: Final = PAGE_BYTES + 24
CHUNK_BYTES: Final = 128 * 1024
"""Most bytes of rows in one transaction: it bounds what the WAL grows by beyond its checkpoint."""
CHUNK_ROWS: Final = 250
SMALLEST_BYTES: Final = 1024 * 1024
RESERVE_PAGES: Final = 16
"""Kept free of data for gap records, watermarks and counters, which must go in when the buffer is full."""

STATE_KPI: Final = "kpi"
STATE_LAST_OBSERVED: Final = "last_observed"
STATE_REPLAY: Final = "replay"
"""What the last replay of the quarantine was asked for by, and what came of it."""


class Limits(NamedTuple):
    """The bound on disk use in bytes, the WAL included, and what happens there."""

    max_bytes: int
    overflow: Overflow = "Block"

    @property
    def wal_pages(self) -> int:
        """Pages after which the WAL is written back: an eighth of the bound, at most SQLite's own default."""
        return min(max(self.max_bytes // 8 // PAGE_BYTES, 32), 1000)

    @property
    def chunk_bytes(self) -> int:
        """Most bytes of rows that are deleted in one transaction."""
        return max(self.wal_pages * PAGE_BYTES // 2, CHUNK_BYTES // 2)

    @property
    def database_pages(self) -> int:
        """Pages that the database file may have; the rest of the bound is the WAL's.

        The WAL is written back after the transaction that takes it over `wal_pages`: it may be longer by all that one
        transaction touches, which is an appended chunk, a deleted one and the pages that hold the trees together.
        """
        touched = (CHUNK_BYTES + 2 * self.chunk_bytes) // PAGE_BYTES + RESERVE_PAGES
        wal = (self.wal_pages + touched) * WAL_FRAME_BYTES
        return (max(self.max_bytes, SMALLEST_BYTES) - wal) // PAGE_BYTES


class PageRow(NamedTuple):
    """A stored row on its way out."""

    seq: int
    contract: str
    body: bytes


class SinkPosition(NamedTuple):
    """How far a sink is. `acknowledged` is what it confirmed; `watermark` also counts rows given up for it."""

    watermark: int
    acknowledged: int


class Page(NamedTuple):
    """Rows for one sink, with the stream they belong to and where the sink stands."""

    epoch: str
    position: SinkPosition
    rows: list[PageRow]


class Held(NamedTuple):
    """A value in quarantine; `packed` None where it cannot be replayed (see `context.events.packed`)."""

    id: int
    recorded_ns: int
    time_ns: int
    contract: str
    version: str
    field: str
    signal: str
    value: str
    reason: str
    packed: bytes | None


class HeldKind(NamedTuple):
    """How many values of one field are held for one reason, and between which source times."""

    contract: str
    version: str
    field: str
    reason: str
    number: int
    first_ns: int
    last_ns: int
    replayable: int


class Stats(NamedTuple):
    """A snapshot, made after each commit; safe to read from any thread.

    `used_bytes` is what data takes in the file, `max_bytes` what it may take; `blocked` while rows wait for room or are
    dropped; `gaps` counts by reason those that the buffer itself made, `dropped` observations; `held` are values
    in quarantine, `held_dropped` those that had to make room there.
    """

    uid: str = ""
    epoch: str = ""
    last_seq: int = 0
    first_seq: int = 0
    rows: int = 0
    used_bytes: int = 0
    max_bytes: int = 0
    oldest_ns: int | None = None
    sinks: dict[str, SinkPosition] = {}  # noqa: RUF012 a snapshot is never changed
    first_stored_ns: int | None = None
    blocked: bool = False
    writable: bool = False
    error: str = ""
    dropped: int = 0
    gaps: tuple[tuple[str, int], ...] = ()
    held: int = 0
    held_dropped: int = 0

    @property
    def fill(self) -> float:
        """Share of the room that is taken; 1.0 is full."""
        return self.used_bytes / self.max_bytes if self.max_bytes else 0.0

    def backlog(self, sink: str) -> int:
        """Rows that the sink has not taken, at most."""
        position = self.sinks.get(sink)
        if position is None or not self.rows:
            return 0
        return min(self.rows, self.last_seq - max(position.watermark, self.first_seq - 1))


class GapMaker(Protocol):
    """Builds a gap row under the configuration in force; called on the writer's thread."""

    def __call__(
        self, reason: str, start_ns: int, end_ns: int, now_ns: int, count: int | None = None, *, message: str = ""
    ) -> Row:
        """See `context.events.EventWriter.gap`."""
        ...


Clock = Callable[[], int]
"""Returns ns since the epoch."""


def checksum(contract: object, body: object) -> int:
    """What a row must still have when it leaves; -1 where a damaged row is not even of the right types."""
    if not isinstance(contract, bytes) or not isinstance(body, bytes):
        return -1
    return zlib.crc32(body, zlib.crc32(contract))
