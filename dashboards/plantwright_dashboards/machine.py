"""Machine: one machine's time, parts and data, for maintenance and for whoever connects it."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from plantwright_dashboards.frame import LEVELS, Row, frame, place
from plantwright_dashboards.kit import Column, Limit, Panel, Query, graph, overview, single
from plantwright_dashboards.limits import (
    AVAILABILITY,
    BEHIND,
    CERTIFICATE,
    COVERAGE,
    EFFECTIVENESS,
    FIRST_PASS,
    FULL,
    NONE_WANTED,
    OEE,
    QUALITY,
    SCRAP,
    SOME_HELD,
)
from plantwright_dashboards.terms import RATE, WINDOW, kpi, states, stops

MACHINE = place(*LEVELS)
UP = (Limit("red", None, "no session: switched off, unreachable or refused"), Limit("green", 1.0, "a session is up"))


def dashboard() -> Dashboard:
    """The dashboard."""
    rows = [
        Row("The machine", _glance()),
        Row("Time and parts", _production()),
        Row("From the machine to the MES", _data()),
        Row("What the connection rests on", [_sinks(), _certificates()]),
    ]
    text = "One machine: what it does with its time, what it makes, and how its data reaches the MES."
    return frame("machine", "Machine", text, rows, LEVELS, one=LEVELS)


def _glance() -> list[Panel]:
    connected = single(
        "Session",
        "Whether the gateway has a session with the machine.",
        f"max(plantwright_source_connected{{{MACHINE}}})",
        "bool_yes_no",
        UP,
        "PlantwrightMachineNotConnected",
    )
    shown = [
        (
            "OEE",
            "oee",
            OEE,
            "Availability × effectiveness × quality ratio; needs a state, part counters and a time per item.",
        ),
        ("Availability", "availability", AVAILABILITY, "Production within planned busy time; needs a state."),
        ("Effectiveness", "effectiveness", EFFECTIVENESS, "Planned time for the parts made over the time they took."),
        ("Quality ratio", "quality", QUALITY, "Good parts of all parts made; needs both counters."),
        ("Data coverage", "data_coverage", COVERAGE, "Share of planned time with a known state."),
    ]
    tail = " No value: nothing planned, no part made, or the profile does not say."
    ratios = [
        single(title, text + tail, kpi("machine", name, MACHINE), "percentunit", limits, decimals=1)
        for title, name, limits, text in shown
    ]
    return [connected, *ratios]


def _production() -> list[Panel]:
    made = f"machine:plantwright_parts:rate{WINDOW}{{{MACHINE}}}"
    taken = f"machine:plantwright_production_seconds:rate{WINDOW}{{{MACHINE}}}"
    return [
        graph(
            "How planned time is spent",
            "Share of each state. Delay is a stop that was not planned; Unknown is time in which nothing was heard.",
            [states(MACHINE)],
            "percentunit",
            stacked=True,
        ),
        stops(MACHINE, "the machine"),
        graph(
            "Planned time",
            "Planned by the calendar, and planned busy time: without what is planned down or unknown. Off in breaks.",
            [
                Query(f"sum(rate(plantwright_planned_seconds_total{{{MACHINE}}}[{RATE}]))", "planned"),
                Query(f"sum(rate(plantwright_planned_busy_seconds_total{{{MACHINE}}}[{RATE}]))", "planned busy"),
            ],
            "percentunit",
        ),
        graph(
            "Parts per hour",
            "Good and rejected parts as the machine's counters say, over rollovers and resets; reworked ones are among them.",
            [
                Query(f"sum(rate(plantwright_good_parts_total{{{MACHINE}}}[{RATE}])) * 3600", "good"),
                Query(f"sum(rate(plantwright_rejected_parts_total{{{MACHINE}}}[{RATE}])) * 3600", "rejected"),
            ],
            "none",
        ),
        graph(
            "Seconds per part",
            "As planned by the profile, and as production took. Apart for long: the plan or the machine is wrong.",
            [
                Query(
                    f"machine:plantwright_planned_run_time_per_item_seconds:ratio_rate{WINDOW}{{{MACHINE}}}", "planned"
                ),
                Query(f"{taken} / ({made} > 0)", "taken"),
            ],
            "s",
        ),
        graph(
            "OEE and NEE",
            "NEE counts setup as time well spent: the distance between both is what setup costs.",
            [Query(kpi("machine", "oee", MACHINE), "OEE"), Query(kpi("machine", "nee", MACHINE), "NEE")],
            "percentunit",
            OEE,
        ),
        graph(
            "Scrap ratio and setup rate",
            "Rejected parts of all parts, and setup time of production and setup time. The limits are those of scrap.",
            [
                Query(kpi("machine", "scrap", MACHINE), "scrap ratio"),
                Query(kpi("machine", "setup", MACHINE), "setup rate"),
            ],
            "percentunit",
            SCRAP,
        ),
        graph(
            "First-pass yield and rework ratio",
            "Good parts that were not reworked, and reworked parts, both of all parts. Empty where the profile names no counter "
            "of reworked parts. The limits are those of first-pass yield.",
            [
                Query(kpi("machine", "first_pass_yield", MACHINE), "first-pass yield"),
                Query(kpi("machine", "rework", MACHINE), "rework ratio"),
            ],
            "percentunit",
            FIRST_PASS,
        ),
    ]


def _data() -> list[Panel]:
    full = f"plantwright_buffer_bytes{{{MACHINE}}} / (plantwright_buffer_max_bytes{{{MACHINE}}} > 0)"
    return [
        graph(
            "Accepted and delivered per second",
            "Values committed to the buffer, and all events that each sink confirmed: gaps and changes too, so it may be more.",
            [
                Query(f"sum(rate(plantwright_observations_accepted_total{{{MACHINE}}}[{RATE}]))", "accepted"),
                Query(
                    f"sum by (sink) (rate(plantwright_observations_delivered_total{{{MACHINE}}}[{RATE}]))",
                    "to {{sink}}",
                ),
            ],
            "cps",
        ),
        graph(
            "Waiting by sink",
            "Events that a sink has not taken. Kept until it has; a new sink begins with what is buffered.",
            [Query(f"sum by (sink) (plantwright_sink_backlog_rows{{{MACHINE}}})", "{{sink}}")],
            "none",
        ),
        graph(
            "Age of the oldest event that waits",
            "How far the slowest sink is behind.",
            [Query(f"max by (machine) (plantwright_buffer_oldest_age_seconds{{{MACHINE}}})", "{{machine}}")],
            "s",
            BEHIND,
            "PlantwrightDeliveryBehind",
        ),
        graph(
            "Buffer in use",
            "Of the bytes that events may take.",
            [Query(f"max by (machine) ({full})", "{{machine}}")],
            "percentunit",
            FULL,
            "PlantwrightBufferNearlyFull",
        ),
        graph(
            "Source time behind the gateway's clock",
            "Of the value that came last. Steady: two clocks that differ. Growing: data that comes late.",
            [Query(f"max by (machine) (plantwright_source_time_behind_seconds{{{MACHINE}}})", "{{machine}}")],
            "s",
        ),
        graph(
            "Failures per hour",
            "Failures of the source adapter, and deliveries that had to be tried again, by sink. Single ones are no trouble.",
            [
                Query(f"sum(rate(plantwright_source_errors_total{{{MACHINE}}}[{RATE}])) * 3600", "source"),
                Query(f"sum by (sink) (rate(plantwright_sink_retries_total{{{MACHINE}}}[{RATE}])) * 3600", "{{sink}}"),
            ],
            "none",
        ),
    ]


def _sinks() -> Panel:
    by = "sum by (machine, sink)"
    columns = [
        Column("Takes data", f"max by (machine, sink) (plantwright_sink_up{{{MACHINE}}})", "bool_yes_no", UP_SINK),
        Column("Confirmed", f"{by} (plantwright_observations_delivered_total{{{MACHINE}}})", "none"),
        Column("Waiting", f"{by} (plantwright_sink_backlog_rows{{{MACHINE}}})", "none"),
        Column("Refused for good", f"{by} (plantwright_rejected_total{{{MACHINE}}})", "none", SOME_HELD),
        Column("Receipts ignored", f"{by} (plantwright_receipts_ignored_total{{{MACHINE}}})", "none", NONE_WANTED),
    ]
    text = "A row per sink; counts are from the gateway's start on. What a sink refused for good lies in quarantine."
    return overview("Sinks", text, ["machine", "sink"], columns, "PlantwrightDeliveryBehind")


UP_SINK = (
    Limit("red", None, "its last delivery failed; tried again until it takes it"),
    Limit("green", 1.0, "it does"),
)


def _certificates() -> Panel:
    end = f"min by (machine, use, secret) (plantwright_certificate_expiry_timestamp_seconds{{{MACHINE}}}) - time()"
    columns = [Column("Ends in", end, "s", CERTIFICATE)]
    text = "Certificates that connections rest on, by use. Empty for a machine without any, as over Modbus TCP."
    return overview("Certificates", text, ["machine", "use", "secret"], columns, "PlantwrightCertificateEndsSoon")
