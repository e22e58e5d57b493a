"""Prints steps with their number, progress and time, so that minutes of work never look like a hang."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Progress:
    """Numbered steps on a terminal or in a log."""

    def __init__(self, total: int, write: Callable[[str], object] = sys.stdout.write) -> None:
        self.total = total
        self.number = 0
        self.started = time.monotonic()
        self._write = write

    @contextmanager
    def step(self, title: str) -> Iterator[Callable[[str], None]]:
        """One step: prints its title, what it says of itself, and its time at the end."""
        self.number += 1
        begun = time.monotonic()
        self.line(f"[{self.number}/{self.total}] {title}")
        yield self.note
        self.line(f"      done in {time.monotonic() - begun:.1f} s ({time.monotonic() - self.started:.0f} s in all)")

    def note(self, text: str) -> None:
        """Say how far a step is."""
        self.line(f"      {text}")

    def line(self, text: str) -> None:
        """Print one line at once."""
        self._write(text + "\n")
        sys.stdout.flush()


class TimedOutError(RuntimeError):
    """Something that was waited for did not come; the message says what was there instead."""


def wait_for(what: str, probe: Callable[[], str], note: Callable[[str], None], seconds: float) -> None:
    """Call `probe` until it returns an empty string; what it returns otherwise is what is still missing.

    Raises:
        TimedOutError: naming what was missing at the end.
    """
    deadline = time.monotonic() + seconds
    last = ""
    said = 0.0
    while missing := probe():
        if missing != last and time.monotonic() - said > 2:
            note(f"{what}: {missing}")
            last, said = missing, time.monotonic()
        if time.monotonic() > deadline:
            raise TimedOutError(f"{what}: after {seconds:.0f} s still {missing}")
        time.sleep(0.5)
