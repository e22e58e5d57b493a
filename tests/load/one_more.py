"""One more machine in a running plant: from `kubectl apply` to its first row at the MES, machine after machine.

Every machine is added when the one before it has stored its first row; the plant of the examples runs all the time. The
audit log tells where the time goes.
"""

import sys

import audit
import procs
from figures import Figure, percentile, record, spread
from fleet import Fleet, machine_objects
from harness import GATEWAY_PROGRAM, Load, database, run, say, wait_first_rows
from plantwright_demo.stage import EXAMPLES, manifests

PHASES = {
    "operator applied the StatefulSet": ("statefulsets", audit.OPERATOR),
    "pod was made": ("pods", "system:serviceaccount:kube-system:statefulset-controller"),
    "pod was bound to the node": ("pods/binding", "system:kube-scheduler"),
}


async def measure(load: Load, fleet: Fleet) -> bool:
    """Add the machines one after the other; True when the figures are met."""
    load.kubectl.apply(*manifests(EXAMPLES / "04-machines"))
    load.wait_settled([path.stem for path in manifests(EXAMPLES / "04-machines")], 180)
    total, own, phases = [], [], []
    async with database(load) as connection:
        for number, machine in enumerate(machine_objects(fleet), 1):
            name = machine["metadata"]["name"]
            began = load.apply([machine])
            recorded, stored = (await wait_first_rows(connection, [name], 120, 0.1))[name]
            started = process_start(load, name)
            total.append(stored - began)
            own.append(stored - started)
            phases.append({**_phases(load, name, began), "process began": started - began, "row recorded": recorded - began,
                           "row stored": stored - began})  # fmt: skip
            say(f"{number}/{fleet.size} {name}: {total[-1]:.2f} s, {own[-1]:.2f} s of them after its process began")
    _tell(phases)
    return record(_figures(fleet.size, total, own, phases))


def process_start(load: Load, machine: str) -> float:
    """When a machine's gateway process began, in seconds since the epoch."""
    uid = load.pods()[machine]["metadata"]["uid"]
    return procs.began(procs.of_pods({uid}, GATEWAY_PROGRAM)[uid])


def _phases(load: Load, machine: str, began: float) -> dict[str, float]:
    found: dict[str, float] = {}
    for write in audit.writes(load.audit_log, began):
        for phase, (resource, user) in PHASES.items():
            if (
                write.resource == resource
                and write.user.startswith(user)
                and phase not in found
                and _of(write, machine)
            ):
                found[phase] = write.time - began
    return found


def _of(write: audit.Write, machine: str) -> bool:
    return not write.name or machine in write.name


def _tell(phases: list[dict[str, float]]) -> None:
    for name in phases[-1]:
        say(f"{name}: {spread([found[name] for found in phases if name in found])} after apply")


def _figures(count: int, total: list[float], own: list[float], phases: list[dict[str, float]]) -> list[Figure]:
    middle = {name: percentile([found[name] for found in phases if name in found], 0.5) for name in phases[-1]}
    steps = "; ".join(f"{name} {value:.1f}" for name, value in middle.items())
    return [
        Figure(
            "one more Machine, buffer on a claim: apply to first row stored, with pod start",
            "p95 of 60 ≤ 10 s",
            f"{spread(total)} over {count} (median times: {steps})",
            percentile(total, 0.95) <= 10,
        ),
        Figure(
            "of it our own time: gateway process began to first row stored",
            "p95 of 60 ≤ 5 s",
            f"{spread(own)} over {count}",
            percentile(own, 0.95) <= 5,
        ),
    ]


if __name__ == "__main__":
    sys.exit(run(__doc__ or "", 60, measure))
