"""Fetches a machine's schedule (`wire.schedule`) from the central MES by HTTP."""

import asyncio
from typing import Final
from urllib.parse import urlencode

import h11

from plantwright_api.wire.config import HttpSchedule, Machine
from plantwright_gateway import __version__
from plantwright_gateway.ports.schedule import MOST_BYTES, WAIT_SECONDS, Fetched, ScheduleUnavailable
from plantwright_gateway.ports.sink import SinkUnavailable
from plantwright_gateway.sinks.http.connection import CannotConnectError, Reply, connect, described, reply
from plantwright_gateway.sinks.http.request import Target, target_of
from plantwright_gateway.sinks.secrets import SecretFile, TlsSecrets

READ_SECONDS: Final = WAIT_SECONDS + 10.0


class HttpScheduleClient:
    """Asks one URL for one machine; a connection per question, which lasts as long as the MES waits."""

    def __init__(self, config: HttpSchedule, machine: Machine) -> None:
        self._target = target_of(config.url)
        query = urlencode({"plant": machine.plant, "equipment": machine.name})
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

    async def close(self) -> None:
        """Nothing is held between questions."""

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
