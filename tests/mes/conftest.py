"""A real PostgreSQL for the MES: one private cluster per run, one fresh database per test."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from plantwright_mes.testing import PostgresMissingError, PrivatePostgres, private_postgres

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivatePostgres]:
    folder = tmp_path_factory.mktemp("postgres")
    for parent in (folder, *folder.parents[:2]):
        parent.chmod(parent.stat().st_mode | 0o011)  # the server runs as another user and must pass through
    try:
        with private_postgres(folder / "cluster") as server:
            yield server
    except PostgresMissingError as error:
        pytest.skip(str(error))


@pytest.fixture
def dsn(postgres: PrivatePostgres) -> str:
    return postgres.database(f"test{next(_NUMBERS)}")


@pytest.fixture
def own_postgres(tmp_path: Path) -> Iterator[PrivatePostgres]:
    """A cluster of one test's own, which it may stop."""
    for parent in (tmp_path, *tmp_path.parents[:2]):
        parent.chmod(parent.stat().st_mode | 0o011)
    try:
        with private_postgres(tmp_path / "cluster") as server:
            yield server
    except PostgresMissingError as error:
        pytest.skip(str(error))
