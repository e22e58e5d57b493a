"""Nothing is lost unnoticed and nothing is stored twice, whatever happens to server and connection."""

import asyncio
import math
import time

import pytest
from asyncua import ua

from plantwright_gateway.sources.opcua import link, subscription

pytestmark = pytest.mark.slow


async def count_up(plc, name: str, start: int, stop: int, pause: float = 0.01) -> None:
    for number in range(start, stop):
        await plc.write(name, number)
        await asyncio.sleep(pause)


async def test_a_server_restart_restores_the_subscription_and_leaves_one_gap_each_time(plc, signal, reading, recorder):
    await plc.start({"a": 0, "b": 7})
    await reading(plc.url, [signal("a"), signal("b")])
    await recorder.until(lambda: len(recorder.samples) == 2)
    for round_ in range(1, 3):
        seen = len(recorder.gaps)
        port = plc.port
        await plc.stop()
        await recorder.until(lambda: recorder.connections[-1][0] == "False")
        await plc.start({"a": round_, "b": 7}, port=port, before=["http://acme.example/moved"] * round_)
        began = time.monotonic()
        await recorder.until(lambda round_=round_: recorder.values("a")[-1] == round_)
        assert time.monotonic() - began < 6
        [gap] = recorder.gaps[seen:]
        assert gap.signals == ()
        assert gap.reason in ("Unreachable", "ConnectionRefused")
        assert gap.start_ns < gap.end_ns <= recorder.samples[-1].source_ns + 60_000_000_000
    await plc.write("a", 99)
    await recorder.until(lambda: recorder.values("a")[-1] == 99)
    assert recorder.reasons[-1] == "SessionUp"


@pytest.mark.row("F13")
@pytest.mark.parametrize("rounds", [pytest.param(5, id="quick"), pytest.param(50, id="long", marks=pytest.mark.chaos)])
async def test_a_server_that_restarts_again_and_again(rounds, plc, signal, reading, recorder, measured):
    """Every second restart nothing happened meanwhile, so that a gap would be a false one."""
    steady = plc.stamped(0)
    await plc.start({"a": steady})
    await reading(plc.url, [signal("a")])
    await recorder.until(lambda: recorder.samples)
    took: list[float] = []
    real = 0
    for number in range(1, rounds + 1):
        port, seen = plc.port, len(recorder.gaps)
        await plc.stop()
        await recorder.until(lambda: recorder.connections[-1][0] == "False")
        if number % 2:
            steady = plc.stamped(number)
        await plc.start({"a": steady}, port=port)
        began = time.monotonic()
        await recorder.until(lambda: recorder.connections[-1][0] == "True")
        await recorder.until(lambda: any(each.monitored_item_srv._monitored_items for each in plc.subscriptions()))
        took.append(time.monotonic() - began)
        if not number % 2:
            steady = plc.stamped(number)
            await plc.write("a", steady)
        await recorder.until(lambda number=number: recorder.values("a")[-1] == number)
        real += number % 2
        assert len(recorder.gaps) - seen == number % 2, f"restart {number}"
    p95 = sorted(took)[math.ceil(0.95 * len(took)) - 1]
    assert p95 <= 5
    measured(
        f"{rounds} restarts: reconnected p95 {p95:.1f} s, {rounds}/{rounds} subscribed, {real}/{real} real gaps told, 0 false"
    )


@pytest.mark.row("B11")
async def test_what_changed_while_a_notification_was_on_its_way_is_within_the_gap(
    plc, wire, signal, reading, recorder, measured
):
    await plc.start({"a": 0})
    proxy = await wire()
    await reading(proxy.url, [signal("a")])
    await recorder.until(lambda: recorder.values("a") == [0])
    proxy.delay = 0.5
    await plc.write("a", 1)
    await asyncio.sleep(0.25)
    changed_ns = time.time_ns()
    await plc.write("a", 2)
    await recorder.until(lambda: recorder.values("a") == [0, 1])
    proxy.down = True
    proxy.cut()
    await plc.stop()
    proxy.delay = 0.0
    await plc.start({"a": 3}, port=proxy.target_port)
    proxy.down = False
    await recorder.until(lambda: recorder.values("a")[-1] == 3)
    [gap] = recorder.gaps
    assert recorder.values("a") == [0, 1, 3]
    assert gap.start_ns <= changed_ns
    early = (changed_ns - gap.start_ns) / 1e9
    assert early <= 3
    measured(
        f"a change while a notification was on its way, then a restart: within the gap, which begins {early:.1f} s before"
    )


async def test_a_broken_connection_is_resumed_without_loss_or_repeat(plc, wire, signal, reading, recorder):
    await plc.start({"n": 0, "still": 5})
    proxy = await wire()
    await reading(proxy.url, [signal("n", interval_ms=50), signal("still")])
    await recorder.until(lambda: len(recorder.samples) == 2)
    writing = asyncio.create_task(count_up(plc, "n", 1, 200))
    for _ in range(3):
        await asyncio.sleep(0.4)
        proxy.cut()
    await writing
    await recorder.until(lambda: recorder.values("n")[-1] == 199)
    assert recorder.values("n") == list(range(200))
    assert recorder.values("still") == [5]
    assert recorder.gaps == []
    assert proxy.services.count(CREATE_SESSION) == 1


async def test_a_restarted_server_with_unchanged_values_and_times_leaves_no_gap(plc, signal, reading, recorder):
    steady = plc.stamped(4)
    await plc.start({"a": steady})
    await reading(plc.url, [signal("a")])
    await recorder.until(lambda: recorder.samples)
    port = plc.port
    await plc.stop()
    await recorder.until(lambda: recorder.connections[-1][0] == "False")
    await plc.start({"a": steady}, port=port)
    await recorder.until(lambda: recorder.reasons[-1] == "SessionUp")
    await asyncio.sleep(0.4)
    await plc.write("a", 5)
    await recorder.until(lambda: recorder.values("a")[-1] == 5)
    assert recorder.values("a") == [4, 5]
    assert recorder.gaps == []


async def test_nothing_is_acknowledged_before_it_is_committed(plc, signal, reading, recorder):
    await plc.start({"a": 1})
    await reading(plc.url, [signal("a")])
    await recorder.until(lambda: recorder.samples)
    [inner] = plc.subscriptions()
    await recorder.until(lambda: not inner._not_acknowledged_results)
    recorder.open.clear()
    await plc.write("a", 2)
    await recorder.until(lambda: recorder.waiting)
    await asyncio.sleep(0.3)
    assert len(inner._not_acknowledged_results) == 1
    recorder.open.set()
    await recorder.until(lambda: not inner._not_acknowledged_results)
    assert recorder.values("a") == [1, 2]


async def test_a_commit_under_way_survives_a_broken_connection_and_is_not_repeated(
    plc, wire, signal, reading, recorder
):
    await plc.start({"a": 1})
    proxy = await wire()
    await reading(proxy.url, [signal("a")])
    await recorder.until(lambda: recorder.samples)
    recorder.open.clear()
    await plc.write("a", 2)
    await recorder.until(lambda: recorder.waiting)
    proxy.cut()
    await plc.write("a", 3)
    await recorder.until(lambda: proxy.services.count(ACTIVATE_SESSION) == 2)
    recorder.open.set()
    await recorder.until(lambda: recorder.values("a")[-1] == 3)
    assert recorder.values("a") == [1, 2, 3]
    assert recorder.gaps == []


async def test_a_commit_that_fails_is_tried_again(plc, signal, reading, recorder, monkeypatch):
    await plc.start({"a": 1})
    accept = recorder.accept
    failures = iter([OSError("disk"), ValueError("odd")])

    async def failing(samples, gaps=()):
        for failure in failures:
            raise failure
        await accept(samples, gaps)

    monkeypatch.setattr(recorder, "accept", failing)
    await reading(plc.url, [signal("a")])
    await recorder.until(lambda: recorder.values("a") == [1])
    [inner] = plc.subscriptions()
    await recorder.until(lambda: not inner._not_acknowledged_results)


@pytest.mark.row("B11")
async def test_lost_notifications_are_fetched_again_and_those_gone_for_good_are_a_gap(plc, signal, reading, recorder):
    await plc.start({"a": 0})
    await reading(plc.url, [signal("a")])
    await recorder.until(lambda: recorder.samples)
    [inner] = plc.subscriptions()
    swallowed = plc.swallow(inner, 2, keep=True)
    await count_up(plc, "a", 1, 20, pause=0.06)
    await recorder.until(lambda: recorder.values("a")[-1] == 19)
    assert swallowed
    assert recorder.values("a") == list(range(20))
    assert recorder.gaps == []
    plc.swallow(inner, 1, keep=False)
    await count_up(plc, "a", 20, 40, pause=0.06)
    await recorder.until(lambda: recorder.values("a")[-1] == 39)
    assert [gap.reason for gap in recorder.gaps] == ["NotificationsLost"]
    assert set(range(40)) - set(recorder.values("a"))


@pytest.mark.row("B11")
async def test_a_queue_that_overflowed_at_the_server_is_a_gap_of_that_signal(plc, signal, reading, recorder):
    await plc.start({"a": 1, "b": 1})
    await reading(plc.url, [signal("a"), signal("b")])
    await recorder.until(lambda: len(recorder.samples) == 2)
    value = plc.stamped(2)
    await plc.write("a", ua.DataValue(value.Value, ua.StatusCode(ua.UInt32(0x480)), value.SourceTimestamp))
    await recorder.until(lambda: recorder.values("a") == [1, 2])
    first, second = (s for s in recorder.samples if s.signal == "a")
    [gap] = recorder.gaps
    assert gap == ("QueueOverflow", first.source_ns, second.source_ns, ("a",), "", None)
    assert second.quality == "Good"


@pytest.mark.row("B11")
async def test_a_subscription_that_dies_silently_is_noticed_and_made_anew(plc, signal, reading, recorder, monkeypatch):
    monkeypatch.setattr(subscription, "KEEP_ALIVE_MS", 300)
    monkeypatch.setattr(link, "WATCH_SECONDS", 0.2)
    await plc.start({"a": 1})
    await reading(plc.url, [signal("a")])
    await recorder.until(lambda: recorder.samples and recorder.confirmed)
    [inner] = plc.subscriptions()
    inner._task.cancel()
    await plc.write("a", 2)
    began = time.monotonic()
    await recorder.until(lambda: recorder.values("a") == [1, 2])
    assert time.monotonic() - began < 5
    [gap] = recorder.gaps
    assert (gap.reason, gap.signals) == ("SubscriptionLost", ())
    assert recorder.reasons == ["Connecting", "SessionUp"]


async def test_the_time_before_the_gateway_started_is_a_gap(plc, signal, reading, recorder):
    recorder.observed_ns = time.time_ns() - 10_000_000_000
    await plc.start({"a": 1, "b": 2})
    await reading(plc.url, [signal("a"), signal("b")])
    await recorder.until(lambda: len(recorder.samples) == 2)
    [gap] = recorder.gaps
    assert (gap.reason, gap.signals) == ("GatewayRestarted", ())
    assert 0 < recorder.observed_ns - gap.start_ns <= 1_100_000_000


async def test_idle_is_confirmed_and_a_silent_server_is_not(plc, wire, signal, reading, recorder, monkeypatch):
    monkeypatch.setattr(link, "WATCH_SECONDS", 0.1)
    await plc.start({"a": 1})
    proxy = await wire()
    await reading(proxy.url, [signal("a")], timeout_ms=400)
    await recorder.until(lambda: len(recorder.confirmed) >= 2)
    proxy.silent = True
    await recorder.until(lambda: recorder.connections[-1][:2] == ("False", "Timeout"))
    confirmed = len(recorder.confirmed)
    await asyncio.sleep(0.3)
    assert len(recorder.confirmed) == confirmed


async def test_polling_notices_changes_gaps_and_wrong_nodes(plc, wire, signal, reading, recorder):
    await plc.start({"a": 1, "b": 2})
    proxy = await wire()
    gone = signal("gone", node_id="nsu=http://acme.example/press;s=gone")
    await reading(proxy.url, [signal("a"), signal("b"), gone], mode="Read")
    await recorder.until(lambda: len(recorder.samples) == 2 and recorder.problems)
    assert CREATE_SUBSCRIPTION not in proxy.services
    proxy.down = True
    proxy.cut()
    await plc.write("a", 5)
    await recorder.until(lambda: recorder.connections[-1][0] == "False")
    await asyncio.sleep(0.3)
    proxy.down = False
    await recorder.until(lambda: recorder.values("a") == [1, 5])
    assert recorder.values("b") == [2]
    [gap] = recorder.gaps
    assert gap.signals == ("a",)


CREATE_SESSION, ACTIVATE_SESSION, CREATE_SUBSCRIPTION = (
    ua.ObjectIds.CreateSessionRequest_Encoding_DefaultBinary,
    ua.ObjectIds.ActivateSessionRequest_Encoding_DefaultBinary,
    ua.ObjectIds.CreateSubscriptionRequest_Encoding_DefaultBinary,
)
