"""The host's clock jumps: nothing is lost or reordered, no time of the machine's own is touched, no backlog expires."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from plantwright_api.wire.config import HttpSink, StateModel
from plantwright_gateway.app.clock import Clock
from plantwright_gateway.app.metrics import Metrics
from plantwright_gateway.context.kpi import busy_ns
from plantwright_gateway.ports.source import Sample

T0 = 1_760_000_000_000_000_000
HOUR = 3600 * 10**9
YEAR = 365 * 24 * HOUR
JUMPS = {"an hour on": HOUR, "an hour back": -HOUR, "ten years on": 10 * YEAR, "ten years back": -10 * YEAR}


class Jumping:
    """Wall time that somebody sets; monotonic time that nobody can."""

    def __init__(self) -> None:
        self.offset = 0

    def clock(self) -> Clock:
        return Clock(lambda: time.time_ns() + self.offset, time.monotonic_ns)


@pytest.mark.row("F7")
@pytest.mark.parametrize("jump", JUMPS.values(), ids=JUMPS)
async def test_a_jump_while_the_mes_is_away_loses_nothing(
    bench: Any, make_signal: Any, measured: Callable[[str], None], jump: int
) -> None:
    host = Jumping()
    bench.clock = host.clock()
    signals = [make_signal("number"), make_signal("state")]
    model = StateModel(signal="state", values={"run": "Production", "stop": "Idle"})
    away = bench.machine(signals=signals, state=model, sinks=[HttpSink(name="mes", url="http://127.0.0.1:9/v1/events")])
    await bench.start(away)
    for number in range(100):
        await bench.hand.give(Sample("number", number, T0 + number), Sample("state", "run", T0 + number))
        if number == 50:
            host.offset = jump
    await bench.reload(bench.machine(signals=signals, state=model))
    await bench.mes.until(lambda: len(bench.mes.values("number")) == 100)
    events = [event for event in bench.mes.events if event["type"].endswith("observation.v1")]
    assert bench.mes.values("number") == list(range(100))
    sequences = [int(event["sequence"]) for event in bench.mes.events]
    assert sequences == sorted(set(sequences))
    assert {event["time"][:26] for event in events} == {"2025-10-09T08:53:20.000000"}
    assert bench.mes.of("gap") == []
    assert bench.condition("DataFresh") == ("True", "Flowing"), "ages are measured with a clock that nobody sets"
    text = Metrics(bench.gateway).render().decode()
    (behind,) = [
        float(line.split()[-1]) for line in text.splitlines() if line.startswith("plantwright_source_time_behind")
    ]
    assert behind == pytest.approx((time.time_ns() + jump - T0) / 1e9, abs=60.0)
    known = busy_ns(bench.runtime.receiver.kpis.totals)
    assert 0 <= known < 60 * 10**9, "what was not observed is not Production"
    measured(f"100 of 100 stored in order, source times unchanged, {known / 1e9:.1f} s counted as known")


@pytest.mark.row("F7")
async def test_a_jump_over_a_restart_keeps_the_stream(bench: Any) -> None:
    host = Jumping()
    bench.clock = host.clock()
    await bench.start()
    await bench.hand.give(Sample("number", 1, T0))
    await bench.stop()
    host.offset = -10 * YEAR
    await bench.start()
    await bench.hand.give(Sample("number", 2, T0 + 1))
    await bench.mes.until(lambda: bench.mes.values("number") == [1, 2])
    assert len({event["epoch"] for event in bench.mes.events}) == 1
