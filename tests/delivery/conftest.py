"""A buffer on a real file, and a sink that keeps to the protocol until it is told otherwise."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import structlog

from plantwright_api.wire.config import Location
from plantwright_api.wire.delivery import Receipt, Rejected
from plantwright_gateway.buffer import Buffer, Limits
from plantwright_gateway.context.events import Row
from plantwright_gateway.delivery import Delivery, Target
from plantwright_gateway.ports.sink import Batch, BatchRefused, HoleReported

PLACE = Location(enterprise="acme", site="s", area="a", line="l")
OBSERVATION = "io.plantwright.observation.v1"


def gap(reason: str, start: int, end: int, _now: int, count: int | None = None, *, message: str = "") -> Row:
    body = json.dumps({"gap": reason, "count": count, "message": message}).encode()
    return Row("io.plantwright.gap.v1", "", body, count or 0, start, end)


class ScriptedSink:
    """Stores by watermark. `script` holds what happens at the next calls instead: an exception, or a function of the batch."""

    def __init__(self) -> None:
        self.one_contract_per_batch = False
        self.events: list[dict[str, Any]] = []
        self.batches: list[Batch] = []
        self.watermark = 0
        self.script: deque[Exception | Callable[[Batch], Receipt]] = deque()
        self.poison: set[int] = set()
        self.closed = False

    async def deliver(self, batch: Batch) -> Receipt:
        self.batches.append(batch)
        if self.script:
            answer = self.script.popleft()
            if isinstance(answer, Exception):
                raise answer
            return answer(batch)
        return self.take(batch)

    def take(self, batch: Batch) -> Receipt:
        events = json.loads(batch.body)
        if int(events[0]["previoussequence"]) > self.watermark:
            raise HoleReported(self.watermark)
        fresh = [event for event in events if int(event["sequence"]) > self.watermark]
        if any(event.get("n") in self.poison for event in fresh):
            raise BatchRefused("HTTP 400: field is wrong")
        self.events += fresh
        self.watermark = max(self.watermark, batch.last)
        return self.receipt(batch, self.watermark)

    @staticmethod
    def receipt(batch: Batch, watermark: int, *rejected: int, epoch: str = "") -> Receipt:
        refused = [Rejected(sequence=seq, reason="never") for seq in rejected]
        return Receipt(gatewayuid=batch.gateway_uid, epoch=epoch or batch.epoch, watermark=watermark, rejected=refused)

    def numbers(self) -> list[int]:
        return [event["n"] for event in self.events if "n" in event]

    def gaps(self) -> list[dict[str, Any]]:
        return [event for event in self.events if "gap" in event]

    async def close(self) -> None:
        self.closed = True


class Line:
    """Buffer, sink and the delivery between them."""

    def __init__(self, path: Path) -> None:
        self.buffer = Buffer(path, "uid", Limits(2**24), gap, lambda: 7)
        self.sink = ScriptedSink()
        self.delivery = self._delivery(self.sink, "mes")
        self.tasks: list[asyncio.Task[None]] = []

    def _delivery(self, sink: ScriptedSink, name: str) -> Delivery:
        return Delivery(self.buffer, Target(name, sink, True), "lathe-07", PLACE, structlog.get_logger())

    async def open(self, *more: str) -> None:
        self.buffer.start()
        await self.buffer.set_sinks(["mes", *more])

    def run(self) -> None:
        self.tasks.append(asyncio.create_task(self.delivery.run()))

    def second(self) -> ScriptedSink:
        """Another sink beside the first, with its own delivery."""
        sink = ScriptedSink()
        self.tasks.append(asyncio.create_task(self._delivery(sink, "second").run()))
        return sink

    async def put(self, *numbers: int, contract: str = "c") -> None:
        rows = [Row(OBSERVATION, contract, json.dumps({"n": n}).encode(), 1, n, n, True) for n in numbers]
        await self.buffer.append(rows)

    async def until(self, condition: Callable[[], object], seconds: float = 10.0) -> None:
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110 conditions of many kinds, none with an event
                await asyncio.sleep(0.01)

    async def close(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.buffer.close()


@pytest.fixture
async def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Line]:
    monkeypatch.setattr("plantwright_gateway.delivery.backoff.BASE_SECONDS", 0.02)
    monkeypatch.setattr("plantwright_gateway.delivery.backoff.CAP_SECONDS", 0.1)
    found = Line(tmp_path / "m.db")
    yield found
    await found.close()
