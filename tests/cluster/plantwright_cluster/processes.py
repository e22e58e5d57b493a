"""Recognise a process we started, and end that one and no other.

A process id alone is not enough: ids are used again. Its start time and the boot it was started in make it unique.
"""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Recorded", "end", "is_running", "record", "start_ticks"]

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_POLL_SECONDS = 0.02


@dataclass(frozen=True)
class Recorded:
    """What we write down about a process when we start it."""

    pid: int
    start_ticks: int
    boot_id: str


def start_ticks(stat: str) -> int | None:
    """Return the start time in a `/proc/PID/stat` line, None for a process that is over and only waits to be collected.

    The name (field 2) may hold spaces and brackets, so fields are counted from the last bracket.
    """
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in {"Z", "X"} else int(fields[19])


def _read_ticks(pid: int) -> int | None:
    try:
        return start_ticks(Path(f"/proc/{pid}/stat").read_text())
    except (FileNotFoundError, ProcessLookupError):
        return None


def record(pid: int) -> Recorded | None:
    """Write down a running process; None if it is gone already."""
    ticks = _read_ticks(pid)
    return None if ticks is None else Recorded(pid, ticks, _BOOT_ID.read_text().strip())


def is_running(recorded: Recorded) -> bool:
    """Say whether exactly this process still runs."""
    return recorded == record(recorded.pid)


def _wait(recorded: Recorded, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while is_running(recorded):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def end(recorded: Recorded, seconds: float = 20.0, patience: float = 0.0) -> bool:
    """Kill exactly this process, after some patience with one that was asked to end; True when it is gone."""
    if _wait(recorded, patience):
        return True
    os.kill(recorded.pid, signal.SIGKILL)
    return _wait(recorded, seconds)
