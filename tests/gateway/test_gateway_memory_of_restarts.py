"""What survives a restart: counters, their baselines, the last observation; and what the gap between means."""

from typing import Any

import pytest

from plantwright_api.wire.config import PartCounters, StateModel
from plantwright_gateway.app.clock import Clock
from plantwright_gateway.app.metrics import Metrics
from plantwright_gateway.ports.source import Sample

S = 10**9
T0 = 1_760_000_000 * S


class Hands:
    """A clock set by hand."""

    def __init__(self) -> None:
        self.now = T0

    def clock(self) -> Clock:
        return Clock(wall=lambda: self.now, mono=lambda: self.now)


@pytest.fixture
def clock(bench: Any) -> Hands:
    hands = Hands()
    bench.clock = hands.clock()
    return hands


def lathe(bench: Any, make_signal: Any) -> Any:
    return bench.machine(
        signals=[make_signal("number"), make_signal("state", values={"1": "run", "2": "stop"}), make_signal("good"), make_signal("bad")],
        state=StateModel(signal="state", values={"run": "Production", "stop": "Delay"}),
        parts=PartCounters(good="good", rejected="bad", rollover=65536, planned_run_time_per_item_seconds=2.5),
    )  # fmt: skip


def metrics(bench: Any) -> dict[str, float]:
    lines = Metrics(bench.gateway).render().decode().splitlines()
    found = {}
    for line in lines:
        if not line.startswith("#"):
            series, value = line.rsplit(" ", 1)
            labels = [
                part for part in series.partition("{")[2].rstrip("}").split(",") if part.split("=")[0] not in PLACE
            ]
            found["".join([series.partition("{")[0], *sorted(labels)])] = float(value)
    return found


PLACE = {"plant", "area", "line", "machine", ""}


async def read(bench: Any, state: int, good: int, bad: int, now: int) -> None:
    await bench.hand.give(
        Sample("state", state, now), Sample("good", good, now), Sample("bad", bad, now), Sample("number", 1, now)
    )


async def test_counters_go_on_after_a_restart_and_the_time_between_is_unknown(
    bench: Any, make_signal: Any, clock: Hands
) -> None:
    await bench.start(lathe(bench, make_signal))
    await read(bench, 1, 65_530, 7, clock.now)
    clock.now += 20 * S
    await read(bench, 2, 65_534, 8, clock.now)
    clock.now += 10 * S
    await bench.stop()
    clock.now += 3600 * S
    await bench.start(lathe(bench, make_signal))
    receiver = await bench.hand.running()
    assert receiver.last_observed_ns() == T0 + 20 * S
    await read(bench, 1, 2, 9, clock.now)
    clock.now += 5 * S
    found = metrics(bench)
    assert found["plantwright_good_parts_total"] == 4 + 4
    assert found["plantwright_rejected_parts_total"] == 2
    assert found["plantwright_planned_production_seconds_total"] == 25.0
    assert found['plantwright_machine_state_seconds_totalplanned="true"state="Production"'] == 25
    assert found['plantwright_machine_state_seconds_totalplanned="true"state="Delay"'] == 10
    assert found['plantwright_machine_state_seconds_totalplanned="true"state="Unknown"'] == 3600
    assert found["plantwright_planned_busy_seconds_total"] == 35
    assert found["plantwright_planned_seconds_total"] == 3635


async def test_a_lost_session_is_unknown_time(bench: Any, make_signal: Any, clock: Hands) -> None:
    await bench.start(lathe(bench, make_signal))
    await read(bench, 1, 0, 0, clock.now)
    receiver = await bench.hand.running()
    clock.now += 10 * S
    receiver.connection("False", "Unreachable")
    clock.now += 100 * S
    found = metrics(bench)
    assert found['plantwright_machine_state_seconds_totalplanned="true"state="Production"'] == 10
    assert found['plantwright_machine_state_seconds_totalplanned="true"state="Unknown"'] == 100
    assert found["plantwright_source_connected"] == 0


async def test_idle_is_fresh_and_frozen_is_not(bench: Any, make_signal: Any, clock: Hands) -> None:
    await bench.start(lathe(bench, make_signal))
    await read(bench, 1, 0, 0, clock.now)
    receiver = await bench.hand.running()
    clock.now += 25 * S
    receiver.alive(clock.now)
    clock.now += 25 * S
    assert bench.condition("DataFresh") == ("True", "Flowing")
    assert bench.condition("ContractMet") == ("True", "AllFieldsValid")
    clock.now += 25 * S
    assert bench.condition("Connected") == ("True", "SessionUp")
    assert bench.condition("DataFresh") == ("False", "Stale")
    assert bench.condition("ContractMet") == ("False", "RequiredMissing")


async def test_an_address_that_cannot_be_read_is_told_and_cleared(bench: Any, make_signal: Any, clock: Hands) -> None:
    await bench.start(lathe(bench, make_signal))
    await read(bench, 1, 0, 0, clock.now)
    receiver = await bench.hand.running()
    receiver.signal_problem("number", "SignalUnreadable", "BadNodeIdUnknown")
    assert bench.condition("ContractMet") == ("False", "SignalUnreadable")
    receiver.signal_problem("number", "", "")
    assert bench.condition("ContractMet") == ("True", "AllFieldsValid")


async def test_context_tells_the_state_and_bad_values_are_delivered_as_null(
    bench: Any, make_signal: Any, clock: Hands
) -> None:
    await bench.start(lathe(bench, make_signal))
    await bench.hand.give(Sample("state", 1, T0), Sample("good", None, T0, "Bad", "SignalUnreadable"))
    await bench.mes.until(lambda: bench.mes.of("observation"))
    [data] = bench.mes.of("observation")
    assert data["fields"] == {"state": "run", "good": None}
    assert data["quality"] == {"good": "Bad"}
    assert data["flags"] == {"good": "SignalUnreadable"}
    assert data["context"] == {"state": "Production"}
    await bench.hand.give(Sample("state", None, T0 + 1, "Bad", "SignalUnreadable"))
    await bench.mes.until(lambda: len(bench.mes.of("observation")) == 2)
    assert bench.mes.of("observation")[1]["context"] == {"state": "Unknown"}
    await bench.mes.until(lambda: bench.runtime.status().sinks[0].backlog == 0)
    assert bench.runtime.status().first_stored_time is None, "nothing that was stored met its contract"


async def test_every_documented_metric_exists_and_every_metric_is_documented(bench: Any, make_signal: Any) -> None:
    from pathlib import Path

    await bench.start(lathe(bench, make_signal))
    await read(bench, 1, 0, 0, T0)
    await bench.hand.give(Sample("good", float("nan"), T0 + 1), Sample("number", 2, T0 + 1))
    text = (Path(__file__).parents[2] / "docs" / "reference" / "metrics.md").read_text()
    text = text.partition("\n# Metrics of the operator\n")[0]
    documented = {word.strip("`").partition("{")[0] for word in text.split() if word.startswith("`plantwright_")}
    types = [
        line.split()[2]
        for line in Metrics(bench.gateway).render().decode().splitlines()
        if line.startswith("# TYPE plantwright")
    ]
    assert documented == set(types)
