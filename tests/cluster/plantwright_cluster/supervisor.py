"""The one process that starts, watches and ends a cluster's programs.

`up` starts it detached, then tells it over a Unix socket what to start; the same socket lets a test stop or freeze one
program. It has two forms:

- plain, for the fast tier: its programs ask the kernel to be killed when it dies (`setpriv --pdeathsig`);
- as process 1 of namespaces of its own (processes, mounts, network), for a whole cluster: when it dies, the kernel ends
  every program and every container, and every mount and firewall rule is gone with them. So one recorded process id is
  enough to clean up after any crash.

Only the standard library is imported here, and nothing slow: its start is part of the cluster's.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["SOCKET", "main"]

SOCKET = "supervisor.sock"
_CHECK_SECONDS = 2.0
_DIES_WITH_US = ("setpriv", "--pdeathsig", "SIGKILL", "--")


@dataclass
class Program:
    """One program as the supervisor knows it."""

    pid: int
    argv: list[str]
    env: dict[str, str]
    exit: int | None = None


@dataclass
class Supervisor:
    """The programs of one cluster, by name."""

    folder: Path
    prefix: tuple[str, ...] = ()
    programs: dict[str, Program] = field(default_factory=dict)
    ended: bool = False

    def start(self, name: str, argv: list[str], env: dict[str, str]) -> dict[str, Any]:
        """Start a program, its words going to a log of its own; one that runs already is left alone."""
        known = self.programs.get(name)
        if known and known.exit is None:
            return {"pid": known.pid}
        words = [*self.prefix, *argv]
        log = str(self.folder / "logs" / f"{name}.log")
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ]
        pid = os.posix_spawnp(words[0], words, {**os.environ, **env}, file_actions=actions, setsid=True)
        self.programs[name] = Program(pid, argv, env)
        return {"pid": pid}

    def restart(self, name: str) -> dict[str, Any]:
        """Start a program again as it was started before."""
        known = self.programs[name]
        return self.start(name, known.argv, known.env)

    def signal(self, name: str, number: int) -> dict[str, Any]:
        """Send one of our programs a signal."""
        known = self.programs[name]
        if known.exit is None:
            os.kill(known.pid, number)
        return {}

    def states(self) -> dict[str, Any]:
        """Tell which programs run and how the others ended."""
        return {name: {"pid": program.pid, "exit": program.exit} for name, program in self.programs.items()}

    def end(self) -> dict[str, Any]:
        """End everything; what a test cluster held is thrown away, so nothing has to be saved."""
        self.ended = True
        return {}

    def collect(self) -> None:
        """Take the exit codes of what has ended; as process 1 we inherit strangers too, who are only collected."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for program in self.programs.values():
                if program.pid == pid:
                    program.exit = os.waitstatus_to_exitcode(status)

    def kill_all(self) -> None:
        """Kill what still runs and wait for it, so that ports are free when we are gone."""
        for program in self.programs.values():
            if program.exit is None:
                os.kill(program.pid, signal.SIGCONT)
                os.kill(program.pid, signal.SIGKILL)
        deadline = time.monotonic() + 10
        while any(program.exit is None for program in self.programs.values()) and time.monotonic() < deadline:
            self.collect()
            time.sleep(0.01)


def _answer(supervisor: Supervisor, request: dict[str, Any]) -> dict[str, Any]:
    verbs: dict[str, Callable[..., dict[str, Any]]] = {
        "start": supervisor.start,
        "restart": supervisor.restart,
        "signal": supervisor.signal,
        "states": supervisor.states,
        "end": supervisor.end,
    }
    supervisor.collect()
    try:
        return {"ok": verbs[request.pop("do")](**request)}
    except (KeyError, TypeError, OSError) as error:
        return {"error": f"{type(error).__name__}: {error}"}


def _serve_one(supervisor: Supervisor, listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.settimeout(5)
        try:
            line = connection.makefile("rb").readline()
            connection.sendall(json.dumps(_answer(supervisor, json.loads(line))).encode() + b"\n")
        except (OSError, ValueError) as error:
            print(f"a request was lost: {error}", flush=True)


def _listen(folder: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(folder / SOCKET))
    listener.listen()
    return listener


@contextlib.contextmanager
def _wake_on_signals(supervisor: Supervisor) -> Iterator[socket.socket]:
    """Turn signals into something the selector sees: process 1 has no default reaction to any of them.

    Both ends stay open: a reader whose writer is gone is always ready, and the loop would spin.
    """
    reader, writer = socket.socketpair()
    for end in (reader, writer):
        end.setblocking(False)
    signal.set_wakeup_fd(writer.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGTERM, lambda *_: supervisor.end())
    signal.signal(signal.SIGINT, lambda *_: supervisor.end())
    with reader, writer:
        yield reader


def _serve(supervisor: Supervisor) -> None:
    """Answer until told to end, or until our folder is gone: then nobody can reach us any more."""
    with (
        _listen(supervisor.folder) as listener,
        _wake_on_signals(supervisor) as woken,
        selectors.DefaultSelector() as ready,
    ):
        ready.register(listener, selectors.EVENT_READ)
        ready.register(woken, selectors.EVENT_READ)
        while not supervisor.ended and supervisor.folder.is_dir():
            for key, _ in ready.select(_CHECK_SECONDS):
                if key.fileobj is listener:
                    _serve_one(supervisor, listener)
                else:
                    woken.recv(4096)
            supervisor.collect()


def _own_namespaces(folder: Path) -> None:
    """Give the namespaces what a node expects, without a trace on the machine itself.

    Mounts are shared among ourselves (the kubelet's reach the containers) and hidden from the machine. /run,
    /var/log and the CNI cache are places that containerd, runc and the kubelet write to whatever they are told.
    """
    (folder / "var-log").mkdir(exist_ok=True)
    commands = [
        ["mount", "--make-rprivate", "/"],
        ["mount", "--make-rshared", "/"],
        ["mount", "-t", "proc", "proc", "/proc"],
        ["mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", "/run"],
        ["mount", "-t", "tmpfs", "tmpfs", "/var/lib/cni"],
        ["mount", "--bind", str(folder / "var-log"), "/var/log"],
        ["ip", "link", "set", "lo", "up"],
    ]
    for command in commands:
        subprocess.run(command, check=True)
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")


def main(arguments: list[str]) -> None:
    """Run until told to end."""
    folder, namespaces = Path(arguments[0]), "--namespaces" in arguments
    (folder / "logs").mkdir(exist_ok=True)
    if namespaces:
        _own_namespaces(folder)
    supervisor = Supervisor(folder, () if namespaces else _DIES_WITH_US)
    _serve(supervisor)
    supervisor.kill_all()


if __name__ == "__main__":
    main(sys.argv[1:])
