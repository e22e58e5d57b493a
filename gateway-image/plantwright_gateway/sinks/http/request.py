"""What is asked of an MES, and of whom. Pure: a URL and a token in, an address and h11's request out."""

from typing import Final, NamedTuple
from urllib.parse import quote, urlsplit

import h11

from plantwright_api.wire.delivery import CONTENT_TYPE
from plantwright_gateway import __version__

LONGEST_TOKEN: Final = 65_536
"""Characters; servers refuse headers far below."""
PORTS: Final = {"http": 80, "https": 443}
KEPT: Final = "/%:@!$&'()*+,;=~?"
"""What a path or query may hold as it is; `%` because the user has quoted the rest already."""


class Target(NamedTuple):
    """Where a URL leads: `authority` is what the Host header says, `resource` path and query."""

    secure: bool
    host: str
    port: int
    authority: str
    resource: str


def target_of(url: str) -> Target:
    """The parts of a URL.

    Raises:
        ValueError: it is not http:// or https://, or names no host.
    """
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname:
        raise ValueError("the URL must be http:// or https://")
    usual = PORTS[parts.scheme]
    port = usual if parts.port is None else parts.port
    name = f"[{parts.hostname}]" if ":" in parts.hostname else _ascii(parts.hostname)
    resource = quote(parts.path or "/", safe=KEPT) + (f"?{quote(parts.query, safe=KEPT)}" if parts.query else "")
    authority = name if port == usual else f"{name}:{port}"
    return Target(parts.scheme == "https", parts.hostname, port, authority, resource)


def _ascii(host: str) -> str:
    return host if host.isascii() else host.encode("idna").decode()


def post(target: Target, size: int, token: str | None) -> h11.Request:
    """The head of a POST whose body has `size` bytes.

    Raises:
        h11.LocalProtocolError: the token is not fit for a header; the error holds it, so it must not be shown.
    """
    headers = {
        "Host": target.authority,
        "User-Agent": f"plantwright-gateway/{__version__}",
        "Content-Type": CONTENT_TYPE,
        "Content-Length": str(size),
        "Accept": "application/json",
        "Accept-Encoding": "identity",
    }
    if token is not None:
        if len(token) > LONGEST_TOKEN:
            raise h11.LocalProtocolError("the token is too long")
        headers["Authorization"] = f"Bearer {token}"
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    return h11.Request(method="POST", target=target.resource, headers=pairs)
