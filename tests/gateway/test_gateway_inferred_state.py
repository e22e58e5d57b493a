"""A machine that gives nothing but its power: its state is learnt, told as inferred, and outlives a restart."""

import random
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
import pytest

from plantwright_api.wire.config import StateInference, StateModel
from plantwright_gateway.app.clock import Clock
from plantwright_gateway.app.inference import Inference
from plantwright_gateway.app.live import live
from plantwright_gateway.app.metrics import Metrics
from plantwright_gateway.ports.source import Sample
from plantwright_shopfloor.loads import LATHE, readings

S = 10**9
T0 = 1_760_000_000 * S
HOUR = 3600
STATE = StateModel(signal="power", values={}, infer=StateInference(), stop_alert_seconds=60)


class Hands:
    """A clock set by hand."""

    def __init__(self) -> None:
        self.now = T0

    def clock(self) -> Clock:
        return Clock(wall=lambda: self.now, mono=lambda: self.now)


@pytest.fixture(scope="module")
def learnt() -> bytes:
    """What a model knows after some hours of a lathe."""
    inference = Inference("power", 15, 0)
    for each in readings(LATHE, 5):
        if each.seconds > 11 * HOUR:
            break
        if each.seconds > 6 * HOUR:
            inference.model.observe(T0 + int((each.seconds - 12 * HOUR) * S), each.value)
    assert inference.now.word
    return inference.dump(T0)


@pytest.fixture
async def lathe(bench: Any, make_signal: Any, learnt: bytes) -> Any:
    """A gateway whose model has learnt, with its clock."""
    hands = Hands()
    bench.clock = hands.clock()
    bench.lathe = bench.machine(signals=[make_signal("number"), make_signal("power", field="temperature")], state=STATE)
    await bench.start(bench.lathe)
    bench.hands = hands
    return bench


async def run(bench: Any, seconds: int, power: float, eventually: Any) -> None:
    await eventually(lambda: bench.runtime.receiver is not None and bench.runtime.in_force)
    for place in range(seconds):
        bench.hands.now += S
        await bench.hand.give(Sample("power", power + 0.01 * (place % 4), bench.hands.now))


def changes(bench: Any) -> list[dict[str, Any]]:
    return [event["data"] for event in bench.mes.events if event["type"].endswith("change.v1")]


async def test_a_stop_is_told_as_inferred_dated_back_and_raises_the_alert(
    lathe: Any, learnt: bytes, eventually: Any
) -> None:
    await eventually(lambda: lathe.runtime.receiver is not None)
    lathe.runtime.receiver.inference.recall(learnt)
    await run(lathe, 20, 8.5, eventually)
    now = live(lathe.runtime)
    assert (now.state, now.inferred, now.trouble) == ("Production", True, "")
    assert now.confidence is not None
    assert now.confidence > 0.5
    stopped = lathe.hands.now + S
    await run(lathe, 40, 1.0, eventually)
    assert live(lathe.runtime).state == "Idle"
    series = figures(lathe)
    assert series["plantwright_machine_stopped_since_timestamp_seconds"] == pytest.approx(stopped / S, abs=2)
    assert series["plantwright_machine_stop_alert_seconds"] == 60
    assert 0 < series["plantwright_state_inferred_confidence"] <= 1
    await eventually(lambda: any(each["value"] == "Idle" for each in changes(lathe)))
    told = [each for each in changes(lathe) if each["value"] in ("Production", "Idle")]
    assert {each["origin"] for each in told} == {"Inferred"}
    assert [each["code"] for each in told] == ["Producing", "Idle"]
    seen = [event["data"] for event in lathe.mes.events if event["type"].endswith("observation.v1")]
    assert seen[-1]["context"]["stateInferred"] == "true"


CUT = (*[8.5] * 22, *[4.5] * 14)
"""A part of the lathe, by seconds."""
CHANGE = [1.15] * 6


@pytest.fixture(scope="module")
def settled() -> bytes:
    """What a model knows once it is clear which pause ends a cycle."""
    inference = Inference("power", 15, 0)
    for each in readings(LATHE, 5):
        if each.seconds > 6 * HOUR:
            inference.model.observe(T0 + int((each.seconds - 24 * HOUR) * S), each.value)
        if inference.model.tells_cycles:
            return inference.dump(T0)
    raise AssertionError


async def test_cycles_of_the_load_are_told_when_they_ended_and_counted_once(
    lathe: Any, settled: bytes, eventually: Any
) -> None:
    await eventually(lambda: lathe.runtime.receiver is not None and lathe.runtime.in_force)
    inference = lathe.runtime.receiver.inference
    inference.recall(settled)
    await run(lathe, 3, 1.0, eventually)
    ends = []
    for _ in range(6):
        for power in CUT:
            await run(lathe, 1, power, eventually)
        ends.append(lathe.hands.now / S + 1)
        for power in CHANGE:
            await run(lathe, 1, power, eventually)
    await run(lathe, 60, 1.0, eventually)
    series = figures(lathe)
    assert series["plantwright_load_cycles_total"] == 6
    assert series["plantwright_load_cycle_seconds"] == pytest.approx(42, abs=2)
    assert (live(lathe.runtime).cycles, live(lathe.runtime).cycle_seconds) == (6, pytest.approx(42, abs=2))
    assert live(lathe.runtime).job_good is None
    await eventually(lambda: len(cycles(lathe)) == 6)
    told = cycles(lathe)
    assert [at for at, _ in told] == [pytest.approx(end, abs=1) for end in ends], "the last one, before a stop, too"
    for _, data in told:
        assert data["cycles"] == 1
        assert data["context"]["stateInferred"] == "true"
        assert not {"good", "rejected", "reworked"} & data.keys()


async def test_cycles_are_not_told_before_they_are_clear(lathe: Any, learnt: bytes, eventually: Any) -> None:
    await eventually(lambda: lathe.runtime.receiver is not None and lathe.runtime.in_force)
    for power in (*CUT, *CHANGE) * 3:
        await run(lathe, 1, power, eventually)
    series = figures(lathe)
    assert series["plantwright_load_cycles_total"] == 0
    assert "plantwright_load_cycle_seconds" not in series
    assert live(lathe.runtime).cycle_seconds is None
    assert cycles(lathe) == []


def figures(bench: Any) -> dict[str, float]:
    lines = (line for line in Metrics(bench.gateway).render().decode().splitlines() if line[0] != "#")
    return {line.partition("{")[0]: float(line.rsplit(" ", 1)[1]) for line in lines}


def cycles(bench: Any) -> list[tuple[float, dict[str, Any]]]:
    """When, in s, and data of what the MES was told of cycles."""
    told = [event for event in bench.mes.events if event["type"].endswith("production.v1")]
    return [(datetime.fromisoformat(event["time"]).timestamp(), event["data"]) for event in told]


async def test_until_it_is_learnt_the_state_is_unknown_and_says_why(lathe: Any, eventually: Any) -> None:
    await run(lathe, 30, 8.5, eventually)
    now = live(lathe.runtime)
    assert (now.state, now.inferred, now.confidence) == ("Unknown", True, None)
    assert "learnt" in now.trouble
    text = Metrics(lathe.gateway).render().decode()
    assert "\nplantwright_machine_stopped_since_timestamp_seconds{" not in text


async def test_what_was_learnt_outlives_a_restart_and_a_new_configuration(
    lathe: Any, learnt: bytes, eventually: Any, make_signal: Any
) -> None:
    await eventually(lambda: lathe.runtime.receiver is not None)
    lathe.runtime.receiver.inference.recall(learnt)
    await run(lathe, 5, 8.5, eventually)
    levels = lathe.runtime.receiver.inference.model.levels
    assert levels is not None
    await lathe.stop()
    await lathe.start(lathe.lathe)
    await run(lathe, 5, 8.5, eventually)
    assert lathe.runtime.receiver.inference.model.levels == levels
    slower = msgspec.structs.replace(STATE, infer=StateInference(shortest_stop_seconds=30))
    await lathe.reload(msgspec.structs.replace(lathe.lathe, state=slower))
    inference = lathe.runtime.receiver.inference
    assert inference.model.levels == levels
    assert inference.model.shortest_stop == 30


async def test_silence_of_a_machine_that_is_there_goes_on_as_it_was(lathe: Any, learnt: bytes, eventually: Any) -> None:
    """A source that tells changes only: the power falls and stays where it is."""
    await eventually(lambda: lathe.runtime.receiver is not None)
    lathe.runtime.receiver.inference.recall(learnt)
    await run(lathe, 20, 8.5, eventually)
    lathe.hands.now += S
    await lathe.hand.give(Sample("power", 1.0, lathe.hands.now))
    for _ in range(40):
        lathe.hands.now += S
        lathe.runtime.receiver.alive(lathe.hands.now)
        await lathe.runtime.receiver.settle()
    assert live(lathe.runtime).state == "Idle"


@pytest.mark.slow
@pytest.mark.row("C10")
async def test_a_stuck_signal_becomes_unknown_and_says_why(lathe: Any, learnt: bytes, eventually: Any) -> None:
    await eventually(lambda: lathe.runtime.receiver is not None)
    lathe.runtime.receiver.inference.recall(learnt)
    await run(lathe, 20, 8.5, eventually)
    assert live(lathe.runtime).state == "Production"
    await feed(lathe, [8.5] * 1800)
    await unknown(lathe, "has not changed at all")


@pytest.mark.slow
@pytest.mark.row("C11")
async def test_noise_is_unknown_and_says_why(lathe: Any, eventually: Any) -> None:
    chance = random.Random(3)
    await eventually(lambda: lathe.runtime.receiver is not None)
    await feed(lathe, [chance.uniform(0, 20) for _ in range(20_000)])
    await unknown(lathe, "noise")
    states = {each["value"] for each in changes(lathe) if each["of"] == "State"}
    assert states == {"Unknown"}, "it was never said to do anything"


async def feed(bench: Any, values: Sequence[float]) -> None:
    """A reading a second, a minute at a time."""
    for begin in range(0, len(values), 60):
        batch = values[begin : begin + 60]
        samples = [Sample("power", value, bench.hands.now + (place + 1) * S) for place, value in enumerate(batch)]
        bench.hands.now += len(batch) * S
        await bench.hand.give(*samples)


async def unknown(bench: Any, words: str) -> None:
    """The state is Unknown on the board, with a reason, no confidence and no stop of which to alert."""
    now = live(bench.runtime)
    assert (now.state, now.inferred, now.confidence) == ("Unknown", True, None)
    assert words in now.trouble
    text = Metrics(bench.gateway).render().decode()
    assert "\nplantwright_machine_stopped_since_timestamp_seconds{" not in text
    [confidence] = [line for line in text.splitlines() if line.startswith("plantwright_state_inferred_confidence{")]
    assert confidence.endswith(" 0.0")


def test_what_is_kept_of_another_signal_is_not_taken_up(learnt: bytes) -> None:
    other = Inference("current", 15, 0)
    for kept in (learnt, None, b"{", b"[]", b'{"signal":"current","model":3}'):
        other.recall(kept)
        assert other.model.levels is None
