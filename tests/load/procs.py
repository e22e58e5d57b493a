"""Processes of pods as the machine sees them: when they began, how much memory and processor time they take."""

import os
from pathlib import Path
from typing import NamedTuple

TICKS = os.sysconf("SC_CLK_TCK")
PROC = Path("/proc")


class Memory(NamedTuple):
    """Resident set size, and the share of it that is this process's own, in MiB."""

    rss: float
    pss: float


def of_pods(uids: set[str], program: str) -> dict[str, int]:
    """Per pod uid, the process whose command line names a program."""
    found = {}
    for folder in PROC.glob("[0-9]*"):
        try:
            if program in (folder / "cmdline").read_text():
                uid = _pod(folder, uids)
                if uid:
                    found[uid] = int(folder.name)
        except OSError:
            continue
    return found


def memory(pid: int) -> Memory:
    """What a process takes.

    Raises:
        OSError: it is gone.
    """
    lines = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    sizes = {line.split(":")[0]: int(line.split()[1]) / 1024 for line in lines[1:]}
    return Memory(sizes["Rss"], sizes["Pss"])


def processor_seconds(pid: int) -> float:
    """Processor time so far, user and system."""
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / TICKS


def began(pid: int) -> float:
    """When a process began, in seconds since the epoch, to a hundredth."""
    boot = next(int(line.split()[1]) for line in (PROC / "stat").read_text().splitlines() if line.startswith("btime"))
    return boot + int(_stat(pid)[19]) / TICKS


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name, which may hold blanks; the first is the state."""
    return (PROC / str(pid) / "stat").read_text().rsplit(")", 1)[1].split()


def _pod(folder: Path, uids: set[str]) -> str:
    groups = (folder / "cgroup").read_text().replace("_", "-")
    return next((uid for uid in uids if uid in groups), "")
