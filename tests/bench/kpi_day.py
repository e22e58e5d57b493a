"""How long the exact figures of one day take: `python tests/bench/kpi_day.py [machines]` on a PostgreSQL of its own.

Each machine changes its state 2,000 times, its order every hour, and tells its counters every 10 s.
"""

import asyncio
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg

from plantwright_mes.kpis import Question, rows
from plantwright_mes.store import connect
from plantwright_mes.testing import private_postgres

START = datetime(2025, 10, 1, tzinfo=UTC)
END = START + timedelta(days=1)
_SHIFT = '{{"name":"{}","weekdays":[0,1,2,3,4,5,6],"startMinute":{},"endMinute":{}}}'
_SHIFTS = ",".join(_SHIFT.format(*told) for told in (("early", 360, 840), ("late", 840, 1320), ("night", 1320, 360)))
CALENDAR = f'{{"timeZone":"Europe/Berlin","shifts":[{_SHIFTS}]}}'
_PLACE = """jsonb_build_object('enterprise', 'e', 'site', 's', 'area', 'a', 'line', 'l' || m % 10)"""
LOAD = (
    f"""INSERT INTO equipment SELECT 'http', 'p', 'm' || m, {_PLACE}, '2025-10-02T00:00Z', true, true
    FROM generate_series(1, $1::int) AS m""",  # noqa: S608 constants of this file
    f"""INSERT INTO configurations (sink, uid, epoch, seq, plant, machine, source_time, recorded_time, config, profile, contracts,
      gateway_version, asset, place, calendar)
    SELECT 'http', 'u' || m, 'e', 1, 'p', 'm' || m, '2025-09-30T00:00Z', '2025-09-30T00:00Z', 'c', 'p', '{{}}', '1', '{{}}', {_PLACE},
      '{CALENDAR}' FROM generate_series(1, $1::int) AS m""",  # noqa: S608
    """INSERT INTO changes (sink, uid, epoch, seq, plant, machine, source_time, recorded_time, config, of, value, origin, previous,
      code, context)
    SELECT 'http', 'u' || m, 'e', i + 10, 'p', 'm' || m, '2025-10-01T00:00Z'::timestamptz + i * interval '43.2 s', '2025-10-01T00:00Z',
      'c', 'State', (ARRAY['Production', 'Delay', 'Production', 'Idle', 'Setup'])[1 + i % 5], 'Machine', '', '', '{}'
    FROM generate_series(1, $1::int) AS m, generate_series(0, 1999) AS i""",
    """INSERT INTO changes (sink, uid, epoch, seq, plant, machine, source_time, recorded_time, config, of, value, origin, previous,
      code, context)
    SELECT 'http', 'u' || m, 'e', i + 20000, 'p', 'm' || m, '2025-10-01T00:00Z'::timestamptz + i * interval '1 h', '2025-10-01T00:00Z',
      'c', 'JobOrder', 'JO-' || i, 'MES', '', '', '{}'
    FROM generate_series(1, $1::int) AS m, generate_series(0, 23) AS i""",
    """INSERT INTO production (sink, uid, epoch, seq, plant, machine, source_time, recorded_time, config, good, rejected, reworked,
      planned_run_ns, context)
    SELECT 'http', 'u' || m, 'e', i + 100000, 'p', 'm' || m, '2025-10-01T00:00Z'::timestamptz + i * interval '10 s',
      '2025-10-01T00:00Z', 'c', 1, 0, 0, 9000000000, '{}'
    FROM generate_series(1, $1::int) AS m, generate_series(0, 8639) AS i""",
)
QUESTIONS = (("machine", ""), ("machine", "shift"), ("line", "order"), ("plant", ""))


async def measure(dsn: str, machines: int) -> None:
    """Load one day and ask."""
    pool = await connect(dsn)
    try:
        for statement in LOAD:
            await pool.execute(statement, machines, timeout=300)
        await pool.execute("ANALYZE")
        for level, by in QUESTIONS:
            started = time.perf_counter()
            found = await rows(pool, "http", Question(START, END, level, by))
            print(
                f"{machines} machines, {level} {by or 'whole'}: {len(found)} rows, {time.perf_counter() - started:.2f} s"
            )
    except asyncpg.PostgresError as error:
        raise SystemExit(f"the database refuses: {error}") from error
    finally:
        pool.terminate()


def main() -> None:
    """Measure with 200 machines, or as many as are named."""
    with tempfile.TemporaryDirectory(prefix="plantwright-postgres-") as folder:
        Path(folder).chmod(0o755)
        with private_postgres(Path(folder) / "cluster") as server:
            asyncio.run(measure(server.dsn, int(sys.argv[1]) if len(sys.argv) > 1 else 200))


if __name__ == "__main__":
    main()
