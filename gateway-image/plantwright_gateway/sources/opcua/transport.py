"""asyncua's client with bounded memory and without its publish loop."""

import logging

from asyncua import ua
from asyncua.client.client import Client
from asyncua.client.ua_client import UaClient, UASocketProtocol
from asyncua.client.ua_session import UaSession
from asyncua.common.connection import TransportLimits

# What matters is reported through the receiver; on lower levels asyncua writes whole requests, logins too, into the log.
logging.getLogger("asyncua").setLevel(logging.CRITICAL)

LARGEST_MESSAGE = 16 * 1024 * 1024
CHUNK_BYTES = 65_535


class OwnLimits(TransportLimits):
    """Limits on what we receive, which a server cannot lift."""

    def __init__(self) -> None:
        super().__init__(CHUNK_BYTES, CHUNK_BYTES, LARGEST_MESSAGE // CHUNK_BYTES, LARGEST_MESSAGE)

    def update_client_limits(self, msg: ua.Acknowledge) -> None:
        """Take the sizes of buffers from the server, not those of messages."""
        super().update_client_limits(msg)
        self.max_chunk_count, self.max_message_size = LARGEST_MESSAGE // CHUNK_BYTES, LARGEST_MESSAGE


class BoundedProtocol(UASocketProtocol):
    """Ends a connection on which more is sent, or announced, than any answer of ours can take."""

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        if len(self.receive_buffer or b"") > LARGEST_MESSAGE:
            self.disconnect_socket()
            return
        super().data_received(data)
        if int.from_bytes((self.receive_buffer or b"")[4:8], "little") > LARGEST_MESSAGE:
            self.disconnect_socket()


class OwnPublishing(UaSession):
    """A session whose Publish requests are ours: asyncua's loop acknowledges what is not on disk yet."""

    def ensure_publish_loop(self) -> None:
        """Start no loop."""


class BoundedTransport(UaClient):
    """A transport whose protocol and session are those above."""

    def __init__(self, timeout: float) -> None:
        super().__init__(timeout)
        self.session = OwnPublishing(self)

    def _make_protocol(self) -> UASocketProtocol:
        hooked = super()._make_protocol()
        self.protocol = BoundedProtocol(self._timeout, self.security_policy, OwnLimits())
        self.protocol.on_connection_lost = hooked.on_connection_lost
        self.protocol.is_session_closing = hooked.is_session_closing
        return self.protocol


class BoundedClient(Client):
    """An asyncua client on that transport; it neither watches nor reconnects, which is ours to do."""

    def __init__(self, url: str, timeout: float) -> None:
        super().__init__(url, timeout)
        self.uaclient = BoundedTransport(timeout)
