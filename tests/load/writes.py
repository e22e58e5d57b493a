"""What the operator writes to the API server, from the audit log: a new machine, a label, a restart of its own."""

import asyncio
import sys
import time
from collections import Counter

import audit
from figures import Figure, record
from fleet import Fleet, names_of
from harness import Load, run, say
from plantwright_demo.stage import OPERATOR_NAMESPACE, PLANT_NAMESPACE

SETTLE_SECONDS = 45
LABEL_SECONDS = 30
RESTART_SECONDS = 60


async def measure(load: Load, fleet: Fleet) -> bool:
    """Add machines, label one, restart the operator, and count; True when the figures are met."""
    names = names_of(fleet)
    began = load.add(fleet)
    load.wait_settled(names, 300)
    say(f"{SETTLE_SECONDS} s to settle")
    await asyncio.sleep(SETTLE_SECONDS)
    new = audit.by_operator(audit.writes(load.audit_log, began))
    return record([_new(names, new), await _label(load, names[0]), await _restart(load, fleet.size)])


def per_machine(names: list[str], found: list[audit.Write]) -> dict[str, Counter[str]]:
    """Counts per machine; what belongs to none (a plant's own) is left out."""
    return {name: audit.counted(write for write in found if name in write.name) for name in names}


def _new(names: list[str], found: list[audit.Write]) -> Figure:
    counts = per_machine(names, found)
    statuses = {name: counted["patch machines/status"] for name, counted in counts.items()}
    children = Counter(
        {
            what: max(c[what] for c in counts.values())
            for c in counts.values()
            for what in c
            if what != "patch machines/status"
        }
    )
    average = sum(statuses.values()) / len(statuses)
    return Figure(
        "API writes by the operator per new Machine (Lease and events apart)",
        "each child once, ≤ 2 status writes",
        f"at most {audit.told(children)}; status writes {average:.1f} on average, {max(statuses.values())} at most, "
        f"over {len(names)} machines",
        set(children.values()) == {1} and max(statuses.values()) <= 2,
    )


async def _label(load: Load, name: str) -> Figure:
    since = time.time()
    load.kubectl.run("label", "machine", "-n", PLANT_NAMESPACE, name, "colour=blue", "--overwrite")
    await asyncio.sleep(LABEL_SECONDS)
    found = audit.by_operator(audit.writes(load.audit_log, since))
    what = f"API writes by the operator for an irrelevant label change, within {LABEL_SECONDS} s"
    return Figure(what, "0", audit.told(audit.counted(found)), not found)


async def _restart(load: Load, count: int) -> Figure:
    since = time.time()
    load.kubectl.run("rollout", "restart", "-n", OPERATOR_NAMESPACE, "deployment")
    load.kubectl.run("rollout", "status", "-n", OPERATOR_NAMESPACE, "deployment", "--timeout=120s", timeout=150)
    say(f"the operator's pods were replaced within {time.time() - since:.0f} s; {RESTART_SECONDS} s more")
    await asyncio.sleep(RESTART_SECONDS)
    found = audit.by_operator(audit.writes(load.audit_log, since))
    what = f"API writes by the operator on its own restart, {count} machines settled, until {RESTART_SECONDS} s after"
    return Figure(what, "0", audit.told(audit.counted(found)), not found)


if __name__ == "__main__":
    sys.exit(run(__doc__ or "", 10, measure))
