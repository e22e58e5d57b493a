"""Keeps a machine's orders as new as the MES gives them, and those it had while the MES is away."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import msgspec

from plantwright_api.wire.schedule import decode
from plantwright_gateway.context.orders import Fault, Orders
from plantwright_gateway.ports.schedule import ScheduleClient, ScheduleUnavailable

STATE_SCHEDULE: Final = "schedule"
FIRST_PAUSE_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 30.0
SHORTEST_ROUND_SECONDS: Final = 0.5
"""An MES that does not wait, or changes without end, is asked no more often."""


def recalled(content: bytes | None) -> Orders | None:
    """The orders that were kept, which may be of long ago; None where there are none."""
    try:
        return Orders(decode(content)) if content else None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


class ScheduleFeed:
    """`told` is called with orders that are newer; `keep` writes them down for the next start.

    `error` says why there is nothing newer, "" while all is well; `faults` what is wrong in the schedule itself.
    """

    def __init__(
        self,
        client: ScheduleClient,
        told: Callable[[Orders], None],
        keep: Callable[[Mapping[str, bytes]], Awaitable[None]],
        log: Any,
    ) -> None:
        self.error = ""
        self.known = False
        self.faults: tuple[Fault, ...] = ()
        self._client, self._told, self._keep, self._log = client, told, keep, log
        self._etag = ""

    async def run(self) -> None:
        """Ask until cancelled."""
        try:
            await self._ask_always()
        finally:
            await self._client.close()

    async def _ask_always(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while True:
            began = asyncio.get_running_loop().time()
            if await self._round():
                pause = FIRST_PAUSE_SECONDS
                await asyncio.sleep(
                    SHORTEST_ROUND_SECONDS - min(asyncio.get_running_loop().time() - began, SHORTEST_ROUND_SECONDS)
                )
            else:
                await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 jitter, no secret
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    async def _round(self) -> bool:
        try:
            fetched = await self._client.fetch(self._etag)
        except ScheduleUnavailable as error:
            self._failed(str(error))
            return False
        if fetched is not None:
            if not self._take(fetched.content):
                self._etag = ""
                return False
            self._etag = fetched.etag
            await self._keep({STATE_SCHEDULE: fetched.content})
        if self.error:
            self._log.info("schedule is told again")
        self.error = ""
        return True

    def _take(self, content: bytes) -> bool:
        """Orders out of a schedule; what is no schedule changes nothing."""
        try:
            orders = Orders(decode(content))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            self._failed(f"the schedule cannot be read: {error}"[:200])
            return False
        if orders.faults and tuple(orders.faults) != self.faults:
            shown = ", ".join(f"{fault.reason}: {fault.subject}" for fault in orders.faults[:5])
            self._log.warning("the schedule contradicts itself", number=len(orders.faults), first=shown)
        self.faults, self.known = tuple(orders.faults), True
        self._told(orders)
        return True

    def _failed(self, message: str) -> None:
        if message != self.error:
            self._log.warning("no newer schedule", error=message)
        self.error = message
