"""Faults under load, each once, and the oracle's verdict on both sinks.

Killed gateway, pod deleted by force, MES away, operator away, machine restarted. Rows accepted during each outage come from
the MES's table by the time at which the gateway recorded them. What no gap record covers and nobody saw counts as a miss.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import procs
from figures import Figure, record
from fleet import Fleet, names_of
from harness import (
    GATEWAY,
    GATEWAY_PROGRAM,
    Load,
    database,
    restarts,
    run,
    say,
)
from plantwright_demo.progress import wait_for
from plantwright_demo.stage import MES, OPERATOR_NAMESPACE, PLANT_NAMESPACE, RELEASE
from plantwright_shopfloor.verdict import Judgement
from plantwright_shopfloor.verdict import summary as told

AWAY_SECONDS = 60
LOAD_SECONDS = 15
UNSEEN_SECONDS = 3.0
"""Three reading intervals: what is longer must be a gap record."""
ACCEPTED = (
    "SELECT count(*) FROM observations WHERE machine = ANY($1) AND sink = 'http'"
    " AND recorded_time BETWEEN to_timestamp($2) AND to_timestamp($3)"
)
UNSEEN = """
WITH readings AS (
  SELECT machine, source_time AS till, lag(source_time) OVER (PARTITION BY machine ORDER BY source_time) AS since
  FROM (SELECT DISTINCT machine, source_time FROM observations
        WHERE machine = ANY($1) AND sink = $2 AND contract = 'machine-monitoring') AS found)
SELECT machine, since, till,
  extract(epoch FROM till - since)::float8 - coalesce((
    SELECT sum(extract(epoch FROM least(g.end_time, till) - greatest(g.start_time, since))::float8)
    FROM gaps g WHERE g.machine = readings.machine AND g.sink = $2 AND g.end_time > since AND g.start_time < till), 0) AS bare
FROM readings WHERE till - since > make_interval(secs => $3)
"""


class Outage(NamedTuple):
    """One fault: its name, the machines it hits, and from when to when it lasted, in seconds since the epoch."""

    name: str
    machines: list[str]
    start: float
    end: float


async def measure(load: Load, fleet: Fleet) -> bool:
    """Do each fault once; True when nothing is lost, doubled or unexplained."""
    names = names_of(fleet)
    load.add(fleet)
    load.wait_settled(names, 600)
    await asyncio.sleep(LOAD_SECONDS)
    outages = [await _fault(load, title, act, machines) for title, act, machines in _faults(load, names)]
    load.wait_settled(names, 180)
    await asyncio.sleep(LOAD_SECONDS)
    async with database(load) as connection:
        await _delivered(connection, load, names)
        figures = [await _accepted(connection, outage, names) for outage in outages]
        unseen = {sink: await connection.fetch(UNSEEN, names, sink, UNSEEN_SECONDS) for sink in ("http", "mqtt")}
    judged = await load.judge(names)
    return record([*figures, *(_verdict(sink, found) for sink, found in judged.items()), _unseen(unseen)])


Act = Callable[[], Awaitable[None]]


def _faults(load: Load, names: list[str]) -> list[tuple[str, Act, list[str]]]:
    """The faults, each with who it hits."""
    return [
        ("the gateway's process killed with -9", lambda: kill(load, names[0]), names[:1]),
        ("its pod force-deleted", lambda: delete_pod(load, names[1]), names[1:2]),
        (f"the MES away {AWAY_SECONDS} s", lambda: away(load, MES[0], MES[1], 1), names),
        (
            f"the operator away {AWAY_SECONDS} s",
            lambda: away(load, OPERATOR_NAMESPACE, f"{RELEASE}-operator", 2),
            names,
        ),
        ("the machine restarted", lambda: _restart(load, names[2]), names[2:3]),
    ]


async def _fault(load: Load, title: str, act: Act, machines: list[str]) -> Outage:
    say(f"{title} …")
    start = time.time()
    await act()
    end = time.time()
    say(f"{title}: {end - start:.1f} s; {LOAD_SECONDS} s of load")
    await asyncio.sleep(LOAD_SECONDS)
    return Outage(title, machines, start, end)


async def kill(load: Load, machine: str) -> None:
    """Kill a gateway's process from outside, as a crash does; back when its container runs anew."""
    uid = load.pods()[machine]["metadata"]["uid"]
    before = restarts(load.pods())[machine]
    os.kill(procs.of_pods({uid}, GATEWAY_PROGRAM)[uid], signal.SIGKILL)
    wait_for(machine, lambda: "" if restarts(load.pods())[machine] > before else "its container is down", say, 60)


async def delete_pod(load: Load, machine: str) -> None:
    """Delete a gateway's pod without grace; back when its successor is ready."""
    old = load.pods()[machine]["metadata"]["uid"]
    words = ["-l", f"{GATEWAY},plantwright.io/machine={machine}", "--force", "--grace-period=0"]
    load.kubectl.run("delete", "pod", "-n", PLANT_NAMESPACE, *words)

    def missing() -> str:
        pod = load.pods().get(machine)
        statuses = pod["status"].get("containerStatuses", ()) if pod and pod["metadata"]["uid"] != old else ()
        return "" if any(status["ready"] for status in statuses) else "its successor is not ready"

    wait_for(machine, missing, say, 60)


async def away(load: Load, namespace: str, deployment: str, replicas: int) -> None:
    """Take a deployment away for a minute; back when it is ready again."""
    load.kubectl.run("scale", "-n", namespace, f"deployment/{deployment}", "--replicas=0")
    await asyncio.sleep(AWAY_SECONDS)
    load.kubectl.run("scale", "-n", namespace, f"deployment/{deployment}", f"--replicas={replicas}")
    load.kubectl.run("rollout", "status", "-n", namespace, f"deployment/{deployment}", "--timeout=90s")


async def _restart(load: Load, machine: str) -> None:
    await load.control(machine, "reboot", 5)
    await asyncio.sleep(5)


async def _delivered(connection: Any, load: Load, names: list[str]) -> None:
    """Wait until nothing that was recorded before now is still under way: both sinks have rows that are as late."""
    now = time.time()
    query = (
        "SELECT count(*) FROM (SELECT machine, sink FROM observations WHERE machine = ANY($1)"
        " GROUP BY machine, sink HAVING max(recorded_time) > to_timestamp($2)) AS found"
    )
    for _ in range(120):
        if await connection.fetchval(query, names, now) == 2 * len(names):
            return
        await asyncio.sleep(1)
    say("the backlog was not delivered within two minutes")


async def _accepted(connection: Any, outage: Outage, names: list[str]) -> Figure:
    plant = await connection.fetchval(ACCEPTED, names, outage.start, outage.end)
    hit = await connection.fetchval(ACCEPTED, outage.machines, outage.start, outage.end)
    what = f"rows accepted during an outage: {outage.name}"
    measured = f"{plant} by the plant of {len(names)}, {hit} by those it hit ({len(outage.machines)}), in {outage.end - outage.start:.1f} s"
    return Figure(what, "> 0", measured, plant > 0)


def _verdict(sink: str, judged: list[Judgement]) -> Figure:
    covered = max(j.gap_seconds for j in judged)
    good = all(j.holds() for j in judged)
    what = f"the oracle's verdict after the five faults, sink {sink}"
    return Figure(what, "0 lost, 0 stored twice", f"{told(judged)}; gap records cover {covered:.1f} s at most", good)


def _unseen(unseen: dict[str, list[Any]]) -> Figure:
    """Stretches between readings that are longer than usual; `bare` is what of them no gap record covers."""
    rows = [row for found in unseen.values() for row in found]
    bare = [row["bare"] for row in rows if row["bare"] > UNSEEN_SECONDS]
    what = f"unobserved intervals over {UNSEEN_SECONDS:.0f} s that are no gap record, both sinks"
    longest = f", the longest {max(bare):.1f} s" if bare else ""
    return Figure(what, "0", f"{len(bare)} of {len(rows)}{longest}", not bare)


if __name__ == "__main__":
    sys.exit(run(__doc__ or "", 20, measure))
