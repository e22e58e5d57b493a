"""A real PostgreSQL for the MES, one private cluster per run and one fresh database per test, and a real mosquitto."""

import asyncio
import contextlib
import itertools
import shutil
import socket
import tempfile
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from plantwright_mes.testing import PostgresMissingError, PrivatePostgres, private_postgres, until

_NUMBERS = itertools.count(1)


@contextlib.contextmanager
def _cluster() -> Iterator[PrivatePostgres]:
    """The server may run as another user, who must pass through: pytest's own temporary folders let nobody in."""
    with tempfile.TemporaryDirectory(prefix="plantwright-postgres-") as folder:
        Path(folder).chmod(0o755)
        try:
            with private_postgres(Path(folder) / "cluster") as server:
                yield server
        except PostgresMissingError as error:
            pytest.skip(str(error))


@pytest.fixture(scope="session")
def postgres() -> Iterator[PrivatePostgres]:
    with _cluster() as server:
        yield server


@pytest.fixture
def dsn(postgres: PrivatePostgres) -> str:
    return postgres.database(f"test{next(_NUMBERS)}")


@pytest.fixture
def own_postgres() -> Iterator[PrivatePostgres]:
    """A cluster of one test's own, which it may stop."""
    with _cluster() as server:
        yield server


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[int]:
    program = shutil.which("mosquitto") or shutil.which("/usr/sbin/mosquitto")
    if program is None:
        pytest.skip("mosquitto is not installed: apt-get install mosquitto")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    config = tmp_path / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nuser root\n")
    process = await asyncio.create_subprocess_exec(program, "-c", str(config), stdout=DEVNULL, stderr=DEVNULL)
    await until(lambda: _listens(port))
    yield port
    process.terminate()
    await asyncio.wait_for(process.wait(), 10)


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True
