"""The board's process on real sockets: what viewers get, how soon, and what a slow or unwelcome one costs."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import msgspec
import pytest
from replay import Floor
from running import Board, run_board

from plantwright_api.wire import sse
from plantwright_api.wire.board import Frame

pytestmark = pytest.mark.slow
VIEWERS = 100
PER_HUNDRED_VIEWERS = 50 * 1024 * 1024


class Viewer:
    """Reads the stream as a browser does."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response, self._events = response, sse.Events()
        self._waiting: list[Frame] = []

    async def frame(self) -> Frame:
        async with asyncio.timeout(20):
            while not self._waiting:
                piece = await self._response.content.readany()
                assert piece, "the stream ended"
                self._waiting += [msgspec.json.decode(data, type=Frame) for data in self._events.feed(piece)]
        return self._waiting.pop(0)

    async def until(self, holds: Callable[[Frame], bool]) -> Frame:
        while not holds(frame := await self.frame()):
            pass
        return frame


@asynccontextmanager
async def viewer(board: Board) -> AsyncIterator[Viewer]:
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(timeout=timeout) as session, session.get(f"{board.url}/events") as response:
        assert response.status == 200
        yield Viewer(response)


async def test_a_viewer_gets_all_then_what_changes(board: Board, hall: Floor) -> None:
    async with viewer(board) as one:
        first = await one.frame()
        assert first.whole
        assert len(first.machines) == len(hall.machines)
        begun = time.monotonic()
        hall.say(7, state="Delay", reason="jam")
        changed = await one.frame()
        assert time.monotonic() - begun < 1
        assert not changed.whole
        assert [(each.machine, each.state, each.reason) for each in changed.machines] == [
            (hall.machines[7].machine, "Delay", "jam")
        ]


async def test_changes_are_told_together_four_times_a_second_at_most(board: Board, hall: Floor) -> None:
    async with viewer(board) as one:
        await one.frame()
        begun, frames = time.monotonic(), 0
        busy = asyncio.create_task(hall.work())
        while time.monotonic() - begun < 3:
            await one.frame()
            frames += 1
        busy.cancel()
        assert 4 <= frames <= 4 * (time.monotonic() - begun) + 1


async def test_one_stream_per_gateway_however_many_look(board: Board, hall: Floor) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(20):
            await (await stack.enter_async_context(viewer(board))).frame()
        assert hall.served == len(hall.urls)


async def test_a_viewer_that_does_not_read_is_skipped_forward_and_costs_little(board: Board, hall: Floor) -> None:
    """Its connection takes 4 KB; the others go on, and when it reads again it is told the state of now, not of then."""
    host, port = board.url.removeprefix("http://").split(":")
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    narrow.connect((host, int(port)))
    reader, writer = await asyncio.open_connection(sock=narrow, limit=1024)
    writer.write(b"GET /events HTTP/1.1\r\nHost: board\r\n\r\n")
    before = board.memory()
    async with viewer(board) as other:
        await other.frame()
        for number in range(60):
            hall.say(number % 5, reason=f"round {number}" + "x" * 150)
            for many in range(5, 200):
                hall.say(many, reason=f"round {number} " + "y" * 150)
            await other.until(
                lambda frame, wanted=f"round {number}": any(each.reason.startswith(wanted) for each in frame.machines)
            )
        assert board.memory() - before < 8 * 1024 * 1024
    seen = b""
    async with asyncio.timeout(20):
        while b"round 59" not in seen:
            seen += await reader.read(65536)
    writer.close()
    async with aiohttp.ClientSession() as session, session.get(f"{board.url}/metrics") as response:
        counts = await response.text()
    assert float(counts.partition("plantwright_board_skipped_updates_total{")[2].split()[1]) > 40
    rounds = {number for number in range(60) if b'"round %d ' % number in seen}
    assert 59 in rounds
    assert len(rounds) < 10


async def test_more_viewers_than_allowed_are_told_to_wait(hall: Floor) -> None:
    async with run_board(hall.urls[:1], MAX_VIEWERS="2") as board, AsyncExitStack() as stack:
        for _ in range(2):
            await (await stack.enter_async_context(viewer(board))).frame()
        async with aiohttp.ClientSession() as session, session.get(f"{board.url}/events") as refused:
            assert refused.status == 503
            assert refused.headers["Retry-After"] == "10"


async def test_a_hundred_viewers_cost_less_than_fifty_megabytes(
    board: Board, hall: Floor, measured: Callable[[str], None]
) -> None:
    busy = asyncio.create_task(hall.work())
    await asyncio.gather(*(board.snapshot() for _ in range(5)))
    before = board.memory()
    async with AsyncExitStack() as stack:
        viewers = [await stack.enter_async_context(viewer(board)) for _ in range(VIEWERS)]
        for _ in range(12):
            await asyncio.gather(*(each.frame() for each in viewers))
        more = board.memory() - before
    busy.cancel()
    measured(f"{more / 1e6:.1f} MB more for {VIEWERS} viewers, {before / 1e6:.1f} MB without")
    assert more < PER_HUNDRED_VIEWERS


async def test_what_cannot_be_read_is_passed_over_and_the_rest_goes_on(board: Board, hall: Floor) -> None:
    async with viewer(board) as one:
        await one.frame()
        for bad in (b"{", b'{"state":"Dancing"}', b"[1,2]", b"\xff\xfe", b"null"):
            hall.send(3, sse.event(bad))
        hall.say(3, state="Setup", reason="after the noise")
        await one.until(lambda frame: any(each.reason == "after the noise" for each in frame.machines))
    assert hall.served == len(hall.urls)


async def test_a_stream_without_end_of_an_event_is_given_up_and_called_again(board: Board, hall: Floor) -> None:
    async with viewer(board) as one:
        await one.frame()
        hall.send(3, b"data: " + b"x" * 100_000)
        name = hall.machines[3].machine
        await one.until(lambda frame: any((each.machine, each.state) == (name, "NoData") for each in frame.machines))
        await one.until(lambda frame: any(each.machine == name and each.state != "NoData" for each in frame.machines))
    assert hall.served == len(hall.urls) + 1


async def test_every_answer_is_guarded_and_nothing_can_be_written(board: Board) -> None:
    async with aiohttp.ClientSession(board.url) as session:
        for path in (
            "/",
            "/board.js",
            "/board.css",
            "/icon.svg",
            "/snapshot",
            "/healthz",
            "/readyz",
            "/nowhere",
            "/../x",
        ):
            async with session.get(path) as response:
                assert response.headers["Content-Security-Policy"].startswith("default-src 'none'")
                assert "unsafe" not in response.headers["Content-Security-Policy"]
                assert response.headers["X-Content-Type-Options"] == "nosniff"
                assert "Set-Cookie" not in response.headers
                assert "Access-Control-Allow-Origin" not in response.headers
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            async with session.request(method, "/snapshot") as response:
                assert response.status == 405


async def test_the_page_is_fetched_once(board: Board) -> None:
    async with aiohttp.ClientSession(board.url) as session:
        async with session.get("/board.js") as first:
            etag = first.headers["ETag"]
        async with session.get("/board.js", headers={"If-None-Match": etag}) as again:
            assert again.status == 304
        async with session.get("/board.js", headers={"If-None-Match": '"old"'}) as changed:
            assert changed.status == 200


async def test_the_board_ends_at_once_though_viewers_look_on(hall: Floor) -> None:
    async with AsyncExitStack() as stack:
        async with run_board(hall.urls[:1]) as board:
            await (await stack.enter_async_context(viewer(board))).frame()
            begun = time.monotonic()
        assert time.monotonic() - begun < 5
