"""A signal list changed in a profile draft: until each of its gateways has it in force, kubelet at its defaults."""

import asyncio
import contextlib
import sys
import time

from figures import Figure, record, spread
from fleet import Fleet, names_of, profile_object
from harness import Gateways, Load, addresses, restarts, run, say
from plantwright_demo.kubectl import Object

DRAFT = "load-draft"
CHANGES = 3


async def measure(load: Load, fleet: Fleet) -> bool:
    """Change the draft a few times; True when the figures are met."""
    fleet = fleet._replace(profile=DRAFT)
    names = names_of(fleet)
    draft = profile_object(DRAFT, "0.1.0", "Draft")
    load.apply([draft])
    load.add(fleet)
    load.wait_settled(names, 300)
    await asyncio.sleep(15)
    before = {name: (pod["metadata"]["uid"], restarts({name: pod})[name]) for name, pod in load.pods().items()}
    gateways = Gateways(addresses(load, names))
    rounds = [await _change(load, gateways, draft, number) for number in range(1, CHANGES + 1)]
    after = {name: (pod["metadata"]["uid"], restarts({name: pod})[name]) for name, pod in load.pods().items()}
    await gateways.close()
    load.remove_machines()
    with contextlib.suppress(RuntimeError):
        load.kubectl.run(
            "delete", "machineprofiles.plantwright.io", "-n", draft["metadata"]["namespace"], f"{DRAFT}-0.1.0"
        )
    return record(_figures(fleet.size, rounds, sum(before[name] != after.get(name) for name in names)))


async def _change(load: Load, gateways: Gateways, draft: Object, number: int) -> list[float]:
    """Seconds from apply until each gateway reports a new configuration; infinite where it did not within two minutes."""
    old = {name: status["configHash"] for name, status in (await gateways.statuses()).items()}
    signals = draft["spec"]["signals"]
    changed = {**draft, "spec": {**draft["spec"], "signals": signals[: len(signals) - number]}}
    began = time.monotonic()
    await asyncio.to_thread(load.apply, [changed])
    found = await gateways.until(lambda status: status["configHash"] not in old.values(), 120, 0.1)
    seconds = [found.get(name, float("inf")) - began for name in gateways.addresses]
    say(f"change {number}: in force after {spread(seconds)}")
    await asyncio.sleep(15)
    return seconds


def _figures(count: int, rounds: list[list[float]], replaced: int) -> list[Figure]:
    slowest = [max(seconds) for seconds in rounds]
    every = [value for seconds in rounds for value in seconds]
    what = f"a signal list changed in a profile draft used by {count} machines"
    return [
        Figure(
            f"{what}: in force everywhere",
            "≤ 5 s",
            f"{', '.join(f'{value:.1f}' for value in slowest)} s in {len(rounds)} changes (per gateway {spread(every)})",
            max(slowest) <= 5,
        ),
        Figure(f"{what}: pods restarted", "0", str(replaced), replaced == 0),
    ]


if __name__ == "__main__":
    sys.exit(run(__doc__ or "", 10, measure))
