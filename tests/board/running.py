"""The board as a process of its own."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import msgspec

from plantwright_api.wire.board import Frame


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Board:
    """The board's process."""

    def __init__(self, url: str, process: asyncio.subprocess.Process) -> None:
        self.url, self.process = url, process

    async def snapshot(self) -> Frame:
        async with aiohttp.ClientSession() as session, session.get(f"{self.url}/snapshot") as response:
            return msgspec.json.decode(await response.read(), type=Frame)

    async def until(self, holds: Callable[[Frame], bool], seconds: float = 20.0) -> Frame:
        async with asyncio.timeout(seconds):
            while not holds(frame := await self.snapshot()):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.05)
        return frame

    def memory(self) -> int:
        """Resident bytes."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")


@asynccontextmanager
async def run_board(urls: list[str], port: int = 0, **more: str) -> AsyncIterator[Board]:
    port = port or free_port()
    env = {**os.environ, "PLANT": "stuttgart", "GATEWAY_URLS": ",".join(urls), **more, "PORT": str(port)}
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "plantwright_board", env=env)
    board = Board(f"http://127.0.0.1:{port}", process)
    try:
        await answering(f"{board.url}/readyz")
        yield board
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            assert await process.wait() == 0


async def answering(url: str, seconds: float = 15.0) -> None:
    async with asyncio.timeout(seconds), aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.get(url) as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.05)
