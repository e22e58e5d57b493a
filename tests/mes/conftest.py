"""A real PostgreSQL for the MES, one private cluster per run and one fresh database per test, and a real mosquitto."""

import contextlib
import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from plantwright_mes.testing import PostgresMissingError, PrivatePostgres, private_postgres

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
async def broker(broker: Any) -> int:
    """The port of a mosquitto that lets everybody in."""
    await broker.start("allow_anonymous true", "persistence false")
    return int(broker.port)
