"""Data quality: is the data complete, within its contracts, and on time, for those who answer for it."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from plantwright_dashboards.frame import LEVELS, Row, frame, place
from plantwright_dashboards.kit import Column, Limit, Panel, Query, graph, overview, single
from plantwright_dashboards.limits import BEHIND, COVERAGE, NONE_WANTED, SHARE, SOME_HELD
from plantwright_dashboards.terms import RATE, WINDOW, share_true

PLANT = place("plant")
MACHINE = place(*LEVELS)
BY_MACHINE = "by (plant, area, line, machine)"
COMPLETE = (
    Limit("red", None, "required fields were missing for more than a twentieth of the planned time"),
    Limit("yellow", 0.95, "required fields were missing now and then"),
    Limit("green", 0.999, "every required field was there, fresh and within its terms"),
)


def dashboard() -> Dashboard:
    """The dashboard."""
    rows = [
        Row("At a glance", _glance()),
        Row("Machines", [_machines()]),
        Row("Values that break their contract", _violations()),
        Row("Gaps, late data, what the MES refuses", _losses()),
        Row("Counters", _counters()),
    ]
    text = (
        "Completeness, contracts, gaps and lateness. Who answers for a machine or a contract is in the alerts' labels."
    )
    return frame("data-quality", "Data quality", text, rows, LEVELS)


def _complete(by: str = "") -> str:
    """Share of watched planned time in which contracts were complete."""
    complete = f"sum{by} (rate(plantwright_contract_complete_seconds_total{{{MACHINE}}}[{WINDOW}]))"
    return f"{complete} / (sum{by} (rate(plantwright_contract_planned_seconds_total{{{MACHINE}}}[{WINDOW}])) > 0)"


def _glance() -> list[Panel]:
    known = f"sum(machine:plantwright_known_planned_seconds:rate{WINDOW}{{{MACHINE}}})"
    planned = f"sum(machine:plantwright_planned_seconds:rate{WINDOW}{{{MACHINE}}})"
    return [
        single(
            "Data coverage",
            "Share of planned time in which states were known, over the chosen machines.",
            f"{known} / ({planned} > 0)",
            "percentunit",
            COVERAGE,
            "PlantwrightKpiCoverageLow",
        ),
        single(
            "Completeness",
            "Share of planned time in which all required fields of the contracts were there. See the table for where not.",
            _complete(),
            "percentunit",
            COMPLETE,
            "PlantwrightContractNotMet",
        ),
        single(
            "Data fresh",
            "Share of machines that gave data within their contract's freshness.",
            share_true("DataFresh", PLANT),
            "percentunit",
            SHARE,
            "PlantwrightDataStale",
        ),
        single(
            "Contracts met",
            "Share of machines that meet their contracts now.",
            share_true("ContractMet", PLANT),
            "percentunit",
            SHARE,
            "PlantwrightContractNotMet",
        ),
        single(
            "Held in quarantine",
            "Values kept out of the stream now. `plantwright quarantine list` shows them, `replay` delivers them once mended.",
            f"sum(plantwright_quarantine_held{{{MACHINE}}})",
            "none",
            SOME_HELD,
            "PlantwrightContractViolations",
        ),
        single(
            "Dropped",
            "Observations dropped because a buffer was full, since the gateways' start. A gap record tells the MES which.",
            f"sum(plantwright_dropped_total{{{MACHINE}}})",
            "none",
            NONE_WANTED,
            "PlantwrightObservationsDropped",
        ),
    ]


def _machines() -> Panel:
    columns = [
        Column(
            "Coverage", f"machine:plantwright_data_coverage:ratio_rate{WINDOW}{{{MACHINE}}}", "percentunit", COVERAGE
        ),
        Column("Completeness", _complete(f" {BY_MACHINE}"), "percentunit", COMPLETE),
        Column("Held", f"sum {BY_MACHINE} (plantwright_quarantine_held{{{MACHINE}}})", "none", SOME_HELD),
        Column("Released", f"sum {BY_MACHINE} (plantwright_quarantine_released_total{{{MACHINE}}})", "none"),
        Column("Let go", f"sum {BY_MACHINE} (plantwright_quarantine_dropped_total{{{MACHINE}}})", "none", NONE_WANTED),
        Column("Gaps", f"sum {BY_MACHINE} (plantwright_gaps_total{{{MACHINE}}})", "none"),
        Column("Source errors", f"sum {BY_MACHINE} (plantwright_source_errors_total{{{MACHINE}}})", "none"),
        Column("Behind", f"max {BY_MACHINE} (plantwright_buffer_oldest_age_seconds{{{MACHINE}}})", "s", BEHIND),
    ]
    text = (
        "A row per machine; a click leads to its dashboard. Counts are from the gateway's start on. Let go: quarantined "
        "values that had to go for newer ones."
    )
    return overview("Machines", text, list(LEVELS), columns, "PlantwrightContractViolations", drill="machine")


def _violations() -> list[Panel]:
    quarantined = f"plantwright_quarantined_total{{{MACHINE}}}"
    flagged = f"plantwright_flagged_total{{{MACHINE}}}"
    return [
        graph(
            "Quarantined per minute, by contract and reason",
            "Values kept out of the stream. Empty while no value has been: then no such series exists.",
            [
                Query(
                    f"sum by (contract, version, reason) (rate({quarantined}[{RATE}])) * 60",
                    "{{contract}} {{version}} {{reason}}",
                )
            ],
            "none",
            runbook="PlantwrightContractViolations",
        ),
        graph(
            "Flagged per minute, by contract and reason",
            "Values delivered with a flag, since their contract asks for no more. Empty while there has been none.",
            [
                Query(
                    f"sum by (contract, version, reason) (rate({flagged}[{RATE}])) * 60",
                    "{{contract}} {{version}} {{reason}}",
                )
            ],
            "none",
        ),
        graph(
            "Completeness by contract",
            "Share of planned time with every required field there. Low for one contract: its mapping; for all: a machine.",
            [Query(_complete(" by (contract, version)"), "{{contract}} {{version}}")],
            "percentunit",
            COMPLETE,
            "PlantwrightContractNotMet",
        ),
        graph(
            "Held in quarantine by machine",
            "The ten machines with most. Growing: mend the contract or the mapping, then replay.",
            [Query(f"topk(10, sum {BY_MACHINE} (plantwright_quarantine_held{{{MACHINE}}}))", "{{machine}}")],
            "none",
            runbook="PlantwrightContractViolations",
        ),
    ]


def _losses() -> list[Panel]:
    return [
        graph(
            "Gap records by reason",
            "Since the gateways' start. A gap tells the MES between which times values are missing, and why.",
            [Query(f"sum by (reason) (plantwright_gaps_total{{{MACHINE}}})", "{{reason}}")],
            "none",
            runbook="PlantwrightMachineNotConnected",
        ),
        graph(
            "Source time furthest behind, by machine",
            "The ten machines whose last value was oldest by its own time. Steady: a clock to set. Growing: late data.",
            [Query(f"topk(10, max {BY_MACHINE} (plantwright_source_time_behind_seconds{{{MACHINE}}}))", "{{machine}}")],
            "s",
        ),
        graph(
            "Refused for good by the MES, by sink",
            "Events that a sink will never take, since the gateways' start; each is kept in quarantine. Ask the MES why.",
            [Query(f"sum by (plant, sink) (plantwright_rejected_total{{{MACHINE}}})", "{{plant}} {{sink}}")],
            "none",
            NONE_WANTED,
            "PlantwrightContractViolations",
        ),
        graph(
            "Receipts that cannot be true, by sink",
            "Receipts of another epoch, or of sequences never sent, since the gateways' start. Look at the MES.",
            [Query(f"sum by (plant, sink) (plantwright_receipts_ignored_total{{{MACHINE}}})", "{{plant}} {{sink}}")],
            "none",
            NONE_WANTED,
        ),
    ]


def _counters() -> list[Panel]:
    by = "sum by (plant, area, line, machine, signal)"
    return [
        graph(
            "Counters that began anew",
            "Since the gateways' start, the ten counters with most. Once per shift or order is what many machines do. Again and "
            "again at the same number: it wraps, and the profile lacks its `rollover`.",
            [Query(f"topk(10, {by} (plantwright_counter_resets_total{{{MACHINE}}}))", "{{machine}} {{signal}}")],
            "none",
        ),
        graph(
            "Counters that were set back",
            "Since the gateways' start, the ten counters with most. Corrected by hand, or noise: nothing counts for such a step, so "
            "what was made meanwhile is missing in the figures.",
            [Query(f"topk(10, {by} (plantwright_counter_set_backs_total{{{MACHINE}}}))", "{{machine}} {{signal}}")],
            "none",
            NONE_WANTED,
            "PlantwrightCounterSetBack",
        ),
    ]
