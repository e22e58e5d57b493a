"""A gateway process whose source numbers its values and keeps a ledger of them; run by tests that kill it.

The environment says how: LEDGER (the file), RATE (values per second, 0: as fast as they are committed), FIELDS (values per
observation), PAD (characters of a text beside them), LAST (the number to end with, 0: none), KILL (`step:n`: a kill -9 of itself
at the n-th passing of a step of `failpoints`), LAG (a file that takes how late the event
loop was), MAX_ROWS and BACKOFF (rows per batch, first seconds of waiting: to make many batches in little time).
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import failpoints
from ledger import Ledger, next_number

from plantwright_api.wire.config import ModbusSource, OpcUaSource, Signal
from plantwright_gateway.app.adapters import SOURCES, Installed
from plantwright_gateway.app.main import main
from plantwright_gateway.delivery import backoff, loop
from plantwright_gateway.ports.source import Receiver, Sample

TURN_SECONDS = 0.01
PROBE_SECONDS = 0.01


class NumberingSource:
    """Hands over observations of FIELDS numbers each, at RATE values per second."""

    def __init__(self, _config: ModbusSource | OpcUaSource, signals: Sequence[Signal], _machine: str) -> None:
        env = os.environ
        self._path = Path(env["LEDGER"])
        self._rate = float(env.get("RATE", "1000"))
        self._fields = sum(signal.name != "pad" for signal in signals)
        self._pad = "x" * int(env.get("PAD", "0"))
        self._last = int(env.get("LAST", "0"))
        per_turn = int(self._rate * TURN_SECONDS) or 20 * self._fields
        self._batch = max(per_turn // self._fields, 1) * self._fields

    async def run(self, receiver: Receiver) -> None:
        receiver.connection("True", "SessionUp")
        ledger = Ledger(self._path)
        lateness = asyncio.create_task(probe_loop(Path(os.environ["LAG"])) if "LAG" in os.environ else asyncio.sleep(0))
        try:
            await self._feed(receiver, ledger)
            await asyncio.Event().wait()
        finally:
            lateness.cancel()
            with suppress(asyncio.CancelledError):
                await lateness
            ledger.close()

    async def _feed(self, receiver: Receiver, ledger: Ledger) -> None:
        number = begun = next_number(self._path)
        start = time.monotonic()
        while not self._last or number < self._last:
            upto = number + self._batch - 1
            ledger.write("try", number, upto)
            await receiver.accept(self._samples(number))
            ledger.write("kept", number, upto)
            number = upto + 1
            due = start + (number - begun) / self._rate if self._rate else 0.0
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    def _samples(self, first: int) -> list[Sample]:
        now, samples = time.time_ns(), []
        for number in range(first, first + self._batch):
            field, time_ns = number % self._fields, now + (number - first) // self._fields
            samples.append(Sample(f"s{field}", number, time_ns))
            if self._pad and not field:
                samples.append(Sample("pad", self._pad, time_ns))
        return samples


async def probe_loop(path: Path) -> None:
    """How late the event loop is, every 10 ms; written down when the source ends, and so not for a soak of hours.

    A loop that stands still asks no question meanwhile: the questions that it missed are late too, and counted.
    """
    late: list[float] = []
    try:
        while True:
            before = time.monotonic()
            await asyncio.sleep(PROBE_SECONDS)
            lateness = time.monotonic() - before - PROBE_SECONDS
            late.append(lateness)
            while (lateness := lateness - PROBE_SECONDS) > 0:
                late.append(lateness)
    finally:
        path.write_text(json.dumps(late), encoding="ascii")  # noqa: ASYNC240 the loop's last moments


if __name__ == "__main__":
    loop.MAX_ROWS = int(os.environ.get("MAX_ROWS", str(loop.MAX_ROWS)))  # type: ignore[misc]
    backoff.BASE_SECONDS = float(os.environ.get("BACKOFF", str(backoff.BASE_SECONDS)))  # type: ignore[misc]
    if "KILL" in os.environ:
        failpoints.arm(os.environ["KILL"])
    sys.exit(main(adapters=Installed({(SOURCES, "ModbusTCP"): NumberingSource})))
