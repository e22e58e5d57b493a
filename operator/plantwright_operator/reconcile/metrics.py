"""What the operator tells Prometheus."""

from collections import Counter as Tally
from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

Summaries = Callable[[], Iterable[tuple[str, tuple[tuple[str, str], ...]]]]
"""Plant and conditions of each machine."""
Backlogs = Callable[[], Iterable[tuple[str, str, int]]]
"""Plant, name and backlog of each machine whose gateway has answered."""

LineRoles = Callable[[], Iterable[tuple[str, str, str, str, str]]]
"""Plant, area, line, machine and role of each machine that a serial line's KPIs are taken from."""

_APPLY_BUCKETS = (1, 2, 3, 5, 8, 13, 20, 30, 45, 60, 120, 300, 900, 3600, 14400)


class Metrics:
    """The operator's own figures, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.reconciles = Counter(
            "plantwright_reconciles", "Reconciles by kind and outcome.", ["kind", "outcome"], registry=self.registry
        )
        self.duration = Histogram(
            "plantwright_reconcile_duration_seconds",
            "Time a reconcile took.",
            ["kind"],
            buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5, 15),
            registry=self.registry,
        )
        self.writes = Counter(
            "plantwright_writes", "Writes to the API server by kind.", ["kind"], registry=self.registry
        )
        self.first_value = Histogram(
            "plantwright_apply_to_first_value_seconds",
            "From a machine's creation to its first value stored by the MES.",
            ["plant"],
            buckets=_APPLY_BUCKETS,
            registry=self.registry,
        )
        self.polls = Counter(
            "plantwright_gateway_polls", "Questions to gateways by outcome.", ["outcome"], registry=self.registry
        )
        self.queue_depth = Gauge(
            "plantwright_queue_depth", "Objects that wait to be reconciled.", registry=self.registry
        )
        self.leader = Gauge("plantwright_leader", "1 where this replica leads.", registry=self.registry)
        self.observed = Gauge("plantwright_observed_objects", "Objects in the cache.", registry=self.registry)

    def watch(self, machines: Summaries, backlog: Backlogs, leading: Callable[[], bool]) -> None:
        """Register what is counted when it is asked for; a standby says nothing of machines."""
        self.registry.register(_Machines(machines, backlog, leading))

    def watch_lines(self, roles: LineRoles, leading: Callable[[], bool]) -> None:
        """Register the roles within serial lines, which the KPI rules ask for; a standby says nothing of them."""
        self.registry.register(_Lines(roles, leading))


class _Lines(Collector):
    def __init__(self, roles: LineRoles, leading: Callable[[], bool]) -> None:
        self._roles = roles
        self._leading = leading

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """One sample per role; a parallel line has none."""
        family = GaugeMetricFamily(
            "plantwright_line_role_info",
            "Machine that a serial line's times (bottleneck) or parts (exit) are taken from.",
            labels=["plant", "area", "line", "machine", "role"],
        )
        for labels in sorted(self._roles()) if self._leading() else ():
            family.add_metric(list(labels), 1)
        yield family


class _Machines(Collector):
    def __init__(self, machines: Summaries, backlog: Backlogs, leading: Callable[[], bool]) -> None:
        self._machines = machines
        self._backlog = backlog
        self._leading = leading

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Machines by plant and condition, and the backlog of each."""
        counts = GaugeMetricFamily(
            "plantwright_machines", "Machines by condition and its status.", labels=["plant", "condition", "status"]
        )
        backlog = GaugeMetricFamily(
            "plantwright_machine_backlog_observations",
            "Observations accepted and not stored by the slowest sink, as the gateway last said.",
            labels=["plant", "machine"],
        )
        if self._leading():
            tally = Tally((plant, *condition) for plant, conditions in self._machines() for condition in conditions)
            for labels, count in sorted(tally.items()):
                counts.add_metric(list(labels), count)
            for plant, machine, waiting in sorted(self._backlog()):
                backlog.add_metric([plant, machine], waiting)
        yield counts
        yield backlog
