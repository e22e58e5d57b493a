"""A replayed feed: gateways that answer `GET /<number>/live` as real ones do, on real sockets, from a seeded list of machines."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from aiohttp import web

from plantwright_api.wire import sse
from plantwright_api.wire.live import Live

LINES: Final = tuple((area, f"line-{number}") for area in ("machining", "assembly", "packing") for number in (1, 2, 3))
STATES: Final = ("Production",) * 7 + ("Delay", "Setup", "Idle", "PlannedDown", "Unknown")
REASONS: Final[Mapping[str, tuple[str, ...]]] = {
    "Delay": ("tool broken", "no material", "waiting for quality", "robot: light curtain"),
    "Idle": ("waiting for the machine before", ""),
    "Setup": ("order change",),
}


def at(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def machine(number: int, now: datetime) -> Live:
    """The machine of that number, the same each time."""
    luck = random.Random(number)
    area, line = LINES[number % len(LINES)]
    state = luck.choice(STATES)
    planned = 14400.0
    known = planned * luck.choice((1.0, 1.0, 0.98, 0.61))
    busy = known * 0.95
    running = busy * luck.uniform(0.6, 0.95)
    parts = int(running / 30)
    rejected = luck.randrange(0, 8)
    known_pri = number % 17 != 0
    wanted = float(luck.randrange(200, 900))
    return Live(
        plant="stuttgart",
        area=area,
        line=line,
        machine=f"{area[:5]}-{number:03d}",
        time=at(now),
        state=state,  # type: ignore[arg-type]
        since=at(now - timedelta(seconds=luck.randrange(5, 9000))),
        inferred=number % 23 == 0,
        confidence=0.93 if number % 23 == 0 else None,
        connected=state != "Unknown",
        trouble="the machine does not answer" if state == "Unknown" else "",
        reason=luck.choice(REASONS.get(state, ("",))),
        shift="early",
        job_order=f"JO-{1000 + number}",
        material_definition=luck.choice(("shaft 12-A", "housing 7", "gear wheel 40")),
        person="p-4711",
        wanted=wanted,
        job_good=int(wanted * luck.uniform(0.02, 0.98)),
        good=parts - rejected,
        rejected=rejected,
        planned=planned,
        known_planned=known,
        planned_busy=busy,
        production=running,
        all_production=running,
        planned_production=parts * 27.0 if known_pri else None,
    )


class Floor:
    """The gateways. `say` changes a machine and tells it to whoever listens."""

    def __init__(self, count: int) -> None:
        now = datetime.now(UTC)
        self.machines = {number: machine(number, now) for number in range(count)}
        self._listeners: dict[int, set[asyncio.Queue[bytes | None]]] = {number: set() for number in self.machines}
        self.served = 0
        self.base = ""

    @property
    def urls(self) -> list[str]:
        return [f"{self.base}/{number}" for number in self.machines]

    async def listeners(self) -> list[int]:
        await asyncio.sleep(0)
        return [number for number, queues in self._listeners.items() if queues]

    def named(self, name: str) -> int:
        return next(number for number, live in self.machines.items() if live.machine == name)

    def say(self, number: int, **changes: Any) -> None:
        changes = {"time": at(datetime.now(UTC)), **changes}
        self.machines[number] = msgspec.structs.replace(self.machines[number], **changes)
        self.send(number, sse.event(msgspec.json.encode(self.machines[number])))

    def send(self, number: int, raw: bytes | None) -> None:
        """Bytes as they are; None ends the streams."""
        for queue in self._listeners[number]:
            queue.put_nowait(raw)

    async def live(self, request: web.Request) -> web.StreamResponse:
        number = int(request.match_info.get("number", "0"))
        if number not in self.machines:
            return web.Response(status=404)
        self.served += 1
        response = web.StreamResponse(headers={"Content-Type": sse.CONTENT_TYPE})
        await response.prepare(request)
        queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._listeners[number].add(queue)
        try:
            await response.write(sse.event(msgspec.json.encode(self.machines[number])))
            while (raw := await self._next(queue)) is not None:
                await response.write(raw)
        finally:
            self._listeners[number].discard(queue)
        return response

    async def _next(self, queue: asyncio.Queue[bytes | None]) -> bytes | None:
        with contextlib.suppress(TimeoutError):
            return await asyncio.wait_for(queue.get(), 15)
        return b": still here\n\n"

    async def work(self) -> None:
        """Every machine counts parts once a second, as gateways tell numbers; one in a hundred changes its state."""
        luck = random.Random(1)
        while True:
            begun = asyncio.get_running_loop().time()
            for number, live in list(self.machines.items()):
                self.say(
                    number,
                    planned=live.planned + 1,
                    known_planned=live.known_planned + 1,
                    good=live.good + luck.randrange(2),
                )
                if luck.random() < 0.01:
                    self.say(number, state=luck.choice(STATES), since=at(datetime.now(UTC)))
                await asyncio.sleep(1 / len(self.machines) / 2)
            await asyncio.sleep(max(0.0, begun + 1 - asyncio.get_running_loop().time()))


@asynccontextmanager
async def floor(count: int) -> AsyncIterator[Floor]:
    made = Floor(count)
    app = web.Application()
    app.router.add_get("/{number}/live", made.live)
    app.router.add_get("/live", made.live)  # of the first, as a pod answers
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.5)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield made
    finally:
        await runner.cleanup()
