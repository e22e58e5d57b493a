"""Three reboots of the switch in front of a plant: every connection dropped and refused for five seconds."""

import asyncio
import sys
import time

import audit
from figures import Figure, record, spread
from fleet import Fleet, names_of
from harness import Gateways, Load, addresses, run, say

from plantwright_demo.kubectl import Object, is_true

REBOOTS = 3
REFUSED_SECONDS = 5.0
PATIENCE_SECONDS = 90.0
SETTLE_SECONDS = 30


async def measure(load: Load, fleet: Fleet) -> bool:
    """Reboot thrice; True when the figures are met."""
    names = names_of(fleet)
    load.add(fleet)
    load.wait_settled(names, 600)
    await asyncio.sleep(SETTLE_SECONDS)
    gateways = Gateways(addresses(load, names))
    fresh, shown, most, totals = [], [], [], []
    for number in range(1, REBOOTS + 1):
        since = time.time()
        own, seen = await _reboot(load, gateways, names)
        counts = _status_writes(load, names, since)
        fresh.append(own)
        shown.append(seen)
        most.append(max(counts.values()))
        totals.append(sum(counts.values()))
        say(
            f"reboot {number}: gateways fresh after {own:.1f} s, shown after {seen:.1f} s, status writes {sorted(counts.values())}"
        )
    await gateways.close()
    return record(_figures(fleet.size, fresh, shown, most, totals))


async def _reboot(load: Load, gateways: Gateways, names: list[str]) -> tuple[float, float]:
    """Seconds from the end of the refusal until all gateways have fresh data, and until no machine is shown otherwise."""
    await load.control("*", "reboot", REFUSED_SECONDS)
    back = time.monotonic() + REFUSED_SECONDS
    await asyncio.sleep(REFUSED_SECONDS)
    found = await gateways.until(_fresh, PATIENCE_SECONDS, 0.25)
    own = max(found.values()) - back if len(found) == len(names) else float("inf")
    return own, await _last_not_shown(load, names, back)


async def _last_not_shown(load: Load, names: list[str], back: float) -> float:
    """Seconds from `back` on the monotonic clock until the last moment at which a machine was shown as not fresh.

    A status that says so may come after the gateways are well again, so that looking goes on for a while.
    """
    last = back
    while (now := time.monotonic()) < min(last + SETTLE_SECONDS, back + PATIENCE_SECONDS):
        machines = await asyncio.to_thread(load.machines, names)
        if not all(is_true(machine, "DataFresh") and is_true(machine, "Connected") for machine in machines.values()):
            last = now
        await asyncio.sleep(0.5)
    return last - back


def _fresh(status: Object) -> bool:
    """Connected with data: a gateway that has not noticed yet is asked again, since its session began anew."""
    conditions = {c["type"]: c["status"] for machine in status["machines"] for c in machine["conditions"]}
    return conditions.get("Connected") == conditions.get("DataFresh") == "True"


def _status_writes(load: Load, names: list[str], since: float) -> dict[str, int]:
    found = audit.by_operator(audit.writes(load.audit_log, since))
    statuses = [write.name for write in found if write.resource == "machines/status"]
    return {name: statuses.count(name) for name in names}


def _figures(count: int, fresh: list[float], shown: list[float], most: list[int], totals: list[int]) -> list[Figure]:
    what = f"{REBOOTS} switch reboots in a plant of {count} machines"
    average = sum(totals) / REBOOTS / count
    return [
        Figure(
            f"{what}: status writes per machine and reboot",
            "≤ 2",
            f"{max(most)} at most, {average:.2f} on average",
            max(most) <= 2,
        ),
        Figure(
            f"{what}: all fresh again, from the end of the outage, as the gateways say",
            "≤ 15 s",
            spread(fresh),
            max(fresh) <= 15,
        ),
        Figure(f"{what}: all fresh again, as kubectl shows", "≤ 15 s", spread(shown), max(shown) <= 15),
    ]


if __name__ == "__main__":
    sys.exit(run(__doc__ or "", 60, measure))
