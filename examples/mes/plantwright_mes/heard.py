"""What a batch tells of its machines as a whole, kept in the same transaction as its rows.

Until when a gateway has told what it knew, which counters a machine has, and which confirmations to the ERP may no longer be
right, since the batch holds parts or changes of a time that is confirmed.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from plantwright_mes.rows import KEY, TABLES, Row, place_of

_RECORDED, _SOURCE = KEY.index("recorded_time"), KEY.index("source_time")
_MACHINE = slice(KEY.index("plant"), KEY.index("machine") + 1)
_REWORKED, _PLANNED = (TABLES["production"].index(name) for name in ("reworked", "planned_run_ns"))
COUNTED = ("production", "changes")
"""Kinds of rows that figures are made of."""

_NOTE = """
INSERT INTO equipment AS known (sink, plant, machine, place, heard_time, counts_rework, counts_planned)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (sink, plant, machine) DO UPDATE SET place = excluded.place,
  heard_time = greatest(known.heard_time, excluded.heard_time),
  counts_rework = known.counts_rework OR excluded.counts_rework,
  counts_planned = known.counts_planned OR excluded.counts_planned
RETURNING xmax = 0 AS is_new
"""
_DUE = """
INSERT INTO confirmations_due (job_order_id)
SELECT id FROM job_orders WHERE plant = $1 AND equipment = $2 AND start_time <= $4 AND end_time >= $3
"""


class _Heard(NamedTuple):
    heard_time: datetime
    rework: bool
    planned: bool
    times: list[datetime]


async def note(connection: Any, sink: str, sources: Mapping[int, str], stored: Sequence[Row]) -> None:
    """Keep what stored rows tell; `sources` are the events' sources by sequence. Machines in order, so that none waits for another."""
    for (plant, machine), rows in sorted(_by_machine(stored).items()):
        heard = _heard(rows)
        place = msgspec.json.encode(place_of(sources[rows[-1].sequence]))
        known = (sink, plant, machine, place, heard.heard_time, heard.rework, heard.planned)
        if await connection.fetchval(_NOTE, *known):
            await connection.execute("SELECT pg_notify('schedule', $1)", schedule_key(plant, machine))
        if heard.times:
            await connection.execute(_DUE, plant, machine, min(heard.times), max(heard.times))


def schedule_key(plant: str, machine: str) -> str:
    """How the notifications of the channel `schedule` name a machine."""
    return msgspec.json.encode([plant, machine]).decode()


def _by_machine(stored: Iterable[Row]) -> dict[tuple[str, str], list[Row]]:
    found: dict[tuple[str, str], list[Row]] = {}
    for row in stored:
        plant, machine = row.values[_MACHINE]
        found.setdefault((plant, machine), []).append(row)
    return found


def _heard(rows: Sequence[Row]) -> _Heard:
    parts = [row.values for row in rows if row.table == "production"]
    return _Heard(
        max(row.values[_RECORDED] for row in rows),
        any(values[_REWORKED] is not None for values in parts),
        any(values[_PLANNED] is not None for values in parts),
        [row.values[_SOURCE] for row in rows if row.table in COUNTED],
    )
