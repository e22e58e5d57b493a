"""What a machine did while its state was being learnt reaches the MES afterwards, with the times at which it was so."""

from datetime import datetime
from typing import Any

import pytest

from plantwright_api.wire.config import StateInference, StateModel
from plantwright_gateway.app.clock import Clock
from plantwright_gateway.ports.source import Sample

S = 10**9
T0 = 1_760_000_000 * S
STOPS = ((10, 11), (18, 26), (34, 36), (45, 57), (70, 73), (85, 105), (120, 127), (130, 135))
"""Minutes from and to; no two of a length, so none is the cycle's."""
STATE = StateModel(signal="power", values={}, infer=StateInference())


@pytest.mark.slow
async def test_what_was_so_while_it_learnt_is_told_with_its_own_times(
    bench: Any, make_signal: Any, eventually: Any
) -> None:
    now = [T0]
    bench.clock = Clock(wall=lambda: now[0], mono=lambda: now[0])
    machine = bench.machine(signals=[make_signal("number"), make_signal("power", field="temperature")], state=STATE)
    await bench.start(machine)
    await eventually(lambda: bench.runtime.receiver is not None and bench.runtime.in_force)
    for minute in range(150):
        level = 1.0 if any(start <= minute < end for start, end in STOPS) else 8.5
        batch = [Sample("power", level + 0.01 * (each % 4), now[0] + (each + 1) * S) for each in range(60)]
        now[0] += 60 * S
        await bench.hand.give(*batch)
    await eventually(lambda: any(value != "Unknown" for _, value, _ in states(bench)))
    told = [each for each in states(bench) if each[1] != "Unknown"]
    assert {origin for _, _, origin in told} == {"Inferred"}
    expected = [(0, "Production")]
    for start, end in STOPS[:4]:
        expected += [(start * 60, "Idle"), (end * 60, "Production")]
    assert [(round(at / 60) * 60, value) for at, value, _ in told[: len(expected)]] == expected


def states(bench: Any) -> list[tuple[float, str, str]]:
    """Seconds from the beginning, value and origin of each change of state, as the MES has them."""
    found = []
    for event in bench.mes.events:
        if event["type"].endswith("change.v1") and event["data"]["of"] == "State":
            at = datetime.fromisoformat(event["time"]).timestamp() - T0 / S
            found.append((at, event["data"]["value"], event["data"]["origin"]))
    return found
