"""Tell the person in front of the screen what is being done and how long it took.

Everything slow in this package takes a `Progress`, so that minutes of compiling never look like a hang and tests can
stay silent.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TextIO

__all__ = ["Progress", "silent"]


@dataclass
class Progress:
    """Numbered steps with their times, one line each, on a stream."""

    stream: TextIO | None = field(default_factory=lambda: sys.stderr)
    total: int = 0
    _done: int = field(default=0, init=False)
    _began: float = field(default_factory=time.monotonic, init=False)

    def say(self, text: str) -> None:
        """Print one line at once; a pipe must show it as early as a terminal."""
        if self.stream is not None:
            print(text, file=self.stream, flush=True)

    def expect(self, steps: int) -> None:
        """Announce how many numbered steps follow, and count from one again."""
        self.total, self._done = steps, 0

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        """Number one step, and print its time when it is over."""
        self._done += 1
        label = f"[{self._done}/{self.total}] {text}" if self._done <= self.total else text
        self.say(f"{label} …")
        began = time.monotonic()
        try:
            yield
        except BaseException:
            self.say(f"{label}: FAILED after {time.monotonic() - began:.1f} s")
            raise
        self.say(f"{label}: {time.monotonic() - began:.1f} s")

    def elapsed(self) -> float:
        """Return the seconds since this object was made."""
        return time.monotonic() - self._began


def silent() -> Progress:
    """Return a progress that prints nothing."""
    return Progress(stream=None)
