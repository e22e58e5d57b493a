"""The ledger: every number a machine offered, with its time, kept outside the system under test.

One JSON line per number: `{"machine": "lathe-01", "n": 17, "t": 1767225600000000000}`, `t` in ns since the epoch. The
file is only ever appended to, and numbering goes on where the file ends.
"""

import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import msgspec


class Offer(NamedTuple):
    """One number and when it was offered, in ns since the epoch."""

    number: int
    time_ns: int


class _Line(msgspec.Struct):
    machine: str
    n: int
    t: int


_DECODER = msgspec.json.Decoder(_Line)
_ENCODER = msgspec.json.Encoder()


class Ledger:
    """The ledger of one machine, in `folder/<machine>.jsonl`."""

    def __init__(self, folder: Path, machine: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{machine}.jsonl"
        self._machine = machine
        self.last = max((offer.number for offer in _offers_in(self.path)), default=0)
        self._file = self.path.open("ab")

    def offer(self, time_ns: int) -> int:
        """Record and answer the next number. Call it before the number leaves the machine, never after."""
        self.last += 1
        self._file.write(_ENCODER.encode(_Line(self._machine, self.last, time_ns)) + b"\n")
        return self.last

    def flush(self) -> None:
        """Hand what was recorded to the operating system."""
        self._file.flush()

    def close(self) -> None:
        """Flush and close the file."""
        self._file.close()


def read(lines: Iterable[bytes | str]) -> dict[str, list[Offer]]:
    """The offers per machine of a ledger's lines; a torn last line is passed over."""
    offers: dict[str, list[Offer]] = {}
    for text in lines:
        with contextlib.suppress(msgspec.DecodeError):
            line = _DECODER.decode(text)
            offers.setdefault(line.machine, []).append(Offer(line.n, line.t))
    return offers


def _offers_in(path: Path) -> list[Offer]:
    if not path.exists():
        return []
    with path.open("rb") as file:
        return [offer for offers in read(file).values() for offer in offers]
