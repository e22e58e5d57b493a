"""From a sample to the MES, in one process."""

import asyncio
import time
from typing import Any

from plantwright_gateway.ports.source import GapNotice, Sample

T0 = 1_760_000_000_000_000_000


async def test_the_first_value_reaches_the_mes_fast(bench: Any) -> None:
    await bench.start()
    await bench.hand.running()
    await bench.mes.until(lambda: bench.mes.of("configuration"))
    await asyncio.sleep(0.2)
    started = time.monotonic()
    await bench.hand.give(Sample("number", 7, T0), Sample("temperature", 21.5, T0))
    await bench.mes.until(lambda: bench.mes.values("number"))
    assert time.monotonic() - started < 0.5
    [event] = [event for event in bench.mes.events if event["type"].endswith("observation.v1")]
    assert event["data"]["fields"] == {"number": 7, "temperature": 21.5}
    assert event["source"] == "/acme/stuttgart/machining/line-1/lathe-07"
    assert event["subject"] == "machine-state"
    assert event["dataschema"] == "urn:plantwright:contract:machine-state:1.0.0"
    assert event["time"] == "2025-10-09T08:53:20.000000Z"
    assert event["gatewayuid"] == "machine-uid"
    assert event["id"] == f"{event['epoch']}-{int(event['sequence'])}"


async def test_the_configuration_in_force_is_a_record_before_its_values(bench: Any) -> None:
    gateway = await bench.start()
    await bench.hand.give(Sample("number", 1, T0))
    await bench.mes.until(lambda: bench.mes.values("number"))
    first = bench.mes.events[0]
    assert first["type"] == "io.plantwright.configuration.v1"
    assert first["data"]["config"] == gateway.config_hash
    assert bench.mes.of("observation")[0]["config"] == gateway.config_hash
    assert first["data"]["contracts"] == {"machine-state": "1.0.0"}
    await bench.stop()
    await bench.start()
    await bench.hand.give(Sample("number", 2, T0 + 1))
    await bench.mes.until(lambda: 2 in bench.mes.values("number"))
    assert len(bench.mes.of("configuration")) == 1, "the same configuration is not recorded again"


async def test_readable_but_wrong_is_delivered_flagged_and_uninterpretable_is_quarantined(bench: Any) -> None:
    await bench.start()
    await bench.hand.give(Sample("number", 1, T0), Sample("temperature", 95.0, T0))
    await bench.hand.give(Sample("number", 2, T0 + 1), Sample("temperature", float("nan"), T0 + 1))
    await bench.mes.until(lambda: len(bench.mes.of("observation")) == 2 and bench.mes.of("quarantine"))
    assert bench.mes.of("observation")[0]["flags"] == {"temperature": "OutOfRange"}
    assert bench.mes.of("observation")[1]["fields"] == {"number": 2}
    [kept_out] = bench.mes.of("quarantine")
    assert (kept_out["value"], kept_out["reason"], kept_out["signal"]) == ("nan", "NotANumber", "temperature")
    status = bench.runtime.status()
    assert (status.accepted, status.quarantined) == (3, 1)


async def test_a_gap_comes_before_the_values_after_it(bench: Any) -> None:
    await bench.start()
    await bench.hand.give(Sample("number", 1, T0), gaps=[GapNotice("NotConnected", T0 - 60 * 10**9, T0)])
    await bench.mes.until(lambda: bench.mes.values("number"))
    kinds = [event["type"].split(".")[2] for event in bench.mes.events]
    assert kinds == ["configuration", "gap", "observation"]
    assert bench.mes.of("gap")[0]["startTime"] == "2025-10-09T08:52:20.000000Z"


async def test_values_of_one_time_share_an_event_and_a_second_value_of_a_field_starts_another(bench: Any) -> None:
    await bench.start()
    samples = [Sample("number", 1, T0), Sample("number", 2, T0), Sample("temperature", 20.0, T0)]
    await bench.hand.give(*samples)
    await bench.mes.until(lambda: len(bench.mes.of("observation")) == 2)
    assert [data["fields"] for data in bench.mes.of("observation")] == [
        {"number": 1, "temperature": 20.0},
        {"number": 2},
    ]


async def test_conditions_follow_the_data(bench: Any) -> None:
    await bench.start()
    await bench.hand.running()
    assert bench.condition("Connected") == ("True", "SessionUp")
    assert bench.condition("DataFresh") == ("Unknown", "NoData")
    assert bench.condition("ContractMet") == ("Unknown", "NotYetChecked")
    await bench.hand.give(Sample("number", 1, T0))
    assert bench.condition("DataFresh") == ("True", "Flowing")
    assert bench.condition("ContractMet") == ("True", "AllFieldsValid")
    await bench.hand.give(Sample("number", "seven", T0 + 1))
    assert bench.condition("ContractMet") == ("False", "WrongType")
    await bench.mes.until(lambda: bench.runtime.status().first_stored_time)
    assert bench.condition("Buffered") == ("True", "RoomLeft")
    assert bench.condition("Durable") == ("True", "PersistentVolumeClaim")


async def test_a_failing_source_is_counted_told_and_run_again(bench: Any, capsys: Any) -> None:
    bench.hand.failures.append(RuntimeError("broken adapter"))
    await bench.start()
    await bench.mes.until(lambda: bench.gateway and bench.runtime.source and bench.runtime.source.errors == 1)
    assert bench.condition("Connected") == ("False", "ProtocolError")
    await bench.hand.give(Sample("number", 1, T0))
    assert bench.condition("Connected") == ("True", "SessionUp")
