"""Fleet: all plants on one page, for the platform team."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from plantwright_dashboards.frame import Row, frame, place
from plantwright_dashboards.kit import Column, Limit, Panel, Query, graph, overview, single
from plantwright_dashboards.limits import BEHIND, COVERAGE, FULL, NONE_WANTED, OEE, SHARE
from plantwright_dashboards.terms import RATE, kpi, kpi_columns, of_gateways, parts_per_hour, share_true, states

PLANT = place("plant")
SILENT = (Limit("green", None, "all are heard"), Limit("red", 1.0, "what stands there is old: PlantwrightBoardBehind"))
TAKEN = (
    Limit("green", None, "room for more"),
    Limit("yellow", 0.9, "nearly as many as there may be"),
    Limit("red", 1.0, "whoever comes now is sent away: PlantwrightBoardFull"),
)


def dashboard() -> Dashboard:
    """The dashboard."""
    rows = [
        Row("At a glance", _glance()),
        Row("Plants", [_plants()]),
        Row("Production", _production()),
        Row("Data on its way to the MES", _data()),
        Row("Gateways", _gateways()),
        Row("Shop-floor boards", [_boards(), *_board_graphs()]),
    ]
    text = "Every plant at a glance: are machines connected, is their data on its way, what do they make of their time."
    return frame("fleet", "Fleet", text, rows, ["plant"])


def _glance() -> list[Panel]:
    return [
        single(
            "Machines",
            "Machines that a gateway reads, connected or not. Fewer than there are Machine objects: see Rollout.",
            f"count(plantwright_buffer_max_bytes{{{PLANT}}})",
            "none",
        ),
        single(
            "Connected",
            "Share of machines with a session up. A machine that is switched off is not connected, and that may be right.",
            f"avg(plantwright_source_connected{{{PLANT}}})",
            "percentunit",
            SHARE,
            "PlantwrightMachineNotConnected",
        ),
        single(
            "In force",
            "Share of Machine objects whose wish is in force in a gateway. `kubectl get machines -A` says which are not.",
            share_true("Ready", PLANT),
            "percentunit",
            SHARE,
            "PlantwrightMachineNotReady",
        ),
        single(
            "OEE, all plants",
            "Availability × effectiveness × quality ratio of all plants together, as sums over sums; no mean of plants.",
            kpi("enterprise", "oee"),
            "percentunit",
            OEE,
        ),
        single(
            "Data coverage, all plants",
            "Share of planned time in which the machines' states were known: what the KPIs rest on.",
            kpi("enterprise", "data_coverage"),
            "percentunit",
            COVERAGE,
            "PlantwrightKpiCoverageLow",
        ),
        single(
            "Furthest behind",
            "Age of the oldest event that some MES has not taken. Look below for the plant it is in.",
            f"max(plantwright_buffer_oldest_age_seconds{{{PLANT}}})",
            "s",
            BEHIND,
            "PlantwrightDeliveryBehind",
        ),
    ]


def _plants() -> Panel:
    columns = [
        Column("Machines", f"count by (plant) (plantwright_buffer_max_bytes{{{PLANT}}})", "none"),
        Column("Connected", f"avg by (plant) (plantwright_source_connected{{{PLANT}}})", "percentunit", SHARE),
        Column("In force", share_true("Ready", PLANT, " by (plant)"), "percentunit", SHARE),
        *kpi_columns("plant", PLANT),
        Column("Behind", f"max by (plant) (plantwright_buffer_oldest_age_seconds{{{PLANT}}})", "s", BEHIND),
    ]
    text = (
        "A row per plant; a click leads to its dashboard. An empty cell: not known, for want of an element or of time."
    )
    return overview("Plants", text, ["plant"], columns, drill="plant")


def _production() -> list[Panel]:
    enterprise = [("oee", "OEE"), ("nee", "NEE"), ("setup", "setup rate"), ("scrap", "scrap ratio")]
    return [
        graph(
            "OEE by plant",
            "Overall equipment effectiveness over the chosen window. A gap: no part was made, or nothing was planned.",
            [Query(kpi("plant", "oee", PLANT), "{{plant}}")],
            "percentunit",
            OEE,
        ),
        graph(
            "Parts per hour by plant",
            "Good and rejected parts: of a serial line those of its exit machine, of other lines those of all machines.",
            [Query(parts_per_hour("plant", PLANT), "{{plant}}")],
            "none",
        ),
        graph(
            "Machines by state, in planned time",
            "How many machines produce, are set up, stand or idle. Unknown is no downtime: find out why nothing is heard.",
            [states(PLANT)],
            "none",
            stacked=True,
        ),
        graph(
            "All plants together",
            "OEE and NEE (setup counts as well spent), and how much of the time is setup and of the parts scrap.",
            [Query(kpi("enterprise", name), legend) for name, legend in enterprise],
            "percentunit",
        ),
    ]


def _data() -> list[Panel]:
    return [
        graph(
            "Accepted per second by plant",
            "Events that gateways committed to their buffers. A step down without a plan: look at Connected.",
            [Query(f"sum by (plant) (rate(plantwright_observations_accepted_total{{{PLANT}}}[{RATE}]))", "{{plant}}")],
            "cps",
        ),
        graph(
            "Delivered per second by plant and sink",
            "Events that a sink confirmed, gaps and changes among them. Below what is accepted for long: the sink or its link is slow.",
            [
                Query(
                    f"sum by (plant, sink) (rate(plantwright_observations_delivered_total{{{PLANT}}}[{RATE}]))",
                    "{{plant}} {{sink}}",
                )
            ],
            "cps",
        ),
        graph(
            "Waiting in buffers by plant",
            "Events that not every sink has. They are safe; what counts is whether it grows.",
            [Query(f"sum by (plant) (plantwright_buffer_rows{{{PLANT}}})", "{{plant}}")],
            "none",
            runbook="PlantwrightBufferFillsUp",
        ),
        graph(
            "Fullest buffer by plant",
            "The gateway of each plant whose buffer is fullest. The plant's table of machines shows which it is.",
            [
                Query(
                    f"max by (plant) (plantwright_buffer_bytes{{{PLANT}}} / (plantwright_buffer_max_bytes{{{PLANT}}} > 0))",
                    "{{plant}}",
                )
            ],
            "percentunit",
            FULL,
            "PlantwrightBufferNearlyFull",
        ),
    ]


def _gateways() -> list[Panel]:
    return [
        graph(
            "Largest gateway's memory by plant",
            "Resident memory of the largest gateway process. It grows with signals, not with the backlog, which is on disk.",
            [Query(f"max by (plant) ({of_gateways('process_resident_memory_bytes')})", "{{plant}}")],
            "bytes",
        ),
        graph(
            "CPU of all gateways by plant",
            "CPU seconds per second. A step without more machines: a machine that sends more often, or a dear rule.",
            [Query(f"sum by (plant) ({of_gateways(f'rate(process_cpu_seconds_total[{RATE}])')})", "{{plant}}")],
            "none",
        ),
    ]


def _boards() -> Panel:
    viewers = f"sum by (plant) (plantwright_board_viewers{{{PLANT}}})"
    columns = [
        Column("Viewers", viewers, "none"),
        Column(
            "Places taken",
            f"{viewers} / sum by (plant) (plantwright_board_max_viewers{{{PLANT}}})",
            "percentunit",
            TAKEN,
        ),
        Column("Machines", f"sum by (plant) (plantwright_board_machines{{{PLANT}}})", "none"),
        Column("No data", f'sum by (plant) (plantwright_board_machines{{{PLANT},heard="false"}})', "none", SILENT),
        Column(
            "Gateways not heard",
            f'sum by (plant) (plantwright_board_gateways{{{PLANT},connected="false"}})',
            "none",
            SILENT,
        ),
        Column(
            "Unreadable", f"sum by (plant) (plantwright_board_unreadable_events_total{{{PLANT}}})", "none", NONE_WANTED
        ),
        Column(
            "Sent away", f"sum by (plant) (plantwright_board_refused_viewers_total{{{PLANT}}})", "none", NONE_WANTED
        ),
        Column("Let go", f"sum by (plant) (plantwright_board_dropped_viewers_total{{{PLANT}}})", "none"),
    ]
    text = (
        "A row per plant with a board; empty where none is scraped. Unreadable: a gateway is newer than the board. Sent away: there "
        "were too many viewers. Let go: they took nothing for 30 s, such as a laptop that was closed. Counts are from its start on."
    )
    return overview("Boards", text, ["plant"], columns, "PlantwrightBoardBehind", drill="plant")


def _board_graphs() -> list[Panel]:
    received = f"sum by (plant) (rate(plantwright_board_received_events_total{{{PLANT}}}[{RATE}]))"
    sent = f"sum by (plant) (rate(plantwright_board_sent_events_total{{{PLANT}}}[{RATE}]))"
    skipped = f"sum by (plant) (rate(plantwright_board_skipped_updates_total{{{PLANT}}}[{RATE}]))"
    return [
        graph(
            "Viewers of boards by plant",
            "Browsers and `plantwright top`. Down to 0 at once: the board was started anew, and they come back by themselves.",
            [Query(f"sum by (plant) (plantwright_board_viewers{{{PLANT}}})", "{{plant}}")],
            "none",
            runbook="PlantwrightBoardFull",
        ),
        graph(
            "Events of boards per second",
            "What gateways told, about one a second each, what viewers took, and updates that slow viewers took together with a "
            "later one. Told falls to 0: no gateway is heard.",
            [
                Query(received, "{{plant}} told by gateways"),
                Query(sent, "{{plant}} taken by viewers"),
                Query(skipped, "{{plant}} taken together"),
            ],
            "cps",
            runbook="PlantwrightBoardEventsUnreadable",
        ),
    ]
