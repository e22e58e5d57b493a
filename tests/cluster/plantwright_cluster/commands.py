"""Run other programs: always a list of arguments, never a shell, and an error that shows what the program said."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["ClusterError", "CommandError", "run", "tail"]

_SBIN = ("/usr/local/sbin", "/usr/sbin", "/sbin")
_SHOWN = 4000


class ClusterError(Exception):
    """Something about the local cluster went wrong; the message is for the person at the keyboard."""


class CommandError(ClusterError):
    """A program ended with an error; carries the last lines of what it printed."""


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return our environment with the sbin folders on PATH: `ip` and `iptables` live there and not every user has them."""
    env = dict(os.environ)
    path = env.get("PATH", "/usr/bin:/bin").split(":")
    env["PATH"] = ":".join([*path, *(folder for folder in _SBIN if folder not in path)])
    env.update(extra or {})
    return env


def run(
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str | None = None,
    timeout: float | None = None,
) -> str:
    """Run a program to its end and return what it printed; raise with its last words if it failed."""
    words = [str(word) for word in argv]
    try:
        done = subprocess.run(
            words,
            input=stdin,
            cwd=cwd,
            env=environment(env),
            timeout=timeout,
            text=True,
            capture_output=True,
            check=False,
        )
    except FileNotFoundError as error:
        raise CommandError(f"the program {words[0]} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise CommandError(f"{' '.join(words)}: no end after {timeout} s") from error
    if done.returncode != 0:
        said = (done.stderr + done.stdout).strip()[-_SHOWN:]
        raise CommandError(f"{' '.join(words)} ended with {done.returncode}:\n{said}")
    return done.stdout


def tail(path: Path, lines: int = 15) -> str:
    """Return the last lines of a log file, for an error message."""
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return "(no log)"
