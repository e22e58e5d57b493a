"""What the evil servers share: a TCP server on a free port of the loopback."""

import asyncio
from abc import ABC, abstractmethod


class Listener(ABC):
    """Serves each connection by `_serve`, from `start` to `stop`; `connections` counts those that `_serve` has counted."""

    def __init__(self) -> None:
        self.port = self.connections = 0
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen on the loopback."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()

    @abstractmethod
    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None: ...
