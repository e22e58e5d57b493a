"""Sixty machines of twenty signals a second in one apply: the last first row, restarts, memory, processor at rest."""

import asyncio
import sys
import time

import procs
from figures import Figure, record, spread
from fleet import Fleet, names_of
from harness import (
    GATEWAY_PROGRAM,
    OPERATOR_PROGRAM,
    Load,
    all_restarts,
    database,
    operator_pods,
    run,
    say,
    wait_first_rows,
)

QUIET_SECONDS = 30
SAMPLE_SECONDS = 30


async def measure(load: Load, fleet: Fleet) -> bool:
    """Apply all, wait for the last one's row, then look at what they take; True when the figures are met."""
    names = names_of(fleet)
    before = all_restarts(load)
    began = load.add(fleet)
    async with database(load) as connection:
        rows = await wait_first_rows(connection, names, 600, 1)
    firsts = [stored - began for _, stored in rows.values()]
    say(f"first rows: {spread(firsts)} after apply")
    load.wait_settled(names, 300)
    say(f"all {len(names)} are shown as delivering {time.time() - began:.0f} s after apply")
    await asyncio.sleep(QUIET_SECONDS)
    taken = await _taken(load)
    return record(_figures(fleet, firsts, all_restarts(load) - before, taken))


async def _taken(load: Load) -> dict[str, list[float]]:
    """Memory in MiB and processor in cores of each process."""
    uids = {pod["metadata"]["uid"] for pod in load.pods().values()}
    gateways = list(procs.of_pods(uids, GATEWAY_PROGRAM).values())
    operators = list(procs.of_pods(operator_pods(load), OPERATOR_PROGRAM).values())
    before = {pid: procs.processor_seconds(pid) for pid in [*gateways, *operators]}
    await asyncio.sleep(SAMPLE_SECONDS)
    cores = {pid: (procs.processor_seconds(pid) - seconds) / SAMPLE_SECONDS for pid, seconds in before.items()}
    sizes = {pid: procs.memory(pid) for pid in before}
    return {
        "gateway RSS": [sizes[pid].rss for pid in gateways],
        "gateway PSS": [sizes[pid].pss for pid in gateways],
        "gateway cores": [cores[pid] for pid in gateways],
        "operator RSS": [sizes[pid].rss for pid in operators],
        "operator cores": [cores[pid] for pid in operators],
    }


def _figures(fleet: Fleet, firsts: list[float], restarted: int, taken: dict[str, list[float]]) -> list[Figure]:
    last = max(firsts)
    each = f"{fleet.size} Machines × 20 signals at 1 Hz in one apply"
    operators = ", ".join(f"{rss:.0f} MiB and {cores * 1000:.0f} millicores"
                          for rss, cores in zip(taken["operator RSS"], taken["operator cores"], strict=True))  # fmt: skip
    return [
        Figure(f"{each}: last one's first stored row", "≤ 120 s", f"{last:.1f} s ({spread(firsts)})", last <= 120),
        Figure(f"{each}: containers restarted in the cluster", "0", str(restarted), restarted == 0),
        Figure(
            f"{each}: memory of a gateway",
            "≤ 64 MB RSS",
            f"RSS {spread(taken['gateway RSS'], 'MiB')}; PSS {spread(taken['gateway PSS'], 'MiB')}",
            max(taken["gateway RSS"]) * 1.048576 <= 64,
        ),
        Figure(
            f"{each}: processor of all gateways, reading and delivering",
            "none set",
            f"{sum(taken['gateway cores']):.2f} cores, {1000 * sum(taken['gateway cores']) / fleet.size:.1f} millicores each",
            True,
        ),
        Figure(f"{each}: operator's processes (leader and standby)", "none set", operators, True),
    ]


if __name__ == "__main__":
    sys.exit(run(__doc__ or "", 60, measure))
