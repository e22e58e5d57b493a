"""The gateway's HTTP side: /status for the operator, /metrics for Prometheus, /healthz and /readyz for the kubelet,
/quarantine and /certificates for people, /live for boards."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from email.utils import formatdate
from http import HTTPStatus
from typing import Final, NamedTuple

import h11
import structlog

from plantwright_api.wire import quarantine, sse
from plantwright_api.wire.status import encode
from plantwright_gateway.app.certificates import page
from plantwright_gateway.app.gateway import Gateway
from plantwright_gateway.app.held import show
from plantwright_gateway.app.metrics import CONTENT_TYPE, Metrics
from plantwright_gateway.app.news import news
from plantwright_gateway.buffer import BufferClosedError
from plantwright_gateway.http1.wire import Wire

IDLE_SECONDS: Final = 75.0
"""A kept connection may be silent for this long: longer than the pauses of those who ask."""
REQUEST_SECONDS: Final = 10.0
"""A request's head must be whole, and an answer taken, after this."""
LEAVE_SECONDS: Final = 1.0
MOST_STREAMS: Final = 16
"""Boards and terminals that listen at the same time; a gateway serves a few, a board serves many."""
TEXT: Final = "text/plain; charset=utf-8"


class Answer(NamedTuple):
    """What is answered; `more` are headers beyond the usual."""

    status: int
    body: bytes
    content_type: str = TEXT
    more: tuple[tuple[str, str], ...] = ()


class Stream(NamedTuple):
    """What is answered piece by piece, as long as the other end listens."""

    pieces: AsyncIterator[bytes]
    content_type: str


class Pages:
    """What there is to ask."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway, self._metrics = gateway, Metrics(gateway)
        self._pages: Final[Mapping[str, Callable[[], Awaitable[Answer]]]] = {
            "/status": self.status,
            "/metrics": self.metrics,
            "/healthz": self.healthz,
            "/readyz": self.readyz,
            "/quarantine": self.quarantine,
            "/certificates": self.certificates,
        }

    async def answer(self, method: bytes, target: bytes) -> Answer | Stream:
        """The answer to a request."""
        if path_of(target) == "/live" and method == b"GET":
            return Stream(news(self._gateway), sse.CONTENT_TYPE)
        page = self._pages.get(path_of(target))
        if page is None:
            return refusal(404)
        if method not in (b"GET", b"HEAD"):
            return refusal(405, ("Allow", "GET, HEAD"))
        return await page()

    async def status(self) -> Answer:
        """`wire.status.GatewayStatus` as JSON."""
        return Answer(200, encode(self._gateway.status()), "application/json")

    async def metrics(self) -> Answer:
        """Metrics in Prometheus' text format."""
        return Answer(200, self._metrics.render(), CONTENT_TYPE)

    async def healthz(self) -> Answer:
        """200 while the event loop and every writer thread are alive."""
        return Answer(200, b"ok\n") if self._gateway.alive else Answer(503, b"a buffer's thread has ended\n")

    async def readyz(self) -> Answer:
        """200 once a configuration is loaded and every buffer can be written."""
        why = self._gateway.not_ready()
        return Answer(503 if why else 200, f"{why or 'ok'}\n".encode())

    async def certificates(self) -> Answer:
        """Every certificate in use or shown by a machine as text and PEM, for a person who has to trust it; no keys."""
        machines = self._gateway.machines.items()
        parts = [page(machine.wanted.machine.name, machine.certificates()) for _, machine in machines]
        return Answer(200, "".join(parts).encode())

    async def quarantine(self) -> Answer:
        """`wire.quarantine.GatewayQuarantine` as JSON; 503 while a buffer cannot be read."""
        try:
            return Answer(200, quarantine.encode(await show(self._gateway)), "application/json")
        except (sqlite3.Error, BufferClosedError) as error:
            return Answer(503, f"the quarantine cannot be read now: {error}\n".encode())


def path_of(target: bytes) -> str:
    """The path of a request target, in origin form (`/x?y`) or absolute form (`http://host/x?y`)."""
    text = target.decode("ascii")
    if not text.startswith("/"):
        text = "/" + text.partition("://")[2].partition("/")[2]
    return text.partition("?")[0]


def refusal(status: int, *more: tuple[str, str]) -> Answer:
    """An answer that says nothing but its status."""
    return Answer(status, f"{status}: {HTTPStatus(status).phrase}\n".encode(), more=more)


class Server:
    """Listens, and answers each connection in a task of its own."""

    def __init__(self, gateway: Gateway) -> None:
        self._pages = Pages(gateway)
        self._log = structlog.get_logger(__name__)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._streams = 0

    async def start(self, port: int) -> int:
        """Listen on all addresses; returns the port (for 0, the one given for IPv4).

        Raises:
            OSError: the port is taken.
        """
        self._server = await asyncio.start_server(self._accept, port=port)
        return next(int(address[1]) for address in sorted((s.getsockname() for s in self._server.sockets), key=len))

    async def cleanup(self) -> None:
        """Listen no more and let go of every connection; what is being answered has a second to be taken."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(Wire(h11.SERVER, reader, writer)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, wire: Wire) -> None:
        """One exchange after the other, until either end has had enough."""
        try:
            while await self._exchange(wire):
                pass
        except OSError:  # gone, or too slow: a TimeoutError is one
            wire.drop()
        except Exception:
            self._log.exception("a connection failed")
        finally:
            await wire.close(LEAVE_SECONDS)

    async def _exchange(self, wire: Wire) -> bool:
        """Answer one request; False when the connection must end."""
        try:
            request = await _request(wire)
        except h11.RemoteProtocolError as error:
            await _send(wire, refusal(error.error_status_hint), with_body=True, last=True)
            return False
        if request is None:
            return False
        # A body is of no use to any page: it is not waited for, and the connection ends with the answer.
        last = not wire.ends_here()
        answer = await self._answer(request)
        if isinstance(answer, Stream):
            return await self._stream(wire, answer)
        await _send(wire, answer, with_body=request.method != b"HEAD", last=last)
        return not last and wire.next_exchange()

    async def _stream(self, wire: Wire, answer: Stream) -> bool:
        """Send pieces until the other end goes or takes none; False: this connection carries nothing else."""
        if self._streams >= MOST_STREAMS:
            await _send(wire, refusal(503, ("Retry-After", "5")), with_body=True, last=True)
            return False
        self._streams += 1
        try:
            headers = [*_usual(answer.content_type), ("Cache-Control", "no-store"), ("Connection", "close")]
            wire.send(h11.Response(status_code=200, headers=headers, reason="OK"))
            async for piece in answer.pieces:
                wire.send(h11.Data(data=piece))
                await wire.sent(REQUEST_SECONDS)
        finally:
            self._streams -= 1
        return False

    async def _answer(self, request: h11.Request) -> Answer | Stream:
        try:
            return await self._pages.answer(request.method, request.target)
        except Exception:
            self._log.exception("a page failed", target=request.target.decode("ascii"))
            return refusal(500)


async def _request(wire: Wire) -> h11.Request | None:
    """The next request's head; None when the peer has ended the connection."""
    if not wire.unread:
        await wire.more(IDLE_SECONDS)
    async with asyncio.timeout(REQUEST_SECONDS):
        event = await wire.event(REQUEST_SECONDS)
    return event if isinstance(event, h11.Request) else None


async def _send(wire: Wire, answer: Answer, *, with_body: bool, last: bool) -> None:
    """Send an answer whole, or its head alone."""
    headers = [
        *_usual(answer.content_type),
        ("Content-Length", str(len(answer.body))),
        *answer.more,
        *([("Connection", "close")] if last else []),
    ]
    head = h11.Response(status_code=answer.status, headers=headers, reason=HTTPStatus(answer.status).phrase)
    body = [h11.Data(data=answer.body)] if with_body else []
    wire.send(head, *body, h11.EndOfMessage())
    await wire.sent(REQUEST_SECONDS)


def _usual(content_type: str) -> list[tuple[str, str]]:
    return [("Date", formatdate(usegmt=True)), ("Content-Type", content_type)]


async def serve(gateway: Gateway, port: int) -> tuple[Server, int]:
    """Listen on all addresses; returns what must be cleaned up, and the port (for 0, the one given for IPv4).

    Raises:
        OSError: the port is taken.
    """
    server = Server(gateway)
    return server, await server.start(port)
