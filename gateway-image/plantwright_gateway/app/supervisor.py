"""Runs a source and runs it again when it fails: a fault of an adapter is counted and told, never the end."""

import asyncio
import contextlib
import random
from collections.abc import Callable
from typing import Final

import structlog

from plantwright_gateway.app.receiver import MachineReceiver
from plantwright_gateway.ports.source import Source

FIRST_PAUSE_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 30.0
STOP_SECONDS: Final = 3.0


class SourceSupervisor:
    """One machine's source."""

    def __init__(self, receiver: MachineReceiver, machine: str) -> None:
        self.errors = 0
        self._receiver = receiver
        self._log = structlog.get_logger(__name__).bind(machine=machine)
        self._task: asyncio.Task[None] | None = None

    def start(self, make: Callable[[], Source]) -> None:
        """Run what `make` makes, anew after each failure."""
        self._task = asyncio.create_task(self._keep_running(make), name="source")

    async def stop(self) -> None:
        """Cancel the source and give it time to close its session."""
        task, self._task = self._task, None
        if task is None:
            return
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=STOP_SECONDS)
        if not done:
            self._log.warning("source did not stop in time", seconds=STOP_SECONDS)
        self._receiver.source_stopped()

    async def _keep_running(self, make: Callable[[], Source]) -> None:
        pause = FIRST_PAUSE_SECONDS
        while True:
            started = asyncio.get_running_loop().time()
            await self._run_once(make)
            if asyncio.get_running_loop().time() - started > LONGEST_PAUSE_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 jitter, no secret
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    async def _run_once(self, make: Callable[[], Source]) -> None:
        fault = "it ended"
        try:
            await make().run(self._receiver)
        except Exception as error:
            fault = f"{type(error).__name__}: {error}"[:200]
            self._log.exception("source failed")
        self.errors += 1
        with contextlib.suppress(Exception):
            self._receiver.connection("False", "ProtocolError", f"the source adapter failed and is run again: {fault}")
