"""What the MES knows: read-only queries for its pages, for metrics and for the oracle."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import msgspec

COUNTS = ("received", "stored", "ignored", "rejected", "holes", "observations")

_EXPORT = (
    "SELECT uid, epoch, seq, plant, machine, contract, version, source_time, recorded_time, stored_time, fields, flags,"
    " quality, replayed, config FROM observations WHERE machine = $1 AND sink = $2 AND ($3 = '' OR uid = $3)"
    " ORDER BY uid, epoch, seq"
)
_GAPS = (
    "SELECT uid, epoch, seq, plant, machine, reason, start_time, end_time, count, signals, message, config"
    " FROM gaps WHERE machine = $1 AND sink = $2 ORDER BY start_time, uid, epoch, seq"
)
_PRODUCTION = (
    "SELECT uid, epoch, seq, plant, machine, source_time, recorded_time, good, rejected, reworked, cycles, config FROM production"
    " WHERE machine = $1 AND sink = $2 ORDER BY source_time, uid, epoch, seq"
)
_QUARANTINE = (
    "SELECT uid, epoch, seq, plant, machine, contract, version, field, signal, value, reason, source_time, recorded_time,"
    " released_time, config FROM quarantine WHERE machine = $1 AND sink = $2 ORDER BY uid, epoch, seq"
)
_JSON_COLUMNS = frozenset({"fields", "flags", "quality"})


async def totals(pool: asyncpg.Pool) -> dict[str, dict[str, int]]:
    """Counts per sink over all streams, of all time: `{"http": {"received": 1, …, "streams": 1}}`."""
    sums = ", ".join(f"sum({name})::bigint AS {name}" for name in COUNTS)
    records = await pool.fetch(f"SELECT sink, count(*) AS streams, {sums} FROM streams GROUP BY sink ORDER BY sink")  # noqa: S608
    return {record["sink"]: {name: record[name] for name in ("streams", *COUNTS)} for record in records}


async def side_counts(pool: asyncpg.Pool) -> dict[str, int]:
    """How many gap, configuration and quarantine records are stored, and how many values of the last came after all."""
    record = await pool.fetchrow(
        "SELECT (SELECT count(*) FROM gaps) AS gaps, (SELECT count(*) FROM configurations) AS configurations,"
        " (SELECT count(*) FROM quarantine) AS quarantine,"
        " (SELECT count(*) FROM quarantine WHERE released_time IS NOT NULL) AS released"
    )
    return dict(record)


async def machines(pool: asyncpg.Pool) -> list[dict[str, Any]]:
    """One entry per plant and machine: observations per sink, times, and the latest fields per contract."""
    streams = await pool.fetch(
        "SELECT plant, machine, sink, sum(observations)::bigint AS observations, max(last_time) AS last_time"
        " FROM streams WHERE machine <> '' GROUP BY plant, machine, sink ORDER BY plant, machine, sink"
    )
    known: dict[tuple[str, str], dict[str, Any]] = {}
    for record in streams:
        entry = known.setdefault((record["plant"], record["machine"]), _machine(record))
        entry["observations"][record["sink"]] = record["observations"]
        entry["lastStoredTime"] = max(entry["lastStoredTime"], record["last_time"])
    for record in await pool.fetch("SELECT * FROM latest ORDER BY sink, contract"):
        if found := known.get((record["plant"], record["machine"])):
            latest = {"sourceTime": record["source_time"], "fields": msgspec.json.decode(record["fields"])}
            found["latest"].setdefault(record["contract"], latest)
    return list(known.values())


async def export(pool: asyncpg.Pool, machine: str, sink: str, uid: str = "") -> AsyncIterator[bytes]:
    """The observations of a machine as JSON lines, ordered by stream and sequence."""
    async for line in _lines(pool, _EXPORT, machine, sink, uid):
        yield line


async def gaps(pool: asyncpg.Pool, machine: str, sink: str) -> AsyncIterator[bytes]:
    """The gap records of a machine as JSON lines, ordered by start."""
    async for line in _lines(pool, _GAPS, machine, sink):
        yield line


async def production(pool: asyncpg.Pool, machine: str, sink: str) -> AsyncIterator[bytes]:
    """The parts that a machine's gateway told of, as JSON lines in order of time."""
    async for line in _lines(pool, _PRODUCTION, machine, sink):
        yield line


async def quarantine(pool: asyncpg.Pool, machine: str, sink: str) -> AsyncIterator[bytes]:
    """The values that a machine's gateway kept out, as JSON lines in order; `releasedTime` says when they came after all."""
    async for line in _lines(pool, _QUARANTINE, machine, sink):
        yield line


async def _lines(pool: asyncpg.Pool, query: str, *arguments: str) -> AsyncIterator[bytes]:
    async with pool.acquire() as connection, connection.transaction(readonly=True):
        async for record in connection.cursor(query, *arguments, prefetch=1000):
            yield msgspec.json.encode({_camel(name): _value(name, value) for name, value in record.items()}) + b"\n"


def _machine(record: Any) -> dict[str, Any]:
    head = {"plant": record["plant"], "machine": record["machine"]}
    return head | {"observations": {}, "lastStoredTime": record["last_time"], "latest": {}}


def _value(name: str, value: Any) -> Any:
    return msgspec.Raw(value) if name in _JSON_COLUMNS else value


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.title() for word in rest)
