"""The work queue: each key at most once at a time, never lost, never hammered.

A key that is added while it is worked on comes again afterwards. Events of one object come in bursts (a pod that starts
changes six times a second), so a key is worked on at most once per `spacing`; one that is changed without end (someone
edits it twenty times a second) only once per `WEARY_SPACING` after its first `BURST` rounds. A key that failed comes back
after a growing, jittered pause.
"""

import asyncio
import heapq
import itertools
import random
import time
from collections.abc import Callable
from typing import NamedTuple

from plantwright_operator.model import Key

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
BURST = 10.0
"""Rounds that a key may make in a row; one is forgotten per second."""
WEARY_SPACING = 1.0


class _Failures(NamedTuple):
    """How often the pause has grown, and until when it lasts."""

    times: int = 0
    until: float = 0.0


class _Pace(NamedTuple):
    """When a key was last worked on, and how many rounds of its burst are used."""

    started: float = 0.0
    rounds: float = 0.0


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
        self._paces: dict[Key, _Pace] = {}
        self._failures: dict[Key, _Failures] = {}
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
        due = max(now + delay, self._earliest(key))
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
        """The key could not be worked on; it comes back after a pause, which is returned, in seconds.

        The pause grows once it is over. An event brings a key back earlier; should it fail again then, the pause stands, or a
        burst of events while the API server is busy would put the key off for longest.
        """
        now, failed = self._clock(), self._failures.get(key, _Failures())
        pause = failed.until - now
        if pause <= 0:
            longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(failed.times, 16))
            pause = max(longest * random.uniform(0.75, 1.25), at_least)  # noqa: S311
            self._failures[key] = _Failures(failed.times + 1, now + pause)
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

    def _earliest(self, key: Key) -> float:
        """When the key may be worked on again."""
        pace = self._paces.get(key)
        if pace is None:
            return 0.0
        return pace.started + (self._spacing if pace.rounds < BURST else max(self._spacing, WEARY_SPACING))

    def _note_start(self, key: Key, now: float) -> None:
        pace = self._paces.get(key, _Pace())
        self._paces[key] = _Pace(now, max(0.0, pace.rounds - (now - pace.started)) + 1.0)
        if len(self._paces) > 1024:
            self._paces = {k: p for k, p in self._paces.items() if now - p.started < max(p.rounds, self._spacing)}
