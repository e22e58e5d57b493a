"""Values kept out of the stream come into it once what was wrong has been mended and somebody asks: each once, none lost."""

from typing import Any

import aiohttp
import pytest

from plantwright_api.wire import quarantine
from plantwright_api.wire.config import Calendar as WorkTime
from plantwright_api.wire.config import Contract, ContractField, CrossFieldRule, Shift
from plantwright_gateway.app.server import serve
from plantwright_gateway.ports.source import Sample

T0 = 1_760_000_000_000_000_000
SECOND = 1_000_000_000
WRONG = [Sample("number", 1.5, T0), Sample("number", 2.5, T0 + SECOND), Sample("number", 7, T0 + 2 * SECOND)]


def contract(version: str = "1.1.0", number: str = "Number", **more: Any) -> list[Contract]:
    temperature = {"name": "temperature", "type": "Number", **more.pop("temperature", {})}
    fields = [ContractField(name="number", type=number, **more), ContractField(**temperature)]  # type: ignore[arg-type]
    return [Contract(name="machine-state", version=version, fields=fields)]


async def held(bench: Any, number: int) -> None:
    await bench.mes.until(lambda: bench.runtime.status().quarantine.held == number)


async def done(bench: Any, request: str) -> Any:
    def replayed() -> bool:
        replay = bench.runtime.status().quarantine.replay
        return replay is not None and replay.done and replay.request == request

    await bench.mes.until(replayed)
    return bench.runtime.status().quarantine.replay


async def test_mended_values_are_delivered_once_with_their_own_time(bench: Any) -> None:
    await bench.start()
    await bench.hand.give(*WRONG)
    await held(bench, 2)
    shifts = [Shift(name="always", weekdays=list(range(7)), start_minute=0, end_minute=0)]
    mended = bench.machine(contracts=contract(), replay="once", calendar=WorkTime(shifts=shifts))
    await bench.reload(mended)
    replay = await done(bench, "once")
    assert (replay.released, replay.kept) == (2, {})
    await bench.mes.until(lambda: len(bench.mes.of("observation")) == 3)
    late = [event for event in bench.mes.events if event["data"].get("replayed")]
    assert [event["data"]["fields"] for event in late] == [{"number": 1.5}, {"number": 2.5}]
    assert [event["time"] for event in late] == ["2025-10-09T08:53:20.000000Z", "2025-10-09T08:53:21.000000Z"]
    assert {event["data"]["contractVersion"] for event in late} == {"1.1.0"}
    assert late[0]["data"]["context"] == {"contextTime": "Gateway", "shift": "always"}
    assert len(bench.mes.of("quarantine")) == 2
    assert bench.runtime.status().quarantine.held == 0


async def test_what_is_not_mended_stays_with_its_reason_and_is_asked_again_only_on_request(bench: Any) -> None:
    await bench.start()
    await bench.hand.give(*WRONG)
    await held(bench, 2)
    await bench.reload(bench.machine(replay="first"))
    replay = await done(bench, "first")
    assert (replay.released, replay.kept) == (0, {"WrongType": 2})
    await bench.reload(bench.machine(contracts=contract(), replay="first"))
    await bench.hand.give(Sample("number", 8, T0 + 3 * SECOND))
    await bench.mes.until(lambda: bench.mes.values("number") == [7, 8])
    assert bench.runtime.status().quarantine.held == 2
    await bench.reload(bench.machine(contracts=contract(), replay="second"))
    assert (await done(bench, "second")).released == 2
    await bench.mes.until(lambda: sorted(bench.mes.values("number")) == [1.5, 2.5, 7, 8])


async def test_a_new_reason_replaces_the_old_one(bench: Any) -> None:
    await bench.start()
    await bench.hand.give(*WRONG)
    narrower = contract(maximum=2.0, on_violation="Quarantine")
    await bench.reload(bench.machine(contracts=narrower, replay="once"))
    replay = await done(bench, "once")
    assert (replay.released, replay.kept) == (1, {"OutOfRange": 1})
    kinds, newest = await bench.runtime.buffer.newest_held(10)
    assert [(kind.reason, kind.number) for kind in kinds] == [("OutOfRange", 1)]
    assert [each.value for each in newest] == ["2.5"]


@pytest.mark.parametrize(
    ("before", "after", "released", "kept"),
    [
        (  # what a value's neighbours said is not known any more: it stays while the contract keeps such values out
            {"max_change_per_second": 1.0, "on_violation": "Quarantine"},
            {"max_change_per_second": 5.0, "on_violation": "Quarantine"},
            0,
            {"ChangesTooFast": 1},
        ),
        (
            {"max_change_per_second": 1.0, "on_violation": "Quarantine"},
            {"max_change_per_second": 1.0, "on_violation": "Flag"},
            1,
            {},
        ),
        ({"max_change_per_second": 1.0, "on_violation": "Quarantine"}, {}, 1, {}),
    ],
)
async def test_a_rate_of_change_is_not_judged_from_half_a_story(
    bench: Any, before: dict[str, Any], after: dict[str, Any], released: int, kept: dict[str, int]
) -> None:
    await bench.start(bench.machine(contracts=contract(**before)))
    await bench.hand.give(Sample("number", 1.0, T0), Sample("number", 100.0, T0 + SECOND))
    await held(bench, 1)
    await bench.reload(bench.machine(contracts=contract(**after), replay="once"))
    replay = await done(bench, "once")
    assert (replay.released, replay.kept) == (released, kept)


async def test_a_rule_over_fields_keeps_its_values_until_it_goes(bench: Any) -> None:
    rule = CrossFieldRule(name="warm", expression="number < temperature", on_violation="Quarantine")

    def ruled(*rules: CrossFieldRule) -> list[Contract]:
        (plain,) = contract()
        return [Contract(name=plain.name, version=plain.version, fields=plain.fields, rules=list(rules))]

    await bench.start(bench.machine(contracts=ruled(rule)))
    await bench.hand.give(Sample("number", 9.0, T0), Sample("temperature", 5.0, T0))
    await held(bench, 2)
    await bench.reload(bench.machine(contracts=ruled(rule), replay="first"))
    assert (await done(bench, "first")).kept == {"RuleViolated:warm": 2}
    await bench.reload(bench.machine(contracts=ruled(), replay="second"))
    assert (await done(bench, "second")).released == 2
    await bench.mes.until(lambda: bench.mes.of("observation"))
    assert [each["fields"] for each in bench.mes.of("observation")] == [{"number": 9.0, "temperature": 5.0}]


async def test_blocked_values_follow_the_value_that_blocked_them(bench: Any) -> None:
    blocking = contract(number="Integer", actions={"Type": "Block"})
    await bench.start(bench.machine(contracts=blocking))
    await bench.hand.give(Sample("number", 1.5, T0), Sample("temperature", 20.0, T0))
    await bench.hand.give(Sample("temperature", 21.0, T0 + SECOND))
    await held(bench, 3)
    await bench.reload(bench.machine(contracts=blocking, replay="first"))
    assert (await done(bench, "first")).kept == {"WrongType": 1, "Blocked": 2}
    await bench.reload(bench.machine(contracts=contract(), replay="second"))
    assert (await done(bench, "second")).released == 3
    await bench.mes.until(lambda: len(bench.mes.of("observation")) == 2)
    assert [each["fields"] for each in bench.mes.of("observation")] == [
        {"number": 1.5, "temperature": 20.0},
        {"temperature": 21.0},
    ]


async def test_many_values_go_in_several_transactions(bench: Any) -> None:
    await bench.start()
    for first in range(0, 1000, 100):
        await bench.hand.give(*(Sample("number", n + 0.5, T0 + n) for n in range(first, first + 100)))
    await held(bench, 1000)
    await bench.reload(bench.machine(contracts=contract(), replay="once"))
    assert (await done(bench, "once")).released == 1000
    await bench.mes.until(lambda: len(bench.mes.of("observation")) == 1000)
    assert bench.mes.values("number") == [n + 0.5 for n in range(1000)]


async def test_what_could_not_be_kept_and_what_no_signal_fills_any_more_is_told_apart(
    bench: Any, make_signal: Any
) -> None:
    await bench.start()
    await bench.hand.give(
        Sample("number", "x" * 70_000, T0),
        Sample("number", None, T0 + 1, "Bad", "WrongType"),
        Sample("temperature", "?", T0),
    )
    await held(bench, 3)
    await bench.reload(bench.machine(signals=[make_signal("number")], replay="once"))
    replay = await done(bench, "once")
    assert (replay.released, replay.kept) == (0, {"NotKept": 2, "NoSignal": 1})
    kinds, _ = await bench.runtime.buffer.newest_held(10)
    assert {kind.reason for kind in kinds} == {"TooLong", "WrongType"}


async def test_a_restart_neither_forgets_a_replay_nor_does_it_again(bench: Any) -> None:
    await bench.start()
    await bench.hand.give(*WRONG)
    mended = bench.machine(contracts=contract(), replay="once")
    await bench.reload(mended)
    await done(bench, "once")
    await bench.stop()
    await bench.start(mended)
    assert (await done(bench, "once")).released == 2
    await bench.hand.give(Sample("number", "late", T0 + 9))
    await held(bench, 1)
    assert bench.runtime.status().quarantine.replay.kept == {}
    assert len([event for event in bench.mes.events if event["data"].get("replayed")]) == 2


async def test_the_page_shows_what_is_held(bench: Any) -> None:
    gateway = await bench.start()
    await bench.hand.give(*WRONG)
    await held(bench, 2)
    server, port = await serve(gateway, 0)
    try:
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/quarantine") as response:
            shown = quarantine.decode(await response.read())
    finally:
        await server.cleanup()
    (machine,) = shown.machines
    (kind,) = machine.kinds
    assert (machine.held, machine.dropped) == (2, 0)
    assert (kind.contract, kind.contract_version, kind.field, kind.reason) == (
        "machine-state",
        "1.0.0",
        "number",
        "WrongType",
    )
    assert (kind.count, kind.replayable, kind.first_time, kind.last_time) == (
        2,
        2,
        "2025-10-09T08:53:20.000000Z",
        "2025-10-09T08:53:21.000000Z",
    )
    assert [(value.value, value.signal) for value in machine.newest] == [("2.5", "number"), ("1.5", "number")]
