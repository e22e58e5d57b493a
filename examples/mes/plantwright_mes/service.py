"""What the parts of the running service share."""

from collections import Counter

import asyncpg
from aiohttp import web

from plantwright_mes.access import Access
from plantwright_mes.batch import Batch
from plantwright_mes.glance import Glance
from plantwright_mes.schedule import Notices
from plantwright_mes.store import Outcome, ingest

HTTP_SINK = "http"
RETRY_AFTER = {"Retry-After": "1"}


class Service:
    """The pool once the database has answered, who may what, who waits for schedules, and what was refused as a whole."""

    def __init__(self, access: Access | None = None, sink: str = HTTP_SINK, history_days: float = 7.0) -> None:
        self.pool: asyncpg.Pool | None = None
        self.access = access or Access()
        self.notices = Notices()
        self.glance = Glance()
        self.sink = sink
        """Whose rows figures are made of: a plant that sends by HTTP and MQTT has each event once per sink."""
        self.history_days = history_days
        self.malformed = {HTTP_SINK: 0, "mqtt": 0}
        """Batches per sink that were no batches, since this process started."""
        self.expired: Counter[str] = Counter()
        """Rows per table that were deleted because they were too old, since this process started."""

    def database(self) -> asyncpg.Pool:
        """The pool.

        Raises:
            web.HTTPServiceUnavailable: while the database has not answered yet.
        """
        if self.pool is None:
            raise web.HTTPServiceUnavailable(text="the database has not answered yet\n", headers=RETRY_AFTER)
        return self.pool

    async def take(self, sink: str, batch: Batch) -> Outcome:
        """Store a batch; only HTTP can send the gateway back when something is missing."""
        return await ingest(self.database(), sink, batch, stop_at_hole=sink == HTTP_SINK)


SERVICE = web.AppKey("service", Service)
