"""Why a machine stood, in the gateway's metrics: by its own signal, and by what the MES says."""

import time
from collections.abc import Callable
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from plantwright_api.wire.config import Context, ContextSignals, StateModel
from plantwright_gateway.app.metrics import Metrics
from plantwright_gateway.ports.source import Sample

SECOND = 1_000_000_000
STATES = StateModel(signal="state", values={"run": "Production", "stop": "Delay"})


def stopped(bench: Any) -> dict[str, float]:
    text = Metrics(bench.gateway).render().decode()
    return {
        sample.labels["reason"]: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "plantwright_machine_stopped_seconds_total"
    }


async def test_a_stop_counts_under_the_reason_that_the_machine_gives(
    bench: Any, make_signal: Callable[..., Any], eventually: Callable[..., Any]
) -> None:
    told = Context(signals=ContextSignals(reason="number"))
    signals = [make_signal("state"), make_signal("number")]
    await bench.start(bench.machine(signals=signals, state=STATES, context=told))
    begun = time.time_ns()
    await bench.hand.give(Sample("state", "stop", begun))
    await eventually(lambda: stopped(bench)["none"] > 0.3)
    await bench.hand.give(Sample("number", 17, time.time_ns()))
    unexplained = stopped(bench)["none"]
    await eventually(lambda: stopped(bench).get("17", 0.0) > 0.3)
    await bench.hand.give(Sample("state", "run", time.time_ns()))
    whole = (time.time_ns() - begun) / SECOND
    found = stopped(bench)
    assert found["none"] == unexplained, "what has passed stays as it was"
    assert sum(found.values()) <= whole
    assert sum(found.values()) > whole - 0.3


async def test_a_machine_that_never_stood_has_the_series_of_stops_without_a_reason(
    bench: Any, make_signal: Callable[..., Any]
) -> None:
    await bench.start(bench.machine(signals=[make_signal("state")], state=STATES))
    await bench.hand.give(Sample("state", "run", time.time_ns()))
    assert stopped(bench) == {"none": 0.0}
