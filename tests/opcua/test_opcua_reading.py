"""An OpcUaSource against a real server: values, namespaces, wrong nodes, freshness, nothing but reads."""

import pytest
from asyncua import ua

pytestmark = pytest.mark.slow
ADDRESS_WORDS = "mend signals[].opcua.nodeId"


async def test_the_first_values_and_each_change_arrive_once(plc, signal, reading, recorder):
    await plc.start({"speed": 1.5, "name": "A", "count": ua.Variant(7, ua.VariantType.UInt64), "on": True})
    await reading(plc.url, [signal(name) for name in ("speed", "name", "count", "on")])
    await recorder.until(lambda: len(recorder.samples) == 4)
    assert {s.signal: (s.value, type(s.value)) for s in recorder.samples} == {
        "speed": (1.5, float), "name": ("A", str), "count": (7, int), "on": (True, bool),
    }  # fmt: skip
    for value in (2.5, 3.5, 4.5):
        await plc.write("speed", value)
        await recorder.until(lambda value=value: recorder.values("speed")[-1] == value)
    assert recorder.values("speed") == [1.5, 2.5, 3.5, 4.5]
    assert recorder.values("name") == ["A"]
    assert recorder.reasons == ["Connecting", "SessionUp"]
    assert recorder.gaps == []


async def test_a_wrong_node_among_good_ones_is_named_and_the_good_ones_go_on(plc, signal, reading, recorder):
    await plc.start({"good": 1})
    bad = {
        "gone": "nsu=http://acme.example/press;s=gone",
        "alien": "nsu=http://acme.example/other;s=good",
        "object": "i=85",
    }
    await reading(plc.url, [signal("good"), *[signal(name, node_id=node) for name, node in bad.items()]])
    await recorder.until(lambda: recorder.values("good") and len(recorder.problems) == 3)
    assert {reason for reason, _ in recorder.problems.values()} == {"SignalUnreadable"}
    assert "s=gone" in recorder.problems["gone"][1]
    assert "http://acme.example/press" in recorder.problems["alien"][1]
    assert all(ADDRESS_WORDS in message for _, message in recorder.problems.values())


@pytest.mark.parametrize("mode", ["Subscribe", "Read"])
async def test_poll_and_subscription_store_no_value_twice(mode, plc, signal, reading, recorder):
    await plc.start({"a": 1, "b": 2})
    await reading(plc.url, [signal("a"), signal("b", interval_ms=100)], mode=mode)
    await recorder.until(lambda: len(recorder.samples) == 2)
    await plc.write("a", 10)
    await recorder.until(lambda: recorder.values("a") == [1, 10])
    assert recorder.values("b") == [2]
