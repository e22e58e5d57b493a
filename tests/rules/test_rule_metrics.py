"""The rules ask for metrics that the programs export, by name and by label."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from plantwright_board.web import metrics as board
from plantwright_gateway.app.metrics import COUNTERS, GAUGES, PLACE
from plantwright_gateway.context.kpi import STATES
from plantwright_operator.reconcile.metrics import TOLD, Metrics

ROOT = Path(__file__).parents[2]
RULES = ROOT / "charts/plantwright/files/rules"
OPERATOR = ROOT / "operator/plantwright_operator"
NAME = re.compile(r"(?<![:\w])plantwright_\w+")
SELECTED = re.compile(r"(?<![:\w])(plantwright_\w+)\{([^}]*)\}")


def rules() -> list[dict[str, Any]]:
    files = [yaml.safe_load(path.read_text()) for path in sorted(RULES.glob("*.yaml"))]
    return [rule for file in files for group in file["groups"] for rule in group["rules"]]


NO_MACHINES = (
    "PlantwrightOperatorNoLeader",
    "PlantwrightBoardBehind",
    "PlantwrightBoardEventsUnreadable",
    "PlantwrightBoardFull",
)
"""Alerts on programs that nobody owns: the platform team's."""


def of_gateways() -> dict[str, set[str]]:
    """Each series of a gateway with its labels."""
    counters = {f"{name}_total": {*PLACE, *labels} for name, (_, labels) in COUNTERS.items()}
    return counters | {name: {*PLACE, *labels} for name, (_, labels) in GAUGES.items()}


def of_boards() -> dict[str, set[str]]:
    """Each series of a shop-floor board with its labels."""
    counters = {f"{name}_total": {*board.PLANT, *labels} for name, (_, labels) in board.COUNTERS.items()}
    return counters | {name: {*board.PLANT, *labels} for name, (_, labels) in board.GAUGES.items()}


def used() -> set[str]:
    return {name for rule in rules() for name in NAME.findall(rule["expr"])}


def test_every_metric_of_a_rule_is_exported() -> None:
    operator = "\n".join(path.read_text() for path in OPERATOR.rglob("*.py"))
    programs = {*of_gateways(), *of_boards()}
    missing = {name for name in used() - programs if f'"{name.removesuffix("_total")}"' not in operator}
    assert missing == set()


def test_every_recorded_series_of_a_rule_is_recorded() -> None:
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    asked = {
        name
        for rule in rules()
        for name in re.findall(r"\b(?:machine|line|area|plant|enterprise):plantwright_\w+:\w+", rule["expr"])
    }
    assert asked - recorded == set()


@pytest.mark.parametrize("level", ["machine", "line", "area", "plant", "enterprise"])
@pytest.mark.parametrize(
    "kpi",
    [
        "availability",
        "effectiveness",
        "quality",
        "oee",
        "nee",
        "setup",
        "scrap",
        "rework",
        "first_pass_yield",
        "mtbf_seconds",
        "mttr_seconds",
        "data_coverage",
    ],
)
def test_every_kpi_is_recorded_at_every_level_and_window(level: str, kpi: str) -> None:
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    assert {f"{level}:plantwright_{kpi}:ratio_rate{window}" for window in ("5m", "1h", "8h")} <= recorded


def test_rules_select_and_join_by_labels_that_the_operator_sets() -> None:
    for rule in rules():
        for name, matchers in SELECTED.findall(rule["expr"]):
            labels = set(re.findall(r"(\w+)\s*(?:=|!=|=~|!~)\s*\"", matchers))
            assert name not in TOLD or labels <= set(TOLD[name][1]), rule
    for grouped, name in re.findall(r"by \(([\w, ]+)\) \((plantwright_\w+)[{)]", str([r["expr"] for r in rules()])):
        assert name not in TOLD or set(grouped.split(", ")) <= set(TOLD[name][1]), name


@pytest.mark.parametrize("alert", [rule for rule in rules() if "alert" in rule], ids=lambda rule: rule["alert"])
def test_every_alert_on_machines_carries_their_owner(alert: dict[str, Any]) -> None:
    if alert["alert"] in NO_MACHINES:
        return
    owned = (
        "by (plant, owner, steward)",
        "group_left (owner, steward)",
        "plantwright_policy_exception_end_timestamp_seconds",
    )
    assert any(way in alert["expr"] for way in owned)


def test_every_metric_of_the_operator_is_documented_with_its_labels() -> None:
    text = (ROOT / "docs/reference/metrics.md").read_text().partition("\n# Metrics of the operator\n")[2]
    text = text.partition("\n# Metrics of a shop-floor board\n")[0]
    documented = dict(re.findall(r"^\| `(plantwright_\w+)(?:\{([\w,]+)\})?` \|", text, re.MULTILINE))
    registered = {family.name: family for family in Metrics().registry.collect()}
    suffix = {"counter": "_total", "gauge": "", "histogram": ""}
    exported = {name + suffix[family.type] for name, family in registered.items()}
    assert set(documented) == exported | set(TOLD)
    assert {name: tuple(documented[name].split(",")) for name in TOLD} == {name: TOLD[name][1] for name in TOLD}


def test_rules_select_by_labels_that_gateways_and_boards_set() -> None:
    programs = of_gateways() | of_boards()
    for rule in rules():
        for name, matchers in SELECTED.findall(rule["expr"]):
            labels = set(re.findall(r"(\w+)\s*(?:=|!=|=~|!~)\s*\"", matchers))
            assert name not in programs or labels <= programs[name], rule


def test_rules_select_states_that_gateways_know() -> None:
    named = {state for rule in rules() for state in re.findall(r'state!?="(\w+)"', rule["expr"])}
    assert named
    assert named <= set(STATES)
