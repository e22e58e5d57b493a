"""Changes while it runs: only what depends on a change is touched, and nothing is lost."""

from typing import Any

import pytest

from plantwright_api.wire.config import Asset, Buffer, Contract, ContractField, HttpSink, Shift
from plantwright_api.wire.config import Calendar as WorkTime
from plantwright_gateway.ports.source import Sample

T0 = 1_760_000_000_000_000_000


async def test_another_signal_list_restarts_the_source_alone(bench: Any, make_signal: Any) -> None:
    await bench.start()
    await bench.hand.give(Sample("number", 1, T0))
    epoch, deliveries = bench.runtime.buffer.stats.epoch, bench.runtime.deliveries.current()
    await bench.reload(bench.machine(signals=[make_signal("number")]))
    await bench.hand.give(Sample("number", 2, T0 + 1))
    await bench.mes.until(lambda: bench.mes.values("number") == [1, 2])
    assert bench.hand.starts == [["number", "temperature"], ["number"]]
    assert bench.runtime.buffer.stats.epoch == epoch
    assert bench.runtime.deliveries.current() == deliveries
    kinds = [event["type"].split(".")[2] for event in bench.mes.events]
    assert kinds == ["configuration", "observation", "configuration", "observation"]
    assert bench.mes.of("configuration")[1]["config"] == bench.mes.of("observation")[1]["config"]


async def test_another_contract_holds_from_its_configuration_on(bench: Any) -> None:
    await bench.start()
    await bench.hand.give(Sample("number", 1, T0), Sample("temperature", 60.0, T0))
    fields = [
        ContractField(name="number", type="Integer"),
        ContractField(name="temperature", type="Number", maximum=50.0),
    ]
    await bench.reload(bench.machine(contracts=[Contract(name="machine-state", version="2.0.0", fields=fields)]))
    await bench.hand.give(Sample("number", 2, T0 + 1), Sample("temperature", 60.0, T0 + 1))
    await bench.mes.until(lambda: len(bench.mes.of("observation")) == 2)
    before, after = bench.mes.of("observation")
    assert (before["contractVersion"], before.get("flags")) == ("1.0.0", None)
    assert (after["contractVersion"], after["flags"]) == ("2.0.0", {"temperature": "OutOfRange"})
    assert len(bench.hand.starts) == 2


async def test_asset_and_calendar_restart_nothing(bench: Any) -> None:
    await bench.start()
    await bench.hand.running()
    shifts = [Shift(name="always", weekdays=list(range(7)), start_minute=0, end_minute=0)]
    await bench.reload(bench.machine(asset=Asset(asset_id="A-7"), calendar=WorkTime(shifts=shifts)))
    await bench.hand.give(Sample("number", 1, T0))
    await bench.mes.until(lambda: bench.mes.values("number"))
    assert bench.mes.of("observation")[0]["context"] == {"assetId": "A-7", "contextTime": "Gateway", "shift": "always"}
    assert len(bench.hand.starts) == 1


async def test_another_sink_gets_what_is_left_and_the_source_goes_on(bench: Any) -> None:
    away = HttpSink(name="mes", url="http://127.0.0.1:9/v1/events")
    await bench.start(bench.machine(sinks=[away]))
    await bench.hand.give(Sample("number", 1, T0))
    await bench.reload(bench.machine(sinks=[HttpSink(name="new", url=bench.mes.url)]))
    await bench.hand.give(Sample("number", 2, T0 + 1))
    await bench.mes.until(lambda: bench.mes.values("number") == [1, 2])
    assert len(bench.hand.starts) == 1
    assert [sink.name for sink in bench.runtime.status().sinks] == ["new"]


async def test_a_bad_configuration_leaves_the_old_one_running(bench: Any, make_signal: Any, pack: Any) -> None:
    gateway = await bench.start()
    await bench.hand.give(Sample("number", 1, T0))
    in_force = gateway.config_hash
    bad = {
        "unknown field": pack(bench.machine(signals=[make_signal("speed")])),
        "time zone": pack(bench.machine(calendar=WorkTime(time_zone="Mars/Olympus"))),
        "sink URL": pack(bench.machine(sinks=[HttpSink(name="m", url="ftp://x")])),
        "two machines": pack(bench.machine(), bench.machine()),
        "no JSON": b"{",
        "other schema": b'{"machines": [], "schema": 2}',
        "no text": b"\xff\xfe",
    }
    for name, content in bad.items():
        await gateway.apply(content)
        assert gateway.status().config_error, name
        assert gateway.config_hash == in_force, name
    await bench.hand.give(Sample("number", 2, T0 + 1))
    await bench.mes.until(lambda: bench.mes.values("number") == [1, 2])
    assert len(bench.hand.starts) == 1
    assert gateway.not_ready() == ""
    await bench.reload(bench.machine(asset=Asset(asset_id="A-7")))
    assert gateway.status().config_error == ""


async def test_several_machines_share_a_process_and_come_and_go_alone(bench: Any) -> None:
    def second() -> Any:
        buffer = Buffer(path=str(bench.folder / "second.db"), max_bytes=2**22)
        return bench.machine(uid="second-uid", name="lathe-08", buffer=buffer)

    gateway = await bench.start(bench.machine(), second())
    await bench.mes.until(lambda: len(bench.mes.of("configuration")) == 2)
    assert {event["gatewayuid"] for event in bench.mes.events} == {"machine-uid", "second-uid"}
    assert [machine.name for machine in gateway.status().machines] == ["lathe-07", "lathe-08"]
    await bench.reload(second())
    assert [machine.name for machine in gateway.status().machines] == ["lathe-08"]
    assert bench.hand.stops == 1


@pytest.mark.slow
async def test_an_uncommitted_machine_makes_nothing_unready(bench: Any) -> None:
    gateway = await bench.start(bench.machine(sinks=[HttpSink(name="mes", url="http://127.0.0.1:9/")]))
    receiver = await bench.hand.running()
    receiver.connection("False", "Unreachable", "nobody there")
    assert gateway.not_ready() == ""
    assert gateway.alive
    assert bench.condition("Connected") == ("False", "Unreachable")
    assert bench.condition("DataFresh") == ("False", "NotConnected")


async def test_a_buffer_that_cannot_be_written_makes_the_gateway_unready_and_heals(bench: Any) -> None:
    blocker = bench.folder / "volume"
    blocker.write_text("in the way")
    buffer = Buffer(path=str(blocker / "m.db"), max_bytes=2**22, durable=False)
    gateway = await bench.start(bench.machine(buffer=buffer))
    await bench.mes.until(lambda: "buffer m.db" in gateway.not_ready())
    assert bench.condition("Buffered")[0] in ("False", "Unknown")
    assert bench.condition("Durable") == ("False", "EmptyDir")
    assert gateway.config_hash == ""
    blocker.unlink()
    await bench.hand.give(Sample("number", 1, T0))
    await bench.mes.until(lambda: bench.mes.values("number") == [1])
    assert gateway.not_ready() == ""
