"""What an MES's answer means. Pure: status, headers and body in, receipt or decision out."""

from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Final

import msgspec

from plantwright_api.wire.delivery import Receipt
from plantwright_gateway.ports.sink import Batch, BatchRefused, HoleReported, SinkUnavailable

SHOWN: Final = 200
"""Characters of a server's body that a message may hold."""
OK: Final = frozenset({200, 201, 202})
CONFLICT: Final = 409
REFUSED: Final = frozenset({400, 413, 422})
NAMED: Final[Mapping[int, str]] = {401: "the token is refused", 403: "the token is refused", 404: "nothing at this URL"}


def interpret(status: int, headers: Mapping[str, str], body: bytes, batch: Batch, now: datetime) -> Receipt:
    """The receipt of a batch that was taken, wholly or in part. `headers` have their names in lower case.

    Raises:
        HoleReported: 409 with a receipt for this stream.
        BatchRefused: 400, 413, 422.
        SinkUnavailable: everything else; with `retry_after` where the server names it.
    """
    if status in OK:
        return _receipt(body)
    if status == CONFLICT:
        receipt = _receipt(body)
        if (receipt.gatewayuid, receipt.epoch) != (batch.gateway_uid, batch.epoch):
            raise SinkUnavailable("409 for another gateway or epoch")
        raise HoleReported(receipt.watermark)
    text = f"HTTP {status}{_because(status)}: {shown(body)}"
    if status in REFUSED:
        raise BatchRefused(text)
    raise SinkUnavailable(text, retry_after(headers.get("retry-after", ""), now))


def _receipt(body: bytes) -> Receipt:
    try:
        return msgspec.json.decode(body, type=Receipt)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SinkUnavailable(f"the answer is no receipt: {error}"[:SHOWN]) from error


def _because(status: int) -> str:
    if 300 <= status < 400:
        return " (redirects are not followed)"
    return f" ({NAMED[status]})" if status in NAMED else ""


def shown(body: bytes) -> str:
    """The start of a body, fit for a log line."""
    text = body[: 4 * SHOWN].decode("utf-8", "replace")
    return "".join(char if char.isprintable() else " " for char in text)[:SHOWN].strip()


def retry_after(value: str, now: datetime) -> float | None:
    """Seconds that a `Retry-After` header asks for; None where it says nothing that makes sense."""
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        wait = (parsedate_to_datetime(text) - now).total_seconds()
    except (ValueError, TypeError):
        return None
    return wait if wait > 0 else None
