"""HTTP for viewers: the page, its stream, a snapshot; probes and metrics. There is nothing to write, and no cookie."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from plantwright_api.wire import sse
from plantwright_board.web import pages
from plantwright_board.web.hub import Hub
from plantwright_board.web.metrics import CONTENT_TYPE

HEARTBEAT_SECONDS: Final = 10.0
SLOW_SECONDS: Final = 30.0
"""A viewer that takes nothing for so long is let go; its browser comes again."""
TAKEN_SECONDS: Final = 0.1
KERNEL_BYTES: Final = 64 * 1024
LEAVE_SECONDS: Final = 1.0
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Viewers:
    """The streams. At most `most` at a time; each holds at most one frame of memory beside what the kernel takes.

    `count` is how many there are; the others count from the process' start: events taken, updates that a slow viewer was told
    together with a later one, viewers that were too many, and viewers let go because they took nothing.
    """

    def __init__(self, hub: Hub, most: int) -> None:
        self._hub, self.most = hub, most
        self.count = self.sent = self.skipped = self.refused = self.dropped = 0

    async def snapshot(self, _: web.Request) -> web.Response:
        """Everything, once."""
        headers = {"Cache-Control": "no-store"}
        return web.Response(body=self._hub.snapshot(), content_type="application/json", headers=headers)

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Tell a viewer everything, then what changes, until it goes."""
        if self.count >= self.most:
            self.refused += 1
            return web.Response(status=503, headers={"Retry-After": "10"}, text="too many viewers\n")
        self.count += 1
        try:
            return await self._tell(request)
        finally:
            self.count -= 1

    async def _tell(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": sse.CONTENT_TYPE, "Cache-Control": "no-store"})
        await response.prepare(request)
        transport = request.transport
        if transport is None:
            return response
        _narrow(transport)
        version, event = self._hub.version, self._hub.event(0)
        while await self._taken(response, transport, event):
            await self._hub.newer(version, HEARTBEAT_SECONDS)
            self.skipped += max(0, self._hub.version - version - 1)
            version, event = self._hub.version, self._hub.event(version)
        transport.abort()
        return response

    async def _taken(self, response: web.StreamResponse, transport: asyncio.Transport, event: bytes) -> bool:
        """Send, and wait until it is taken, so that the next frame holds all that changed meanwhile. False: it was not in time."""
        try:
            async with asyncio.timeout(SLOW_SECONDS):
                await response.write(event)
                while transport.get_write_buffer_size():  # noqa: ASYNC110 - a transport tells nothing else
                    await asyncio.sleep(TAKEN_SECONDS)
        except TimeoutError:
            self.dropped += 1
            return False
        self.sent += 1
        return not transport.is_closing()


def _narrow(transport: asyncio.Transport) -> None:
    """Let the kernel hold little of what a viewer has not taken: it is old news by then."""
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BYTES)


async def serve(viewers: Viewers, ready: Callable[[], bool], render: Callable[[], bytes], port: int) -> web.AppRunner:
    """Serve on all addresses; `render` makes the text of /metrics.

    Raises:
        OSError: the port is taken.
    """

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=render(), headers={"Content-Type": CONTENT_TYPE})

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n") if ready() else web.Response(text="starting\n", status=503)

    app = web.Application()
    handlers: dict[str, Handler] = {
        "/events": viewers.stream,
        "/snapshot": viewers.snapshot,
        "/metrics": metrics,
        "/healthz": healthz,
        "/readyz": readyz,
        **{path: _answering(page) for path, page in pages.read().items()},
    }
    for path, handler in handlers.items():
        app.router.add_get(path, handler)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=LEAVE_SECONDS)
    app.on_response_prepare.append(_add_headers)
    await runner.setup()
    await web.TCPSite(runner, host=None, port=port).start()
    return runner


def _answering(page: pages.Page) -> Handler:
    async def answer(request: web.Request) -> web.Response:
        headers = {"ETag": f'"{page.etag}"', "Cache-Control": "no-cache"}
        if any(each.value in (page.etag, "*") for each in request.if_none_match or ()):
            return web.Response(status=304, headers=headers)
        return web.Response(body=page.body, headers={**headers, "Content-Type": page.content_type})

    return answer


async def _add_headers(_: web.Request, response: web.StreamResponse) -> None:
    """Refusals have them too."""
    response.headers.update(pages.HEADERS)
