"""What a board tells Prometheus of itself, made at the moment of the scrape. docs/reference/metrics.md explains each."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4
PLANT: Final = ("plant",)
"""Label of every metric: a board is of one plant."""
Values = Mapping[str, Mapping[str, float]]
"""By family, by value of its own label; "" where it has none."""
GAUGES: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "plantwright_board_viewers": ("Viewers that are told what changes.", ()),
    "plantwright_board_max_viewers": ("Viewers that there may be at a time.", ()),
    "plantwright_board_machines": ("Machines that are shown, by whether their gateways are heard.", ("heard",)),
    "plantwright_board_gateways": ("Gateways that are followed, by whether they are connected.", ("connected",)),
}
COUNTERS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "plantwright_board_received_events": ("Events that gateways told.", ()),
    "plantwright_board_unreadable_events": ("Events of gateways that could not be read and were passed over.", ()),
    "plantwright_board_sent_events": ("Events that viewers took.", ()),
    "plantwright_board_skipped_updates": ("Updates that slow viewers were told together with a later one.", ()),
    "plantwright_board_refused_viewers": ("Viewers that were sent away because there were too many.", ()),
    "plantwright_board_dropped_viewers": ("Viewers that were let go because they took nothing.", ()),
}
_FAMILIES: Final = ((GaugeMetricFamily, GAUGES), (CounterMetricFamily, COUNTERS))


class Metrics(Collector):
    """Renders the metrics of a plant's board from a registry of its own; `read` gives the values of now."""

    def __init__(self, plant: str, read: Callable[[], Values]) -> None:
        self._plant, self._read = plant, read
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def render(self) -> bytes:
        """The text that Prometheus scrapes."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """All families."""
        values = self._read()
        for kind, families in _FAMILIES:
            for name, (text, labels) in families.items():
                family = kind(name, text, labels=PLANT + labels)
                for label, value in values[name].items():
                    family.add_metric((self._plant, label) if labels else (self._plant,), value)
                yield family
