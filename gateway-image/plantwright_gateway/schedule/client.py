"""Fetches a machine's schedule (`wire.schedule`) from the central MES by HTTP. The only file of this folder that talks."""

import asyncio
from typing import Final, NamedTuple
from urllib.parse import urlencode

import h11

from plantwright_api.wire.config import HttpSchedule
from plantwright_gateway import __version__
from plantwright_gateway.ports.sink import SinkUnavailable
from plantwright_gateway.sinks.http.connection import CannotConnectError, Reply, connect, described, reply
from plantwright_gateway.sinks.http.request import Target, target_of
from plantwright_gateway.sinks.secrets import SecretFile, TlsSecrets

WAIT_SECONDS: Final = 30
"""So long the MES may hold its answer back until something changes."""
READ_SECONDS: Final = WAIT_SECONDS + 10.0
MOST_BYTES: Final = 8 * 1024 * 1024
"""Ten thousand job orders take about four."""


class ScheduleUnavailable(Exception):  # noqa: N818 what happened, not whose fault it was
    """There is no schedule to be had now; the message says why, without what is secret."""


class Fetched(NamedTuple):
    """A schedule as it came, and the tag by which it is asked whether there is a newer one."""

    content: bytes
    etag: str


class HttpScheduleClient:
    """Asks one URL for one machine; a connection per question, which lasts as long as the MES waits."""

    def __init__(self, config: HttpSchedule, plant: str, machine: str) -> None:
        self._target = target_of(config.url)
        query = urlencode({"plant": plant, "equipment": machine})
        self._resource = f"{self._target.resource}{'&' if '?' in self._target.resource else '?'}{query}"
        self._token = SecretFile(config.token_secret, "token") if config.token_secret else None
        self._tls = TlsSecrets(config.ca_secret, config.certificate_secret)

    async def fetch(self, etag: str) -> Fetched | None:
        """The schedule, or None where it is still the one of this tag; "" for none.

        Raises:
            ScheduleUnavailable: there is none to be had now.
        """
        try:
            answer = await self._ask(etag)
        except SinkUnavailable as error:  # of the secrets
            raise ScheduleUnavailable(str(error)) from error
        except (TimeoutError, h11.ProtocolError, OSError, CannotConnectError) as error:
            raise ScheduleUnavailable(described(error)) from error
        if answer.status == 304:
            return None
        if answer.status != 200:
            raise ScheduleUnavailable(f"HTTP {answer.status}{HINTS.get(answer.status, '')}")
        return Fetched(answer.body, answer.headers.get("etag", ""))

    async def _ask(self, etag: str) -> Reply:
        target = self._target
        request = h11.Request(method="GET", target=self._resource, headers=self._headers(target, etag))
        wire = await connect(target, self._tls.context() if target.secure else None)
        try:
            wire.send(request, h11.EndOfMessage())
            async with asyncio.timeout(READ_SECONDS + 10.0):
                return await reply(wire, READ_SECONDS, MOST_BYTES)
        finally:
            wire.drop()

    def _headers(self, target: Target, etag: str) -> list[tuple[bytes, bytes]]:
        headers = {
            "Host": target.authority,
            "User-Agent": f"plantwright-gateway/{__version__}",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "Connection": "close",
        }
        if etag:
            headers |= {"If-None-Match": etag, "Prefer": f"wait={WAIT_SECONDS}"}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token.read()}"
        return [(name.encode(), value.encode()) for name, value in headers.items()]


HINTS: Final = {
    401: ": the token is refused",
    403: ": the token is refused",
    404: ": nothing at this URL, or the MES does not know the machine",
}
