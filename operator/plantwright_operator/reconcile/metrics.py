"""What the operator tells Prometheus. docs/reference/metrics.md explains each."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

Sample = tuple[tuple[str, ...], float]
"""Values of the labels, in order, and the sample's value."""
Sources = Mapping[str, Callable[[], Iterable[Sample]]]
"""By family of `TOLD`, where its samples come from."""

TOLD: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "plantwright_machines": (
        "Machines by condition and its status, and who answers for them.",
        ("plant", "condition", "status", "owner", "steward"),
    ),
    "plantwright_machine_info": (
        "Who answers for a machine.",
        ("plant", "area", "line", "machine", "profile", "owner", "steward", "contact"),
    ),
    "plantwright_machine_backlog_observations": (
        "Observations accepted and not stored by the slowest sink, as the gateway last said.",
        ("plant", "machine"),
    ),
    "plantwright_contract_info": (
        "Who answers for a version of a contract, by plant that uses it.",
        ("plant", "contract", "version", "owner", "steward", "contact"),
    ),
    "plantwright_policy_exception_end_timestamp_seconds": (
        "When an exception from a policy's rule ends.",
        ("policy", "exception", "rule", "owner", "steward"),
    ),
    "plantwright_line_role_info": (
        "Machine that a serial line's times (bottleneck) or parts (exit) are taken from.",
        ("plant", "area", "line", "machine", "role"),
    ),
}
"""Families that are counted when they are asked for, with their labels."""

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

    def watch(self, sources: Sources, leading: Callable[[], bool]) -> None:
        """Register what is counted when it is asked for; a standby says nothing of it."""
        self.registry.register(_Told(sources, leading))


class _Told(Collector):
    def __init__(self, sources: Sources, leading: Callable[[], bool]) -> None:
        self._sources = sources
        self._leading = leading

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """The families of the sources."""
        for name, samples in self._sources.items():
            text, labels = TOLD[name]
            family = GaugeMetricFamily(name, text, labels=labels)
            for values, value in samples() if self._leading() else ():
                family.add_metric(values, value)
            yield family
