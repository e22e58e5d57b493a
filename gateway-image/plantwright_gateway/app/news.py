"""The stream behind /live: every machine at once, then whatever changes. See `plantwright_api.wire.live`."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Final

import msgspec

from plantwright_api.wire import sse
from plantwright_api.wire.live import Live
from plantwright_gateway.app.gateway import Gateway
from plantwright_gateway.app.live import live

LOOK_SECONDS: Final = 0.25
"""So soon a new state is told."""
NUMBERS_SECONDS: Final = 1.0
"""So often, at most, a time or count that has gone on."""
QUIET_SECONDS: Final = 15.0
COMMENT: Final = b": quiet\n\n"
AT_ONCE: Final = ("state", "since", "connected", "trouble", "reason", "job_order", "person", "shift")


class _Last:
    """What was told of a machine, and when (monotonic seconds)."""

    def __init__(self) -> None:
        self.told: Live | None = None
        self.at = 0.0

    def is_news(self, now: Live, at: float) -> bool:
        before = self.told
        if before is None or any(getattr(before, name) != getattr(now, name) for name in AT_ONCE):
            return True
        return at - self.at >= NUMBERS_SECONDS and msgspec.structs.replace(now, time=before.time) != before


async def news(gateway: Gateway) -> AsyncIterator[bytes]:
    """Events until whoever asks for them stops."""
    last: dict[str, _Last] = {}
    quiet_since = time.monotonic()
    while True:
        at = time.monotonic()
        pieces = list[bytes]()
        for uid, machine in gateway.machines.items():
            known, now = last.setdefault(uid, _Last()), live(machine)
            if known.is_news(now, at):
                known.told, known.at = now, at
                pieces.append(sse.event(msgspec.json.encode(now)))
        if pieces or at - quiet_since >= QUIET_SECONDS:
            quiet_since = at
            yield b"".join(pieces) or COMMENT
        await asyncio.sleep(LOOK_SECONDS)
