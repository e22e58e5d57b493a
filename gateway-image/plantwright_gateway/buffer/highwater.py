"""Remembers beside the database which sequence was committed last.

A WAL whose tail is damaged or deleted is cut off by SQLite without a word. Sequences given out again would be ignored by
the MES as duplicates, so loss would stay silent; this file tells. It is not synced: it survives a kill of the process,
and after a power cut an older number does no harm.
"""

import os
from pathlib import Path

WIDTH = 64


def recall(path: Path) -> tuple[str, int]:
    """Epoch and highest sequence that were written last beside this database; ("", 0) when nothing is known."""
    try:
        content = _beside(path).read_bytes()
    except OSError:
        return "", 0
    words = content[:WIDTH].decode("ascii", "replace").split()
    if len(words) == 2 and words[1].isdigit():
        return words[0], int(words[1])
    return "", 0


def _beside(path: Path) -> Path:
    return path.with_name(path.name + "-high")


class HighWater:
    """The file `<database>-high`: epoch and sequence, written in place."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(_beside(path), os.O_RDWR | os.O_CREAT, 0o600)

    def write(self, epoch: str, sequence: int) -> None:
        """Remember; called after the commit."""
        os.pwrite(self._file, f"{epoch} {sequence}".ljust(WIDTH).encode(), 0)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)
