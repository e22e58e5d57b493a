"""Buffered says how long the buffer lasts, in words that seldom change; Prometheus hears it in seconds."""

import math
from typing import Any

import pytest

from plantwright_gateway.app.facts import Connection, Facts, SinkFacts, conditions
from plantwright_gateway.app.metrics import Metrics
from plantwright_gateway.buffer.records import Stats
from plantwright_gateway.ports.source import Sample

AWAY = SinkFacts("mes", "connection refused", 60.0, False)
T0 = 1_760_000_000_000_000_000


def buffered(seconds: float, used: int = 10, sinks: tuple[SinkFacts, ...] = ()) -> tuple[str, str, str]:
    stats = Stats(used_bytes=used, max_bytes=100, writable=True)
    facts = Facts(
        now_ns=0,
        connection=Connection(),
        alive_ns=None,
        contracts=(),
        fields=(),
        buffer=stats,
        durable=True,
        sinks=sinks,
        seconds_to_overflow=seconds,
    )
    found = next(each for each in conditions(facts) if each.type == "Buffered")
    return found.status, found.reason, found.message


HOUR = "at this pace the buffer is full within an hour"
CASES = {
    "room": ((math.inf,), ("True", "RoomLeft", "")),
    "an MES that is too slow": ((3000.0,), ("True", "RoomLeft", HOUR)),
    "an MES that is away": ((3000.0, 10, (AWAY,)), ("True", "MesUnreachable", f"mes: connection refused; {HOUR}")),
    "away, and days of room": ((9e5, 10, (AWAY,)), ("True", "MesUnreachable", "mes: connection refused")),
    "nearly full": ((3000.0, 95), ("False", "NearlyFull", HOUR)),
    "full": ((0.0, 100, (AWAY,)), ("False", "Full", "mes: connection refused")),
}


@pytest.mark.parametrize("case", CASES)
def test_the_condition_says_how_long_it_lasts(case: str) -> None:
    given, told = CASES[case]
    assert buffered(*given) == told


async def test_a_buffer_that_does_not_grow_is_told_as_endless(bench: Any) -> None:
    gateway = await bench.start(bench.machine())
    await bench.hand.running()
    await bench.hand.give(Sample("number", 1, T0))
    lines = Metrics(gateway).render().decode().splitlines()
    (value,) = [line.split()[-1] for line in lines if line.startswith("plantwright_buffer_seconds_to_overflow{")]
    assert value == "+Inf"
