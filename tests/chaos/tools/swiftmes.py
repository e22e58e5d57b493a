"""An MES in the test's own process that keeps to the protocol, remembers numbers only and can be slow or unwilling.

It stands where the gateway's own speed is measured; where rows and watermark must be one transaction the reference MES does.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from aiohttp import web

Event = dict[str, Any]
DECODE = msgspec.json.Decoder(list[Event]).decode
OBSERVATION, GAP = "io.plantwright.observation.v1", "io.plantwright.gap.v1"


class SwiftMes:
    """`numbers` in the order in which they were stored, `gaps` as they came.

    `status` other than 200 is its answer to everything, `pause` the seconds that it takes for a batch.
    """

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.gaps: list[dict[str, Any]] = []
        self.arrivals: list[tuple[float, int]] = []
        """Monotonic time and how many numbers there were, batch by batch."""
        self.watermarks: dict[tuple[str, str], int] = {}
        self.status = 200
        self.pause = 0.0
        self.requests = 0
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.requests += 1
        if self.pause:
            await asyncio.sleep(self.pause)
        if self.status != 200:
            return web.Response(status=self.status, text="not now")
        try:
            return self.take(DECODE(body))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return web.Response(status=400, text=f"{error}\n")

    def take(self, batch: list[Event]) -> web.Response:
        key = (batch[0]["gatewayuid"], batch[0]["epoch"])
        watermark = self.watermarks.get(key, 0)
        if int(batch[0]["previoussequence"]) > watermark:
            return self._receipt(key, 409)
        for event in batch:
            if int(event["sequence"]) > watermark:
                self._store(event)
                watermark = int(event["sequence"])
        self.watermarks[key] = watermark
        self.arrivals.append((time.monotonic(), len(self.numbers)))
        return self._receipt(key, 200)

    def _store(self, event: Event) -> None:
        if event["type"] == OBSERVATION:
            fields = event["data"]["fields"]
            self.numbers.extend(value for name, value in fields.items() if name != "pad")
        elif event["type"] == GAP:
            self.gaps.append(event["data"])

    def _receipt(self, key: tuple[str, str], status: int) -> web.Response:
        receipt = {"gatewayuid": key[0], "epoch": key[1], "watermark": self.watermarks.get(key, 0)}
        return web.json_response(receipt, status=status)


@contextlib.asynccontextmanager
async def swift_mes() -> AsyncIterator[SwiftMes]:
    """Listening on a free port of the loopback, for as long as the context lasts."""
    found = SwiftMes()
    app = web.Application(client_max_size=2**22)
    app.router.add_post("/v1/observations", found.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield found
    finally:
        await runner.cleanup()
