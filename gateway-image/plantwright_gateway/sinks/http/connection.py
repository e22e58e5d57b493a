"""Connections to the central MES, whatever is asked of it: sinks post batches, the schedule is fetched."""

import asyncio
import contextlib
import socket
import ssl
from typing import Final, NamedTuple

import h11

from plantwright_gateway.http1.wire import Wire
from plantwright_gateway.ports.sink import SinkUnavailable
from plantwright_gateway.sinks.http.request import Target

TCP_THIN_LINEAR_TIMEOUTS: Final = 16
"""See tcp(7) and the kernel's documentation of thin streams; Python has no name for it."""
CONNECT_SECONDS: Final = 5.0
NEXT_ADDRESS_SECONDS: Final = 0.25
"""A host's next address is tried after this, beside the first (RFC 8305)."""


class Reply(NamedTuple):
    """Status, headers by their names in lower case, and body."""

    status: int
    headers: dict[str, str]
    body: bytes


class CannotConnectError(Exception):
    """There is no connection; its cause is the reason."""


async def connect(target: Target, context: ssl.SSLContext | None) -> Wire:
    """A new connection.

    Raises:
        CannotConnectError: it cannot be had, or takes too long.
    """
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            reader, writer = await asyncio.open_connection(
                target.host,
                target.port,
                ssl=context,
                server_hostname=target.host.rstrip(".") if context else None,
                happy_eyeballs_delay=NEXT_ADDRESS_SECONDS,
            )
    except (OSError, ValueError) as error:  # a TimeoutError is an OSError
        raise CannotConnectError from error
    _retransmit_steadily(writer)
    return Wire(h11.CLIENT, reader, writer)


def _retransmit_steadily(writer: asyncio.StreamWriter) -> None:
    """On a link that loses much, few packets are on their way, and TCP would wait twice as long after each that is lost."""
    with contextlib.suppress(OSError, AttributeError):  # not Linux
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS, 1)


async def reply(wire: Wire, read_seconds: float, most_bytes: int) -> Reply:
    """The final answer, its body up to a bound; each read may take so many seconds.

    Raises:
        SinkUnavailable: the body is longer.
        TimeoutError, OSError, h11.RemoteProtocolError: see `Wire.event`.
    """
    head = await wire.event(read_seconds)
    while isinstance(head, h11.InformationalResponse):
        head = await wire.event(read_seconds)
    if not isinstance(head, h11.Response):
        raise h11.RemoteProtocolError("no answer")
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers}
    return Reply(head.status_code, headers, await _bounded(wire, head.status_code, read_seconds, most_bytes))


async def _bounded(wire: Wire, status: int, read_seconds: float, most_bytes: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while isinstance(event := await wire.event(read_seconds), h11.Data):
        parts.append(bytes(event.data))
        size += len(event.data)
        if size > most_bytes:
            raise SinkUnavailable(f"HTTP {status}: the answer is longer than {most_bytes} bytes")
    return b"".join(parts)


def described(error: BaseException) -> str:
    """What went wrong, without what was sent or received: it may hold the token."""
    cause = error.__cause__
    if isinstance(error, TimeoutError) or isinstance(cause, TimeoutError):
        return "no answer in time"
    if isinstance(cause, ssl.CertificateError):
        return "the server's certificate is not trusted"
    if isinstance(error, CannotConnectError):
        return f"cannot connect: {getattr(cause, 'strerror', None) or cause}"
    return type(error).__name__
