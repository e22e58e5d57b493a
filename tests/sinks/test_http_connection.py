"""The HTTP sink's connection, against servers that say their bytes by script: kept, renewed, never trusted too far."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import trustme
from aiohttp import web

from plantwright_api.wire.config import HttpSink as Config
from plantwright_gateway.ports.sink import Batch, BatchRefused, SinkUnavailable
from plantwright_gateway.sinks.http import client, connection
from plantwright_gateway.sinks.http.client import HttpSink

BODY = json.dumps({"gatewayuid": "uid", "epoch": "epoch", "watermark": 9}).encode()
OK = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY
LIE = OK.replace(b"9}", b"5}")
Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Scripted:
    """A server that runs one script per connection, the last one for all that follow."""

    def __init__(self) -> None:
        self.scripts: list[Script] = []
        self.connections = 0
        self.port = 0
        self._open: dict[asyncio.StreamWriter, asyncio.Task[Any] | None] = {}

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        script = self.scripts[min(self.connections, len(self.scripts) - 1)]
        self.connections += 1
        self._open[writer] = asyncio.current_task()
        try:
            await script(reader, writer)
        except (OSError, EOFError):
            pass
        finally:
            writer.close()

    async def end(self) -> None:
        """Let go of every connection, also of one whose script still reads or whose client has not noticed its end."""
        for writer in self._open:
            writer.transport.abort()
        tasks = [task for task in self._open.values() if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def read_request(reader: asyncio.StreamReader) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    [length] = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")]
    await reader.readexactly(int(length))


def says(answer: bytes, times: int = 1, stay: bool = False) -> Script:
    """Read a request and answer it, so many times; then end the connection, or stay until the client does."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(times):
            await read_request(reader)
            writer.write(answer)
            await writer.drain()
        if stay:
            await reader.read()

    return script


@pytest.fixture
async def scripted() -> AsyncIterator[Scripted]:
    found = Scripted()
    server = await asyncio.start_server(found.handle, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    yield found
    server.close()
    await found.end()


@pytest.fixture
async def sink(scripted: Scripted) -> AsyncIterator[HttpSink]:
    found = HttpSink(Config(name="mes", url=f"http://127.0.0.1:{scripted.port}/v1"))
    yield found
    await found.close()


async def test_a_connection_is_kept(scripted: Scripted, sink: HttpSink, batch: Batch) -> None:
    scripted.scripts = [says(OK, times=3, stay=True)]
    for _ in range(3):
        assert (await sink.deliver(batch)).watermark == 9
    assert scripted.connections == 1


async def test_a_connection_that_idled_too_long_is_not_used_again(
    scripted: Scripted, sink: HttpSink, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "KEPT_SECONDS", 0.0)
    scripted.scripts = [says(OK, stay=True)]
    await sink.deliver(batch)
    await sink.deliver(batch)
    assert scripted.connections == 2


@pytest.mark.parametrize(
    "first",
    [
        says(OK),
        says(OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), stay=True),
        says(b"HTTP/1.0 200 OK\r\n\r\n" + BODY),
        says(OK + LIE, stay=True),
    ],
    ids=["ended", "close", "until-the-end", "says-more-than-asked"],
)
async def test_a_connection_that_is_done_is_replaced_without_a_failure(
    scripted: Scripted, sink: HttpSink, batch: Batch, first: Script
) -> None:
    scripted.scripts = [first, says(OK, stay=True)]
    assert (await sink.deliver(batch)).watermark == 9
    await asyncio.sleep(0.05)
    assert (await sink.deliver(batch)).watermark == 9
    assert scripted.connections == 2


async def test_what_a_server_says_unasked_is_no_answer(scripted: Scripted, sink: HttpSink, batch: Batch) -> None:
    said = asyncio.Event()

    async def chatty(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await says(OK)(reader, writer)
        await asyncio.sleep(0.05)
        writer.write(LIE)
        await writer.drain()
        said.set()
        await reader.read()

    scripted.scripts = [chatty, says(OK, stay=True)]
    await sink.deliver(batch)
    await said.wait()
    await asyncio.sleep(0.05)
    assert (await sink.deliver(batch)).watermark == 9
    assert scripted.connections == 2


async def test_the_late_answer_to_a_batch_that_was_given_up_is_not_the_next_ones(
    scripted: Scripted, sink: HttpSink, batch: Batch
) -> None:
    asked = asyncio.Event()

    async def late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        asked.set()
        await asyncio.sleep(0.1)
        writer.write(LIE)
        await reader.read()

    scripted.scripts = [late, says(OK, stay=True)]
    given_up = asyncio.create_task(sink.deliver(batch))
    await asked.wait()
    given_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await given_up
    assert (await sink.deliver(batch)).watermark == 9
    assert scripted.connections == 2


async def test_a_refusal_is_heard_while_the_batch_is_still_on_its_way(
    scripted: Scripted, sink: HttpSink, batch: Batch
) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 9\r\n\r\ntoo large")
        await asyncio.Event().wait()

    scripted.scripts = [refuse, says(OK, stay=True)]
    with pytest.raises(BatchRefused, match="HTTP 413: too large"):
        await sink.deliver(batch._replace(body=b"x" * 32 * 2**20))
    assert (await sink.deliver(batch)).watermark == 9


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        + b"".join(b"1\r\n%c\r\n" % byte for byte in BODY)
        + b"0\r\n\r\n",
        b"HTTP/1.1 202\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY,
    ],
    ids=["informational", "chunked", "no-reason"],
)
async def test_answers_come_in_many_forms(scripted: Scripted, sink: HttpSink, batch: Batch, answer: bytes) -> None:
    scripted.scripts = [says(answer, times=2, stay=True)]
    for _ in range(2):
        assert (await sink.deliver(batch)).watermark == 9
    assert scripted.connections == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"geheim\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n" + BODY,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\ngeheim\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"geheim" * 5000,
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: geheim\r\n\r\n",
    ],
    ids=["nothing", "noise", "cut-off", "bad-chunk", "endless-head", "another-protocol"],
)
async def test_what_is_no_answer_is_tried_again_and_not_shown(
    scripted: Scripted, sink: HttpSink, batch: Batch, answer: bytes
) -> None:
    scripted.scripts = [says(answer), says(OK, stay=True)]
    with pytest.raises(SinkUnavailable) as told:
        await sink.deliver(batch)
    assert str(told.value) == "RemoteProtocolError"
    assert (await sink.deliver(batch)).watermark == 9


async def test_a_server_that_never_shakes_hands_is_given_up(
    scripted: Scripted, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def listen(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    monkeypatch.setattr(connection, "CONNECT_SECONDS", 0.2)
    scripted.scripts = [listen]
    with pytest.raises(SinkUnavailable, match="no answer in time"):
        await HttpSink(Config(name="mes", url=f"https://127.0.0.1:{scripted.port}/")).deliver(batch)


async def test_plain_text_where_tls_is_expected_is_told(scripted: Scripted, batch: Batch) -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(OK)

    scripted.scripts = [plain]
    with pytest.raises(SinkUnavailable, match="cannot connect: "):
        await HttpSink(Config(name="mes", url=f"https://127.0.0.1:{scripted.port}/")).deliver(batch)


async def test_another_authority_ends_the_connection_that_the_old_one_vouched_for(
    serve: Any, batch: Batch, secrets: Any, authority: trustme.CA, server_tls: ssl.SSLContext
) -> None:
    peers: list[object] = []

    async def handler(request: web.Request) -> web.Response:
        peers.append(request.transport and request.transport.get_extra_info("peername"))
        return web.Response(body=BODY)

    secrets("mes-ca", "ca.crt", authority.cert_pem.bytes().decode())
    sink = HttpSink(Config(name="mes", url=await serve(handler, server_tls), ca_secret="mes-ca"))
    await sink.deliver(batch)
    await sink.deliver(batch)
    assert len(set(peers)) == 1, "the connection is kept"
    secrets("mes-ca", "ca.crt", trustme.CA().cert_pem.bytes().decode())
    with pytest.raises(SinkUnavailable, match="certificate is not trusted"):
        await sink.deliver(batch)
    assert len(peers) == 2
    async with asyncio.timeout(2):
        await sink.close()
