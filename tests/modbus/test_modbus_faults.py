"""What a device or the way to it can do wrong: the right reason, exact gaps, and never a wrong value."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from plantwright_gateway.sources.modbus import atlas, client

CLOSE = b"close"
Answer = Callable[[bytes], bytes]


def right_answer(request: bytes) -> bytes:
    """What a good device sends: every register holds its own address."""
    start, count = int.from_bytes(request[8:10], "big"), int.from_bytes(request[10:12], "big")
    data = b"".join(address.to_bytes(2, "big") for address in range(start, start + count))
    body = request[6:8] + bytes([len(data)]) + data
    return request[:4] + len(body).to_bytes(2, "big") + body


def exception(request: bytes, code: int) -> bytes:
    return request[:4] + b"\x00\x03" + request[6:7] + bytes([request[7] | 0x80, code])


@pytest.fixture
async def scripted() -> AsyncIterator[Callable[[Answer], Awaitable[int]]]:
    """`port = await scripted(answer)`: a device that sends `answer(request)` to each request."""
    servers: list[asyncio.Server] = []

    async def start(answer: Answer) -> int:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                while request := await reader.read(1024):
                    reply = answer(request)
                    if reply == CLOSE:
                        break
                    writer.write(reply)
            except ConnectionError:
                pass
            finally:
                writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        servers.append(server)
        return server.sockets[0].getsockname()[1]

    yield start
    for server in servers:
        server.close()


async def test_one_bad_register_among_good_ones_is_named_and_tried_again(
    device, registers, signal, reading, recorder, monkeypatch
):
    monkeypatch.setattr(atlas, "RETRY_SECONDS", (0.2, 0.2))
    await device.start(registers({0: list(range(10)), 11: list(range(11, 20))}))
    await reading(device.port, [signal(f"s{at}", at) for at in range(20)])
    await recorder.until(lambda: recorder.batches)
    first = {sample.signal: sample.value for sample in recorder.batches[0]}
    assert first == {f"s{at}": at for at in range(20) if at != 10}
    assert list(recorder.problems) == ["s10"]
    reason, message = recorder.problems["s10"]
    assert reason == "SignalUnreadable"
    assert all(words in message for words in ("s10", "HoldingRegister 10", "illegal data address", "mend"))
    settled = len(recorder.batches) + 2
    await recorder.until(lambda: len(recorder.batches) > settled)
    assert {(3, 0, 10), (3, 11, 9), (3, 10, 1)} >= set(device.requests[-4:])
    port = device.port
    await device.stop()
    await device.start(registers({0: list(range(20))}), port)
    await recorder.until(lambda: not recorder.problems and recorder.values("s10"))
    await recorder.until(lambda: device.requests[-1] == (3, 0, 20))


async def test_a_gap_that_the_device_refuses_is_not_read_again(device, registers, signal, reading, recorder):
    await device.start(registers({0: [0, 1], 5: [5, 6]}))
    await reading(device.port, [signal(f"s{at}", at) for at in (0, 1, 5, 6)])
    await recorder.until(lambda: len(recorder.batches) >= 3)
    assert recorder.problems == {}
    assert device.requests.count((3, 0, 7)) == 1
    assert all(len(batch) == 4 for batch in recorder.batches)


async def test_a_whole_table_that_is_refused_does_not_hold_up_the_rest(device, registers, signal, reading, recorder):
    await device.start(registers({0: [7]}))
    bad = [signal(f"bad{at}", at, table="InputRegister") for at in range(1000, 1200)]
    await reading(device.port, [signal("good", 0), *bad])
    await recorder.until(lambda: len(recorder.problems) == 200)
    assert recorder.values("good")[0] == 7
    assert "good" not in recorder.problems


async def test_a_restart_of_the_device_leaves_one_gap_with_its_reason(device, registers, signal, reading, recorder):
    await device.start(registers({0: [1]}))
    await reading(device.port, [signal("a", 0), signal("b", 0, interval_ms=60_000)])
    await recorder.until(lambda: len(recorder.batches) >= 3)
    port = device.port
    await device.stop()
    await recorder.until(lambda: "ConnectionRefused" in recorder.reasons)
    last_ns = recorder.batches[-1][-1].source_ns
    await device.start(registers({0: [2]}), port)
    await recorder.until(lambda: 2 in recorder.values("a"))
    assert recorder.reasons[-1] == "SessionUp"
    [gap] = recorder.gaps
    first_ns = next(s.source_ns for batch in recorder.batches for s in batch if s.value == 2)
    assert (gap.start_ns, gap.end_ns, gap.signals) == (last_ns, first_ns, ("a",))
    assert gap.reason in ("ConnectionRefused", "Unreachable")  # whether it went between two polls or during one


async def test_the_time_before_the_gateway_started_is_a_gap(device, registers, signal, reading, recorder):
    await device.start(registers({0: [1, 2]}))
    recorder.observed_ns = time.time_ns() - 10_000_000_000
    await reading(device.port, [signal("a", 0), signal("b", 1)])
    await recorder.until(lambda: len(recorder.batches) >= 2)
    [gap] = recorder.gaps
    assert (gap.reason, gap.start_ns, gap.signals) == ("GatewayRestarted", recorder.observed_ns, ())
    assert gap.end_ns == recorder.batches[0][0].source_ns


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        pytest.param(lambda request: CLOSE, "TooManySessions", id="closes at once"),
        pytest.param(lambda request: b"", "Timeout", id="silent"),
        pytest.param(lambda request: b"HTTP/1.1 400 Bad Request\r\n\r\n", "ProtocolError", id="http"),
        pytest.param(lambda request: b"\0\0" + right_answer(request)[2:], "ProtocolError", id="transaction 0"),
        pytest.param(lambda r: right_answer(r)[:7] + b"\4" + right_answer(r)[8:], "ProtocolError", id="other function"),
        pytest.param(lambda r: right_answer(r[:6] + b"\7" + r[7:]), "ProtocolError", id="other unit"),
        pytest.param(lambda r: right_answer(r)[:8] + b"\1" + right_answer(r)[9:], "ProtocolError", id="byte count"),
        pytest.param(lambda r: right_answer(b"\xff\xff" + r[2:]), "Timeout", id="other transaction"),
        pytest.param(lambda r: r[:4] + b"\x01\x2c" + b"\1\3" + b"x" * 298, "Timeout", id="300 bytes"),
    ],
)
async def test_an_answer_that_is_none_gives_a_reason_and_no_value(answer, reason, scripted, signal, reading, recorder):
    await reading(await scripted(answer), [signal("a", 5)], timeout_ms=100)
    await recorder.until(lambda: len(recorder.reasons) > 1)
    assert recorder.reasons[:2] == ["Connecting", reason]
    assert recorder.batches == []


@pytest.mark.parametrize(
    ("host", "reason"), [("127.0.0.1", "ConnectionRefused"), ("no-such-host.invalid", "HostNotFound")]
)
async def test_no_way_to_the_device(host, reason, unused_tcp_port_number, signal, reading, recorder):
    await reading(unused_tcp_port_number, [signal("a", 0)], host=host)
    await recorder.until(lambda: len(recorder.reasons) > 1)
    assert recorder.connections[1][:2] == ("False", reason)


@pytest.fixture
async def unused_tcp_port_number() -> int:
    server = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    return port


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda request: 2 * right_answer(request), id="twice in one packet"),
        pytest.param(
            lambda request: right_answer(b"\0\x99" + request[2:]) + right_answer(request), id="after a late one"
        ),
    ],
)
async def test_repeated_and_late_answers_never_give_a_wrong_value(answer, scripted, signal, reading, recorder):
    await reading(await scripted(answer), [signal(f"s{at}", at) for at in (3, 500, 900)], timeout_ms=200)
    await recorder.until(lambda: recorder.values("s3") or len(recorder.reasons) > 2)
    for batch in recorder.batches:
        assert all(sample.value == int(sample.signal[1:]) for sample in batch)


async def test_a_short_answer_blames_its_signals_only(scripted, signal, reading, recorder):
    def short_above_100(request: bytes) -> bytes:
        if int.from_bytes(request[8:10], "big") < 100:
            return right_answer(request)
        shorter = int.from_bytes(request[10:12], "big") - 1
        return right_answer(request[:10] + shorter.to_bytes(2, "big"))

    await reading(await scripted(short_above_100), [signal("good", 5), signal("bad", 200, type="Float32")])
    await recorder.until(lambda: recorder.problems)
    assert recorder.values("good") == [5] * len(recorder.batches)
    assert "2 bytes where 4" in recorder.problems["bad"][1]


async def test_a_silent_unit_does_not_stop_the_others(scripted, signal, reading, recorder):
    def unit_2_is_dead(request: bytes) -> bytes:
        return b"" if request[6] == 2 else right_answer(request)

    dead = [signal(f"dead{at}", at, unit_id=2) for at in (1, 300, 600)]
    await reading(await scripted(unit_2_is_dead), [*dead, signal("good", 5, unit_id=3)], timeout_ms=100)
    await recorder.until(lambda: len(recorder.batches) >= 10)
    assert recorder.reasons == ["Connecting", "SessionUp"]
    assert set(recorder.problems) == {"dead1", "dead300", "dead600"}
    assert "no answer" in recorder.problems["dead1"][1]
    assert recorder.gaps == []


async def test_a_device_that_is_silent_about_one_address_still_gives_the_others(scripted, signal, reading, recorder):
    def silent_about_7(request: bytes) -> bytes:
        start, count = int.from_bytes(request[8:10], "big"), int.from_bytes(request[10:12], "big")
        return b"" if start <= 7 < start + count else right_answer(request)

    await reading(
        await scripted(silent_about_7),
        [signal(f"s{at}", at) for at in (6, 7, 8, 300)],
        timeout_ms=100,
        max_gap_registers=0,
    )
    await recorder.until(lambda: recorder.values("s6") and recorder.values("s8") and recorder.values("s300"))
    await recorder.until(lambda: list(recorder.problems) == ["s7"])


@pytest.mark.parametrize("code", [5, 6, 8])
async def test_a_busy_device_is_asked_again_at_the_next_poll(code, scripted, signal, reading, recorder):
    busy = iter([True, True])
    port = await scripted(lambda r: exception(r, code) if next(busy, False) else right_answer(r))
    await reading(port, [signal("a", 5)])
    await recorder.until(lambda: recorder.problems)
    await recorder.until(lambda: recorder.values("a") and not recorder.problems)


async def test_a_unit_that_its_gateway_calls_away_is_left_alone_and_comes_back(
    scripted, signal, reading, recorder, monkeypatch
):
    monkeypatch.setattr(atlas, "PAUSE_SECONDS", (0.2, 0.2))
    away = iter([True, True])
    answer = await scripted(lambda r: exception(r, 11) if next(away, False) else right_answer(r))
    await reading(answer, [signal("a", 5)])
    await recorder.until(lambda: recorder.problems)
    assert "exception 11" in recorder.problems["a"][1]
    await recorder.until(lambda: recorder.values("a"))
    assert recorder.problems == {}


async def test_an_idle_connection_that_the_device_closes_is_no_fault(scripted, signal, reading, recorder):
    requests = 0

    def one_answer_per_connection(request: bytes) -> bytes:
        nonlocal requests
        requests += 1
        return right_answer(request)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(one_answer_per_connection(await reader.read(1024)))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    await reading(server.sockets[0].getsockname()[1], [signal("a", 5)])
    await recorder.until(lambda: requests >= 5)
    assert recorder.reasons == ["Connecting", "SessionUp"]
    assert recorder.gaps == []
    server.close()


async def test_cancelling_closes_the_connection_at_once(device, registers, signal, reading, recorder):
    await device.start(registers({0: [1]}))
    task = await reading(device.port, [signal("a", 0)])
    await recorder.until(lambda: recorder.batches)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 1)


async def test_another_protocols_configuration_is_refused():
    from plantwright_api.wire.config import OpcUaSource

    with pytest.raises(TypeError):
        client.ModbusSource(OpcUaSource(url="opc.tcp://x:4840"), [], "m")
