"""A gateway process whose source numbers its values and keeps a ledger of them; run by tests that kill it.

The ledger has a line per number: `try N` before it is handed over, `kept N` once `accept` has returned. A number is never
handed over twice, so the MES must hold every kept one once, and no number twice.
"""

import asyncio
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from plantwright_api.wire.config import ModbusSource, OpcUaSource, Signal
from plantwright_gateway.app.adapters import SOURCES, Installed
from plantwright_gateway.app.main import main
from plantwright_gateway.ports.source import Receiver, Sample

SIGNAL = "number"


class NumberingSource:
    """Hands over `BATCH` numbers at a time, as fast as they are committed, up to `LAST` (0: without an end)."""

    def __init__(self, _config: ModbusSource | OpcUaSource, signals: Sequence[Signal], _machine: str) -> None:
        self._signals = signals
        self._ledger = Path(os.environ["LEDGER"])
        self._batch = int(os.environ.get("BATCH", "10"))
        self._last = int(os.environ.get("LAST", "0"))
        self._pause = float(os.environ.get("PAUSE", "0.002"))

    async def run(self, receiver: Receiver) -> None:
        receiver.connection("True", "SessionUp")
        number = next_number(self._ledger)
        file = os.open(self._ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        try:
            while not self._last or number < self._last:
                numbers = range(number, number + self._batch)
                os.write(file, "".join(f"try {n}\n" for n in numbers).encode())
                now = time.time_ns()
                await receiver.accept([Sample(SIGNAL, n, now + n - number) for n in numbers])
                os.write(file, "".join(f"kept {n}\n" for n in numbers).encode())
                number += self._batch
                await asyncio.sleep(self._pause)
            await asyncio.Event().wait()
        finally:
            os.close(file)


def next_number(ledger: Path) -> int:
    """The first number that was never handed over."""
    return max((int(line.split()[1]) for line in lines(ledger) if line.startswith("try")), default=-1) + 1


def kept(ledger: Path) -> set[int]:
    """Numbers whose `accept` returned."""
    return {int(line.split()[1]) for line in lines(ledger) if line.startswith("kept")}


def lines(ledger: Path) -> list[str]:
    """Whole lines of the ledger."""
    return ledger.read_text().splitlines() if ledger.exists() else []


if __name__ == "__main__":
    sys.exit(main(adapters=Installed({(SOURCES, "ModbusTCP"): NumberingSource})))
