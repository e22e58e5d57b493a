"""Dashboards ask for series that the programs export or the rules record, by labels that these have."""

import re
from pathlib import Path
from typing import Any

import yaml

from plantwright_board.web import metrics as board
from plantwright_dashboards.queries import EVERYTHING, dashboards, every_target, filled
from plantwright_gateway.app.metrics import COUNTERS, GAUGES, PLACE
from plantwright_operator.reconcile.metrics import TOLD, Metrics

RULES = Path(__file__).parents[2] / "charts/plantwright/files/rules"
NAME = re.compile(r"(?<![:\w])(?:\w+:)?(?:plantwright|process)_\w+(?::\w+)?")
SELECTED = re.compile(rf"({NAME.pattern})\{{([^}}]*)\}}")
PROCESS = {"process_resident_memory_bytes", "process_cpu_seconds_total", "process_start_time_seconds"}
"""What prometheus_client's ProcessCollector exports of those that we ask for; the gateway registers it."""
LEVELS = {"enterprise": 0, "plant": 1, "area": 2, "line": 3, "machine": 4}


def exported() -> dict[str, set[str]]:
    """Every series of gateways, operator and boards, with its labels."""
    found = {f"{name}_total": {*PLACE, *labels} for name, (_, labels) in COUNTERS.items()}
    found |= {name: {*PLACE, *labels} for name, (_, labels) in GAUGES.items()}
    found |= {f"{name}_total": {*board.PLANT, *labels} for name, (_, labels) in board.COUNTERS.items()}
    found |= {name: {*board.PLANT, *labels} for name, (_, labels) in board.GAUGES.items()}
    found |= {name: set(labels) for name, (_, labels) in TOLD.items()}
    found |= {"plantwright_gateway_info": {"version"}, **{name: set() for name in PROCESS}}
    for collector in vars(Metrics()).values():
        for family in collector.describe() if hasattr(collector, "describe") else ():
            suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}.get(family.type, [""])
            found |= {family.name + suffix: {*collector._labelnames, "le"} for suffix in suffixes}
    return found


def recorded() -> dict[str, set[str]]:
    """Every series of the recording rules, with the labels of its level."""
    rules: list[dict[str, Any]] = [
        rule
        for path in RULES.glob("*.yaml")
        for group in yaml.safe_load(path.read_text())["groups"]
        for rule in group["rules"]
    ]
    names = [rule["record"] for rule in rules if "record" in rule]
    return {name: set(PLACE[: LEVELS[name.partition(":")[0]]]) for name in names}


KNOWN = exported() | recorded()
QUERIES = [filled(target.expr, EVERYTHING) for target in every_target()]
VARIABLES = [
    str(variable["query"]) for dashboard in dashboards().values() for variable in dashboard["templating"]["list"]
]


def test_every_series_that_is_asked_for_exists() -> None:
    asked = {name for query in [*QUERIES, *VARIABLES] for name in NAME.findall(query)}
    assert len(asked) > 50
    assert asked - set(KNOWN) == set()


def test_every_window_of_a_kpi_is_recorded() -> None:
    for window in ("1h", "8h"):
        queries = [filled(target.expr, {**EVERYTHING, "window": window}) for target in every_target()]
        assert {name for query in queries for name in NAME.findall(query)} - set(KNOWN) == set(), window


def test_series_are_selected_by_labels_that_they_have() -> None:
    for query in QUERIES:
        for name, matchers in SELECTED.findall(query):
            labels = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"", matchers))
            assert labels <= KNOWN[name], (name, labels - KNOWN[name])
