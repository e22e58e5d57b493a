"""Rollout: what the operator does, and which versions are out there, for whoever changes profiles, contracts and images."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from plantwright_dashboards.frame import Row, frame, place
from plantwright_dashboards.kit import Column, Limit, Panel, Query, graph, overview, single
from plantwright_dashboards.limits import SHARE
from plantwright_dashboards.terms import RATE, of_gateways, share_true

PLANT = place("plant")
FIRST_VALUE = "sum by (le) (plantwright_apply_to_first_value_seconds_bucket{" + PLANT + "})"
LEADING = (
    Limit("red", None, "nobody leads: gateways run on, changes do not reach them (PlantwrightOperatorNoLeader)"),
    Limit("green", 1.0, "one replica leads"),
    Limit("orange", 2.0, "two seem to lead: a scrape fell into a change of leader; it must be over with the next"),
)
QUEUE = (
    Limit("green", None, "the operator keeps up"),
    Limit("yellow", 50.0, "many objects changed at once; it must go down within minutes"),
)
FIRST = (
    Limit("green", None, "a new machine's first value is stored within half a minute"),
    Limit("yellow", 30.0, "slow: images pulled, pods pending, or machines that do not answer"),
    Limit("red", 300.0, "new machines do not come into force: look at Ready and its reasons"),
)


def dashboard() -> Dashboard:
    """The dashboard."""
    rows = [
        Row("At a glance", _glance()),
        Row("Machines", [_conditions(), *_machines()]),
        Row("Versions and who answers", [_contracts(), *_versions()]),
        Row("The operator", _operator()),
    ]
    text = "What is wished and what is in force, which versions run where, and whether the operator keeps up."
    return frame("rollout", "Rollout", text, rows, ["plant"])


def _glance() -> list[Panel]:
    return [
        single(
            "Leaders",
            "Replicas of the operator that lead; of several releases the sum.",
            "sum(plantwright_leader)",
            "none",
            LEADING,
            "PlantwrightOperatorNoLeader",
        ),
        single(
            "In force",
            "Share of Machine objects whose wish is in force in a gateway.",
            share_true("Ready", PLANT),
            "percentunit",
            SHARE,
            "PlantwrightMachineNotReady",
        ),
        single(
            "Gateways heard",
            "Share of machines of which the operator hears, connected or not.",
            f'1 - (sum(plantwright_machines{{{PLANT},condition="Connected",status="Unknown"}}) '
            f'or sum(plantwright_machines{{{PLANT},condition="Connected"}}) * 0) '
            f'/ sum(plantwright_machines{{{PLANT},condition="Connected"}})',
            "percentunit",
            SHARE,
            "PlantwrightGatewayAbsent",
        ),
        single(
            "Commissioned",
            "Share of machines whose first value the MES has stored. New ones take a moment; look at Ready and Connected.",
            share_true("Commissioned", PLANT),
            "percentunit",
            SHARE,
            "PlantwrightMachineNotReady",
        ),
        single(
            "Apply to first value",
            "95 % of new machines had their first value stored by the MES within this time, since the operator's start.",
            f"histogram_quantile(0.95, {FIRST_VALUE})",
            "s",
            FIRST,
        ),
        single(
            "Waiting for the operator",
            "Objects that wait to be reconciled.",
            "sum(plantwright_queue_depth)",
            "none",
            QUEUE,
        ),
    ]


def _conditions() -> Panel:
    columns = [Column("Machines", f"sum by (condition, status) (plantwright_machines{{{PLANT}}})", "none")]
    text = "Machines by condition and status. `kubectl get machines -A` names them; docs/reference/conditions.md explains each."
    return overview("Conditions", text, ["condition", "status"], columns, "PlantwrightMachineNotReady")


def _machines() -> list[Panel]:
    ready = f'plantwright_machines{{{PLANT},condition="Ready"}}'
    owned = f'plantwright_machines{{{PLANT},condition="Ready",owner!=""}}'
    young = of_gateways("(time() - process_start_time_seconds)")
    return [
        graph(
            "Machines in force over time",
            "By status of Ready. A rollout shows as a short dip; one that stays is a rollout that stopped.",
            [Query(f"sum by (status) ({ready})", "Ready={{status}}")],
            "none",
            runbook="PlantwrightMachineNotReady",
            stacked=True,
        ),
        graph(
            "Youngest gateway by plant",
            "Age of the gateway that was started last. It falls to 0 with every restart: a rollout, or a fault.",
            [Query(f"min by (plant) ({young})", "{{plant}}")],
            "s",
        ),
        graph(
            "Not yet stored, by machine",
            "Observations accepted and not stored by the slowest sink, as gateways told the operator; the ten with most.",
            [
                Query(
                    f"topk(10, sum by (plant, machine) (plantwright_machine_backlog_observations{{{PLANT}}}))",
                    "{{plant}} {{machine}}",
                )
            ],
            "none",
            runbook="PlantwrightDeliveryBehind",
        ),
        graph(
            "Machines by who answers",
            "By owner of the machine, else of its plant. Machines without one have no series here; name an owner.",
            [Query(f"sum by (owner) ({owned})", "{{owner}}")],
            "none",
            stacked=True,
        ),
    ]


def _contracts() -> Panel:
    columns = [Column("Plants", 'count by (contract, version, owner) (plantwright_contract_info{plant!=""})', "none")]
    text = (
        "Contract versions in use, who answers for them, and in how many plants. An old version in few plants is due."
    )
    return overview("Contracts in use", text, ["contract", "version", "owner"], columns)


def _versions() -> list[Panel]:
    return [
        graph(
            "Machines by profile",
            "Two versions of one profile for long: a rollout that was not finished.",
            [Query(f"count by (profile) (plantwright_machine_info{{{PLANT}}})", "{{profile}}")],
            "none",
            stacked=True,
        ),
        graph(
            "Gateways by version",
            "Of all plants. Two versions for long: Plants that name an image of their own, or a rollout that stopped.",
            [Query("count by (version) (plantwright_gateway_info)", "{{version}}")],
            "none",
            stacked=True,
        ),
    ]


def _operator() -> list[Panel]:
    buckets = "sum by (kind, le) (plantwright_reconcile_duration_seconds_bucket)"
    return [
        graph(
            "Reconciles per second, by kind and outcome",
            "At rest next to none. Many of one outcome without a change: an object that cannot be satisfied.",
            [
                Query(
                    f"sum by (kind, outcome) (rate(plantwright_reconciles_total[{RATE}]))",
                    "{{kind}} {{outcome}}",
                )
            ],
            "cps",
        ),
        graph(
            "Mean and 95 % of a reconcile's time, by kind",
            "Since the operator's start. Slow reconciles of all kinds: the API server is slow.",
            [
                Query(f"histogram_quantile(0.95, {buckets})", "95 % {{kind}}"),
                Query(
                    "sum by (kind) (plantwright_reconcile_duration_seconds_sum) "
                    "/ sum by (kind) (plantwright_reconcile_duration_seconds_count)",
                    "mean {{kind}}",
                ),
            ],
            "s",
        ),
        graph(
            "Writes to the API server per second, by kind",
            "Nothing is written at rest. A steady rate: somebody else changes what the operator keeps.",
            [Query(f"sum by (kind) (rate(plantwright_writes_total[{RATE}]))", "{{kind}}")],
            "cps",
        ),
        graph(
            "Questions to gateways per second, by outcome",
            "The operator asks each gateway how it is. Many silent at once: network policies, or a lost node.",
            [Query(f"sum by (outcome) (rate(plantwright_gateway_polls_total[{RATE}]))", "{{outcome}}")],
            "cps",
            runbook="PlantwrightGatewayAbsent",
        ),
        graph(
            "Queue of the operator",
            "Objects that wait to be reconciled, of all replicas.",
            [Query("sum(plantwright_queue_depth)", "waiting")],
            "none",
            QUEUE,
        ),
        graph(
            "Objects in the operator's cache",
            "Of the largest replica: what the operator watches. It must follow the number of objects.",
            [Query("max(plantwright_observed_objects)", "objects")],
            "none",
        ),
    ]
