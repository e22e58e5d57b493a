"""Replays the quarantine, once per request: a page of values at a time, out of quarantine and into the stream together."""

import asyncio
import sqlite3
from typing import Any, Final

import msgspec

from plantwright_api.wire.status import Replay
from plantwright_gateway import __version__
from plantwright_gateway.app.clock import Clock
from plantwright_gateway.app.pipeline import Pipeline
from plantwright_gateway.app.rejudge import NO_SIGNAL, NOT_KEPT, Judged, Rejudge, tally, whole_times
from plantwright_gateway.buffer import Buffer
from plantwright_gateway.buffer.records import STATE_REPLAY
from plantwright_gateway.context.situation import Situation
from plantwright_gateway.context.times import rfc3339

RETRY_SECONDS: Final = 1.0
_UNCHANGED: Final = frozenset({NOT_KEPT, NO_SIGNAL})
"""Said of a replay, not of a value: the value keeps the reason that it came with."""


class Replayer:
    """Does what the configuration asks for, if it has not been done. A restart goes on where the last transaction ended.

    `status` is that of the last request, over restarts; `released` counts values since the process started.
    """

    def __init__(
        self, buffer: Buffer, clock: Clock, kept: bytes | None, log: Any, situation: Situation | None = None
    ) -> None:
        self._situation = situation or Situation()
        self.status = _load(kept)
        self.released = 0
        self._buffer, self._clock, self._log = buffer, clock, log
        self._task: asyncio.Task[None] | None = None

    async def apply(self, pipeline: Pipeline) -> None:
        """Replay under this configuration, if it asks for a replay that has not been done; end the one before."""
        await self.stop()
        request = pipeline.machine.replay
        if request and (self.status is None or self.status.request != request or not self.status.done):
            name = f"replay-{pipeline.machine.name}"
            self._task = asyncio.create_task(self._run(pipeline, request), name=name)

    async def stop(self) -> None:
        """End it between two transactions."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _run(self, pipeline: Pipeline, request: str) -> None:
        before = self.status
        # What stays is looked at anew after a restart, so it is counted anew; what was released is gone from there.
        released = before.released if before is not None and before.request == request else 0
        self.status = Replay(request=request, released=released)
        while True:
            try:
                await self._through(self._rejudge(pipeline))
            except sqlite3.Error as error:
                self._log.warning("the quarantine cannot be read; it is tried again", error=str(error))
                self.status = msgspec.structs.replace(self.status, kept={})
                await asyncio.sleep(RETRY_SECONDS)
            else:
                break
        self._log.info("quarantine replayed", released=self.status.released, kept=self.status.kept)

    def _rejudge(self, pipeline: Pipeline) -> Rejudge:
        machine, pseudonyms = pipeline.machine, pipeline.pseudonyms
        return Rejudge(machine, pipeline.config_hash, __version__, pseudonyms, self._situation)

    async def _through(self, rejudge: Rejudge) -> None:
        after, upto = 0, await self._buffer.last_held()
        while values := whole_times(await self._buffer.held(after, upto)):
            judged = rejudge.judge(values, self._clock.wall())
            await self._release(judged, self._after(judged))
            after = values[-1].id
        nothing = Judged([], [], [])
        ended = rfc3339(self._clock.wall())
        await self._release(nothing, msgspec.structs.replace(self._after(nothing), done=True, end_time=ended))

    async def _release(self, judged: Judged, status: Replay) -> None:
        still = [(each, reason) for each, reason in judged.kept if reason not in _UNCHANGED]
        state = {STATE_REPLAY: msgspec.json.encode(status)}
        while not await self._buffer.release(judged.rows, judged.released, still, state):  # noqa: ASYNC110
            await asyncio.sleep(RETRY_SECONDS)  # room comes when sinks take what is older
        self.released += len(judged.released)
        self.status = status

    def _after(self, judged: Judged) -> Replay:
        status = self.status or Replay(request="")
        released = status.released + len(judged.released)
        return msgspec.structs.replace(status, released=released, kept=tally(judged.kept, status.kept))


def _load(kept: bytes | None) -> Replay | None:
    if not kept:
        return None
    try:
        return msgspec.json.decode(kept, type=Replay)
    except msgspec.DecodeError:
        return None
