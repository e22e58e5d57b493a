"""The one thread that owns the file: takes jobs, commits them in groups, tries again what the disk refused.

jobs -> BEGIN, run each, COMMIT -> results, then reads
          |
          +- the disk refuses: ROLLBACK, each job by itself; what still fails waits
          +- the file is broken: moved aside, a new epoch, the same jobs again
"""

import contextlib
import queue
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Final

from plantwright_gateway.buffer.database import apply_limits, aside_bytes, disk_bytes, is_corrupt, open_database
from plantwright_gateway.buffer.highwater import HighWater, recall
from plantwright_gateway.buffer.records import Clock, GapMaker, Limits, Stats
from plantwright_gateway.buffer.salvage import log_rows
from plantwright_gateway.buffer.store import NoRoomError, Store

GROUP_JOBS: Final = 64
RETRY_SECONDS: Final = 0.5
IDLE_SECONDS: Final = 5.0
VACUUM_PAGES: Final = 256


class Job:
    """One thing to do with the store. `ordered` jobs never overtake each other; a read runs after the commit."""

    __slots__ = ("done", "ordered", "reads", "run")

    def __init__(self, run: Callable[[Store], Any], ordered: bool = False, reads: bool = False) -> None:
        self.run = run
        self.ordered = ordered
        self.reads = reads
        self.done: Future[Any] = Future()


class ClosedError(Exception):
    """The buffer was closed before the job was done."""


class Writer(threading.Thread):
    """Runs jobs until stopped; never ends for a fault of disk or file."""

    def __init__(self, path: Path, uid: str, limits: Limits, make_gap: GapMaker, now: Clock) -> None:
        super().__init__(name=f"buffer-{path.name}", daemon=True)
        self.stats = Stats()
        self._path, self._uid, self._now = path, uid, now
        self._limits, self._make_gap = limits, make_gap
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._waiting: deque[Job] = deque()
        self._stopping = threading.Event()
        self._connection: sqlite3.Connection | None = None
        self._store: Store | None = None
        self._high: HighWater | None = None
        self._sinks: tuple[str, ...] | None = None
        self._dirty = False

    # called from other threads

    def submit(self, job: Job) -> None:
        """Hand over a job; its future tells when it is committed.

        Raises:
            ClosedError: the writer has ended.
        """
        if self._stopping.is_set():
            raise ClosedError
        self._jobs.put(job)

    def stop(self) -> None:
        """Do what was handed over, close the file and end. Jobs that cannot be done are told `ClosedError`."""
        self._stopping.set()
        self._jobs.put(None)

    # the thread

    def run(self) -> None:
        """Work until stopped."""
        while not self._stopping.is_set() and not self._open():
            self._stopping.wait(RETRY_SECONDS)
        while not self._stopping.is_set():
            self._turn()
        self._finish()

    def _turn(self) -> None:
        jobs = self._collect()
        if jobs or self._waiting:
            self._work(jobs)
        elif self._dirty:
            self._tidy()

    def _finish(self) -> None:
        """The last jobs: what was handed over before `stop`."""
        jobs = self._drain()
        if self._store is not None:
            self._work(jobs)
            self._prune()
            self._tidy()
        for job in [*self._waiting, *jobs]:
            if not job.done.done():
                job.done.set_exception(ClosedError())
        self._close()

    def _collect(self) -> list[Job]:
        """Wait for a job, then take what else is there."""
        try:
            first = self._jobs.get(timeout=RETRY_SECONDS if self._waiting else IDLE_SECONDS)
        except queue.Empty:
            return []
        return ([first] if first is not None else []) + self._drain(GROUP_JOBS - 1)

    def _drain(self, limit: int = 1_000_000) -> list[Job]:
        jobs: list[Job] = []
        with contextlib.suppress(queue.Empty):
            while len(jobs) < limit:
                job = self._jobs.get_nowait()
                if job is not None:
                    jobs.append(job)
        return jobs

    def _work(self, jobs: list[Job]) -> None:
        fresh = [job for job in jobs if job.done.set_running_or_notify_cancel()]
        writes = [*self._waiting, *(job for job in fresh if not job.reads)]
        self._waiting.clear()
        if writes:
            self._write(writes)
        for job in fresh:
            if job.reads:
                self._read(job)

    def _write(self, jobs: list[Job]) -> None:
        try:
            self._group(jobs)
        except Exception:  # whose fault it was shows when each runs by itself
            for job in jobs:
                self._alone(job)
        self._prune()

    def _alone(self, job: Job) -> None:
        if job.ordered and any(waiting.ordered for waiting in self._waiting):
            self._waiting.append(job)
            return
        try:
            self._group([job])
        except sqlite3.Error as error:
            self._waiting.append(job)
            self._fault(error)
        except Exception as error:
            job.done.set_exception(error)

    def _group(self, jobs: list[Job]) -> None:
        """Run jobs in one transaction; what finds no room waits.

        Raises:
            Exception: whatever a job or the commit raised; everything was rolled back.
        """
        store = self._ready()
        results: list[tuple[Job, Any]] = []
        blocked: list[Job] = []
        store.begin()
        try:
            for job in jobs:
                if job.ordered and blocked:
                    blocked.append(job)
                    continue
                try:
                    results.append((job, job.run(store)))
                except NoRoomError:
                    blocked.append(job)
            store.commit()
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                store.rollback()
            raise
        self._dirty = True
        self._waiting.extend(blocked)
        self._snapshot()
        if self._high is not None:
            self._high.write(store.epoch, self.stats.last_seq)
        for job, result in results:
            job.done.set_result(result)

    def _read(self, job: Job) -> None:
        try:
            store = self._ready()
            result = job.run(store)
            if store.mended:
                store.mended = False
                self._snapshot()
                if self._high is not None:
                    self._high.write(store.epoch, self.stats.last_seq)
            job.done.set_result(result)
        except sqlite3.Error as error:
            self._fault(error)
            job.done.set_exception(error)
        except Exception as error:
            job.done.set_exception(error)

    def _prune(self) -> None:
        """Delete in chunks of their own, letting new jobs in between."""
        while self._store is not None and self._jobs.empty() and self._store.prunable():
            try:
                self._store.begin()
                self._store.prune()
                self._store.commit()
                self._snapshot()
            except sqlite3.Error as error:
                with contextlib.suppress(sqlite3.Error):
                    self._store.rollback()
                self._fault(error)
                return

    def _tidy(self) -> None:
        """Nothing to do: give free pages back to the disk, a chunk at a time, and write the WAL back."""
        self._dirty = False
        try:
            while self._connection is not None and self._jobs.empty():
                self._connection.execute(f"PRAGMA incremental_vacuum({VACUUM_PAGES})").fetchall()
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
                if not self._connection.execute("PRAGMA freelist_count").fetchone()[0]:
                    return
        except sqlite3.Error as error:
            self._fault(error)

    # the file

    def configure(self, limits: Limits, make_gap: GapMaker) -> None:
        """Put another bound or configuration in force; called as a job, on this thread."""
        self._limits, self._make_gap = limits, make_gap
        if self._store is not None and self._connection is not None:
            self._store.configure(self._bounded(), make_gap)
            apply_limits(self._connection, self._bounded())

    def set_sinks(self, store: Store, names: tuple[str, ...]) -> None:
        """Deliver to these sinks, in a file that replaces this one too; called as a job, on this thread."""
        self._sinks = names
        store.set_sinks(names)

    def _ready(self) -> Store:
        if self._store is None and not self._open():
            raise sqlite3.OperationalError(self.stats.error)
        if self._store is None:
            raise sqlite3.OperationalError("the buffer is not open")
        return self._store

    def _open(self) -> bool:
        try:
            opened = open_database(self._path, self._uid, self._bounded(), self._now())
            self._connection = opened.connection
            self._store = Store(opened.connection, self._bounded(), self._make_gap, self._now)
            self._high = HighWater(self._path)
            self._report(self._store, opened.log, self._high)
        except (OSError, sqlite3.Error) as error:
            self._close()
            self._show(f"{type(error).__name__}: {error}")
            return False
        self._snapshot()
        return True

    def _report(self, store: Store, log: bytes, high: HighWater) -> None:
        """Leave gaps for what is gone: of a broken file, a file that was deleted, or a log whose end SQLite cut off."""
        epoch, sequence = recall(self._path)
        store.begin()
        if self._sinks is not None:
            store.set_sinks(self._sinks)
        loss = store.take_loss()
        if loss is not None:
            store.report_corruption(loss.start_ns, loss.count, "the buffer was broken; what could be read was kept")
        if epoch == store.epoch:
            last = store.last_seq()
            missing = store.recover(log_rows(log, last, sequence), sequence) if sequence > last else 0
            if missing:
                store.report_corruption(self._now(), missing, "the end of the buffer's write-ahead log was lost")
        elif sequence:
            store.report_corruption(self._now(), None, "the buffer's file was gone")
        store.commit()
        high.write(store.epoch, store.last_seq())

    def _bounded(self) -> Limits:
        """The bound, less what was moved aside, and less than the disk holds.

        A disk filled to its last byte could not even take the note that rows may go.
        """
        own = self._limits.max_bytes - aside_bytes(self._path)
        return self._limits._replace(max_bytes=min(own, disk_bytes(self._path) * 9 // 10))

    def _fault(self, error: sqlite3.Error) -> None:
        """The disk or the file refused: show it; a broken file is replaced at the next job."""
        if is_corrupt(error):
            self._close()
        self._show(f"{type(error).__name__}: {error}")

    def _snapshot(self) -> None:
        if self._store is None:
            return
        try:
            stats = self._store.stats()
            self.stats = stats._replace(blocked=stats.blocked or any(job.ordered for job in self._waiting))
        except sqlite3.Error as error:
            self._fault(error)

    def _show(self, error: str) -> None:
        self.stats = self.stats._replace(writable=False, error=error)

    def _close(self) -> None:
        if self._high is not None:
            self._high.close()
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
        self._connection = self._store = self._high = None
