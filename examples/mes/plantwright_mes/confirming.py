"""What the ERP is told of a job order: made, scrapped, reworked, and the times it took, in B2MML names.

What causes a confirmation leaves a row in `confirmations_due` in its own transaction. Here those rows become revisions of the
confirmation: a revision never changes, and where late data changes the figures there is another one.
"""

import logging
from datetime import UTC, datetime
from typing import Any

import asyncpg
import msgspec

from plantwright_mes import kpis
from plantwright_mes.plan import lay_out

log = logging.getLogger(__name__)

MOST_AT_ONCE = 200

_DUE = """
SELECT DISTINCT job_order_id FROM confirmations_due WHERE asked OR time <= now() - make_interval(secs => $1) ORDER BY 1 LIMIT $2
"""
_ORDER = """
SELECT j.*, least(j.end_time, (
  SELECT min(n.start_time) FROM job_orders AS n
  WHERE n.plant = j.plant AND n.equipment = j.equipment AND n.id <> j.id AND (n.start_time, n.id) > (j.start_time, j.id)
)) AS held_until
FROM job_orders AS j WHERE id = $1 AND start_time IS NOT NULL
"""
_EXPIRED = "SELECT kept_from > $4 FROM equipment WHERE sink = $1 AND plant = $2 AND machine = $3"
_TAKE = "DELETE FROM confirmations_due WHERE job_order_id = $1 RETURNING asked"
_LAST = "SELECT revision, body FROM confirmations WHERE job_order_id = $1 ORDER BY revision DESC LIMIT 1"
_KEEP = "INSERT INTO confirmations (job_order_id, revision, body) VALUES ($1, $2, $3)"
_TIMES = {
    "actualProductionSeconds": "ActualProductionTime",
    "actualUnitSetupSeconds": "ActualUnitSetupTime",
    "actualDelaySeconds": "ActualUnitDelayTime",
    "plannedBusySeconds": "PlannedBusyTime",
    "plannedSeconds": "PlannedTime",
    "knownPlannedSeconds": "KnownPlannedTime",
}
_QUANTITIES = {"goodQuantity": "Material Produced", "scrapQuantity": "Scrap", "reworkQuantity": "Rework"}


async def make(pool: asyncpg.Pool, sink: str, settle_seconds: float) -> int:
    """Make the confirmations that are due; answers how many revisions there are more.

    Raises:
        One of store.UNAVAILABLE: what is due stays due.
    """
    made = 0
    for record in await pool.fetch(_DUE, settle_seconds, MOST_AT_ONCE):
        try:
            made += await _make_one(pool, sink, record["job_order_id"])
        except asyncpg.ObjectNotInPrerequisiteStateError as error:
            log.warning("job order %s is confirmed later: %s", record["job_order_id"], error)
    return made


async def _make_one(pool: asyncpg.Pool, sink: str, job_order: str) -> bool:
    """The causes are taken first, and then the figures are read: what is committed later is a cause of its own."""
    await _prepare(pool, sink, job_order)
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(hashtext('confirmation'), hashtext($1))", job_order)
        asked = [record["asked"] for record in await connection.fetch(_TAKE, job_order)]
        order = await connection.fetchrow(_ORDER, job_order)
        if order is None or not (any(asked) or (asked and order["end_time"])):
            return False
        if await connection.fetchval(_EXPIRED, sink, order["plant"], order["equipment"], order["start_time"]):
            log.warning("job order %s is confirmed no more: its data is no longer kept", job_order)
            return False
        last = await connection.fetchrow(_LAST, job_order)
        records = await connection.fetch(kpis.CALL, *_arguments(sink, order))
        response = _response(order, kpis.figures(records[0], "") if records else {})
        if last and msgspec.json.decode(last["body"])["JobResponse"] == [response]:
            return False
        revision = last["revision"] + 1 if last else 1
        await connection.execute(_KEEP, job_order, revision, msgspec.json.encode(_body(order, revision, response)))
    return True


async def _prepare(pool: asyncpg.Pool, sink: str, job_order: str) -> None:
    order = await pool.fetchrow(_ORDER, job_order)
    if order is not None:
        _, start, end, *_rest = _arguments(sink, order)
        await lay_out(pool, await pool.fetch(kpis.NEEDS, sink, start, end, order["plant"], order["equipment"]))


def _arguments(sink: str, order: Any) -> tuple[Any, ...]:
    """Of `kpis` in kpi.sql: the machine, for as long as the order was under way there."""
    end = max(min(order["held_until"] or datetime.now(UTC), datetime.now(UTC)), order["start_time"])
    return (sink, order["start_time"], end, "machine", "", order["plant"], "", "", order["equipment"])


def _response(order: Any, told: dict[str, Any]) -> dict[str, Any]:
    """JobResponse; what no machine tells is not in it."""
    material = {"MaterialDefinitionID": order["material_definition_id"], "MaterialLotID": order["material_lot_id"]}
    response = {
        "JobOrderID": order["id"],
        "WorkRequestID": order["work_request_id"],
        "JobState": "Ended" if order["end_time"] else "Running",
        "StartTime": _text(order["start_time"]),
        "EndTime": _text(order["end_time"]),
        "EquipmentActual": [{"EquipmentID": order["equipment"]}],
        "MaterialActual": [
            material | {"MaterialUse": use, "Quantity": told[name]}
            for name, use in _QUANTITIES.items()
            if told.get(name) is not None
        ],
        "JobResponseData": [
            {"ID": identity, "Value": told[name], "UnitOfMeasure": "s"}
            for name, identity in _TIMES.items()
            if told.get(name) is not None
        ],
    }
    return {name: value for name, value in response.items() if value not in ("", None)}


def _body(order: Any, revision: int, response: dict[str, Any]) -> dict[str, Any]:
    """ProductionPerformance; its ID is the key under which it is booked once."""
    return {
        "ID": f"{order['id']}/{revision}",
        "Version": revision,
        "HierarchyScope": {"EquipmentID": order["plant"]},
        "JobResponse": [response],
    }


def _text(moment: datetime | None) -> str:
    return msgspec.json.encode(moment.astimezone(UTC)).decode().strip('"') if moment else ""
