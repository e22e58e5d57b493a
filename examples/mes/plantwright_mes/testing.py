"""For tests: a PostgreSQL cluster of one's own, made in a folder, on a free port of the loopback, gone afterwards."""

import asyncio
import contextlib
import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

START_SECONDS = 30


class PostgresMissingError(Exception):
    """No PostgreSQL server is installed; `apt-get install postgresql` brings one."""


class PrivatePostgres:
    """One cluster in `folder`, which must not exist yet. initdb refuses root, so root hands over to `postgres`."""

    def __init__(self, folder: Path, *, fsync: bool = False) -> None:
        self._bin = binaries()
        self._folder = folder
        self._fsync = fsync
        self.port = _free_port()
        self.dsn = f"postgresql://mes@127.0.0.1:{self.port}/mes"

    def create(self) -> None:
        """Make the cluster's files, start it and make the database `mes`."""
        self._folder.mkdir(parents=True)
        if user := _user():
            shutil.chown(self._folder, user)
        self._run(
            "initdb",
            "--pgdata",
            str(self._data),
            "--username=mes",
            "--auth=trust",
            "--no-sync",
            "--encoding=UTF8",
            "--locale=C",
        )
        self.start()
        self.database("mes")

    def database(self, name: str) -> str:
        """Make one more database and answer its connection string."""
        self._run("createdb", "--host=127.0.0.1", f"--port={self.port}", "--username=mes", name)
        return f"postgresql://mes@127.0.0.1:{self.port}/{name}"

    def start(self) -> None:
        """Start the server and wait until it takes connections."""
        options = (
            f"-c listen_addresses=127.0.0.1 -c port={self.port} -c unix_socket_directories={self._folder}"
            f" -c fsync={'on' if self._fsync else 'off'} -c shared_buffers=32MB"
        )
        self._run(
            *("pg_ctl", "start", "--wait", f"--timeout={START_SECONDS}", "--pgdata", str(self._data)),
            *("--log", str(self._folder / "log"), "--options", options),
        )

    def stop(self, mode: str = "fast") -> None:
        """Stop the server; mode `immediate` is what a crash does."""
        self._run("pg_ctl", "stop", "--wait", "--mode", mode, "--pgdata", str(self._data))

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self._bin / program), *arguments],
            user=_user(),
            cwd=self._folder,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )
        if done.returncode:
            raise RuntimeError(f"{program} ended with {done.returncode}: {done.stderr.strip()}")


@contextlib.contextmanager
def private_postgres(folder: Path) -> Iterator[PrivatePostgres]:
    """A running cluster in `folder`.

    Raises:
        PostgresMissingError: when PostgreSQL is not installed.
    """
    server = PrivatePostgres(folder)
    try:
        server.create()
        yield server
    finally:
        with contextlib.suppress(RuntimeError):
            server.stop("immediate")


async def until(holds: Callable[[], Awaitable[bool]], seconds: float = 15.0) -> None:
    """Wait until `holds` answers True, asking twenty times a second.

    Raises:
        TimeoutError: after `seconds`.
    """
    async with asyncio.timeout(seconds):
        while True:
            if await holds():
                return
            await asyncio.sleep(0.05)


def binaries() -> Path:
    """The folder of PostgreSQL's programs, the newest where Debian has several.

    Raises:
        PostgresMissingError: when there is none.
    """
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    found = debian[-1] if debian else shutil.which("initdb")
    if found is None:
        raise PostgresMissingError("initdb is not installed: apt-get install postgresql")
    return Path(found).parent


def _user() -> str | None:
    if os.geteuid():
        return None
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError as error:
        raise PostgresMissingError("there is no user postgres: apt-get install postgresql") from error


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
