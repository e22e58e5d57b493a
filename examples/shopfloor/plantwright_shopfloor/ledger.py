"""The ledger: every number a machine offered, with its time, and the parts it had made, kept outside the system under test.

One JSON line per number: `{"machine": "lathe-01", "n": 17, "t": 1767225600000000000, "good": 41, "rejected": 2}`, `t` in ns since
the epoch. `good` and `rejected` are there where they are others than in the line before: parts made since the ledger began, as
the machine shows them with this number; `reworked`, of them, where there are any. Where it shows its counters in an answer of their own, after that with the number, their
line has no `n`: it belongs to the number before it. The file is only ever appended to, and numbers and counts go on where it ends.
"""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec


class Offer(NamedTuple):
    """One number and when it was offered, in ns since the epoch."""

    number: int
    time_ns: int


class Counts(NamedTuple):
    """Parts, or where a machine's counters of them stand."""

    good: int = 0
    rejected: int = 0
    reworked: int = 0
    """Parts that were worked on once more; they are good or rejected as well."""

    def parts(self) -> int:
        """All of them, each once."""
        return self.good + self.rejected


class Shown(NamedTuple):
    """What a machine had made when it offered a number; `made` counts from the ledger's begin."""

    number: int
    time_ns: int
    made: Counts


class _Line(msgspec.Struct, omit_defaults=True):
    machine: str
    n: int | None = None
    t: int = 0
    good: int | None = None
    rejected: int | None = None
    reworked: int = 0


_DECODER = msgspec.json.Decoder(_Line)
_ENCODER = msgspec.json.Encoder()


class Ledger:
    """The ledger of one machine, in `folder/<machine>.jsonl`. `begin`: where its part counters stand when it is switched on."""

    def __init__(self, folder: Path, machine: str, begin: Counts | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{machine}.jsonl"
        self._machine = machine
        self.last, self._made = _end_of(self.path)
        self._counters = begin or Counts()
        self._told = False
        self._file = self.path.open("ab")

    def offer(self, time_ns: int, counters: Counts | None = None) -> int:
        """Record and answer the next number. Call it before the number leaves the machine, never after.

        Args:
            time_ns: now, in ns since the epoch.
            counters: where the part counters stand, where they leave the machine together with the number.
        """
        self.last += 1
        self._write(_Line(self._machine, self.last, time_ns), counters)
        return self.last

    def show(self, time_ns: int, counters: Counts) -> None:
        """Record where the part counters stand that leave the machine now, after the number they belong to."""
        if counters != self._counters or not self._told:
            self._write(_Line(self._machine, None, time_ns), counters)

    def flush(self) -> None:
        """Hand what was recorded to the operating system."""
        self._file.flush()

    def close(self) -> None:
        """Flush and close the file."""
        self._file.close()

    def _write(self, line: _Line, counters: Counts | None) -> None:
        if counters is not None and (counters != self._counters or not self._told):
            more = (now - before for now, before in zip(counters, self._counters, strict=True))
            self._made = Counts(*(made + grown for made, grown in zip(self._made, more, strict=True)))
            self._counters, self._told = counters, True
            line.good, line.rejected, line.reworked = self._made
        self._file.write(_ENCODER.encode(line) + b"\n")


def counters_in(values: Mapping[str, Any]) -> Counts:
    """Where the part counters stand among a machine's values."""
    return Counts(*(int(values[name]) for name in ("goodParts", "rejectedParts", "reworkedParts")))


def read(lines: Iterable[bytes | str]) -> dict[str, list[Offer]]:
    """The offers per machine of a ledger's lines; a torn last line is passed over."""
    offers: dict[str, list[Offer]] = {}
    for line in _decoded(lines):
        if line.n is not None:
            offers.setdefault(line.machine, []).append(Offer(line.n, line.t))
    return offers


def read_counts(lines: Iterable[bytes | str]) -> dict[str, list[Shown]]:
    """What was made per machine, one entry per number in order; machines whose ledger tells nothing of parts are not in it."""
    shown: dict[str, list[Shown]] = {}
    made: dict[str, Counts] = {}
    for line in _decoded(lines):
        entries = shown.setdefault(line.machine, [])
        if line.good is not None and line.rejected is not None:
            made[line.machine] = Counts(line.good, line.rejected, line.reworked)
        if line.n is not None:
            entries.append(Shown(line.n, line.t, made.get(line.machine, Counts())))
        elif entries:
            entries[-1] = entries[-1]._replace(made=made.get(line.machine, Counts()))
    return {machine: shown[machine] for machine in made}


def _decoded(lines: Iterable[bytes | str]) -> Iterator[_Line]:
    for text in lines:
        with contextlib.suppress(msgspec.DecodeError):
            yield _DECODER.decode(text)


def _end_of(path: Path) -> tuple[int, Counts]:
    """The last number and what had been made, 0 where there is no file."""
    if not path.exists():
        return 0, Counts()
    last, made = 0, Counts()
    with path.open("rb") as file:
        for line in _decoded(file):
            last = max(last, line.n or 0)
            if line.good is not None and line.rejected is not None:
                made = Counts(line.good, line.rejected, line.reworked)
    return last, made
