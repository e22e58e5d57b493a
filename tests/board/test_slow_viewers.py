"""A viewer that takes nothing is let go, so that it does not hold a place for ever."""

import asyncio
import socket

import msgspec
import pytest
from replay import Floor
from running import free_port

from plantwright_board.model.board import Board
from plantwright_board.model.site import Site
from plantwright_board.web import server
from plantwright_board.web.hub import Hub


@pytest.mark.slow
async def test_who_takes_nothing_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "SLOW_SECONDS", 0.5)
    board = Board(Site("p"))
    hub = Hub(board)
    looking = asyncio.create_task(hub.run())
    port = free_port()
    counted = server.Viewers(hub, 1)
    runner = await server.serve(counted, lambda: True, bytes, port)
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    narrow.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(narrow, ("127.0.0.1", port))
    await loop.sock_sendall(narrow, b"GET /events HTTP/1.1\r\nHost: board\r\n\r\n")
    talking = asyncio.create_task(talk(board))
    try:
        async with asyncio.timeout(15):
            while await viewers(port) == 503 or not talking.done():  # noqa: ASYNC110 - a socket tells nothing else
                await asyncio.sleep(0.1)
        assert (counted.dropped, counted.refused > 0) == (1, True)
    finally:
        for task in (talking, looking):
            task.cancel()
        await asyncio.gather(talking, looking, return_exceptions=True)
        narrow.close()
        await runner.cleanup()


async def talk(board: Board) -> None:
    """More than the connection takes: two hundred machines, each round with another reason."""
    floor = Floor(200)
    for number in range(16):
        for live in floor.machines.values():
            board.hear(live.machine, msgspec.structs.replace(live, reason=f"{number} " + "z" * 190))
        await asyncio.sleep(0.3)


async def viewers(port: int) -> int:
    """The status that one more viewer gets."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /events HTTP/1.1\r\nHost: board\r\nConnection: close\r\n\r\n")
    status = int((await reader.readline()).split()[1])
    writer.close()
    return status
