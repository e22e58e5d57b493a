"""What a numbering source wrote down of its values, and the verdict on what the MES has of them.

A line per stretch of numbers: `try FIRST LAST` before it is handed over, `kept FIRST LAST` once `accept` has returned. A number is
never handed over twice, so the MES must hold every kept one once, and no number twice. The ledger lies outside of the system
that is judged, and the verdict never uses the key by which the MES removes duplicates.
"""

import itertools
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple


class Ledger:
    """The file, open for appending; a kill of the process loses no line that was written."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def write(self, word: str, first: int, last: int) -> None:
        """Note what happens to the numbers from first to last."""
        os.write(self._file, f"{word} {first} {last}\n".encode())

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)


def stretches(path: Path, word: str) -> Iterator[range]:
    """The stretches that a word was written for; a line that is being written is none yet."""
    text = path.read_text(encoding="ascii") if path.exists() else ""
    for line in text[: text.rfind("\n") + 1].splitlines():
        found, first, last = line.split()
        if found == word:
            yield range(int(first), int(last) + 1)


def next_number(path: Path) -> int:
    """The first number that was never handed over."""
    return max((each.stop for each in stretches(path, "try")), default=0)


def kept(path: Path) -> set[int]:
    """Numbers whose `accept` returned."""
    return {number for each in stretches(path, "kept") for number in each}


class Verdict(NamedTuple):
    """What became of the numbers: kept by the gateway, stored by the MES, and what is wrong with the difference."""

    kept: int
    stored: int
    lost: set[int]
    twice: set[int]
    invented: set[int]
    """Stored, though never handed over."""
    in_order: bool

    @property
    def holds(self) -> bool:
        """Whether P1 to P3 hold."""
        return not (self.lost or self.twice or self.invented) and self.in_order

    def __str__(self) -> str:
        order = "" if self.in_order else ", out of order"
        wrong = f", {len(self.invented)} never given" if self.invented else ""
        return f"{len(self.lost)} of {self.kept:,} accepted lost, {len(self.twice)} stored twice{wrong}{order}"


def verdict(path: Path, stored: Sequence[int]) -> Verdict:
    """Hold what the MES has, in the order of its streams, against the ledger."""
    accepted, counts = kept(path), Counter(stored)
    tried = next_number(path)
    return Verdict(
        kept=len(accepted),
        stored=len(counts),
        lost=accepted - counts.keys(),
        twice={number for number, count in counts.items() if count > 1},
        invented={number for number in counts if not 0 <= number < tried},
        in_order=all(before <= after for before, after in itertools.pairwise(stored)),
    )
