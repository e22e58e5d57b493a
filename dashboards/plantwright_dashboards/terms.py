"""PromQL that several dashboards share."""

from typing import Final

from plantwright_dashboards.kit import Column, Panel, Query, graph
from plantwright_dashboards.limits import AVAILABILITY, COVERAGE, EFFECTIVENESS, FIRST_PASS, OEE, QUALITY, SCRAP

RATE: Final = "$__rate_interval"
WINDOW: Final = "${window}"


def kpi(level: str, name: str, matchers: str = "") -> str:
    """A ratio of ISO 22400-2 at a level, over the chosen window."""
    return f"{level}:plantwright_{name}:ratio_rate{WINDOW}{{{matchers}}}"


def parts_per_hour(level: str, matchers: str = "") -> str:
    """Throughput: good and rejected parts per hour of the clock."""
    return f"{level}:plantwright_parts:rate{WINDOW}{{{matchers}}} * 3600"


def share_true(condition: str, matchers: str, by: str = "") -> str:
    """Share of machines with a condition True. Where none is, it is 0, which is known: there are machines."""
    every = f'sum{by} (plantwright_machines{{{matchers},condition="{condition}"}})'
    true = f'sum{by} (plantwright_machines{{{matchers},condition="{condition}",status="True"}})'
    return f"({true} or {every} * 0) / {every}"


def of_gateways(expr: str) -> str:
    """A figure of the process, by plant: processes know of no plant, the machines beside them do."""
    gateways = 'group by (instance, job, plant) (plantwright_buffer_max_bytes{plant=~"$plant"})'
    return f"{expr} * on (instance, job) group_right () {gateways}"


def states(matchers: str) -> Query:
    """How many machines are in each state: seconds of the state per second, in planned time."""
    counter = f'plantwright_machine_state_seconds_total{{{matchers},planned="true"}}'
    return Query(f"sum by (state) (rate({counter}[{RATE}]))", "{{state}}")


def stops(matchers: str, whose: str) -> Panel:
    """Which reasons machines stood for."""
    counter = f"plantwright_machine_stopped_seconds_total{{{matchers}}}"
    text = (
        f"Time in Delay or Idle within planned time of {whose}, over the window chosen above: the twenty reasons with most. none: "
        "nobody had given a reason by then; other: a machine has more reasons than are told apart."
    )
    query = Query(f"topk(20, sum by (reason) (increase({counter}[{WINDOW}])))", "{{reason}}")
    return graph("Stops by reason", text, [query], "s", stacked=True)


def kpi_columns(level: str, matchers: str, more: bool = False) -> list[Column]:
    """Columns with the KPIs of a level; `more` adds NEE, setup rate, scrap ratio, first-pass yield, MTBF and MTTR."""
    shown = [
        Column("OEE", kpi(level, "oee", matchers), "percentunit", OEE),
        Column("Availability", kpi(level, "availability", matchers), "percentunit", AVAILABILITY),
        Column("Effectiveness", kpi(level, "effectiveness", matchers), "percentunit", EFFECTIVENESS),
        Column("Quality", kpi(level, "quality", matchers), "percentunit", QUALITY),
    ]
    extra = [
        Column("NEE", kpi(level, "nee", matchers), "percentunit", OEE),
        Column("Setup rate", kpi(level, "setup", matchers), "percentunit"),
        Column("Scrap ratio", kpi(level, "scrap", matchers), "percentunit", SCRAP),
        Column("First pass", kpi(level, "first_pass_yield", matchers), "percentunit", FIRST_PASS),
        Column("MTBF", kpi(level, "mtbf_seconds", matchers), "s"),
        Column("MTTR", kpi(level, "mttr_seconds", matchers), "s"),
    ]
    rest = [
        Column("Coverage", kpi(level, "data_coverage", matchers), "percentunit", COVERAGE),
        Column("Parts per hour", parts_per_hour(level, matchers), "none"),
    ]
    return [*shown, *(extra if more else ()), *rest]
