"""Who asks: bearer tokens, of the gateways and of those who may write orders, log-ons and reasons."""

import hmac
from collections.abc import Mapping

from aiohttp import web

UNAUTHORIZED = {"WWW-Authenticate": "Bearer"}


class Access:
    """`token` is the gateways' ("" lets everybody deliver and read); `writers` names each writer by its token."""

    def __init__(self, token: str = "", writers: Mapping[str, str] | None = None) -> None:
        self._token = token
        self._writers = dict(writers or {})

    def may_deliver(self, request: web.Request) -> bool:
        """Whether this is a gateway."""
        return not self._token or _same(_bearer(request), self._token)

    def may_read(self, request: web.Request) -> bool:
        """Whether this is a gateway or a writer: a schedule names people."""
        return self.may_deliver(request) or self.writer(request) is not None

    def writer(self, request: web.Request) -> str | None:
        """The name of who asks, if it is one of the writers; every token is compared, so that time tells nothing."""
        given = _bearer(request)
        found = [name for token, name in self._writers.items() if _same(given, token)]
        return found[0] if given and found else None


def _bearer(request: web.Request) -> str:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return token if kind == "Bearer" else ""


def _same(given: str, token: str) -> bool:
    return hmac.compare_digest(given.encode(), token.encode())
