"""Start a supervisor and talk with it."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from plantwright_cluster import supervisor
from plantwright_cluster.commands import ClusterError, environment, tail
from plantwright_cluster.processes import Recorded, record

__all__ = ["Control", "find", "launch"]

_NAMESPACES = ("unshare", "--mount", "--propagation", "private", "--net", "--pid", "--fork", "--kill-child")
_LONGEST_SOCKET_PATH = 107
_CREDENTIALS = struct.Struct("3i")


class Control:
    """Tells a running supervisor what to do."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / supervisor.SOCKET

    def _connected(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(20)
        try:
            connection.connect(str(self._path))
        except OSError:
            connection.close()
            raise
        return connection

    def owner(self) -> int:
        """Return the supervisor's process id as seen from here; it cannot know it itself, being process 1 where it lives."""
        with self._connected() as connection:
            raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        return int(_CREDENTIALS.unpack(raw)[0])

    def ask(self, verb: str, **arguments: object) -> dict[str, Any]:
        """Send one request and return the answer."""
        try:
            with self._connected() as connection:
                connection.sendall(json.dumps({"do": verb, **arguments}).encode() + b"\n")
                answer = json.loads(connection.makefile("rb").readline() or b"{}")
        except OSError as error:
            raise ClusterError(f"the cluster's supervisor does not answer: {error}") from error
        if "ok" not in answer:
            raise ClusterError(f"the supervisor refused {verb}: {answer.get('error')}")
        result: dict[str, Any] = answer["ok"]
        return result

    def states(self) -> dict[str, Any]:
        """Return process id and exit code of every program."""
        return self.ask("states")

    def stop(self, name: str, number: int = signal.SIGTERM, seconds: float = 30) -> None:
        """Signal one program and wait for its end (signals that do not end a program are for `ask`)."""
        self.ask("signal", name=name, number=int(number))
        deadline = time.monotonic() + seconds
        while self.states()[name]["exit"] is None:
            if time.monotonic() > deadline:
                raise ClusterError(f"{name} did not end within {seconds} s")
            time.sleep(0.05)


def find(folder: Path, seconds: float = 0.0) -> Recorded | None:
    """Return the supervisor that listens in a folder, waiting up to some seconds for it."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return record(Control(folder).owner())
        except OSError:
            if time.monotonic() >= deadline:
                return None
            time.sleep(0.01)


def launch(folder: Path, *, namespaces: bool) -> Recorded:
    """Start a supervisor that outlives us and return its record.

    `setsid --fork` hands it to the machine's process 1, so that neither a closed terminal nor the end of a test ends it.
    It is started by its file's path and without site packages, which takes a tenth of the time.
    """
    if len(str(folder / "containerd.sock.ttrpc")) > _LONGEST_SOCKET_PATH:
        raise ClusterError(f"the folder's path is too long for a Unix socket: {folder}")
    (folder / supervisor.SOCKET).unlink(missing_ok=True)
    program = [sys.executable, "-I", "-S", str(Path(supervisor.__file__)), str(folder)]
    words = [
        "setsid",
        "--fork",
        *(_NAMESPACES if namespaces else ()),
        *program,
        *(["--namespaces"] if namespaces else []),
    ]
    log = folder / "logs" / "supervisor.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    env = environment()
    words[0] = shutil.which("setsid", path=env["PATH"]) or "setsid"
    with log.open("ab") as output:
        subprocess.run(words, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=env, check=True)
    found = find(folder, seconds=10)
    if found is None:
        raise ClusterError(f"the supervisor did not start:\n{tail(log)}")
    return found
