"""A ModbusSource against a real server: values, coalescing, one commit per poll, nothing but reads."""

import asyncio
import struct
from itertools import pairwise

import pytest


async def test_all_tables_and_types_arrive_in_one_commit(device, registers, signal, reading, recorder):
    words = list(struct.unpack(">12H", struct.pack(">hfqd2x", -5, 1.5, -(2**40), 2.25)))
    await device.start(registers({100: words, 200: [0x4142, 0x4300]}))
    await reading(
        device.port,
        [
            signal("i", 100, type="Int16"),
            signal("f", 101, type="Float32"),
            signal("q", 103, type="Int64"),
            signal("d", 107, type="Float64", table="InputRegister"),
            signal("s", 200, type="String", length=4),
            signal("c", 2, type="Bool", table="Coil"),
            signal("b", 8, type="Bool", table="DiscreteInput"),
        ],
    )
    await recorder.until(lambda: recorder.batches)
    batch = recorder.batches[0]
    assert {sample.signal: sample.value for sample in batch} == {
        "i": -5, "f": 1.5, "q": -(2**40), "d": 2.25, "s": "ABC", "c": True, "b": True,
    }  # fmt: skip
    assert len({sample.source_ns for sample in batch}) == 1
    assert recorder.reasons == ["Connecting", "SessionUp"]
    assert not recorder.gaps


async def test_neighbours_are_read_in_one_request_and_only_read_functions_are_used(
    device, registers, signal, reading, recorder
):
    await device.start(registers({0: list(range(60)), 300: [7]}))
    await reading(device.port, [*[signal(f"s{n}", n) for n in (0, 3, 19, 50)], signal("far", 300)])
    await recorder.until(lambda: len(recorder.batches) >= 3)
    assert set(device.requests) == {(3, 0, 20), (3, 50, 1), (3, 300, 1)}
    assert recorder.values("s19")[0] == 19


@pytest.mark.slow
async def test_polls_keep_the_grid_and_do_not_burst_after_a_pause(device, registers, signal, reading, recorder):
    await device.start(registers({0: [1]}))
    await reading(device.port, [signal("a", 0, interval_ms=100)])
    await recorder.until(lambda: len(recorder.batches) >= 2)
    recorder.open.clear()
    polled = len(device.requests)
    await recorder.until(lambda: len(device.requests) > polled)
    await asyncio.sleep(0.45)
    recorder.open.set()
    resumed = len(recorder.batches)
    await recorder.until(lambda: len(recorder.batches) >= resumed + 12)
    times = [batch[0].source_ns / 1e9 for batch in recorder.batches[resumed + 2 :]]  # 0: held, 1: overdue
    assert min(b - a for a, b in pairwise(times)) > 0.05
    assert times[-1] - times[0] == pytest.approx(0.1 * (len(times) - 1), abs=0.06)
    assert [gap.reason for gap in recorder.gaps] == ["Full"]


async def test_requests_per_second_are_kept(device, registers, signal, reading, recorder):
    await device.start(registers({0: [1], 500: [2]}))
    await reading(device.port, [signal("a", 0), signal("b", 500)], max_requests_per_second=20)
    await recorder.until(lambda: len(recorder.batches) >= 4)
    times = sorted({batch[0].source_ns / 1e9 for batch in recorder.batches})
    assert (times[-1] - times[0]) / 3 == pytest.approx(0.1, abs=0.03)


async def test_an_address_that_no_request_can_hold_is_named_and_the_rest_is_read(
    device, registers, signal, reading, recorder
):
    await device.start(registers({0: [9]}))
    await reading(device.port, [signal("a", 0), signal("end", 65535, type="Float32")])
    await recorder.until(lambda: recorder.batches)
    reason, message = recorder.problems["end"]
    assert reason == "SignalUnreadable"
    assert "HoldingRegister 65535" in message
    assert recorder.values("a")[0] == 9
