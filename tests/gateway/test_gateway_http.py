"""The gateway's HTTP side, byte by byte: what a well-meaning client, a careless one and a slow one get."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from plantwright_gateway.app import server
from plantwright_gateway.app.adapters import Installed
from plantwright_gateway.app.gateway import Gateway
from plantwright_gateway.app.server import Server, path_of, serve
from plantwright_gateway.app.settings import Settings

Talk = Callable[..., Awaitable[bytes]]


@pytest.fixture
async def served() -> AsyncIterator[tuple[Server, int]]:
    found, port = await serve(Gateway(Installed(), Settings()), 0)
    yield found, port
    await found.cleanup()


@pytest.fixture
def talk(served: Any) -> Talk:
    """Send bytes over a connection of their own; returns all that comes until the server ends it."""

    async def say(*parts: bytes, end: bool = False) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", served[1])
        for part in parts:
            writer.write(part)
            await writer.drain()
        if end:
            writer.write_eof()
        async with asyncio.timeout(5):
            answer = await reader.read()
        writer.close()
        return answer

    return say


async def test_head_says_what_get_does_without_a_body(served: Any) -> None:
    url = f"http://127.0.0.1:{served[1]}/status"
    async with aiohttp.ClientSession() as session:
        async with session.get(url) as got:
            body = await got.read()
        async with session.head(url) as head:
            assert await head.read() == b""
    assert got.status == head.status == 200
    assert got.headers["Content-Type"] == head.headers["Content-Type"] == "application/json"
    assert int(head.headers["Content-Length"]) == len(body) > 0
    assert "Date" in got.headers


async def test_a_connection_carries_many_requests_even_sent_at_once(talk: Talk) -> None:
    ask = b"GET /healthz?verbose HTTP/1.1\r\nHost: x\r\n\r\n"
    answer = await talk(
        ask[:9], ask[9:] + ask + b"GET http://x/readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    )
    assert answer.count(b"HTTP/1.1 200 OK") == 2
    assert answer.count(b"HTTP/1.1 503 ") == 1
    assert answer.endswith(b"no configuration has been read yet\n")
    assert answer.lower().count(b"connection: close") == 1


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b"404 "),
        (b"DELETE /status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b"405 "),
        (b"POST /status HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n", b"405 "),
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nno chunk\r\n", b"200 "),
        (b"GET /healthz HTTP/1.0\r\n\r\n", b"200 "),
        (b"GET /healthz HTTP/1.1\r\n\r\n", b"400 "),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS client\r\n\r\n", b"400 "),
        (b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", b"501 "),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 20_000, b"431 "),
    ],
)
async def test_what_cannot_be_served_is_refused_and_the_connection_ended(
    talk: Talk, request_bytes: bytes, status: bytes
) -> None:
    answer = await talk(request_bytes)
    assert answer.startswith(b"HTTP/1.1 " + status)
    assert b"connection: close" in answer.lower()
    assert (b"Allow: GET, HEAD" in answer) == (status == b"405 ")


async def test_a_client_that_leaves_in_the_middle_harms_nobody(talk: Talk) -> None:
    assert (await talk(b"GET /heal", end=True)).startswith(b"HTTP/1.1 400 ")
    assert await talk(end=True) == b""
    assert b"200 OK" in await talk(b"GET /healthz HTTP/1.0\r\n\r\n")


async def test_who_is_silent_or_slow_is_let_go(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "REQUEST_SECONDS", 0.1)
    assert await talk(b"GET /healthz HT") == b""
    monkeypatch.setattr(server, "IDLE_SECONDS", 0.1)
    assert await talk() == b""
    assert (await talk(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")).endswith(b"ok\n")


async def test_a_client_that_trickles_is_let_go(served: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "REQUEST_SECONDS", 0.3)
    reader, writer = await asyncio.open_connection("127.0.0.1", served[1])
    async with asyncio.timeout(3):
        with contextlib.suppress(ConnectionError):
            while not reader.at_eof():
                writer.write(b"G")
                await writer.drain()
                await asyncio.sleep(0.05)
    writer.close()


async def test_a_page_that_fails_is_told_and_the_next_is_served(
    talk: Talk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_self: Gateway) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(Gateway, "status", fail)
    ask = b"GET /status HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answer = await talk(ask)
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert b"HTTP/1.1 200 OK" in answer
    assert b"broken" not in answer
    assert "a page failed" in capsys.readouterr().out


async def test_idle_connections_do_not_hold_up_the_end(served: Any) -> None:
    found, port = served
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    await reader.readuntil(b"ok\n")
    async with asyncio.timeout(1):
        await found.cleanup()
        assert await reader.read() == b""
    with pytest.raises(OSError, match=r"."):
        await asyncio.open_connection("127.0.0.1", port)
    writer.close()


@pytest.mark.parametrize(
    ("target", "path"),
    [
        (b"/status", "/status"),
        (b"/status?a=/b", "/status"),
        (b"http://host:80/status?x", "/status"),
        (b"http://host", "/"),
        (b"//status", "//status"),
        (b"*", "/"),
        (b"http://[", "/"),
    ],
)
def test_the_path_of_a_target(target: bytes, path: str) -> None:
    assert path_of(target) == path
