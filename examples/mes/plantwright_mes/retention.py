"""Deletes what was kept for as long as its contract allows: `retention` of a machine's last configuration that names it.

Streams and their watermarks stay as they are, so a batch that comes again is recognised and its rows do not return. Rows are
taken a few at a time, and never those that an ingest holds, so that no sweep and no ingest wait for each other. What belongs to no
contract is `expiry`'s.
"""

import asyncio
import logging
from collections import Counter
from typing import Any, NamedTuple

import asyncpg
import msgspec

from plantwright_mes.expiry import expire
from plantwright_mes.store import UNAVAILABLE

log = logging.getLogger(__name__)

CHUNK = 5000
"""Rows of one transaction."""
KEPT_BY_CONTRACT = ("observations", "quarantine")

_LIMITS = """
SELECT sink, plant, machine, contract, days::int AS days FROM (
  SELECT DISTINCT ON (sink, plant, machine, contract) sink, plant, machine, named.contract,
    (retention ->> named.contract)::numeric AS days
  FROM configurations, jsonb_object_keys(contracts) AS named (contract)
  ORDER BY sink, plant, machine, contract, stored_time DESC, seq DESC
) AS last WHERE days BETWEEN 1 AND 36500
"""
# A gateway whose clock runs ahead must not keep data for longer: nothing was recorded after it was stored.
_OLD = "least(recorded_time, stored_time) < now() - make_interval(days => $5)"
_OF_CONTRACT = "sink = $1 AND plant = $2 AND machine = $3 AND contract = $4"
_DELETE = (
    "DELETE FROM {table} WHERE ctid = ANY(ARRAY(SELECT ctid FROM {table} WHERE {of} AND {old} LIMIT {chunk}"
    " FOR UPDATE SKIP LOCKED))"
)
_LOCK_LATEST = f"SELECT FROM latest WHERE {_OF_CONTRACT} FOR UPDATE"
_FORGET = """
UPDATE latest SET fields = (
  SELECT coalesce(jsonb_object_agg(key, value), '{}') FROM jsonb_each(fields)
  WHERE EXISTS (SELECT FROM observations WHERE sink = $1 AND plant = $2 AND machine = $3 AND contract = $4
    AND observations.fields ? key)
) WHERE sink = $1 AND plant = $2 AND machine = $3 AND contract = $4
"""
_DROP_EMPTY = f"DELETE FROM latest WHERE {_OF_CONTRACT} AND fields = '{{}}'"  # noqa: S608 constants of this file
_BLANK = (
    "UPDATE rejections SET event = '' WHERE sink = $1 AND event <> '' AND stored_time < now() - make_interval(days => $5)"
    " AND strpos(event, $2) > 0 AND strpos(event, $3) > 0 AND strpos(event, $4) > 0"
)


class Limit(NamedTuple):
    """For how many days data of one contract of one machine is kept."""

    sink: str
    plant: str
    machine: str
    contract: str
    days: int


async def sweep_always(pool: asyncpg.Pool, expired: "Counter[str]", seconds: float, days: int) -> None:
    """Sweep, again and again; a database that is away is waited for.

    Args:
        pool: the database.
        expired: rows deleted so far per table, added to.
        seconds: from one sweep to the next.
        days: for how long changes and production are kept; 0: for good.
    """
    while True:
        try:
            expired.update(await sweep(pool, days))
        except UNAVAILABLE as error:
            log.warning("old data cannot be deleted now: %s", type(error).__name__)
        except asyncpg.PostgresError:
            log.exception("old data cannot be deleted")
        await asyncio.sleep(seconds)


async def sweep(pool: asyncpg.Pool, days: int = 0) -> "Counter[str]":
    """Delete what is too old, once; answers how many rows per table. `days` as in `sweep_always`.

    Raises:
        One of UNAVAILABLE: what was deleted so far stays deleted.
    """
    deleted: Counter[str] = Counter()
    limits = [Limit(*record.values()) for record in await pool.fetch(_LIMITS)]
    for limit in limits:
        gone = {table: await _delete(pool, table, limit) for table in KEPT_BY_CONTRACT}
        gone["rejections"] = await _blank(pool, limit)
        if gone["observations"]:
            await _forget(pool, limit)
        deleted.update(gone)
    deleted.update(await expire(pool, days, [(limit.sink, limit.plant, limit.machine, limit.days) for limit in limits]))
    return +deleted


async def _delete(pool: asyncpg.Pool, table: str, limit: Limit) -> int:
    total, delete = 0, _DELETE.format(table=table, of=_OF_CONTRACT, old=_OLD, chunk=CHUNK)
    while True:
        rows = _rows(await pool.execute(delete, *limit))
        total += rows
        if rows < CHUNK:
            return total


async def _blank(pool: asyncpg.Pool, limit: Limit) -> int:
    """A rejection stays, since a gateway may ask for it again; what the event held does not."""
    parts = (("plant", limit.plant), ("machine", limit.machine), ("contract", limit.contract))
    said = [msgspec.json.encode({name: value}).decode()[1:-1] for name, value in parts]
    return _rows(await pool.execute(_BLANK, limit.sink, *said, limit.days))


async def _forget(pool: asyncpg.Pool, limit: Limit) -> None:
    """Take last values away that no row is left of.

    The row is locked by a statement of its own: what the next one sees is then all that was merged into it.
    """
    key = limit[:4]
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(_LOCK_LATEST, *key)
        await connection.execute(_FORGET, *key)
        await connection.execute(_DROP_EMPTY, *key)


def _rows(done: Any) -> int:
    """The number in an answer such as `DELETE 5`."""
    return int(str(done).rpartition(" ")[2])
