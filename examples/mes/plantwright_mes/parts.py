"""A part's own history: everything that was said while a machine was at the part of this serial number, across machines."""

from typing import Any

import asyncpg
import msgspec

_HISTORY = """
WITH told AS (
  SELECT 'Observation' AS kind, source_time, seq, plant, machine, sink, context, replayed,
    jsonb_build_object('contract', contract, 'version', version, 'fields', fields, 'quality', quality, 'flags', flags) AS data
  FROM observations WHERE context ->> 'serialNumber' = $1
  UNION ALL
  SELECT 'Change', source_time, seq, plant, machine, sink, context, false,
    jsonb_build_object('of', of, 'value', value, 'origin', origin, 'previous', previous, 'code', code)
  FROM changes WHERE context ->> 'serialNumber' = $1
  UNION ALL
  SELECT 'Production', source_time, seq, plant, machine, sink, context, false,
    jsonb_strip_nulls(jsonb_build_object('good', good, 'rejected', rejected, 'reworked', reworked, 'cycles', cycles))
  FROM production WHERE context ->> 'serialNumber' = $1
)
SELECT kind, source_time, plant, machine, context - 'serialNumber' AS context, replayed, data FROM told
WHERE sink = $2 AND NOT EXISTS (
  SELECT FROM configurations AS c WHERE c.sink = told.sink AND c.plant = told.plant AND c.machine = told.machine
    AND c.asset ->> 'serialNumber' = $1)
ORDER BY source_time, plant, machine, seq LIMIT $3
"""
MOST = 10_000


async def history(pool: asyncpg.Pool, sink: str, serial: str) -> dict[str, Any]:
    """`{"serialNumber", "machines": [...], "orders": [...], "events": [...], "truncated"}`, events in order of time.

    The machine's own serial number stands in the same place of a context where it is told; it is no part's.

    Raises:
        One of store.UNAVAILABLE.
    """
    events = [_event(record) for record in await pool.fetch(_HISTORY, serial, sink, MOST + 1)]
    shown = events[:MOST]
    return {
        "serialNumber": serial,
        "machines": list(dict.fromkeys(f"{event['plant']}/{event['machine']}" for event in shown)),
        "orders": list(dict.fromkeys(event["jobOrder"] for event in shown if "jobOrder" in event)),
        "events": shown,
        "truncated": len(events) > MOST,
    }


def _event(record: Any) -> dict[str, Any]:
    """Context first (order, machine, person), then what was said."""
    head = {"time": record["source_time"], "type": record["kind"]}
    place = {"plant": record["plant"], "machine": record["machine"]}
    late = {"replayed": True} if record["replayed"] else {}
    context = {name: value for name, value in msgspec.json.decode(record["context"]).items() if name not in place}
    said: dict[str, Any] = msgspec.json.decode(record["data"])
    return head | place | context | late | said
