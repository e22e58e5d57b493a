"""One long-lived stream per gateway: what it says goes to the board at once, and so does that it is silent."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Final

import aiohttp
import msgspec

from plantwright_api.wire import sse
from plantwright_api.wire.live import Live

CONNECT_SECONDS: Final = 3.0
SILENT_SECONDS: Final = 35.0
"""A gateway says something every 15 s, be it a comment: after two that did not come it is lost."""
PAUSES: Final = (0.5, 10.0)
"""Shortest and longest pause before a gateway is called again; each failure doubles it."""
MAX_EVENT: Final = 64 * 1024

logger = logging.getLogger(__name__)


class Gateways:
    """Follows gateways by name. `heard` gets each word, `lost` the time from which on a gateway is silent (RFC 3339).

    `received` and `unreadable` count words since the process' start.
    """

    def __init__(self, heard: Callable[[str, Live], None], lost: Callable[[str, str], None]) -> None:
        self._heard, self._lost = heard, lost
        self._followed: dict[str, tuple[str, asyncio.Task[None]]] = {}
        self._connected: set[str] = set()
        self.received = self.unreadable = 0
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=SILENT_SECONDS),
            trust_env=False,
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    def follow(self, wanted: dict[str, str]) -> None:
        """Follow these gateways, name to base URL, and no others."""
        for name in [name for name, (url, _) in self._followed.items() if wanted.get(name) != url]:
            self._followed.pop(name)[1].cancel()
        for name in wanted.keys() - self._followed.keys():
            task = asyncio.create_task(self._follow(name, f"{wanted[name]}/live"), name=f"follow {name}")
            self._followed[name] = wanted[name], task

    @property
    def connected(self) -> int:
        """How many gateways are heard."""
        return len(self._connected)

    @property
    def silent(self) -> int:
        """How many are followed and not heard."""
        return len(self._followed.keys() - self._connected)

    async def close(self) -> None:
        """Let go of all."""
        tasks = [task for _, task in self._followed.values()]
        self.follow({})
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._session.close()

    async def _follow(self, name: str, url: str) -> None:
        shortest, longest = PAUSES
        pause, why = shortest, ""
        while True:
            try:
                async for live in self._stream(url):
                    self._connected.add(name)
                    pause = shortest
                    self._heard(name, live)
                problem = "the stream ended"
            except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
                problem = f"{type(error).__name__}: {error}"
            finally:
                if name in self._connected:
                    self._connected.remove(name)
                    self._lost(name, _now())
            if problem != why:
                logger.warning("gateway %s is not heard: %s", name, problem)
            why = problem
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - spreads calls
            pause = min(longest, pause * 2)

    async def _stream(self, url: str) -> AsyncIterator[Live]:
        """What a gateway says.

        Raises:
            ValueError: it is no stream of ours.
        """
        headers = {"Accept": sse.CONTENT_TYPE}
        async with self._session.get(url, headers=headers, allow_redirects=False) as response:
            if response.status != 200 or response.content_type != sse.CONTENT_TYPE:
                raise ValueError(f"status {response.status}, {response.content_type}")
            events = sse.Events(MAX_EVENT)
            async for piece in response.content.iter_any():
                for data in events.feed(piece):
                    if live := self._read(data, url):
                        yield live

    def _read(self, data: bytes, url: str) -> Live | None:
        """What was said; None for what cannot be read, such as a state that a newer gateway knows: the rest goes on."""
        self.received += 1
        try:
            return msgspec.json.decode(data, type=Live)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            self.unreadable += 1
            logger.warning("%s said what cannot be read: %s", url, error)
            return None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
