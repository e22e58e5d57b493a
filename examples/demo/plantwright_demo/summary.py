"""The verdict: what the simulators offered, held against what the MES stored, and how fast it came. Pure but for asking."""

import json
import math
from datetime import datetime
from typing import NamedTuple

from plantwright_demo.kubectl import Object, is_true
from plantwright_demo.stage import MES, Service, Stage
from plantwright_shopfloor.ledger import Offer, read
from plantwright_shopfloor.oracle import nanoseconds
from plantwright_shopfloor.verdict import Gap, Judgement, Stored, judge


class Summary(NamedTuple):
    """The demo's figures."""

    machines: int
    ready: int
    observations: int
    lost: int
    stored_twice: int
    gaps: int
    apply_to_first_value_p95_s: float

    def line(self) -> str:
        """The one line that ends a demo."""
        pairs = [f"{name}={value:.1f}" if isinstance(value, float) else f"{name}={value}" for name, value in
                 self._asdict().items()]  # fmt: skip
        return f"demo: {' '.join(pairs)}"


def percentile(values: list[float], share: float) -> float:
    """The smallest value that at least this share of all values does not exceed; NaN for none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan


def judgements(stage: Stage, machines: list[str], sink: str = "http") -> list[Judgement]:
    """One judgement per machine: MES first, ledger second, so that nothing stored is missing from the ledger."""
    return _judged(stage, {machine: _export(stage, machine, sink) for machine in machines}, sink)


def _judged(stage: Stage, exports: dict[str, list[Object]], sink: str) -> list[Judgement]:
    kept = {machine: (_rows(export), _gaps(stage, machine, sink)) for machine, export in exports.items()}
    offers = {machine: found for ledger in stage.ledgers for machine, found in _ledger(stage, ledger).items()}
    return [judge(machine, sorted(offers.get(machine, [])), *kept[machine]) for machine in exports]


def _ledger(stage: Stage, service: Service) -> dict[str, list[Offer]]:
    return read(stage.kubectl.service(*service, "/ledger").splitlines())


def summarise(stage: Stage) -> tuple[Summary, list[Judgement]]:
    """The figures of a running demo."""
    machines = stage.kubectl.items("machines.plantwright.io")
    exports = {name: _export(stage, name, "http") for name in (machine["metadata"]["name"] for machine in machines)}
    judged = _judged(stage, exports, "http")
    summary = Summary(
        machines=len(machines),
        ready=sum(is_true(machine, "Ready") for machine in machines),
        observations=sum(j.observations for j in judged),
        lost=sum(j.lost for j in judged),
        stored_twice=sum(j.stored_twice for j in judged),
        gaps=sum(j.gaps for j in judged),
        apply_to_first_value_p95_s=percentile(first_value_seconds(stage, machines, exports), 0.95),
    )
    return summary, judged


def first_value_seconds(stage: Stage, machines: list[Object], exports: dict[str, list[Object]]) -> list[float]:
    """Per machine, from its creation (which Kubernetes rounds down to a second) to its first row at the MES."""
    found = []
    for machine in machines:
        rows = exports[machine["metadata"]["name"]]
        stored = min((_seconds(row["storedTime"]) for row in rows), default=math.nan)
        found.append(stored - max(_seconds(machine["metadata"]["creationTimestamp"]), stage.applied))
    return [value for value in found if not math.isnan(value)]


def _export(stage: Stage, machine: str, sink: str) -> list[Object]:
    lines = stage.kubectl.service(*MES, f"/v1/export?machine={machine}&sink={sink}").splitlines()
    return [json.loads(line) for line in lines]


def _rows(export: list[Object]) -> list[Stored]:
    numbered = [row for row in export if row["fields"].get("sequence") is not None]
    return [Stored(f"{row['uid']}/{row['epoch']}", row["seq"], int(row["fields"]["sequence"])) for row in numbered]


def _gaps(stage: Stage, machine: str, sink: str) -> list[Gap]:
    lines = stage.kubectl.service(*MES, f"/v1/gaps?machine={machine}&sink={sink}").splitlines()
    gaps = [json.loads(line) for line in lines]
    return [Gap(*(nanoseconds(datetime.fromisoformat(gap[end])) for end in ("startTime", "endTime"))) for gap in gaps]


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
