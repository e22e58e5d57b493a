"""From what arrived to what is on disk: the stream decides what is new, the receiver commits it, in order."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

import structlog

from plantwright_gateway.ports.source import GapNotice, Receiver, Sample
from plantwright_gateway.sources.opcua.decode import DataValueLike, has_overflowed, sample
from plantwright_gateway.sources.opcua.stream import Reading, Stream

log = structlog.get_logger(__name__)
RETRY_SECONDS = (0.5, 1.0, 2.0, 5.0)
Filler = Callable[
    [Sequence[GapNotice], Mapping[str, int], Mapping[str, int], int],
    Awaitable[tuple[Sequence[Sample], Sequence[GapNotice]]],
]
"""Gaps, until when each signal is stored, time of the value that ended each signal's gap, now (ns) -> values within the gaps,
and the gaps with a word on it."""


class Inflow:
    """Takes readings and returns once they are committed.

    A commit that has begun ends even if its caller is cancelled: the stream has counted its values as stored. The next
    one waits for it, so that the order of acceptance is the order of arrival.
    """

    def __init__(self, stream: Stream, receiver: Receiver, machine: str) -> None:
        self.stream = stream
        self._receiver = receiver
        self._log = log.bind(machine=machine)
        self._commit: asyncio.Task[None] | None = None
        self.history: Filler | None = None
        """Looks up what a gap kept from us, where the profile asks for it."""

    @property
    def is_waiting(self) -> bool:
        """Whether a commit is under way, such as while the buffer is full."""
        return self._commit is not None and not self._commit.done()

    async def take(
        self,
        values: Iterable[tuple[str, DataValueLike]],
        *,
        complete_ns: int | None,
        lost: bool = False,
        skip_repeats: bool = False,
        taken: Callable[[], None] = lambda: None,
    ) -> None:
        """Commit what is new of these values of signals.

        `complete_ns`: when they were asked for, so that nothing older can be missing behind them; None where they are
        older than that. `lost`: notifications before them are gone for good. `taken` is called as soon as the commit is
        certain, even if the caller is cancelled from then on.
        """
        await self.settled()
        now_ns = time.time_ns()
        gaps = [self.stream.lost(now_ns)] if lost else []
        readings = [self._reading(signal, value, now_ns) for signal, value in values]
        stored = self.stream.stored() if self.history is not None else {}
        samples, ended = self.stream.take(readings, now_ns, skip_repeats=skip_repeats)
        if complete_ns is not None:
            self.stream.complete(complete_ns)
        gaps.extend(ended)
        if samples or gaps:
            self._commit = asyncio.create_task(self._commit_for_sure(samples, gaps, stored))
        taken()
        await self.settled()

    async def settled(self) -> None:
        """Wait until nothing is being committed."""
        if self._commit is not None:
            await asyncio.shield(self._commit)

    async def abandon(self) -> None:
        """Give up a commit that waits: the source is being stopped, and nothing of it was acknowledged."""
        if self._commit is not None:
            self._commit.cancel()
            await asyncio.gather(self._commit, return_exceptions=True)

    def _reading(self, signal: str, value: DataValueLike, now_ns: int) -> Reading:
        try:
            return Reading(sample(signal, value, now_ns), has_overflowed(value))
        except Exception:  # one value that nobody thought of must not hold up the rest
            self._log.exception("a value cannot be decoded", signal=signal)
            return Reading(Sample(signal, None, now_ns, "Bad", "BadValue"))

    async def _filled(
        self, history: Filler, samples: Sequence[Sample], gaps: Sequence[GapNotice], stored: Mapping[str, int]
    ) -> tuple[Sequence[Sample], Sequence[GapNotice]]:
        """With what the server's history has: older values go before those that end the gap."""
        known = {each.signal: each.source_ns for each in reversed(samples)}
        try:
            found, told = await history(gaps, stored, known, time.time_ns())
        except Exception:  # what comes of the past must not hold up the present
            self._log.exception("the server's history cannot be read")
            return samples, gaps
        return [*found, *samples], told

    async def _commit_for_sure(
        self, samples: Sequence[Sample], gaps: Sequence[GapNotice], stored: Mapping[str, int]
    ) -> None:
        """An exception here would let the notification be acknowledged without being stored, so there is none."""
        if self.history is not None and gaps:
            samples, gaps = await self._filled(self.history, samples, gaps, stored)
        attempt = 0
        while True:
            try:
                await self._receiver.accept(samples, gaps)
            except Exception:
                self._log.exception("a commit failed and is tried again")
                await asyncio.sleep(RETRY_SECONDS[min(attempt, len(RETRY_SECONDS) - 1)])
                attempt += 1
            else:
                return
