"""B9, B12: OPC UA servers that send what nobody can want: bounded in time and memory, named, and the rest goes on."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import evil_opcua
import pytest
from asyncua import Server, ua
from evil_opcua import SCRIPTS, Garbler, Impostor

from plantwright_gateway.sources.opcua import link, subscription

pytestmark = pytest.mark.slow
SIDE_BY_SIDE = 20
LONGEST = 5.0
"""Seconds that a connection may stand on which nothing useful comes."""


@pytest.fixture
async def honest() -> AsyncIterator[tuple[Server, ua.NodeId]]:
    """A good server on the loopback and its one variable, which counts up."""
    server = Server()
    await server.init()
    server.set_endpoint("opc.tcp://127.0.0.1:0")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    index = await server.register_namespace(evil_opcua.NAMESPACE)
    node = await server.nodes.objects.add_variable(ua.NodeId("good", index), "good", 0)
    await server.start()

    async def count() -> None:
        for number in range(10**9):
            await node.write_value(number)
            await asyncio.sleep(0.1)

    counting = asyncio.create_task(count())
    yield server, node.nodeid
    counting.cancel()
    await server.stop()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep-alives and watches come often, so that many mutations fit into seconds."""
    monkeypatch.setattr(subscription, "KEEP_ALIVE_MS", 200)
    monkeypatch.setattr(link, "WATCH_SECONDS", 0.1)
    monkeypatch.setattr(link, "MEND_SECONDS", (0.2, 0.4))
    monkeypatch.setattr("plantwright_gateway.sources.opcua.client.Backoff", QuickBackoff)


class QuickBackoff:
    def __init__(self, **_: float) -> None: ...

    def pause(self) -> float:
        return 0.02

    def reset(self) -> None:
        return


def node(name: str) -> str:
    return f"nsu={evil_opcua.NAMESPACE};s={name}"


async def fuzz(mutations: int, honest: Any, make_recorder: Callable[[], Any], read_opcua: Any) -> str:
    """So many damaged frames over many connections; afterwards each source must read again as if nothing had been."""
    port = honest[0].bserver._server.sockets[0].getsockname()[1]
    garblers, recorders = [Garbler(port, seed) for seed in range(SIDE_BY_SIDE)], []
    for garbler in garblers:
        await garbler.start()
        recorders.append(make_recorder())
        url = f"opc.tcp://127.0.0.1:{garbler.port}"
        await read_opcua(url, {"good": node("good")}, receiver=recorders[-1], timeout_ms=300)
    began = time.monotonic()
    async with asyncio.timeout(60 + mutations / 20):
        while sum(garbler.count for garbler in garblers) < mutations:  # noqa: ASYNC110 another's counter
            await asyncio.sleep(0.05)
    seconds = time.monotonic() - began
    for garbler in garblers:
        garbler.share = 0
    for recorder in recorders:
        seen = len(recorder.samples)
        await recorder.until(lambda r=recorder, n=seen: len(r.samples) > n + 2 and r.reasons[-1] == "SessionUp", 20)
        assert {s.signal for s in recorder.samples} == {"good"}
    for garbler in garblers:
        garbler.stop()
    count, connections = sum(g.count for g in garblers), sum(g.connections for g in garblers)
    return f"{count:,} damaged frames on {connections:,} connections in {seconds:.0f} s: 0 hangs, {SIDE_BY_SIDE}/{SIDE_BY_SIDE} sources read again"


@pytest.mark.row("B12")
async def test_a_thousand_damaged_frames(
    honest: Any, recorder: Any, read_opcua: Any, impatient: None, memory: Any, measured: Callable[[str], None]
) -> None:
    found = await fuzz(1_000, honest, type(recorder), read_opcua)
    measured(f"{found}; {memory.grown_mb():.0f} MB more, the server's own included")
    assert memory.grown_mb() < 50


@pytest.mark.chaos
@pytest.mark.row("B12")
async def test_ten_thousand_damaged_frames(
    honest: Any, recorder: Any, read_opcua: Any, impatient: None, memory: Any, measured: Callable[[str], None]
) -> None:
    found = await fuzz(10_000, honest, type(recorder), read_opcua)
    measured(f"{found}; {memory.grown_mb():.0f} MB more, the server's own included")
    assert memory.grown_mb() < 50


@pytest.mark.row("B12")
async def test_what_is_no_server_is_left_in_time(
    recorder: Any, read_opcua: Any, memory: Any, measured: Callable[[str], None]
) -> None:
    for name, script in SCRIPTS.items():
        impostor, told = Impostor(script), type(recorder)()
        await impostor.start()
        began = time.monotonic()
        await read_opcua(f"opc.tcp://127.0.0.1:{impostor.port}", {"a": "i=1"}, receiver=told, timeout_ms=500)
        await told.until(lambda i=impostor: i.connections >= 2, 2 * LONGEST)
        assert time.monotonic() - began < LONGEST, name
        assert told.reasons[1] in ("ProtocolError", "Timeout", "SecurityModeUnavailable"), (name, told.connections)
        impostor.stop()
    assert memory.grown_mb() < 50
    measured(
        f"{len(SCRIPTS)}/{len(SCRIPTS)} left and tried again within {LONGEST:.0f} s; {memory.grown_mb():.0f} MB more"
    )


@pytest.fixture
async def evil_port() -> AsyncIterator[int]:
    """A real server with evil values, in a process of its own: its memory is not ours."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(Path(evil_opcua.__file__)), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    yield int(await asyncio.wait_for(process.stdout.readline(), 30))
    process.kill()
    await process.wait()


BAD = {"array": "WrongType", "bytes": "WrongType", "unknown": "WrongType", "text": "TooLong", "matrix": "WrongType"}
"""Variable -> the reason with which its value is kept out."""
TOGETHER = (["array"], ["bytes"], ["unknown", "text", "matrix", "shifting"], ["nested"], ["deeper"])
"""What is read on one session, a good value beside it. No decoder takes the nested ones: polled they are Bad, subscribed they are lost
and told as a gap."""


@pytest.mark.row("B9")
@pytest.mark.parametrize("mode", ["Subscribe", "Read"])
async def test_values_made_to_hurt(
    mode: str, evil_port: int, recorder: Any, read_opcua: Any, memory: Any, measured: Callable[[str], None]
) -> None:
    found = []
    for names in TOGETHER:
        found.append(type(recorder)())
        nodes = {name: node(name) for name in [*names, "good"]}
        url = f"opc.tcp://127.0.0.1:{evil_port}"
        await read_opcua(url, nodes, receiver=found[-1], mode=mode, timeout_ms=5000)
    for each in found:
        await each.until(lambda each=each: len(each.values("good")) >= 15, 30)
        good = each.values("good")
        assert good == sorted(good)
    for name, reason in BAD.items():
        [each] = [each for each, names in zip(found, TOGETHER, strict=True) if name in names]
        assert {(s.value, s.quality, s.reason) for s in each.samples if s.signal == name} == {(None, "Bad", reason)}
    nested = [s for each in found for s in each.samples if s.signal in ("nested", "deeper")]
    assert {(s.value, s.quality) for s in nested} == ({(None, "Bad")} if mode == "Read" else set())
    assert {type(value) for value in found[2].values("shifting")} >= {int, str, float, bool, type(None)}
    measured(
        f"{mode}: {len(BAD) + 3} values made to hurt kept out, good ones beside each go on; {memory.grown_mb():.0f} MB more"
    )
    assert memory.grown_mb() < 100


def tampering(server: Server, tamper: Callable[[ua.PublishResult], None]) -> None:
    """Have the notifications of the server's subscriptions changed before they are sent."""
    for inner in server.iserver.subscription_service.subscriptions.values():
        pop = inner._pop_publish_result

        def popped(pop: Callable[[], ua.PublishResult] = pop) -> ua.PublishResult:
            result = pop()
            tamper(result)
            return result

        inner._pop_publish_result = popped


@pytest.mark.row("B11")
async def test_numbers_that_leap_and_go_back_leave_no_source_deaf(
    honest: Any, recorder: Any, read_opcua: Any, impatient: None, measured: Callable[[str], None]
) -> None:
    server = honest[0]
    port = server.bserver._server.sockets[0].getsockname()[1]
    await read_opcua(f"opc.tcp://127.0.0.1:{port}", {"good": node("good")})
    await recorder.until(lambda: len(recorder.samples) >= 3)
    leapt: list[float] = []

    def leap(result: ua.PublishResult) -> None:
        if not leapt:
            leapt.append(time.monotonic())
            result.NotificationMessage.SequenceNumber += 1_000_000

    tampering(server, leap)
    await recorder.until(lambda: "SubscriptionLost" in [gap.reason for gap in recorder.gaps])
    seconds = time.monotonic() - leapt[0]
    seen = len(recorder.samples)
    await recorder.until(lambda: len(recorder.samples) > seen + 3)
    assert "NotificationsLost" in [gap.reason for gap in recorder.gaps]
    assert recorder.reasons == ["Connecting", "SessionUp"]
    values = recorder.values("good")
    assert values == sorted(set(values)), "a value came twice or out of order"
    measured(f"numbers leapt by 1,000,000 and went back: told as gaps, read again {seconds:.1f} s later, nothing twice")


@pytest.mark.row("B11")
async def test_repeats_and_foreign_subscriptions_are_no_values(
    honest: Any, recorder: Any, read_opcua: Any, impatient: None, measured: Callable[[str], None]
) -> None:
    server = honest[0]
    port = server.bserver._server.sockets[0].getsockname()[1]
    await read_opcua(f"opc.tcp://127.0.0.1:{port}", {"good": node("good")})
    await recorder.until(lambda: len(recorder.samples) >= 3)
    count = 0

    def disturb(result: ua.PublishResult) -> None:
        nonlocal count
        count += 1
        if count % 3 == 1:
            result.NotificationMessage.SequenceNumber -= 1  # as if it had been sent before
        if count % 3 == 2:
            result.SubscriptionId += 7

    tampering(server, disturb)
    await recorder.until(lambda: count >= 20 and len(recorder.samples) >= 6)
    values = recorder.values("good")
    assert values == sorted(set(values)), "a value came twice or out of order"
    assert {gap.reason for gap in recorder.gaps} <= {"NotificationsLost", "SubscriptionLost"}
    measured(f"{count} notifications with repeated numbers and foreign subscriptions: no value twice, losses told")
