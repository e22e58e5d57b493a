"""Plant: one site's areas, lines and machines, for whoever runs it."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from plantwright_dashboards.frame import Row, frame, place
from plantwright_dashboards.kit import Column, Panel, Query, graph, overview, single
from plantwright_dashboards.limits import AVAILABILITY, BEHIND, COVERAGE, EFFECTIVENESS, FIRST_PASS, OEE, QUALITY, SCRAP
from plantwright_dashboards.terms import kpi, kpi_columns, parts_per_hour, states, stops

PLANT = place("plant")
AREA = place("plant", "area")
LINE = place("plant", "area", "line")
PLACE = ["plant", "area", "line"]


def dashboard() -> Dashboard:
    """The dashboard."""
    rows = [
        Row("The plant", _glance()),
        Row("Lines", [_lines()]),
        Row("In time", _graphs()),
        Row("Machines", [_machines()]),
    ]
    text = "One plant by area, line and machine. KPIs are those of ISO 22400-2, over the window chosen above."
    return frame("plant", "Plant", text, rows, PLACE, one=["plant"])


def _glance() -> list[Panel]:
    shown = [
        ("OEE", "oee", OEE, "Availability × effectiveness × quality ratio.", ""),
        ("Availability", "availability", AVAILABILITY, "Production within planned busy time.", ""),
        (
            "Effectiveness",
            "effectiveness",
            EFFECTIVENESS,
            "Planned time for the parts made over the time they took.",
            "",
        ),
        ("Quality ratio", "quality", QUALITY, "Good parts of all parts made.", ""),
        ("NEE", "nee", OEE, "As OEE, with setup counted as time well spent: what is lost apart from setup.", ""),
        (
            "Data coverage",
            "data_coverage",
            COVERAGE,
            "Share of planned time with a known state; the other figures rest on it.",
            "PlantwrightKpiCoverageLow",
        ),
    ]
    tail = " Of the whole plant, whatever areas and lines are chosen. No value: nothing planned, or no part made."
    return [
        single(title, text + tail, kpi("plant", name, PLANT), "percentunit", limits, runbook, 1)
        for title, name, limits, text, runbook in shown
    ]


def _lines() -> Panel:
    text = (
        "A serial line's times are those of its bottleneck, its parts those of its exit machine; other lines are sums. First pass "
        "is of the machines that count rework, and empty where none does."
    )
    return overview("Lines", text, PLACE, kpi_columns("line", LINE, more=True))


def _graphs() -> list[Panel]:
    return [
        graph(
            "OEE by line",
            "Which line moves the plant's figure, and since when.",
            [Query(kpi("line", "oee", LINE), "{{line}}")],
            "percentunit",
            OEE,
        ),
        graph(
            "OEE by area",
            "Sums over the area's lines.",
            [Query(kpi("area", "oee", AREA), "{{area}}")],
            "percentunit",
            OEE,
        ),
        graph(
            "Machines by state, in planned time",
            "How many machines produce, are set up, stand (Delay), idle, are down by plan, or are not heard of (Unknown).",
            [states(LINE)],
            "none",
            stacked=True,
        ),
        graph(
            "Parts per hour by line",
            "Good and rejected parts that leave the line.",
            [Query(parts_per_hour("line", LINE), "{{line}}")],
            "none",
        ),
        graph(
            "Scrap ratio by line",
            "Rejected parts of all parts. A step at a change of shift, order or tool says where to look.",
            [Query(kpi("line", "scrap", LINE), "{{line}}")],
            "percentunit",
            SCRAP,
        ),
        graph(
            "First-pass yield by line",
            "Good parts that were not reworked, of all parts of the machines that count rework. A line without such a machine has "
            "none. Far below 1 less scrap: much is saved by working on it once more.",
            [Query(kpi("line", "first_pass_yield", LINE), "{{line}}")],
            "percentunit",
            FIRST_PASS,
        ),
        graph(
            "Setup rate by line",
            "Setup time of production and setup time. High where orders are small: compare with the orders' sizes.",
            [Query(kpi("line", "setup", LINE), "{{line}}")],
            "percentunit",
        ),
        stops(LINE, "all chosen machines"),
        graph(
            "Mean time between failures by line",
            "Planned busy time without Delay per failure. Shorter than before: look at the reasons. No value: nothing failed.",
            [Query(kpi("line", "mtbf_seconds", LINE), "{{line}}")],
            "s",
        ),
        graph(
            "Mean time to repair by line",
            "Time in Delay per failure, in planned time. Longer than before: look at the reasons. No value: nothing failed.",
            [Query(kpi("line", "mttr_seconds", LINE), "{{line}}")],
            "s",
        ),
    ]


def _machines() -> Panel:
    by = "by (plant, area, line, machine)"
    columns = [
        Column("Session", f"max {by} (plantwright_source_connected{{{LINE}}})", "bool_yes_no"),
        *kpi_columns("machine", LINE),
        Column("Behind", f"max {by} (plantwright_buffer_oldest_age_seconds{{{LINE}}})", "s", BEHIND),
        Column("Waiting", f"sum {by} (plantwright_buffer_rows{{{LINE}}})", "none"),
    ]
    text = "A row per machine; a click leads to its dashboard."
    return overview("Machines", text, [*PLACE, "machine"], columns, drill="machine")
