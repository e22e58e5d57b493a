"""One connection: h11 says what bytes mean, asyncio's streams carry them."""

import asyncio
import contextlib
from typing import Final

import h11

READ_BYTES: Final = 64 * 1024
HEADER_BYTES: Final = 16 * 1024
"""A request's or answer's head may be this long; a longer one is a protocol error (431)."""


class Wire:
    """A connection of either role. Whoever uses it bounds the whole exchange in time; only reads are bounded here."""

    def __init__(
        self, role: type[h11.CLIENT] | type[h11.SERVER], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._http = h11.Connection(role, max_incomplete_event_size=HEADER_BYTES)
        self._reader, self._writer = reader, writer

    async def event(self, seconds: float) -> h11.Event | None:
        """What the peer says next; None where its message has ended. Each read may take `seconds`.

        Raises:
            TimeoutError: the peer is silent.
            OSError: the connection broke.
            h11.RemoteProtocolError: it says what HTTP does not allow, or ended in the middle.
        """
        while (event := self._http.next_event()) is h11.NEED_DATA:
            await self.more(seconds)
        return event if isinstance(event, h11.Event) else None

    def ends_here(self) -> bool:
        """Whether the peer's message is complete with what was read; to be asked once, after its head."""
        try:
            return isinstance(self._http.next_event(), h11.EndOfMessage)
        except h11.RemoteProtocolError:
            return False

    async def more(self, seconds: float) -> None:
        """Read once; at the end of the stream that is what is handed on.

        Raises:
            TimeoutError, OSError: see `event`.
        """
        async with asyncio.timeout(seconds):
            self._http.receive_data(await self._reader.read(READ_BYTES))

    def send(self, *events: h11.Event) -> None:
        """Hand events to the transport, which sends them while others work.

        Raises:
            h11.LocalProtocolError: they are no HTTP; nothing was sent.
        """
        parts = [part for event in events for part in self._http.send_with_data_passthrough(event) or []]
        self._writer.writelines(parts)

    async def sent(self, seconds: float) -> None:
        """Wait until the transport has little left.

        Raises:
            TimeoutError: the peer does not read.
            OSError: the connection broke.
        """
        async with asyncio.timeout(seconds):
            await self._writer.drain()

    @property
    def unread(self) -> bool:
        """Whether bytes are at hand that no event was made of."""
        return bool(self._http.trailing_data[0])

    def next_exchange(self) -> bool:
        """Make ready for another exchange; False when this connection must not carry one."""
        if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
            return False
        self._http.start_next_cycle()
        return True

    def is_settled(self) -> bool:
        """Whether all is sent and nothing came that was not asked for."""
        return not self.unread and not self._writer.transport.get_write_buffer_size()

    async def is_silent(self) -> bool:
        """Whether the peer neither ended the connection nor spoke unasked since the last exchange."""
        try:
            async with asyncio.timeout(0):
                await self._reader.read(1)
        except TimeoutError:
            return True
        except OSError:
            return False
        return False

    def drop(self) -> None:
        """Let go at once."""
        self._writer.transport.abort()

    async def close(self, seconds: float) -> None:
        """Send what is left within `seconds`, then let go."""
        self._writer.close()
        try:
            with contextlib.suppress(OSError):
                async with asyncio.timeout(seconds):
                    await self._writer.wait_closed()
        finally:
            self.drop()
