"""One sink's loop: its failures are its own, no other sink waits for it.

wait for rows -> page -> batch -> sink -> receipt -> watermark
                   ^                |
                   |                +- unavailable: back off, the same again
                   |                +- hole: go back to where the sink is
                   +---- halve -----+- refused: halve until one row is left; a row that is refused while others are
                                       taken is poison: it goes to the quarantine and the rest goes on
"""

import asyncio
import sqlite3
import time
from typing import Final, NamedTuple, Protocol

from plantwright_api.wire.config import Location
from plantwright_api.wire.delivery import Receipt
from plantwright_gateway.buffer import Buffer, BufferClosedError
from plantwright_gateway.buffer.records import Page, PageRow
from plantwright_gateway.delivery.backoff import Backoff, Pace
from plantwright_gateway.delivery.batch import MAX_ROWS, Portion, Stream, one_contract
from plantwright_gateway.delivery.receipts import Progress, judge
from plantwright_gateway.ports.sink import Batch, BatchRefused, HoleReported, Sink, SinkUnavailable

FLUSH_PAUSE_SECONDS: Final = 0.25
SILENT_SECONDS: Final = 8.0
"""A connection that is half open looks like an MES that is slow: it is waited for, and told."""
LINGER_SECONDS: Final = 0.05
"""After a batch that was not full, wait this long for company; the first value after a pause goes at once."""
MOST_SUSPECTS: Final = 50
"""Rows refused in a row, none taken between: then it is the sink that refuses everything, and nothing is given up."""


class Log(Protocol):
    """What of a structlog logger is used here."""

    def info(self, event: str, **words: object) -> object:
        """What a person may want to know."""

    def warning(self, event: str, **words: object) -> object:
        """What a person should look at."""


class Target(NamedTuple):
    """A sink under its name; `commissions` for the one whose store makes the machine Commissioned.

    `max_per_second` is this machine's share of the requests that the plant may send to the sink.
    """

    name: str
    sink: Sink
    commissions: bool
    max_per_second: float | None = None


class SinkRefusesError(SinkUnavailable):
    """The sink is there and refuses every row it is offered."""


class SinkHealth:
    """How a sink is doing, for /status and metrics. `failing_since` is monotonic seconds."""

    def __init__(self) -> None:
        self.last_error = ""
        self.failing_since: float | None = None
        self.rejecting = False
        self.delivered = 0
        self.rejected = 0
        self.retries = 0
        self.ignored_receipts = 0

    def failed(self, message: str, rejecting: bool = False) -> bool:
        """Note a failure, after which the same is tried again; True when it is the first after a success."""
        self.retries += 1
        return self.failing(message, rejecting)

    def failing(self, message: str, rejecting: bool = False) -> bool:
        """Note what is wrong; True when nothing was before."""
        first = self.failing_since is None
        self.failing_since = self.failing_since or time.monotonic()
        self.last_error, self.rejecting = message, rejecting
        return first

    def worked(self) -> bool:
        """Note a success; True when it ends a row of failures."""
        failed = self.failing_since is not None
        self.last_error, self.failing_since, self.rejecting = "", None, False
        return failed


class Delivery:
    """Delivers one machine's stream to one sink."""

    def __init__(self, buffer: Buffer, target: Target, machine: str, location: Location, log: Log) -> None:
        self.health = SinkHealth()
        self.target = target
        self._buffer = buffer
        self._machine, self._location = machine, location
        self._log = log
        self._backoff = Backoff()
        self._portion = Portion()
        self._pace = Pace(target.max_per_second)
        self._woken = asyncio.Event()
        self._highest_sent = 0
        self._refused_rows = 0
        self._taken_since_refusal = False
        self._suspects: list[tuple[int, str]] = []

    async def run(self) -> None:
        """Deliver until cancelled."""
        self._buffer.subscribe(self._woken.set)
        self._highest_sent = self._buffer.stats.last_seq
        try:
            while True:
                self._woken.clear()
                await self._rest(await self._guarded_step())
        finally:
            self._buffer.unsubscribe(self._woken.set)

    async def flush(self, seconds: float) -> None:
        """Deliver what there is, trying again as long as the time given lasts; for the end of the process."""
        try:
            async with asyncio.timeout(seconds):
                while await self._persistent_step():
                    pass
        except (TimeoutError, sqlite3.Error, BufferClosedError):
            pass
        except Exception as error:
            self._log.warning("last delivery failed", sink=self.target.name, error=_name(error))

    async def close(self) -> None:
        """Let go of the sink."""
        try:
            async with asyncio.timeout(2.0):
                await self.target.sink.close()
        except Exception as error:
            self._log.warning("sink did not close", sink=self.target.name, error=_name(error))

    async def _persistent_step(self) -> int:
        try:
            return await self.step()
        except SinkUnavailable:
            await asyncio.sleep(FLUSH_PAUSE_SECONDS)
            return 1

    async def _rest(self, taken: int) -> None:
        if taken == 0:
            await self._woken.wait()
        elif taken < MAX_ROWS // 2 and not self._refused_rows:
            await asyncio.sleep(LINGER_SECONDS)

    async def _guarded_step(self) -> int:
        """A step; after a failure it waits as long as it must, and says that there is more."""
        try:
            return await self.step()
        except SinkUnavailable as error:
            if error.too_slow:
                self._portion.too_slow()
            await self._pause(str(error), error.retry_after, rejecting=isinstance(error, SinkRefusesError))
        except (sqlite3.Error, BufferClosedError) as error:
            await self._pause(f"buffer: {_name(error)}")
        except Exception as error:
            # A fault of an adapter: it must not end the loop, and is told by name so that it can be mended.
            await self._pause(f"fault of the sink adapter: {_name(error)}")
        return MAX_ROWS

    async def _pause(self, message: str, retry_after: float | None = None, rejecting: bool = False) -> None:
        """Suspects are kept over an outage: the sink may have taken what came after them though its answer was lost."""
        wait = self._backoff.next(retry_after)
        if self.health.failed(message, rejecting):
            self._log.warning("sink does not take data", sink=self.target.name, error=message)
        await asyncio.sleep(wait)

    async def step(self) -> int:
        """Deliver one batch; returns the rows that were settled or are to be tried anew, 0 when there was none.

        Raises:
            SinkUnavailable: nothing was taken; the same is to be tried later.
            sqlite3.Error: the buffer cannot be read now.
        """
        await asyncio.sleep(self._pace.wait(time.monotonic()))
        page = await self._page()
        if not page.rows:
            return self._no_more_rows()
        self._pace.sent(time.monotonic())
        stream = Stream(self._buffer.stats.uid, page.epoch, self._machine, self._location)
        batch = stream.batch(page.rows, page.position.acknowledged)
        self._highest_sent = max(self._highest_sent, batch.last)
        began = time.monotonic()
        try:
            receipt = await self._answer(batch)
        except HoleReported as hole:
            return await self._go_back(page, hole.watermark)
        except BatchRefused as refused:
            return await self._refused(page, str(refused))
        progress = judge(receipt, batch, self._highest_sent)
        if isinstance(progress, str):
            self.health.ignored_receipts += 1
            raise SinkUnavailable(progress)
        self._portion.taken(len(batch.body), time.monotonic() - began)
        return await self._taken(page, batch, progress)

    async def _answer(self, batch: Batch) -> Receipt:
        """The sink's answer. How long to wait for it is the sink's own business; that there is none is told sooner."""
        silence = asyncio.get_running_loop().call_later(SILENT_SECONDS, self._silent)
        try:
            return await self.target.sink.deliver(batch)
        finally:
            silence.cancel()

    def _silent(self) -> None:
        message = f"the sink has a batch and has not answered for {SILENT_SECONDS:.0f} s"
        if self.health.failing(message):
            self._log.warning("sink does not take data", sink=self.target.name, error=message)

    async def _page(self) -> Page:
        size = MAX_ROWS
        if self._suspects:
            size = 1
        elif self._refused_rows:
            size = max(1, self._refused_rows // 2)
        after = self._suspects[-1][0] if self._suspects else 0
        page = await self._buffer.page(self.target.name, size, self._portion.most_bytes, after)
        return page._replace(rows=one_contract(page.rows)) if self.target.sink.one_contract_per_batch else page

    def _no_more_rows(self) -> int:
        if self._suspects:
            raise self._refuses_everything()
        return 0

    def _refuses_everything(self) -> SinkRefusesError:
        """Nothing is given up on the word of a sink that has taken nothing: begin again with the first suspect."""
        reason = self._suspects[0][1]
        self._suspects.clear()
        return SinkRefusesError(f"refused: {reason}")

    async def _taken(self, page: Page, batch: Batch, progress: Progress) -> int:
        name = self.target.name
        for seq, reason in self._suspects:
            await self._give_up(page.epoch, seq, reason)
        self._suspects.clear()
        await self._buffer.acknowledge(
            page.epoch, name, progress.watermark, progress.rejected, commissions=self.target.commissions
        )
        taken = sum(row.seq <= progress.watermark for row in page.rows)
        self._refused_rows = max(0, self._refused_rows - taken)
        self._taken_since_refusal = True
        self.health.delivered += taken - len(progress.rejected)
        self.health.rejected += len(progress.rejected)
        self._backoff.reset()
        if self.health.worked():
            self._log.info("sink takes data again", sink=name)
        return batch.count

    async def _refused(self, page: Page, reason: str) -> int:
        """Halve; a single row is poison once the sink took another since it refused the batch."""
        if len(page.rows) > 1:
            if not self._refused_rows:
                self._taken_since_refusal = False
            self._refused_rows = len(page.rows)
            return MAX_ROWS
        row: PageRow = page.rows[0]
        if self._refused_rows and self._taken_since_refusal:
            await self._give_up(page.epoch, row.seq, reason)
            self._refused_rows = max(0, self._refused_rows - 1)
            return MAX_ROWS
        self._refused_rows = 0
        self._suspects.append((row.seq, reason))
        if len(self._suspects) >= MOST_SUSPECTS:
            raise self._refuses_everything()
        return MAX_ROWS

    async def _give_up(self, epoch: str, seq: int, reason: str) -> None:
        await self._buffer.skip(epoch, self.target.name, seq, reason)
        self.health.rejected += 1
        self._log.warning("event refused for good", sink=self.target.name, sequence=seq, error=reason)

    async def _go_back(self, page: Page, watermark: int) -> int:
        if not 0 <= watermark < page.position.acknowledged:
            raise SinkUnavailable(f"the sink reports a hole where there is none (watermark {watermark})")
        self._suspects.clear()
        self._refused_rows = 0
        self._log.warning("sink went back", sink=self.target.name, watermark=watermark)
        await self._buffer.rewind(page.epoch, self.target.name, watermark)
        return MAX_ROWS


def _name(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:200]
