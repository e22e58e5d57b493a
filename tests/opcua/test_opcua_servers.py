"""Servers that limit, refuse or are none; and the proof that the gateway only reads."""

import asyncio
import dataclasses
import subprocess
import sys

import pytest
from asyncua import ua
from asyncua.common.utils import ServiceError
from asyncua.server.internal_server import InternalServer
from asyncua.server.internal_session import InternalSession

from plantwright_gateway.sources.opcua import link
from plantwright_gateway.sources.opcua.transport import BoundedClient

READ_ONLY_SERVICES = {
    getattr(ua.ObjectIds, f"{name}Request_Encoding_DefaultBinary")
    for name in (
        *("CreateSession", "ActivateSession", "CloseSession", "GetEndpoints", "Read"),
        *("CreateSubscription", "DeleteSubscriptions", "CreateMonitoredItems", "Publish", "Republish"),
        *("TransferSubscriptions", "HistoryRead"),
    )
}


@pytest.fixture
def refusing(monkeypatch):
    """`refusing("create_subscription", status)`: the server refuses a service."""

    def refuse(service: str, status: int) -> None:
        async def refused(*args, **kwargs):
            raise ServiceError(status)

        monkeypatch.setattr(InternalSession, service, refused)

    return refuse


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["Subscribe", "Read"])
async def test_only_services_that_read_are_used(mode, plc, wire, signal, reading, recorder, monkeypatch):
    monkeypatch.setattr(link, "WATCH_SECONDS", 0.1)
    await plc.start({"a": 1})
    proxy = await wire()
    task = await reading(proxy.url, [signal("a"), signal("bad", node_id="i=999999")], mode=mode)
    await recorder.until(lambda: recorder.samples and recorder.confirmed)
    proxy.cut()
    await plc.write("a", 2)
    await recorder.until(lambda: recorder.values("a") == [1, 2])
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert set(proxy.services) <= READ_ONLY_SERVICES
    assert ua.ObjectIds.CloseSessionRequest_Encoding_DefaultBinary in proxy.services


@pytest.mark.slow
@pytest.mark.parametrize("status", ["BadServiceUnsupported", "BadTooManySubscriptions"])
async def test_a_server_that_does_not_subscribe_is_polled(status, plc, refusing, signal, reading, recorder):
    refusing("create_subscription", getattr(ua.StatusCodes, status))
    await plc.start({"a": 1, "b": 2})
    await reading(plc.url, [signal("a"), signal("b")])
    await recorder.until(lambda: len(recorder.samples) == 2)
    await plc.write("a", 3)
    await recorder.until(lambda: recorder.values("a") == [1, 3])
    assert recorder.values("b") == [2]
    assert recorder.problems == {}


@pytest.mark.slow
async def test_items_that_a_server_will_not_monitor_are_polled(plc, monkeypatch, signal, reading, recorder):
    create = InternalSession.create_monitored_items

    async def only_one(self, params):
        results = await create(self, params)
        for result in results[1:]:
            result.StatusCode = ua.StatusCode(ua.StatusCodes.BadTooManyMonitoredItems)
        return results

    monkeypatch.setattr(InternalSession, "create_monitored_items", only_one)
    await plc.start({"a": 1, "b": 2, "c": 3})
    await reading(plc.url, [signal(name) for name in "abc"])
    await recorder.until(lambda: {s.signal for s in recorder.samples} == set("abc"))
    assert recorder.problems == {}


@pytest.mark.slow
async def test_requests_keep_to_the_limits_that_the_server_announces_or_enforces(
    plc, monkeypatch, signal, reading, recorder
):
    reads, creates = [], []
    read, create = InternalSession.read, InternalSession.create_monitored_items

    async def counted_read(self, params):
        if self.external:
            reads.append(len(params.NodesToRead))
        return await read(self, params)

    async def at_most_four(self, params):
        creates.append(len(params.ItemsToCreate))
        if creates[-1] > 4:
            raise ServiceError(ua.StatusCodes.BadTooManyOperations)
        return await create(self, params)

    async def prepare(server) -> None:
        limits = server.get_node(ua.NodeId(ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerRead))
        await limits.write_value(ua.Variant(3, ua.VariantType.UInt32))

    monkeypatch.setattr(InternalSession, "read", counted_read)
    monkeypatch.setattr(InternalSession, "create_monitored_items", at_most_four)
    names = [f"v{n}" for n in range(14)]
    await plc.start({name: n for n, name in enumerate(names)}, prepare=prepare)
    await reading(plc.url, [signal(name) for name in names], max_items_per_request=10)
    await recorder.until(lambda: len(recorder.samples) == 14)
    assert max(reads) <= 3
    assert creates[:2] == [10, 5]
    assert max(creates[2:]) <= 4


@pytest.mark.slow
async def test_a_server_that_revises_every_time_to_nothing_is_read_without_haste(
    plc, wire, signal, reading, recorder, monkeypatch
):
    """Zero is no interval and no lifetime: neither a busy loop nor a subscription that counts as silent comes of it."""
    create = InternalSession.create_subscription
    monkeypatch.setattr(link, "WATCH_SECONDS", 0.2)

    async def to_nothing(self, params, callback, request_callback=None):
        result = await create(self, params, callback, request_callback)
        if not self.external:
            return result
        nothing = {"RevisedPublishingInterval": 0.0, "RevisedMaxKeepAliveCount": 0, "RevisedLifetimeCount": 0}
        return dataclasses.replace(result, **nothing)

    async def forgetful(self, renew=False):
        renewed.append(renew)
        await open_channel(self, renew)
        self.secure_channel_timeout = 0

    open_channel, renewed = BoundedClient.open_secure_channel, []
    monkeypatch.setattr(InternalSession, "create_subscription", to_nothing)
    monkeypatch.setattr(BoundedClient, "open_secure_channel", forgetful)
    await plc.start({"a": 1})
    proxy = await wire()
    await reading(proxy.url, [signal("a")])
    await recorder.until(lambda: recorder.samples)
    [inner] = plc.subscriptions()
    asked = len(proxy.services)
    await recorder.until(lambda: len(recorder.confirmed) >= 3)
    await plc.write("a", 2)
    await recorder.until(lambda: recorder.values("a") == [1, 2])
    assert len(proxy.services) - asked < 100
    assert len(renewed) < 5
    assert recorder.gaps == []
    assert plc.subscriptions() == [inner]


@pytest.mark.slow
async def test_a_server_without_a_free_session_says_so(plc, monkeypatch, signal, reading, recorder):
    def full(self, name, user=None, external=False):
        raise ServiceError(ua.StatusCodes.BadTooManySessions)

    await plc.start({"a": 1})
    with monkeypatch.context() as patch:
        patch.setattr(InternalServer, "create_session", full)
        await reading(plc.url, [signal("a")])
        await recorder.until(lambda: "TooManySessions" in recorder.reasons)
    await recorder.until(lambda: recorder.values("a") == [1])


@pytest.mark.slow
async def test_a_namespace_that_moved_is_found_again_and_a_node_that_appears_is_read(
    plc, signal, reading, recorder, monkeypatch
):
    monkeypatch.setattr(link, "MEND_SECONDS", (0.2, 0.2))
    await plc.start({"a": 1})
    await reading(plc.url, [signal("a"), signal("late")])
    await recorder.until(lambda: recorder.values("a") == [1] and "late" in recorder.problems)
    await plc.add(2, "late", 42)
    await recorder.until(lambda: recorder.values("late") == [42] and not recorder.problems)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        pytest.param(b"", "ProtocolError", id="hangs up"),
        pytest.param(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", "ProtocolError", id="http"),
        pytest.param(b"ACKF\xff\xff\xff\x7f" + b"x" * 64, "ProtocolError", id="2 GB header"),
        pytest.param(b"ERRF\x10\0\0\0\0\0\x7d\x80\xff\xff\xff\xff", "ProtocolError", id="error message"),
        pytest.param(None, "Timeout", id="silent"),
    ],
)
async def test_what_is_no_server_gets_a_reason(answer, reason, signal, reading, recorder):
    async def serve(reader, writer) -> None:
        await reader.read(1024)
        if answer is None or b"ACKF" in answer:
            writer.write(answer or b"")
            await reader.read(1024)
        elif answer:
            writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        await reading(f"opc.tcp://127.0.0.1:{port}", [signal("a")], timeout_ms=300)
        await recorder.until(lambda: len(recorder.reasons) > 1)
        assert recorder.connections[1][:2] == ("False", reason)


@pytest.mark.parametrize(
    ("url", "reason"),
    [("opc.tcp://127.0.0.1:1", "ConnectionRefused"), ("opc.tcp://no-such-host.invalid:4840", "HostNotFound")],
)
async def test_no_way_to_the_server(url, reason, signal, reading, recorder):
    await reading(url, [signal("a")])
    await recorder.until(lambda: len(recorder.reasons) > 1)
    assert recorder.connections[1][:2] == ("False", reason)


def test_the_opcua_source_does_not_load_other_protocols():
    code = (
        "import sys; import plantwright_gateway.sources.opcua.client; "
        "print([m for m in ('pymodbus', 'aiomqtt', 'pydantic', 'kubernetes') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
