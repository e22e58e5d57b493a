"""Storing a batch: rows and watermark in one PostgreSQL transaction.

The stream's row is locked first, so batches of one stream that arrive over several connections take turns, and batches
of different streams do not wait for each other.
"""

from collections.abc import Iterable, Sequence
from importlib.resources import files
from typing import Any, NamedTuple

import asyncpg
import msgspec

from plantwright_api.wire.delivery import Receipt, Rejected
from plantwright_mes.batch import Admission, Batch, Hole, admit
from plantwright_mes.heard import note
from plantwright_mes.rows import KEY, TABLES, RefusedError, Row, row

SCHEMA_LOCK = 0x504C414E
"""Advisory lock under which the schema is made: two services may start at the same time."""

SCHEMA = ("schema.sql", "orders.sql", "kpi_elements.sql", "kpi.sql")
"""What makes the schema, in this order; each may run again."""

SCHEMA_SECONDS = 3600
"""How long that may take: an index over years of rows that an older version has kept is made in minutes."""

UNAVAILABLE = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InternalClientError,  # the connection broke under another operation of its own
)
"""What the database raises when it cannot take data now: try again later."""

REFUSED = (asyncpg.DataError, asyncpg.ProgramLimitExceededError, ValueError, OverflowError)
"""What the database raises for a row that it will never take."""

_DROP_FIGURES = r"""
DO $$ DECLARE old regprocedure; BEGIN
  FOR old IN SELECT oid FROM pg_proc WHERE pronamespace = current_schema()::regnamespace AND (proname = 'kpis' OR proname LIKE 'kpi\_%')
  LOOP EXECUTE format('DROP FUNCTION %s', old); END LOOP;
END $$
"""
"""A function cannot be given other columns. Only then are they dropped: who asks another replica meanwhile would miss them."""

_COLUMN = {name: index for index, name in enumerate(TABLES["observations"])}


class Outcome(NamedTuple):
    """The answer to a batch; `conflict` means that nothing was stored, since something is missing before it."""

    receipt: Receipt
    conflict: bool = False


class _Prepared(NamedTuple):
    rows: list[Row]
    rejected: list[Rejected]


async def connect(dsn: str) -> asyncpg.Pool:
    """A pool whose connections write jsonb from encoded bytes; makes the schema where it is missing.

    Raises:
        OSError, asyncpg.PostgresError: when the database cannot be reached; see UNAVAILABLE.
    """
    pool = await asyncpg.create_pool(dsn, min_size=1, max_size=10, init=_prepare_connection, command_timeout=30)
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", SCHEMA_LOCK)
        await _make_schema(connection)
    return pool


async def _make_schema(connection: Any) -> None:
    try:
        async with connection.transaction():
            await _run_schema(connection)
    except asyncpg.InvalidFunctionDefinitionError:  # an older version's figures had other columns
        await connection.execute(_DROP_FIGURES)
        await _run_schema(connection)


async def _run_schema(connection: Any) -> None:
    for name in SCHEMA:
        await connection.execute(files("plantwright_mes").joinpath(name).read_text(), timeout=SCHEMA_SECONDS)


async def ingest(pool: asyncpg.Pool, sink: str, batch: Batch, *, stop_at_hole: bool) -> Outcome:
    """Store what is new of a batch and move the watermark, in one transaction.

    With `stop_at_hole` (HTTP) a batch that lies beyond the watermark stores nothing; without (MQTT, which has no way
    back) the hole is recorded and the batch stored.

    Raises:
        One of UNAVAILABLE: nothing was committed, or the commit's answer was lost; the same batch may come again.
    """
    async with pool.acquire() as connection, connection.transaction():
        admission = admit(batch, await _lock_stream(connection, sink, batch))
        if admission.hole and stop_at_hole:
            await _count(connection, sink, batch, received=len(batch.items), holes=1)
            return Outcome(_receipt(batch, admission.hole.after), conflict=True)
        return Outcome(await _store(connection, sink, batch, admission))


async def _store(connection: Any, sink: str, batch: Batch, admission: Admission) -> Receipt:
    prepared = _prepare(sink, admission)
    stored = await _write(connection, prepared)
    await _write_rejections(connection, sink, batch, prepared.rejected)
    if admission.hole:
        await _write_hole(connection, sink, batch, admission.hole)
    observations = [entry for entry in stored if entry.table == "observations"]
    await _write_latest(connection, [entry for entry in observations if not _is_replayed(entry)])
    await _mark_released(connection, filter(_is_replayed, observations))
    await note(connection, sink, {item.sequence: item.event.source for item in admission.fresh}, stored)
    watermark = await _count(
        connection,
        sink,
        batch,
        watermark=batch.items[-1].sequence,
        received=len(batch.items),
        stored=len(stored),
        ignored=admission.ignored,
        rejected=len(prepared.rejected),
        holes=1 if admission.hole else 0,
        observations=len(observations),
        machine=stored[0].values[KEY.index("plant") : KEY.index("machine") + 1] if stored else ("", ""),
    )
    rejected = await _rejections(connection, sink, batch)
    return _receipt(batch, watermark, len(stored), admission.ignored, rejected)


def _prepare(sink: str, admission: Admission) -> _Prepared:
    prepared = _Prepared([], [])
    for item in admission.fresh:
        try:
            prepared.rows.append(row(sink, item))
        except RefusedError as error:
            prepared.rejected.append(Rejected(sequence=item.sequence, reason=str(error)))
    return prepared


async def _write(connection: Any, prepared: _Prepared) -> list[Row]:
    """Copy all rows at once; where PostgreSQL refuses one, write them one by one and reject those it refuses."""
    try:
        async with connection.transaction():
            for table, columns in TABLES.items():
                records = [entry.values for entry in prepared.rows if entry.table == table]
                if records:
                    await connection.copy_records_to_table(table, records=records, columns=columns)
    except REFUSED:
        return [entry for entry in prepared.rows if await _write_one(connection, entry, prepared.rejected)]
    else:
        return prepared.rows


async def _write_one(connection: Any, entry: Row, rejected: list[Rejected]) -> bool:
    try:
        async with connection.transaction():
            await connection.copy_records_to_table(entry.table, records=[entry.values], columns=TABLES[entry.table])
    except REFUSED as error:
        rejected.append(Rejected(sequence=entry.sequence, reason=f"the database refuses it: {error}"[:500]))
        return False
    return True


async def _lock_stream(connection: Any, sink: str, batch: Batch) -> int:
    key = (sink, batch.uid, batch.epoch)
    await connection.execute("INSERT INTO streams (sink, uid, epoch) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", *key)
    watermark: int = await connection.fetchval(
        "SELECT watermark FROM streams WHERE sink = $1 AND uid = $2 AND epoch = $3 FOR UPDATE", *key
    )
    return watermark


async def _count(
    connection: Any,
    sink: str,
    batch: Batch,
    *,
    watermark: int = 0,
    received: int = 0,
    stored: int = 0,
    ignored: int = 0,
    rejected: int = 0,
    holes: int = 0,
    observations: int = 0,
    machine: tuple[str, ...] = ("", ""),
) -> int:
    """Add to the stream's counts and move its watermark, never back; answers the watermark."""
    moved: int = await connection.fetchval(
        "UPDATE streams SET watermark = greatest(watermark, $4), received = received + $5, stored = stored + $6,"
        " ignored = ignored + $7, rejected = rejected + $8, holes = holes + $9, observations = observations + $10,"
        " plant = coalesce(nullif($11, ''), plant), machine = coalesce(nullif($12, ''), machine), last_time = now()"
        " WHERE sink = $1 AND uid = $2 AND epoch = $3 RETURNING watermark",
        *(sink, batch.uid, batch.epoch, watermark, received, stored, ignored, rejected, holes, observations, *machine),
    )
    return moved


async def _write_rejections(connection: Any, sink: str, batch: Batch, rejected: Sequence[Rejected]) -> None:
    if not rejected:
        return
    events = {item.sequence: item.event for item in batch.items}
    await connection.executemany(
        "INSERT INTO rejections (sink, uid, epoch, seq, reason, event) VALUES ($1, $2, $3, $4, $5, $6)",
        [
            (
                sink,
                batch.uid,
                batch.epoch,
                r.sequence,
                _text(r.reason),
                _text(msgspec.json.encode(events[r.sequence]).decode()),
            )
            for r in rejected
        ],
    )


async def _rejections(connection: Any, sink: str, batch: Batch) -> list[Rejected]:
    """What was ever rejected of this batch's stretch: a repeated batch gets the answer that was lost."""
    records = await connection.fetch(
        "SELECT seq, reason FROM rejections WHERE sink = $1 AND uid = $2 AND epoch = $3 AND seq BETWEEN $4 AND $5"
        " ORDER BY seq",
        *(sink, batch.uid, batch.epoch, batch.items[0].sequence, batch.items[-1].sequence),
    )
    return [Rejected(sequence=record["seq"], reason=record["reason"]) for record in records]


async def _write_hole(connection: Any, sink: str, batch: Batch, hole: Hole) -> None:
    await connection.execute(
        "INSERT INTO holes (sink, uid, epoch, after_seq, upto_seq) VALUES ($1, $2, $3, $4, $5)",
        *(sink, batch.uid, batch.epoch, hole.after, hole.upto),
    )


async def _write_latest(connection: Any, observations: Iterable[Row]) -> None:
    """Merge the fields of each contract; sorted, so that two streams of one machine cannot lock each other out."""
    merged: dict[tuple[str, ...], tuple[Any, dict[str, Any]]] = {}
    for entry in observations:
        key = tuple(entry.values[_COLUMN[name]] for name in ("sink", "plant", "machine", "contract"))
        fields = merged.get(key, (None, {}))[1] | msgspec.json.decode(entry.values[_COLUMN["fields"]])
        merged[key] = (entry.values[_COLUMN["source_time"]], fields)
    await connection.executemany(
        "INSERT INTO latest (sink, plant, machine, contract, source_time, fields) VALUES ($1, $2, $3, $4, $5, $6)"
        " ON CONFLICT (sink, plant, machine, contract) DO UPDATE"
        " SET source_time = excluded.source_time, fields = latest.fields || excluded.fields",
        [(*key, time, msgspec.json.encode(fields)) for key, (time, fields) in sorted(merged.items())],
    )


async def _mark_released(connection: Any, replayed: Iterable[Row]) -> None:
    """What came out of a gateway's quarantine is no longer missing; its stream may have begun anew since."""
    names = ("sink", "uid", "contract", "source_time")
    keys = [(*(entry.values[_COLUMN[name]] for name in names), _fields(entry)) for entry in replayed]
    await connection.executemany(
        "UPDATE quarantine SET released_time = now() WHERE sink = $1 AND uid = $2 AND contract = $3 AND source_time = $4"
        " AND field = ANY($5::text[]) AND released_time IS NULL",
        keys,
    )


def _is_replayed(entry: Row) -> bool:
    return bool(entry.values[_COLUMN["replayed"]])


def _fields(entry: Row) -> list[str]:
    return list(msgspec.json.decode(entry.values[_COLUMN["fields"]]))


def _receipt(
    batch: Batch, watermark: int, stored: int = 0, ignored: int = 0, rejected: Sequence[Rejected] = ()
) -> Receipt:
    return Receipt(
        gatewayuid=batch.uid,
        epoch=batch.epoch,
        watermark=watermark,
        stored=stored,
        ignored=ignored,
        rejected=list(rejected),
    )


def _text(text: str) -> str:
    """PostgreSQL's text takes no NUL."""
    return text.replace("\x00", "\\x00")


async def _prepare_connection(connection: asyncpg.Connection) -> None:
    """Rows carry jsonb as encoded bytes; binary jsonb is those bytes behind a version byte."""
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        format="binary",
        encoder=lambda data: b"\x01" + data,
        decoder=lambda data: data[1:],
    )
