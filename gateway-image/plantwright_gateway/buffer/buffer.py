"""The asyncio side of the buffer: every call returns when its transaction is on disk."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from plantwright_api.wire.delivery import QUARANTINE
from plantwright_gateway.buffer.quarantine import Still
from plantwright_gateway.buffer.records import (
    CHUNK_BYTES,
    CHUNK_ROWS,
    Clock,
    GapMaker,
    Held,
    HeldKind,
    Limits,
    Page,
    Stats,
)
from plantwright_gateway.buffer.store import Store
from plantwright_gateway.buffer.writer import ClosedError, Job, Writer
from plantwright_gateway.context.events import Original, Row

CLOSE_SECONDS = 2.0


class BufferClosedError(Exception):
    """The buffer was closed before the call was done; nothing is known to be stored."""


class Buffer:
    """One machine's store-and-forward buffer.

    `woken` callables run in the event loop whenever rows may have been added.
    """

    def __init__(self, path: Path, uid: str, limits: Limits, make_gap: GapMaker, now: Clock) -> None:
        self.path = path
        self._writer = Writer(path, uid, limits, make_gap, now)
        self._woken: list[Callable[[], None]] = []

    @property
    def stats(self) -> Stats:
        """The latest snapshot."""
        return self._writer.stats

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._writer.is_alive()

    def start(self) -> None:
        """Start the thread; it opens the file as soon as the disk lets it."""
        self._writer.start()

    async def load_state(self) -> dict[str, bytes]:
        """What `append` and `save` kept; waits until the file is open."""
        return await self._call(Job(Store.load_state))  # type: ignore[no-any-return]

    async def append(
        self, rows: Sequence[Row], originals: Sequence[Original] = (), state: Mapping[str, bytes] | None = None
    ) -> None:
        """Accept rows: returns once they are committed, waits while the buffer is full or cannot be written.

        Many rows go in several transactions: `originals`, in the order of the events that tell of them, go with those events,
        `state` goes with the last.
        """
        chunks, left = list(chunked(rows)) or [[]], list(originals)
        for chunk in chunks[:-1]:
            told = sum(row.kind == QUARANTINE for row in chunk)
            await self._append(chunk, left[:told], {})
            del left[:told]
        await self._append(chunks[-1], left, state or {})
        self.wake()

    async def _append(self, rows: Sequence[Row], originals: Sequence[Original], state: Mapping[str, bytes]) -> None:
        await self._call(Job(lambda store: store.append(rows, originals, state), ordered=True))

    async def record_config(self, name: str, row: Row) -> None:
        """Add the row that says which configuration is in force, unless it was the last one to be recorded."""

        def run(store: Store) -> None:
            if store.set_recorded_config(name):
                store.append_system([row])

        await self._call(Job(run))
        self.wake()

    async def save(self, state: Mapping[str, bytes]) -> None:
        """Keep state without rows."""
        await self._call(Job(lambda store: store.save(state)))

    async def page(self, sink: str, max_rows: int, max_bytes: int, after: int = 0) -> Page:
        """The next rows for a sink, committed ones only, above its watermark and `after`.

        Raises:
            sqlite3.Error: the file cannot be read now.
        """
        return await self._call(Job(lambda store: store.page(sink, max_rows, max_bytes, after), reads=True))  # type: ignore[no-any-return]

    async def held(self, after: int, upto: int) -> list[Held]:
        """The next values in quarantine, from above id `after` to `upto`: as many as one transaction may release.

        Raises:
            sqlite3.Error: the file cannot be read now.
        """
        return await self._call(Job(lambda store: store.quarantine.page(after, upto), reads=True))  # type: ignore[no-any-return]

    async def last_held(self) -> int:
        """Id of the value that was put into quarantine last, 0 where there is none.

        Raises:
            sqlite3.Error: the file cannot be read now.
        """
        return await self._call(Job(lambda store: store.quarantine.last(), reads=True))  # type: ignore[no-any-return]

    async def newest_held(self, max_rows: int) -> tuple[list[HeldKind], list[Held]]:
        """What is in quarantine by kind, and the newest values of it.

        Raises:
            sqlite3.Error: the file cannot be read now.
        """
        read = Job(lambda store: (store.quarantine.kinds(), store.quarantine.newest(max_rows)), reads=True)
        return await self._call(read)  # type: ignore[no-any-return]

    async def release(
        self, rows: Sequence[Row], released: Sequence[int], still: Still, state: Mapping[str, bytes]
    ) -> bool:
        """Move values (by id) from the quarantine into the stream as `rows`, and keep state, in one transaction.

        `still` are those that stay, with the reason that keeps them out now. False: there is no room for it yet.
        """
        done = await self._call(Job(lambda store: store.release(rows, released, still, state)))
        self.wake()
        return bool(done)

    async def acknowledge(
        self,
        epoch: str,
        sink: str,
        watermark: int,
        rejected: Sequence[tuple[int, str]] = (),
        commissions: bool = False,
    ) -> None:
        """The sink has everything up to `watermark`; what it rejected goes to the quarantine.

        `commissions` says that a row that meets its contract, stored by this sink, sets the first stored time. Nothing
        happens, here and below, where the file has another epoch by now.
        """
        await self._for_epoch(epoch, lambda store: store.acknowledge(sink, watermark, rejected, commissions))

    async def skip(self, epoch: str, sink: str, seq: int, reason: str) -> None:
        """Give up one row for this sink."""
        await self._for_epoch(epoch, lambda store: store.skip(sink, seq, reason))

    async def rewind(self, epoch: str, sink: str, watermark: int) -> None:
        """Deliver again from after `watermark`."""
        await self._for_epoch(epoch, lambda store: store.rewind(sink, watermark))

    async def _for_epoch(self, epoch: str, run: Callable[[Store], None]) -> None:
        await self._call(Job(lambda store: run(store) if store.epoch == epoch else None))
        self.wake()

    async def set_sinks(self, names: Iterable[str]) -> None:
        """Deliver to these sinks from now on."""
        wanted = tuple(names)
        await self._call(Job(lambda store: self._writer.set_sinks(store, wanted)))

    async def configure(self, limits: Limits, make_gap: GapMaker) -> None:
        """Put another bound, policy or configuration in force."""
        await self._call(Job(lambda _store: self._writer.configure(limits, make_gap)))

    def subscribe(self, woken: Callable[[], None]) -> None:
        """Have this called whenever rows may have been added."""
        self._woken.append(woken)

    def unsubscribe(self, woken: Callable[[], None]) -> None:
        """No longer."""
        self._woken.remove(woken)

    def wake(self) -> None:
        """Tell those who deliver to look."""
        for woken in self._woken:
            woken()

    async def close(self) -> None:
        """Commit what was handed over, write the WAL back and close the file."""
        self._writer.stop()
        await asyncio.to_thread(self._writer.join, CLOSE_SECONDS)

    async def _call(self, job: Job) -> Any:
        try:
            self._writer.submit(job)
            return await asyncio.wrap_future(job.done)
        except ClosedError as error:
            raise BufferClosedError(str(self.path)) from error


def chunked(rows: Sequence[Row]) -> Iterable[list[Row]]:
    """Split rows into runs that one transaction may take."""
    chunk: list[Row] = []
    size = 0
    for row in rows:
        if chunk and (len(chunk) >= CHUNK_ROWS or size + len(row.body) > CHUNK_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(row)
        size += len(row.body)
    if chunk:
        yield chunk
