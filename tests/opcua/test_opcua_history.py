"""What happened while nobody read comes from the server's history, where the profile asks for it and the server has it."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest
from asyncua import ua
from asyncua.server.history import HistoryManager

from plantwright_gateway.ports.source import GapNotice
from plantwright_gateway.sources.opcua import history

pytestmark = pytest.mark.slow

SECOND = 1_000_000_000
UNSENT = 1_050_000_000
"""The gap of a restart begins so long before what was stored last, and the values within that do not come twice."""


@pytest.fixture
def historian(plc):
    """`await historian({"a": 30})`: a server whose variables have so many past values, one for each 100 ms up to now."""

    async def start(counts: dict[str, int], *, page: int = 10_000) -> list[datetime]:
        await plc.start(dict.fromkeys(counts, -1))
        storage = plc.server.iserver.history_manager.storage
        storage.max_history_data_response_size = page
        begin = datetime.now(UTC) - timedelta(milliseconds=100 * max(counts.values()))
        times = [begin + timedelta(milliseconds=100 * number) for number in range(max(counts.values()))]
        for name, count in counts.items():
            node = plc.nodes[name].nodeid
            await storage.new_historized_node(node, None)
            for number, at in enumerate(times[:count]):
                await storage.save_node_value(node, ua.DataValue(ua.Variant(number), SourceTimestamp=at))
        return times

    return start


async def test_a_gap_is_filled_in_order_before_the_present_value(plc, historian, signal, reading, recorder):
    times = await historian({"a": 30, "b": 30}, page=7)
    start = times[10] - timedelta(milliseconds=50)
    recorder.observed_ns = int(start.timestamp() * SECOND)
    await reading(plc.url, [signal("a"), signal("b")], history_backfill=True)
    await recorder.until(lambda: recorder.samples)
    assert recorder.values("a") == recorder.values("b") == [*range(10, 30), -1]
    past = [each for each in recorder.samples if each.signal == "a"]
    assert [each.source_ns // 1000 for each in past[:-1]] == [round(at.timestamp() * 1e6) for at in times[10:]]
    [gap] = recorder.gaps
    assert (gap.reason, gap.start_ns) == ("GatewayRestarted", recorder.observed_ns - UNSENT)
    assert gap.message == "40 values of 2 signals came from the server's history"


async def test_a_gap_in_which_the_server_was_read_by_others_is_filled_after_a_cut(
    plc, wire, historian, signal, reading, recorder
):
    await historian({"a": 0})
    storage, node = plc.server.iserver.history_manager.storage, plc.nodes["a"].nodeid
    proxy = await wire()
    await reading(proxy.url, [signal("a")], history_backfill=True, mode="Read")
    await recorder.until(lambda: recorder.values("a") == [-1])
    proxy.down = True
    proxy.cut()
    await recorder.until(lambda: recorder.connections[-1][0] == "False")
    for number in range(5):
        value = plc.stamped(number)
        await plc.write("a", value)
        await storage.save_node_value(node, value)
        await asyncio.sleep(0.05)
    proxy.down = False
    await recorder.until(lambda: recorder.values("a")[-1] == 4)
    assert recorder.values("a") == [-1, 0, 1, 2, 3, 4]
    assert [gap.message for gap in recorder.gaps] == ["4 values of 1 signals came from the server's history"]


async def test_nothing_is_asked_of_history_unless_the_profile_says_so(plc, wire, historian, signal, reading, recorder):
    times = await historian({"a": 30})
    recorder.observed_ns = int(times[10].timestamp() * SECOND)
    proxy = await wire()
    await reading(proxy.url, [signal("a")])
    await recorder.until(lambda: recorder.samples)
    assert recorder.values("a") == [-1]
    assert ua.ObjectIds.HistoryReadRequest_Encoding_DefaultBinary not in proxy.services


async def test_history_is_bounded_and_the_gap_says_that_there_is_more(
    plc, historian, signal, reading, recorder, monkeypatch
):
    monkeypatch.setattr(history, "MOST_VALUES", 12)
    times = await historian({"a": 30, "b": 30}, page=5)
    recorder.observed_ns = int(times[0].timestamp() * SECOND) - SECOND
    await reading(plc.url, [signal("a"), signal("b")], history_backfill=True)
    await recorder.until(lambda: recorder.samples)
    assert len(recorder.samples) == 12 + 2
    assert recorder.gaps[0].message.endswith("which has more than was taken")


@pytest.mark.parametrize("trouble", ["refuses", "hangs", "none"])
async def test_a_server_without_history_costs_no_value(trouble, plc, signal, reading, recorder, monkeypatch):
    async def read(self, params):
        if trouble == "hangs":
            await asyncio.sleep(5)
        raise ua.uaerrors.BadHistoryOperationUnsupported

    if trouble != "none":
        monkeypatch.setattr(HistoryManager, "read_history", read)
    monkeypatch.setattr(history, "MOST_SECONDS", 0.3)
    recorder.observed_ns = time.time_ns() - 10 * SECOND
    await plc.start({"a": 1})
    began = time.monotonic()
    await reading(plc.url, [signal("a")], history_backfill=True)
    await recorder.until(lambda: recorder.values("a") == [1])
    assert time.monotonic() - began < 5
    [gap] = recorder.gaps
    assert gap == GapNotice("GatewayRestarted", recorder.observed_ns - UNSENT, gap.end_ns)
