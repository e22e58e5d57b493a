"""Reads one machine for a while with the gateway's own source, and writes down what it says."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Literal

from plantwright_api.wire.config import Machine
from plantwright_cli.errors import UserError
from plantwright_gateway.app.adapters import Installed, UnknownAdapterError
from plantwright_gateway.ports.source import Certificate, GapNotice, Sample

CLOSE_SECONDS = 3.0
LARGEST_RECORD = 100_000
"""Samples that are kept; a machine that sends more has shown what it does."""


class Record:
    """A receiver that keeps all it is told; see `ports.source.Receiver`."""

    def __init__(self) -> None:
        self.batches: list[list[Sample]] = []
        self.problems: dict[str, tuple[str, str]] = {}
        self.connected = False
        self.reason, self.message = "NotYetConnected", "no connection was tried"
        self._kept = 0

    async def accept(self, samples: Sequence[Sample], gaps: Sequence[GapNotice] = ()) -> None:
        """See `Receiver`."""
        if self._kept < LARGEST_RECORD:
            self.batches.append(list(samples))
            self._kept += len(samples)

    def alive(self, now_ns: int) -> None:
        """See `Receiver`."""

    def connection(self, status: Literal["True", "False", "Unknown"], reason: str, message: str = "") -> None:
        """See `Receiver`."""
        self.connected = self.connected or status == "True"
        self.reason, self.message = reason, message

    def signal_problem(self, signal: str, reason: str, message: str) -> None:
        """See `Receiver`."""
        if reason:
            self.problems[signal] = (reason, message)
        else:
            self.problems.pop(signal, None)

    def certificates(self, current: Sequence[Certificate]) -> None:
        """See `Receiver`."""

    def last_observed_ns(self) -> int | None:
        """See `Receiver`: a laptop has never read the machine."""
        return None


async def observe(machine: Machine, seconds: float) -> Record:
    """Read the machine for so long.

    Raises:
        UserError: no adapter for its protocol is installed.
    """
    record = Record()
    try:
        source = Installed().source(machine)
    except UnknownAdapterError as error:
        raise UserError(f"machine {machine.name}: {error}") from error
    task = asyncio.create_task(source.run(record))
    await asyncio.wait([task], timeout=seconds)
    failed = task.done() and not task.cancelled() and task.exception()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError, Exception):
        await asyncio.wait_for(task, CLOSE_SECONDS)
    if failed:
        raise UserError(f"machine {machine.name}: the source broke: {failed}") from failed
    return record
