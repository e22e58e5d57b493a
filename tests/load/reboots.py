"""Three reboots of the switch in front of a plant: every connection dropped and refused for five seconds."""

import asyncio
import sys
import time

import audit
from figures import Figure, record, spread
from fleet import Fleet, names_of
from harness import Gateways, Load, addresses, run, say
from plantwright_demo.kubectl import Object, is_true
from plantwright_demo.progress import TimedOutError

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
    fresh, shown, counts = [], [], []
    for number in range(1, REBOOTS + 1):
        since = time.time()
        own = await _reboot(load, gateways, names)
        await _wait_shown(load, names)
        await asyncio.sleep(SETTLE_SECONDS)
        times = _status_writes(load, names, since)
        seen = max([0.0, *(time - since - REFUSED_SECONDS for found in times.values() for time in found)])
        fresh.append(own)
        shown.append(seen)
        counts.append([len(found) for found in times.values()])
        say(f"reboot {number}: gateways fresh after {own:.1f} s, shown after {seen:.1f} s, writes {sorted(counts[-1])}")
    await gateways.close()
    return record(_figures(fleet.size, fresh, shown, counts))


async def _reboot(load: Load, gateways: Gateways, names: list[str]) -> float:
    """Seconds from the end of the refusal until all gateways have fresh data; infinite where one did not get it."""
    await load.control("*", "reboot", REFUSED_SECONDS)
    back = time.monotonic() + REFUSED_SECONDS
    await asyncio.sleep(REFUSED_SECONDS)
    found = await gateways.until(_fresh, PATIENCE_SECONDS, 0.25)
    return max(found.values()) - back if len(found) == len(names) else float("inf")


async def _wait_shown(load: Load, names: list[str]) -> None:
    """Wait until every machine is shown as connected and fresh; a status that says otherwise may yet come."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        machines = await asyncio.to_thread(load.machines, names)
        if all(is_true(machine, "DataFresh") and is_true(machine, "Connected") for machine in machines.values()):
            return
        await asyncio.sleep(0.5)
    raise TimedOutError(f"a machine is not shown as fresh {PATIENCE_SECONDS:.0f} s after a reboot")


def _fresh(status: Object) -> bool:
    """Connected with data: a gateway that has not noticed yet is asked again, since its session began anew."""
    conditions = {c["type"]: c["status"] for machine in status["machines"] for c in machine["conditions"]}
    return conditions.get("Connected") == conditions.get("DataFresh") == "True"


def _status_writes(load: Load, names: list[str], since: float) -> dict[str, list[float]]:
    """When the status of each machine was written; the last of them is when all was shown as it is."""
    found = audit.by_operator(audit.writes(load.audit_log, since))
    statuses = [write for write in found if write.resource == "machines/status"]
    return {name: [write.time for write in statuses if write.name == name] for name in names}


def _figures(count: int, fresh: list[float], shown: list[float], counts: list[list[int]]) -> list[Figure]:
    what = f"{REBOOTS} switch reboots in a plant of {count} machines"
    every = [number for found in counts for number in found]
    average = sum(every) / len(every)
    return [
        Figure(
            f"{what}: status writes per machine and reboot",
            "≤ 2",
            f"{max(every)} at most, {average:.2f} on average",
            max(every) <= 2,
        ),
        Figure(
            f"{what}: all fresh again, from the end of the outage, as the gateways say",
            "≤ 15 s",
            spread(fresh),
            max(fresh) <= 15,
        ),
        Figure(
            f"{what}: all fresh again, as kubectl shows (the last status write)",
            "≤ 15 s",
            spread(shown),
            max(shown) <= 15,
        ),
    ]


if __name__ == "__main__":
    sys.exit(run(__doc__ or "", 60, measure))
