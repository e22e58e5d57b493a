"""What the page shows of figures and faults; computed at most every few seconds, however many look."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import msgspec

from plantwright_mes import kpis
from plantwright_mes.planning import Store

KEPT = timedelta(seconds=30)
WINDOW = timedelta(days=1)
SHOWN = 100
"""Faults on the page; GET /v1/faults tells more."""

Shown = tuple[list[dict[str, Any]], list[dict[str, str]]]


class Glance:
    """The last answer, and when it was made."""

    def __init__(self) -> None:
        self._made = datetime.min.replace(tzinfo=UTC)
        self._shown: Shown = ([], [])
        self._lock = asyncio.Lock()

    async def at(self, pool: asyncpg.Pool, sink: str, now: datetime) -> Shown:
        """Figures of each machine in the last day, and faults of schedules, calendars and lines.

        Raises:
            One of store.UNAVAILABLE.
        """
        async with self._lock:
            if now - self._made > KEPT:
                answer = await kpis.ask(pool, sink, kpis.Question(now - WINDOW, now, "machine"))
                faults = msgspec.to_builtins(await Store(pool).faults())
                self._shown = (answer["figures"], [*answer["faults"], *faults][:SHOWN])
                self._made = now
        return self._shown
