"""Storing orders, log-ons, stop reasons and lines: each change with its audit row and its notice, in one transaction."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg
import msgspec

from plantwright_mes import orders
from plantwright_mes.heard import schedule_key
from plantwright_mes.orders import Fault, InvalidError, JobOrderRow

_AUDIT = "INSERT INTO audit (actor, action, subject, status, body) VALUES ($1, $2, $3, $4, $5)"
_CHANGED = """
INSERT INTO schedules (plant, equipment) SELECT * FROM unnest($1::text[], $2::text[])
ON CONFLICT (plant, equipment) DO UPDATE SET changed_time = clock_timestamp()
"""
_REQUEST = """
INSERT INTO work_requests (id, description) VALUES ($1, $2)
ON CONFLICT (id) DO UPDATE SET description = excluded.description, changed_time = now()
"""
_DROP = (
    "DELETE FROM job_orders WHERE work_request_id = $1 AND start_time IS NULL AND NOT id = ANY($2::text[])"
    " RETURNING plant, equipment"
)
_PUT = """
INSERT INTO job_orders AS known SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[],
  $7::text[], $8::float8[], $9::timestamptz[], $10::timestamptz[])
ON CONFLICT (id) DO UPDATE SET plant = excluded.plant, equipment = excluded.equipment, priority = excluded.priority,
  material_definition_id = excluded.material_definition_id, material_lot_id = excluded.material_lot_id,
  quantity = excluded.quantity, start_time = coalesce(excluded.start_time, known.start_time),
  end_time = CASE WHEN excluded.start_time IS NULL THEN known.end_time ELSE excluded.end_time END
WHERE known.work_request_id = excluded.work_request_id
RETURNING id
"""
_FAULTS = (
    "SELECT reason, plant, equipment, subject, message, field FROM schedule_faults"
    " WHERE ($1::text[] IS NULL OR subject = ANY($1)) ORDER BY reason, plant, equipment, subject LIMIT 1000"
)
_ENDED = (
    "INSERT INTO confirmations_due (job_order_id) SELECT id FROM job_orders WHERE end_time IS NOT NULL"
    " AND (plant, equipment) IN (SELECT * FROM unnest($1::text[], $2::text[])) AND (id = ANY($3::text[])"
    " OR EXISTS (SELECT FROM job_orders AS j WHERE j.id = ANY($3::text[]) AND j.plant = job_orders.plant"
    " AND j.equipment = job_orders.equipment AND j.start_time < job_orders.end_time"
    " AND j.start_time >= job_orders.start_time))"
)
_EXPIRED = "SELECT true FROM equipment WHERE plant = $1 AND machine = $2 AND kept_from > $3 LIMIT 1"
_ONE = "SELECT * FROM job_orders WHERE id = $1 FOR UPDATE"


class Asked(NamedTuple):
    """Who asks for what: what the audit keeps."""

    actor: str
    action: str
    subject: str
    body: bytes


class Store:
    """Writes what people and systems tell."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def put_work_request(self, asked: Asked, request: orders.WorkRequest) -> dict[str, Any]:
        """Store a production order: its job orders take the place of those that have not begun."""
        rows, faults = orders.job_orders(request, asked.subject)
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(_REQUEST, asked.subject, orders.text(request.description))
            dropped = await connection.fetch(_DROP, asked.subject, [row.id for row in rows])
            columns = list(zip(*rows, strict=True)) or [()] * len(JobOrderRow._fields)
            taken = {record["id"] for record in await connection.fetch(_PUT, *columns)}
            faults += [_elsewhere(row.id) for row in rows if row.id not in taken]
            places = {(row.plant, row.equipment) for row in rows} | {tuple(record.values()) for record in dropped}
            await _finish(connection, asked, places, sorted(taken))
        return {"accepted": len(taken), "faults": [*faults, *await self.faults(sorted(taken))]}

    async def set_time(self, asked: Asked, field: str, time: datetime) -> dict[str, Any]:
        """A job order really began (`start_time`) or ended (`end_time`); said again it corrects what was said."""
        async with self._pool.acquire() as connection, connection.transaction():
            found = await connection.fetchrow(_ONE, asked.subject)
            if found is None:
                raise InvalidError("NotFound", asked.subject, "ID", "there is no such job order", 404)
            times = {"start_time": found["start_time"], "end_time": found["end_time"]} | {field: time}
            try:
                orders.stretch(times["start_time"], times["end_time"], "$", asked.subject)
            except InvalidError as error:
                raise InvalidError(error.fault.reason, asked.subject, "$.Time", error.fault.message) from error
            query = "UPDATE job_orders SET start_time = $2, end_time = $3 WHERE id = $1"
            await connection.execute(query, asked.subject, times["start_time"], times["end_time"])
            await _finish(connection, asked, {(found["plant"], found["equipment"])}, [asked.subject])
        return {"accepted": 1, "faults": await self.faults([asked.subject])}

    async def log(self, asked: Asked, told: orders.LogOn, time: datetime) -> dict[str, Any]:
        """Somebody logs on or off."""
        key = (told.hierarchy_scope.equipment_id, told.equipment_id, told.person_id)
        async with self._pool.acquire() as connection, connection.transaction():
            if told.action == "LogOn":
                query = "INSERT INTO personnel_actuals VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING"
                await connection.execute(query, *key, time)
            elif not await connection.fetch(_LOG_OFF, *key, time):
                raise InvalidError("NotLoggedOn", told.person_id, "$.PersonID", "was not logged on there at that time")
            await _finish(connection, asked, {key[:2]})
        return {"accepted": 1, "faults": await self.faults([told.person_id])}

    async def equipment_event(
        self, asked: Asked, told: orders.EquipmentEventRequest, start: datetime, end: datetime | None
    ) -> dict[str, Any]:
        """A machine stands for a reason."""
        key = (told.hierarchy_scope.equipment_id, told.equipment_id)
        query = (
            "INSERT INTO equipment_events VALUES ($1, $2, $3, $4, $5)"
            " ON CONFLICT (plant, equipment, reason, start_time) DO UPDATE SET end_time = excluded.end_time"
        )
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(query, *key, told.reason, start, end)
            await _finish(connection, asked, {key})
        return {"accepted": 1, "faults": []}

    async def put_lines(self, asked: Asked, lines: Sequence[orders.Line]) -> dict[str, Any]:
        """These lines, and no others, have a flow."""
        orders.check_lines(lines)
        rows = {(line.plant, line.area, line.line): (line.flow, line.bottleneck, line.exit) for line in lines}
        await self._replace(asked, "lines", [(*key, *told) for key, told in rows.items()])
        return {"accepted": len(rows), "faults": []}

    async def put_materials(self, asked: Asked, materials: Sequence[orders.MaterialDefinition]) -> dict[str, Any]:
        """These products, and no others, are known."""
        rows = {orders.name(m.id, f"$[{place}].ID"): orders.text(m.description) for place, m in enumerate(materials)}
        await self._replace(asked, "material_definitions", list(rows.items()))
        return {"accepted": len(rows), "faults": []}

    async def ask_confirmation(self, asked: Asked) -> dict[str, Any]:
        """A confirmation of what a job order has made so far."""
        async with self._pool.acquire() as connection, connection.transaction():
            found = await connection.fetchrow(_ONE, asked.subject)
            if found is None:
                raise InvalidError("NotFound", asked.subject, "ID", "there is no such job order", 404)
            if found["start_time"] is None:
                raise InvalidError("NotStarted", asked.subject, "ID", "it has never begun")
            if await connection.fetchval(_EXPIRED, found["plant"], found["equipment"], found["start_time"]):
                raise InvalidError(
                    "DataExpired", asked.subject, "ID", "what it was confirmed by is no longer kept", 410
                )
            await connection.execute(
                "INSERT INTO confirmations_due (job_order_id, asked) VALUES ($1, true)", asked.subject
            )
            await _audit(connection, asked)
        return {"accepted": 1, "faults": []}

    async def refused(self, asked: Asked, status: int) -> None:
        """What was refused is in the audit too."""
        await _audit(self._pool, asked, status)

    async def faults(self, subjects: Sequence[str] | None = None) -> list[Fault]:
        """What is wrong in what was accepted: of these, or of all."""
        return [
            Fault(
                reason=record["reason"],
                subject=record["subject"],
                field=record["field"],
                message=f"{record['plant']}/{record['equipment']}: {record['message']}",
                accepted=True,
            )
            for record in await self._pool.fetch(_FAULTS, subjects)
        ]

    async def _replace(self, asked: Asked, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(f"DELETE FROM {table}")  # noqa: S608 names of this file
            await connection.copy_records_to_table(table, records=rows)
            await _audit(connection, asked)


_LOG_OFF = (
    "UPDATE personnel_actuals SET end_time = $4 WHERE (plant, equipment, person_id, start_time) = ("
    " SELECT plant, equipment, person_id, start_time FROM personnel_actuals"
    " WHERE plant = $1 AND equipment = $2 AND person_id = $3 AND start_time < $4 ORDER BY start_time DESC LIMIT 1)"
    " RETURNING 1"
)


async def _finish(
    connection: Any, asked: Asked, places: Iterable[tuple[str, ...]], job_orders: Sequence[str] = ()
) -> None:
    """What follows from a change of the schedule: confirmations that may be wrong now, a notice per machine, the audit."""
    ordered = sorted(places)
    columns = [place[0] for place in ordered], [place[1] for place in ordered]
    if job_orders:
        await connection.execute(_ENDED, *columns, job_orders)
    await connection.execute(_CHANGED, *columns)
    keys = [schedule_key(plant, equipment) for plant, equipment in ordered]
    await connection.execute("SELECT pg_notify('schedule', key) FROM unnest($1::text[]) AS key", keys)
    await _audit(connection, asked)


async def _audit(connection: Any, asked: Asked, status: int = 200) -> None:
    body = asked.body.decode("utf-8", "backslashreplace").replace("\x00", "\\x00")
    await connection.execute(_AUDIT, asked.actor, asked.action, asked.subject, status, body)


def _elsewhere(job_order: str) -> Fault:
    return Fault(reason="BelongsToAnother", subject=job_order, field="ID", message="is of another work request")


def encode(answer: Any) -> bytes:
    """As it goes over the wire."""
    return msgspec.json.encode(answer)
