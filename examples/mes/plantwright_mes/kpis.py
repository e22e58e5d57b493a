"""The figures of ISO 22400-2 as JSON: asks `kpi.sql`, which computes them. docs/guide-kpis.md says what each means."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import asyncpg
import msgspec

from plantwright_mes.plan import lay_out
from plantwright_mes.rows import RefusedError, timestamp

LEVELS = ("machine", "line", "area", "plant", "enterprise")
BY = {
    "": (),
    "shift": ("day", "shift"),
    "order": ("workRequest", "jobOrder"),
    "request": ("workRequest",),
    "product": ("materialDefinition",),
    "reason": ("reason",),
}
"""What figures are told apart by, and the members that name it."""
LONGEST = timedelta(days=400)

CALL = "SELECT * FROM kpis($1, $2, $3, $4, $5, $6, $7, $8, $9)"
NEEDS = "SELECT calendar, since, until FROM kpi_needs($1, $2, $3, $4, $5)"
_FAULTS = """
SELECT DISTINCT c.plant, c.machine, k.fault FROM configurations AS c JOIN calendars AS k ON k.calendar = c.calendar_key
WHERE c.sink = $1 AND k.fault <> '' AND $2 IN ('', c.plant) AND $3 IN ('', c.machine) ORDER BY 1, 2
"""
_EXPIRED = """
SELECT plant, machine, kept_from FROM equipment
WHERE sink = $1 AND $2 IN ('', plant) AND $3 IN ('', machine) AND kept_from > $4 ORDER BY 1, 2
"""
_ROLES = """
SELECT l.plant, l.line, l.bottleneck, l.exit FROM lines AS l WHERE flow = 'Serial' AND $2 IN ('', l.plant) AND (
  NOT EXISTS (SELECT FROM equipment AS e WHERE e.sink = $1 AND e.plant = l.plant AND e.machine = l.bottleneck) OR
  NOT EXISTS (SELECT FROM equipment AS e WHERE e.sink = $1 AND e.plant = l.plant AND e.machine = l.exit))
ORDER BY 1, 2
"""
_TIMES = {
    "planned_us": "plannedSeconds",
    "known_us": "knownPlannedSeconds",
    "pbt_us": "plannedBusySeconds",
    "apt_us": "actualProductionSeconds",
    "aupt_us": "actualUnitProcessingSeconds",
    "asut_us": "actualUnitSetupSeconds",
    "adet_us": "actualDelaySeconds",
    "aoet_us": "actualOrderExecutionSeconds",
    "apat_us": "actualPersonnelAttendanceSeconds",
    "apwt_us": "actualPersonnelWorkSeconds",
    "production_us": "productionSeconds",
    "mtbf_us": "meanTimeBetweenFailuresSeconds",
    "mttr_us": "meanTimeToRepairSeconds",
}
_COUNTS = {
    "failures": "failureEvents",
    "pq": "producedQuantity",
    "gq": "goodQuantity",
    "sq": "scrapQuantity",
    "rq": "reworkQuantity",
    "cycles": "loadCycles",
}
_RATIOS = {
    "coverage": "dataCoverage",
    "availability": "availability",
    "effectiveness": "effectiveness",
    "quality_ratio": "qualityRatio",
    "oee": "oee",
    "nee": "nee",
    "setup_rate": "setupRate",
    "scrap_ratio": "scrapRatio",
    "rework_ratio": "reworkRatio",
    "first_pass_yield": "firstPassYield",
    "throughput_per_hour": "throughputPerHour",
    "worker_efficiency": "workerEfficiency",
}


class Question(NamedTuple):
    """Which figures of which window; "" where nothing is narrowed. `start` and `end` have a time zone."""

    start: datetime
    end: datetime
    level: str
    by: str = ""
    plant: str = ""
    area: str = ""
    line: str = ""
    machine: str = ""


class AskedWrongError(ValueError):
    """A parameter is wrong; the message names it."""


def question(query: Mapping[str, str]) -> Question:
    """What a query string asks for. The level is the narrowest that is named, unless `level` says another.

    Raises:
        AskedWrongError: naming the parameter.
    """
    start, end = _time(query, "from"), _time(query, "to")
    if not start < end <= start + LONGEST:
        raise AskedWrongError(f"to: must be after from, by at most {LONGEST.days} days")
    names = {name: query.get(name, "") for name in ("plant", "area", "line", "machine")}
    narrowest = next((level for level in LEVELS if names.get(level)), "enterprise")
    level, by = query.get("level", narrowest), query.get("by", "")
    if level not in LEVELS:
        raise AskedWrongError(f"level: one of {', '.join(LEVELS)}")
    if by not in BY:
        raise AskedWrongError(f"by: one of {', '.join(filter(None, BY))}")
    return Question(start, end, level, by, **names)


async def ask(pool: asyncpg.Pool, sink: str, asked: Question) -> dict[str, Any]:
    """`{"from", "to", "level", "by", "figures": [...], "faults": [...]}`; `to` is not later than now.

    Raises:
        One of store.UNAVAILABLE.
    """
    end = min(asked.end, datetime.now(UTC))
    records = await rows(pool, sink, asked._replace(end=end)) if asked.start < end else []
    return {
        "from": asked.start,
        "to": max(end, asked.start),
        "level": asked.level,
        "by": asked.by,
        "figures": [figures(record, asked.by) for record in records],
        "faults": await faults(pool, sink, asked.plant, asked.machine, asked.start),
    }


async def rows(pool: asyncpg.Pool, sink: str, asked: Question) -> list[Any]:
    """Records of `kpis` in kpi.sql, calendars laid out before."""
    await lay_out(pool, await pool.fetch(NEEDS, sink, asked.start, asked.end, asked.plant, asked.machine))
    narrowed = (asked.level, asked.by, asked.plant, asked.area, asked.line, asked.machine)
    found: list[Any] = await pool.fetch(CALL, sink, asked.start, asked.end, *narrowed)
    return found


async def faults(pool: asyncpg.Pool, sink: str, plant: str, machine: str, start: datetime) -> list[dict[str, str]]:
    """What makes figures NULL that should not be: calendars that cannot be read, roles of lines that no machine has, and data from
    `start` on that is no longer kept."""
    found = [
        {"reason": "CalendarUnreadable", "subject": f"{r['plant']}/{r['machine']}", "message": r["fault"]}
        for r in await pool.fetch(_FAULTS, sink, plant, machine)
    ]
    for r in await pool.fetch(_ROLES, sink, plant):
        message = f"bottleneck {r['bottleneck']} or exit {r['exit']} has never delivered"
        found.append({"reason": "LineRoleUnknown", "subject": f"{r['plant']}/{r['line']}", "message": message})
    for r in await pool.fetch(_EXPIRED, sink, plant, machine, start):
        message = f"nothing is kept of the time before {r['kept_from'].astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        found.append({"reason": "DataExpired", "subject": f"{r['plant']}/{r['machine']}", "message": message})
    return found


def figures(record: Any, by: str) -> dict[str, Any]:
    """One record by the names of ISO 22400-2; null is a denominator of 0, or what no machine tells."""
    place = {name: record[name] for name in ("enterprise", "site", "plant", "area", "line", "machine") if record[name]}
    told = place | dict(zip(BY[by], record["key"], strict=True))
    told |= {shown: _seconds(record[name]) for name, shown in _TIMES.items()}
    told["stoppedSeconds"] = None if record["pbt_us"] is None else _seconds(record["pbt_us"] - record["aupt_us"])
    priced = record["priced_ns"]
    told["plannedProductionSeconds"] = None if priced is None else float(priced) / 1e9
    return told | {shown: record[name] for name, shown in (_COUNTS | _RATIOS).items()}


def encode(answer: Mapping[str, Any]) -> bytes:
    """As it goes over the wire."""
    return msgspec.json.encode(answer)


def _seconds(microseconds: float | None) -> float | None:
    return None if microseconds is None else microseconds / 1e6


def _time(query: Mapping[str, str], name: str) -> datetime:
    try:
        return timestamp(query.get(name, "").replace(" ", "+"))
    except RefusedError as error:
        raise AskedWrongError(f"{name}: {error}") from error
