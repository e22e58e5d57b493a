"""The work queue: each key at most once at a time, never lost, never hammered.

A key that is added while it is worked on comes again afterwards. Events of one object come in bursts (a pod that starts
changes six times a second), so a key is worked on at most once per `spacing`. A key that failed comes back after a
growing, jittered pause.
"""

import asyncio
import heapq
import itertools
import random
import time
from collections.abc import Callable

from plantwright_operator.model import Key

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 60.0


class WorkQueue:
    """Keys and when each is due, on a monotonic clock."""

    def __init__(self, spacing: float = 0.2, clock: Callable[[], float] = time.monotonic) -> None:
        self._spacing = spacing
        self._clock = clock
        self._due: dict[Key, float] = {}
        self._heap: list[tuple[float, int, Key]] = []
        self._order = itertools.count()
        self._working: set[Key] = set()
        self._again: dict[Key, float] = {}
        self._started: dict[Key, float] = {}
        self._failures: dict[Key, int] = {}
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._due) + len(self._again)

    @property
    def working(self) -> int:
        """How many keys are being worked on."""
        return len(self._working)

    def ready(self) -> int:
        """How many keys are due now."""
        now = self._clock()
        return sum(due <= now for due in self._due.values())

    def add(self, key: Key, delay: float = 0.0) -> None:
        """Want a key worked on after `delay` seconds, or earlier if that is wanted already."""
        now = self._clock()
        due = max(now + delay, self._started.get(key, 0.0) + self._spacing)
        if key in self._working:
            self._again[key] = min(due, self._again.get(key, due))
            return
        if due < self._due.get(key, float("inf")):
            self._due[key] = due
            heapq.heappush(self._heap, (due, next(self._order), key))
            self._changed.set()

    async def get(self) -> Key:
        """The next key that is due; `done` or `failed` must follow."""
        while True:
            key, wait = self._pop()
            if key is not None:
                return key
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), wait)
            except TimeoutError:
                continue

    def done(self, key: Key) -> None:
        """The key was worked on."""
        self._failures.pop(key, None)
        self._finish(key)

    def failed(self, key: Key, at_least: float = 0.0) -> float:
        """The key could not be worked on; it comes back after a pause, which is returned, in seconds."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        pause: float = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(failures, 16)) * random.uniform(0.75, 1.25)  # noqa: S311
        pause = max(pause, at_least)
        self._again.pop(key, None)
        self._finish(key)
        self.add(key, pause)
        return pause

    def _finish(self, key: Key) -> None:
        self._working.discard(key)
        again = self._again.pop(key, None)
        if again is not None:
            self.add(key, again - self._clock())

    def _pop(self) -> tuple[Key | None, float | None]:
        """A key that is due, or the seconds until one is (None: there is none)."""
        now = self._clock()
        while self._heap:
            due, _, key = self._heap[0]
            if self._due.get(key) != due:
                heapq.heappop(self._heap)
                continue
            if due > now:
                return None, due - now
            heapq.heappop(self._heap)
            del self._due[key]
            self._working.add(key)
            self._note_start(key, now)
            return key, None
        return None, None

    def _note_start(self, key: Key, now: float) -> None:
        self._started[key] = now
        if len(self._started) > 1024:
            self._started = {k: at for k, at in self._started.items() if now - at < self._spacing}
            self._started[key] = now
