"""The HTTP sink: batches of CloudEvents by POST, receipts as answers. The only file that talks HTTP to an MES."""

import asyncio
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

import aiohttp

from plantwright_api.wire.config import HttpSink as Config
from plantwright_api.wire.config import MqttSink
from plantwright_api.wire.delivery import CONTENT_TYPE, Receipt
from plantwright_gateway.ports.sink import Batch, SinkUnavailable
from plantwright_gateway.sinks.http.answers import interpret
from plantwright_gateway.sinks.secrets import SecretFile, trust

CONNECT_SECONDS: Final = 5.0
READ_SECONDS: Final = 20.0
TOTAL_SECONDS: Final = 30.0
MOST_ANSWER_BYTES: Final = 256 * 1024
"""A receipt that rejects every event of a batch stays well below; more is no receipt."""

_Version = tuple[int, int, int] | None


class HttpSink:
    """Posts batches over one connection that is kept; token and authority are read anew when their files change."""

    one_contract_per_batch = False

    def __init__(self, config: Config | MqttSink) -> None:
        if not isinstance(config, Config):
            raise TypeError(f"no HTTP sink: {config.name}")
        if urlsplit(config.url).scheme not in ("http", "https"):
            raise ValueError(f"sink {config.name}: the URL must be http:// or https://")
        self._config = config
        self._token = SecretFile(config.token_secret, "token") if config.token_secret else None
        self._ca = SecretFile(config.ca_secret, "ca.crt") if config.ca_secret else None
        self._session: aiohttp.ClientSession | None = None
        self._trusted: _Version = None

    async def deliver(self, batch: Batch) -> Receipt:
        """Post the batch.

        Raises:
            SinkUnavailable, BatchRefused, HoleReported: see the port.
        """
        session = await self._connected()
        headers = {"Content-Type": CONTENT_TYPE, "Accept": "application/json", "Accept-Encoding": "identity"}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token.read()}"
        try:
            async with session.post(
                self._config.url, data=batch.body, headers=headers, allow_redirects=False
            ) as response:
                body = await _bounded(response)
                return interpret(response.status, response.headers, body, batch, datetime.now(UTC))
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            raise SinkUnavailable(_described(error)) from error

    async def close(self) -> None:
        """Close the connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _connected(self) -> aiohttp.ClientSession:
        version = self._ca.version() if self._ca else None
        if self._session is not None and version != self._trusted:
            await self.close()
        if self._session is None:
            self._session = self._new_session()
            self._trusted = version
        return self._session

    def _new_session(self) -> aiohttp.ClientSession:
        secure = urlsplit(self._config.url).scheme == "https"
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=1, ssl=trust(self._ca) if secure else False, ttl_dns_cache=30),
            timeout=aiohttp.ClientTimeout(total=TOTAL_SECONDS, connect=CONNECT_SECONDS, sock_read=READ_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
        )


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    """The body, up to what a receipt can be; a longer one is cut off and so is no receipt."""
    parts: list[bytes] = []
    size = 0
    async for part in response.content.iter_any():
        parts.append(part)
        size += len(part)
        if size > MOST_ANSWER_BYTES:
            response.close()
            raise SinkUnavailable(f"HTTP {response.status}: the answer is longer than {MOST_ANSWER_BYTES} bytes")
    return b"".join(parts)


def _described(error: BaseException) -> str:
    """What went wrong, without the request: that holds the token."""
    if isinstance(error, asyncio.TimeoutError):
        return "no answer in time"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return "the server's certificate is not trusted"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"cannot connect: {error.os_error.strerror or error.os_error}"
    return f"{type(error).__name__}"
