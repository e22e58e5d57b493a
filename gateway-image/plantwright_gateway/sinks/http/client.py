"""The HTTP sink: batches of CloudEvents by POST, receipts as answers. The only file that talks HTTP to an MES."""

import asyncio
import ssl
import time
from datetime import UTC, datetime
from typing import Final, NamedTuple

import h11

from plantwright_api.wire.config import HttpSink as Config
from plantwright_api.wire.config import MqttSink
from plantwright_api.wire.delivery import Receipt
from plantwright_gateway.http1.wire import Wire
from plantwright_gateway.ports.sink import Batch, SinkUnavailable
from plantwright_gateway.sinks.http.answers import interpret
from plantwright_gateway.sinks.http.connection import CannotConnectError, Reply, connect, described, reply
from plantwright_gateway.sinks.http.request import post, target_of
from plantwright_gateway.sinks.secrets import SecretFile, TlsSecrets

READ_SECONDS: Final = 20.0
TOTAL_SECONDS: Final = 30.0
CLOSE_SECONDS: Final = 1.0
KEPT_SECONDS: Final = 15.0
"""A connection that was idle for longer is not used again: many servers have closed theirs by then."""
MOST_ANSWER_BYTES: Final = 256 * 1024
"""A receipt that rejects every event of a batch stays well below; more is no receipt."""


class _Idle(NamedTuple):
    """A connection between two batches; `since` is monotonic seconds."""

    wire: Wire
    since: float


class HttpSink:
    """Posts batches over one connection that is kept; token and authority are read anew when their files change."""

    one_contract_per_batch = False

    def __init__(self, config: Config | MqttSink) -> None:
        if not isinstance(config, Config):
            raise TypeError(f"no HTTP sink: {config.name}")
        try:
            self._target = target_of(config.url)
        except ValueError as error:
            raise ValueError(f"sink {config.name}: {error}") from None
        self._token = SecretFile(config.token_secret, "token") if config.token_secret else None
        self._tls = TlsSecrets(config.ca_secret, config.certificate_secret)
        self._idle: _Idle | None = None
        self._context: ssl.SSLContext | None = None
        self._secured_by: tuple[object, ...] = ()

    async def deliver(self, batch: Batch) -> Receipt:
        """Post the batch.

        Raises:
            SinkUnavailable, BatchRefused, HoleReported: see the port.
        """
        self._renew_security()
        request = self._request(batch)
        try:
            async with asyncio.timeout(TOTAL_SECONDS):
                answer = await self._exchange(request, batch.body)
        except (TimeoutError, h11.ProtocolError, OSError, CannotConnectError) as error:
            raise SinkUnavailable(described(error), too_slow=isinstance(error, TimeoutError)) from error
        return interpret(answer.status, answer.headers, answer.body, batch, datetime.now(UTC))

    async def close(self) -> None:
        """Close the connection."""
        idle, self._idle = self._idle, None
        if idle is not None:
            await idle.wire.close(CLOSE_SECONDS)

    def _request(self, batch: Batch) -> h11.Request:
        token = self._token.read() if self._token else None
        try:
            return post(self._target, len(batch.body), token)
        except h11.LocalProtocolError:
            raise SinkUnavailable("the token is not fit for a header") from None

    def _renew_security(self) -> None:
        """A new authority or certificate ends the connection that rests on the old one."""
        if not self._target.secure:
            return
        versions = self._tls.versions()
        if self._context is None or versions != self._secured_by:
            self._drop_idle()
            self._context, self._secured_by = self._tls.context(), versions

    async def _exchange(self, request: h11.Request, body: bytes) -> Reply:
        """One request, one answer. What was begun and not ended is never used again, a cancelled one neither."""
        wire = await self._kept() or await connect(self._target, self._context)
        try:
            # Not waited for: a server that refuses early is heard while the rest is still on its way.
            wire.send(request, h11.Data(data=body), h11.EndOfMessage())
            return await reply(wire, READ_SECONDS, MOST_ANSWER_BYTES)
        finally:
            self._keep(wire)

    async def _kept(self) -> Wire | None:
        idle = self._idle
        if idle is None:
            return None
        usable = time.monotonic() - idle.since < KEPT_SECONDS and await idle.wire.is_silent()
        self._idle = None
        if usable:
            return idle.wire
        idle.wire.drop()
        return None

    def _keep(self, wire: Wire) -> None:
        """For the next batch, if this exchange came to its end."""
        if wire.is_settled() and wire.next_exchange() and self._idle is None:
            self._idle = _Idle(wire, time.monotonic())
        else:
            wire.drop()

    def _drop_idle(self) -> None:
        if self._idle is not None:
            self._idle.wire.drop()
            self._idle = None
