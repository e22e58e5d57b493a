"""Parts: what the simulators had made, held against what the MES was told, machine by machine."""

import json
from datetime import datetime

from plantwright_demo.kubectl import Object
from plantwright_demo.stage import MES, Stage
from plantwright_shopfloor.ledger import Shown, read_counts
from plantwright_shopfloor.oracle import nanoseconds
from plantwright_shopfloor.parts import Gap, PartJudgement, Reading, Told, judge_parts

COUNTERS = ("goodParts", "rejectedParts", "reworkedParts")


def part_judgements(stage: Stage, machines: list[str], sink: str = "http") -> list[PartJudgement]:
    """One judgement per machine whose ledger counts parts.

    The order matters while the machines run: readings first, then rows of production, each of which is stored with its reading or
    before it; the ledgers last.
    """
    readings = {
        name: [_reading(row) for row in _rows(stage, "export", name, sink) if _counts(row)] for name in machines
    }
    told = {name: [_told(row) for row in _rows(stage, "production", name, sink)] for name in machines}
    gaps = {name: [_gap(row) for row in _rows(stage, "gaps", name, sink)] for name in machines}
    shown = _ledgers(stage)
    return [
        judge_parts(name, shown[name], readings[name], told[name], gaps[name]) for name in machines if name in shown
    ]


def _ledgers(stage: Stage) -> dict[str, list[Shown]]:
    lines = (stage.kubectl.service(*ledger, "/ledger").splitlines() for ledger in stage.ledgers)
    return {machine: shown for found in lines for machine, shown in read_counts(found).items()}


def _rows(stage: Stage, what: str, machine: str, sink: str) -> list[Object]:
    lines = stage.kubectl.service(*MES, f"/v1/{what}?machine={machine}&sink={sink}").splitlines()
    return [json.loads(line) for line in lines]


def _counts(row: Object) -> bool:
    return any(row["fields"].get(field) is not None for field in COUNTERS)


def _reading(row: Object) -> Reading:
    number, *counters = (row["fields"].get(field) for field in ("sequence", *COUNTERS))
    return Reading(f"{row['uid']}/{row['epoch']}", row["seq"], _ns(row["sourceTime"]), number, *counters)


def _told(row: Object) -> Told:
    return Told(_ns(row["sourceTime"]), row["good"], row["rejected"], row["reworked"] or 0)


def _gap(row: Object) -> Gap:
    return Gap(_ns(row["startTime"]), _ns(row["endTime"]), row["reason"])


def _ns(text: str) -> int:
    return nanoseconds(datetime.fromisoformat(text))
