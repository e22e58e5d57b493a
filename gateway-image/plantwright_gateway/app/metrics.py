"""Metrics, made from what the gateway knows at the moment of the scrape. docs/reference/metrics.md explains each."""

import math
from collections.abc import Iterator, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from plantwright_api.wire.config import Machine, PartCounters, StateModel
from plantwright_gateway import __version__
from plantwright_gateway.app.gateway import Gateway
from plantwright_gateway.app.machine import MachineRuntime
from plantwright_gateway.app.receiver import MachineReceiver
from plantwright_gateway.context.kpi import STATES, STOPPED, UNKNOWN, Totals, busy_ns, planned_ns
from plantwright_gateway.context.place import labels_of
from plantwright_gateway.context.stops import NO_REASON, Stops
from plantwright_gateway.context.times import SECOND

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4
PLACE: Final = ("plant", "area", "line", "machine")
Values = Iterator[tuple[tuple[str, ...], float]]
COUNTERS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "plantwright_machine_state_seconds": (
        "Time per ISO 22400 state, within planned time or outside.",
        ("state", "planned"),
    ),
    "plantwright_planned_busy_seconds": ("Planned time in which the state is known and not PlannedDown.", ()),
    "plantwright_planned_seconds": ("Time that the plant's calendar plans.", ()),
    "plantwright_machine_stopped_seconds": (
        "Planned time in Delay or Idle, by the reason that was known at that time.",
        ("reason",),
    ),
    "plantwright_failures": ("Stretches of Delay in planned time.", ()),
    "plantwright_good_parts": ("Good parts.", ()),
    "plantwright_rejected_parts": ("Rejected parts.", ()),
    "plantwright_reworked_parts": ("Parts that were reworked; they are good or rejected parts as well.", ()),
    "plantwright_load_cycles": ("Cycles seen in the load from which the state is inferred; they are no parts.", ()),
    "plantwright_planned_production_seconds": ("Planned run time per item times parts produced.", ()),
    "plantwright_observations_accepted": ("Events committed to the buffer, gaps and configurations apart.", ()),
    "plantwright_observations_delivered": ("Events that a sink confirmed.", ("sink",)),
    "plantwright_rejected": ("Events that a sink refused for good.", ("sink",)),
    "plantwright_dropped": ("Observations dropped because the buffer was full.", ()),
    "plantwright_quarantined": ("Values kept out of the stream.", ("contract", "version", "reason")),
    "plantwright_flagged": (
        "Values delivered though they do not meet their contract.",
        ("contract", "version", "reason"),
    ),
    "plantwright_quarantine_released": ("Values that were replayed out of quarantine.", ()),
    "plantwright_quarantine_dropped": ("Values in quarantine that had to go for newer ones.", ()),
    "plantwright_contract_planned_seconds": ("Planned time in which a contract was watched.", ("contract", "version")),
    "plantwright_contract_complete_seconds": (
        "Of that, time in which every required field was there, fresh and within its terms.",
        ("contract", "version"),
    ),
    "plantwright_gaps": ("Gap records.", ("reason",)),
    "plantwright_counter_resets": ("Falls of a counter that was reset: what it shows then counts.", ("signal",)),
    "plantwright_counter_set_backs": ("Falls of a counter that was set back: nothing counts.", ("signal",)),
    "plantwright_source_errors": ("Failures of the source adapter.", ()),
    "plantwright_sink_retries": ("Deliveries that had to be tried again.", ("sink",)),
    "plantwright_receipts_ignored": ("Receipts that could not be true.", ("sink",)),
}
GAUGES: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "plantwright_source_connected": ("1 while a session with the machine is up.", ()),
    "plantwright_source_time_behind_seconds": (
        "Gateway's time less the source time of the value that came last: late data, or two clocks that differ.",
        (),
    ),
    "plantwright_buffer_rows": ("Events in the buffer.", ()),
    "plantwright_buffer_bytes": ("Bytes that events take in the buffer.", ()),
    "plantwright_buffer_max_bytes": ("Bytes that events may take; the WAL's share of the bound is apart.", ()),
    "plantwright_buffer_seconds_to_overflow": (
        "Seconds until the buffer is full at the pace of the last minutes; +Inf while it does not grow.",
        (),
    ),
    "plantwright_buffer_oldest_age_seconds": ("Age of the oldest event in the buffer; 0 when it is empty.", ()),
    "plantwright_quarantine_held": ("Values in quarantine.", ()),
    "plantwright_sink_backlog_rows": ("Events that a sink has not taken.", ("sink",)),
    "plantwright_certificate_expiry_timestamp_seconds": (
        "When a certificate ends that a connection rests on, as a Unix time.",
        ("use", "secret"),
    ),
    "plantwright_schedule_up": (
        "1 while the MES tells the machine's orders; absent where the plant names no schedule.",
        (),
    ),
    "plantwright_schedule_faults": ("Entries of the schedule that cannot be true.", ()),
    "plantwright_clock_offset_seconds": (
        "Least lag of the last minute, gateway's time less source time: how far the two clocks are apart.",
        (),
    ),
    "plantwright_state_inferred_confidence": (
        "How sure the state is that was inferred from a load, 0 to 1; 0 while it cannot be told. Absent where codes tell it.",
        (),
    ),
    "plantwright_load_cycle_seconds": (
        "Median length of the last cycles of the load; absent while they cannot be told.",
        (),
    ),
    "plantwright_machine_stopped_since_timestamp_seconds": (
        "Since when the machine has stood in planned time, as a Unix time; absent while it works or that is not known.",
        (),
    ),
    "plantwright_machine_stop_alert_seconds": ("How long a stop may be before it raises an alert.", ()),
    "plantwright_sink_up": ("1 while a sink takes data.", ("sink",)),
}
_FAMILIES: Final = ((CounterMetricFamily, COUNTERS), (GaugeMetricFamily, GAUGES))


class Metrics(Collector):
    """Renders the metrics of a gateway from a registry of its own."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def render(self) -> bytes:
        """The text that Prometheus scrapes."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """All families, with a sample per machine and label."""
        info = GaugeMetricFamily("plantwright_gateway_info", "The gateway's version.", labels=("version",))
        info.add_metric((__version__,), 1)
        yield info
        per_machine = [(labels, _values(machine)) for labels, machine in self._machines()]
        for kind, families in _FAMILIES:
            for name, (text, labels) in families.items():
                family = kind(name, text, labels=PLACE + labels)
                for place, values in per_machine:
                    for more, value in values[name]:
                        family.add_metric(place + more, value)
                yield family

    def _machines(self) -> Iterator[tuple[tuple[str, ...], MachineRuntime]]:
        for machine in self._gateway.machines.values():
            labels = labels_of((machine.current or machine.wanted).machine)
            yield tuple(labels[name] for name in PLACE), machine


Table = dict[str, list[tuple[tuple[str, ...], float]]]


def _values(machine: MachineRuntime) -> Table:
    tables = (_production(machine), _flow(machine), _buffer(machine), _sinks(machine), _certificates(machine))
    return {name: values for table in (_empty(), *tables) for name, values in table.items()}


def _empty() -> Table:
    return {name: [] for _, families in _FAMILIES for name in families}


def _production(machine: MachineRuntime) -> Table:
    receiver, config = machine.receiver, (machine.current or machine.wanted).machine
    if receiver is None:
        return {}
    machine.advance()
    table = elements(config, receiver.kpis.totals)
    return table | _stop(receiver, config.state, machine.now_ns()) if config.state is not None else table


def elements(config: Machine, totals: Totals) -> Table:
    """Time and quantity elements of ISO 22400 as far as the machine tells them: seconds, parts and failures."""
    table: Table = {"plantwright_planned_seconds": _one(planned_ns(totals) / SECOND)}
    if config.state is not None:
        table["plantwright_machine_state_seconds"] = list(_states(totals))
        table["plantwright_planned_busy_seconds"] = _one(busy_ns(totals) / SECOND)
        table["plantwright_failures"] = _one(totals.failures)
        table["plantwright_machine_stopped_seconds"] = _reasons(totals.stops)
    return table | _parts(config.parts, totals)


def _parts(parts: PartCounters | None, totals: Totals) -> Table:
    if parts is None:
        return {}
    counted = {
        "plantwright_good_parts": (parts.good, totals.good),
        "plantwright_rejected_parts": (parts.rejected, totals.rejected),
        "plantwright_reworked_parts": (parts.reworked, totals.reworked),
    }
    table = {name: _one(number) for name, (signal, number) in counted.items() if signal}
    if parts.planned_run_time_per_item_seconds is not None:
        table["plantwright_planned_production_seconds"] = _one(totals.planned_production_ns / SECOND)
    return table


def _stop(receiver: MachineReceiver, state: StateModel, now_ns: int) -> Table:
    """For how long the machine stands, and when that is too long."""
    table: Table = {}
    if receiver.inference is not None:
        table["plantwright_state_inferred_confidence"] = _one(receiver.inference.now.confidence)
        table["plantwright_load_cycles"] = _one(receiver.kpis.totals.cycles)
        seconds = receiver.inference.cycle_seconds()
        table["plantwright_load_cycle_seconds"] = [] if seconds is None else _one(seconds)
    if state.stop_alert_seconds is not None:
        table["plantwright_machine_stop_alert_seconds"] = _one(state.stop_alert_seconds)
    word = receiver.kpis.effective(now_ns)[0]
    if word == UNKNOWN:
        return table
    since_ns = receiver.situation.latest("State")[0] or now_ns
    stopped = receiver.kpis.stopped_ns(since_ns, now_ns) if word in STOPPED else 0
    if stopped:
        table["plantwright_machine_stopped_since_timestamp_seconds"] = _one((now_ns - stopped) / SECOND)
    return table


def _reasons(stops: Stops) -> list[tuple[tuple[str, ...], float]]:
    """A series begins with its first value, which no rate sees; that of stops without a reason is there from the start on."""
    return [((reason,), ns / SECOND) for reason, (ns, _) in ({NO_REASON: [0, 0]} | stops).items()]


def _states(totals: Totals) -> Values:
    for state in STATES:
        planned, unplanned = totals.states.get(state, (0, 0))
        yield (state, "true"), planned / SECOND
        yield (state, "false"), unplanned / SECOND


def _flow(machine: MachineRuntime) -> Table:
    receiver, stats = machine.receiver, machine.buffer.stats
    if receiver is None:
        return {}
    counts = receiver.counts
    known = machine.coverage.contracts if machine.coverage else []
    covered = [((each.name, each.version), each.planned_ns, each.complete_ns) for each in known]
    gaps = dict(counts.gaps)
    for reason, number in stats.gaps:
        gaps[reason] = gaps.get(reason, 0) + number
    return {
        "plantwright_observations_accepted": _one(counts.accepted),
        "plantwright_quarantined": list(counts.quarantined.items()),
        "plantwright_flagged": list(counts.flagged.items()),
        "plantwright_dropped": _one(stats.dropped),
        "plantwright_quarantine_released": _one(machine.replayer.released if machine.replayer else 0),
        "plantwright_contract_planned_seconds": [(key, ns / SECOND) for key, ns, _ in covered],
        "plantwright_contract_complete_seconds": [(key, ns / SECOND) for key, _, ns in covered],
        "plantwright_gaps": _by(gaps),
        "plantwright_counter_resets": _by(receiver.counter_falls("Reset")),
        "plantwright_counter_set_backs": _by(receiver.counter_falls("SetBack")),
        "plantwright_source_errors": _one(machine.source.errors if machine.source else 0),
        "plantwright_source_connected": _one(receiver.link.status == "True"),
        "plantwright_clock_offset_seconds": _one(receiver.situation.offset.ns() / SECOND),
        "plantwright_schedule_up": _one(not machine.schedule.error) if machine.schedule else [],
        "plantwright_schedule_faults": _one(len(machine.schedule.faults)) if machine.schedule else [],
        "plantwright_source_time_behind_seconds": _one(receiver.behind_ns / SECOND) if receiver.behind_ns else [],
    }


def _buffer(machine: MachineRuntime) -> Table:
    stats = machine.buffer.stats
    age = (machine.now_ns() - stats.oldest_ns) / SECOND if stats.oldest_ns is not None else 0.0
    return {
        "plantwright_buffer_rows": _one(stats.rows),
        "plantwright_buffer_bytes": _one(stats.used_bytes),
        "plantwright_buffer_max_bytes": _one(stats.max_bytes),
        "plantwright_buffer_seconds_to_overflow": _one(machine.seconds_to_overflow()),
        "plantwright_buffer_oldest_age_seconds": _one(max(0.0, age)),
        "plantwright_quarantine_held": _one(stats.held),
        "plantwright_quarantine_dropped": _one(stats.held_dropped),
    }


def _sinks(machine: MachineRuntime) -> Table:
    sinks = [(delivery.target.name, delivery.health) for delivery in machine.deliveries.current()]
    stats = machine.buffer.stats
    return {
        "plantwright_observations_delivered": [((name,), health.delivered) for name, health in sinks],
        "plantwright_rejected": [((name,), health.rejected) for name, health in sinks],
        "plantwright_sink_retries": [((name,), health.retries) for name, health in sinks],
        "plantwright_receipts_ignored": [((name,), health.ignored_receipts) for name, health in sinks],
        "plantwright_sink_backlog_rows": [((name,), stats.backlog(name)) for name, _ in sinks],
        "plantwright_sink_up": [((name,), float(health.failing_since is None)) for name, health in sinks],
    }


def _certificates(machine: MachineRuntime) -> Table:
    """Of several of one use and Secret, such as two sinks', the first to end."""
    ends: dict[tuple[str, ...], float] = {}
    for each in machine.certificates():
        key = (each.use, each.secret)
        ends[key] = min(each.end_ns / SECOND, ends.get(key, math.inf))
    return {"plantwright_certificate_expiry_timestamp_seconds": list(ends.items())}


def _one(value: float) -> list[tuple[tuple[str, ...], float]]:
    return [((), value)]


def _by(counts: Mapping[str, int]) -> list[tuple[tuple[str, ...], float]]:
    return [((label,), number) for label, number in counts.items()]
