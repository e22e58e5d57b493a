"""The page's files, as they are answered: whole in memory, with headers that let them do no more than they need."""

import hashlib
from importlib.resources import files
from typing import Final, NamedTuple

POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
"""Of every answer."""


class Page(NamedTuple):
    """A file as it is answered."""

    body: bytes
    content_type: str
    etag: str


FILES: Final = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/board.css": ("board.css", "text/css; charset=utf-8"),
    "/board.js": ("board.js", "text/javascript; charset=utf-8"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}


def read() -> dict[str, Page]:
    """All files by path."""
    folder = files(__package__) / "static"
    return {path: _page((folder / name).read_bytes(), content_type) for path, (name, content_type) in FILES.items()}


def _page(body: bytes, content_type: str) -> Page:
    return Page(body, content_type, hashlib.sha256(body).hexdigest()[:32])
