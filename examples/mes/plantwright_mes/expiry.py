"""Deletes changes and production, which belong to no contract, after `MES_RETENTION_DAYS`, and forgets before that who it was.

Of each machine and kind the last change before stays: it still holds, or held when what is kept begins. From when on everything is
kept is written down before anything is deleted (`equipment.kept_from`), so that no figure is made of what may be gone. Who it was is
forgotten after the shortest retention of the machine's contracts; that somebody was there stays, and with it what KPIs say of it.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple, get_args

import asyncpg

from plantwright_api.wire.delivery import CHANGE, PRODUCTION, ChangeOf

CHUNK = 5000
"""Rows of one transaction."""

_MACHINES = "SELECT sink, plant, machine FROM equipment ORDER BY 1, 2, 3"
_OF_MACHINE = "sink = $1 AND plant = $2 AND machine = $3"
_CUTOFF = "now() - make_interval(days => $4)"
# A clock that runs ahead must not keep a row for longer: nothing happened after it was stored.
_OLD = f"(source_time < {_CUTOFF} OR source_time > now() AND stored_time < {_CUTOFF})"
_KEPT_FROM = f"""
UPDATE equipment SET kept_from = {_CUTOFF} WHERE {_OF_MACHINE} AND kept_from < {_CUTOFF} AND (
  EXISTS (SELECT FROM production WHERE {_OF_MACHINE} AND source_time < {_CUTOFF})
  OR EXISTS (SELECT FROM changes WHERE {_OF_MACHINE} AND of = ANY($5) AND source_time < {_CUTOFF}))
"""  # noqa: S608 constants of this file
_PRODUCTION = f"SELECT ctid FROM production WHERE {_OF_MACHINE} AND {_OLD}"  # noqa: S608
_CHANGES = f"""
SELECT ctid FROM changes WHERE {_OF_MACHINE} AND of = $5 AND {_OLD} AND (source_time, seq) <> (
  SELECT source_time, seq FROM changes WHERE {_OF_MACHINE} AND of = $5 AND source_time < {_CUTOFF}
  ORDER BY source_time DESC, seq DESC, recorded_time DESC LIMIT 1)
"""  # noqa: S608
_NAMED_CHANGES = (
    f"SELECT ctid FROM changes WHERE {_OF_MACHINE} AND names_somebody(of, value, previous, code, context) AND {_OLD}"  # noqa: S608
)
_NAMED_PRODUCTION = f"SELECT ctid FROM production WHERE {_OF_MACHINE} AND context ? 'person' AND {_OLD}"  # noqa: S608
_LOGGED_OFF = (
    f"SELECT ctid FROM personnel_actuals WHERE $1 <> '' AND plant = $2 AND equipment = $3 AND end_time < {_CUTOFF}"  # noqa: S608
)
_WITHOUT_NAMES = """
UPDATE changes SET context = context - 'person',
  value = CASE WHEN of = 'Person' AND value <> '' THEN '(forgotten)' ELSE value END,
  previous = CASE WHEN of = 'Person' AND previous <> '' THEN '(forgotten)' ELSE previous END,
  code = CASE of WHEN 'Person' THEN '' ELSE code END
"""
_REJECTED = f"""
SELECT ctid FROM rejections WHERE sink = $1 AND event <> '' AND stored_time < {_CUTOFF}
  AND strpos(event, to_json($2::text)::text) > 0 AND strpos(event, to_json($3::text)::text) > 0
  AND (strpos(event, '"type":"{CHANGE}"') > 0 OR strpos(event, '"type":"{PRODUCTION}"') > 0)
"""  # noqa: S608


class Machine(NamedTuple):
    """One machine as one sink knows it."""

    sink: str
    plant: str
    machine: str


class _Portion(NamedTuple):
    """What is done to the rows of `table` that `chosen` selects."""

    table: str
    act: str
    chosen: str
    arguments: tuple[Any, ...] = ()


_FORGET = (
    _Portion("changes", _WITHOUT_NAMES, _NAMED_CHANGES),
    _Portion("production", "UPDATE production SET context = context - 'person'", _NAMED_PRODUCTION),
    _Portion("personnel_actuals", "DELETE FROM personnel_actuals", _LOGGED_OFF),
    _Portion("rejections", "UPDATE rejections SET event = ''", _REJECTED),
)
_KINDS = get_args(ChangeOf)
_DELETE = (
    _Portion("production", "DELETE FROM production", _PRODUCTION),
    *(_Portion("changes", "DELETE FROM changes", _CHANGES, (kind,)) for kind in _KINDS),
)


async def expire(pool: asyncpg.Pool, days: int, named: Iterable[tuple[str, str, str, int]]) -> "Counter[str]":
    """Delete and forget what is too old, once.

    Args:
        pool: the database.
        days: for how long changes and production are kept; 0: for good.
        named: sink, plant, machine and days of each contract's retention: who it was is kept for no longer.

    Returns:
        Rows deleted per table; rows in which a name was forgotten as `<table>/person`.

    Raises:
        One of store.UNAVAILABLE: what was deleted so far stays deleted.
    """
    done: Counter[str] = Counter()
    shortest = _shortest(named)
    for record in await pool.fetch(_MACHINES):
        machine = Machine(*record.values())
        forget_days = min(filter(None, (days, shortest.get(machine, 0))), default=0)
        if forget_days:
            for portion in _FORGET:
                done[_forgotten(portion)] += await _portions(pool, portion, machine, forget_days)
        if days:
            await pool.execute(_KEPT_FROM, *machine, days, list(_KINDS))
            for portion in _DELETE:
                done[portion.table] += await _portions(pool, portion, machine, days)
    return +done


def _shortest(named: Iterable[tuple[str, str, str, int]]) -> dict[Machine, int]:
    found: dict[Machine, int] = {}
    for *place, days in named:
        machine = Machine(*place)
        found[machine] = min(days, found.get(machine, days))
    return found


def _forgotten(portion: _Portion) -> str:
    return f"{portion.table}/person" if portion.table in ("changes", "production") else portion.table


async def _portions(pool: asyncpg.Pool, portion: _Portion, machine: Machine, days: int) -> int:
    """Rows that somebody holds are left for the next time, so that no sweep and no ingest wait for each other."""
    total = 0
    statement = f"{portion.act} WHERE ctid = ANY(ARRAY({portion.chosen} LIMIT {CHUNK} FOR UPDATE SKIP LOCKED))"
    while True:
        done = await pool.execute(statement, *machine, days, *portion.arguments)
        rows = int(str(done).rpartition(" ")[2])
        total += rows
        if rows < CHUNK:
            return total
