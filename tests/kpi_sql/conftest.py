"""The reference MES on a PostgreSQL of its own, and a machine that delivers to it through its real endpoint."""

import contextlib
import itertools
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from plantwright_api.wire.delivery import CHANGE, CONFIGURATION, PRODUCTION, Event
from plantwright_mes.app import Running, running
from plantwright_mes.settings import Settings
from plantwright_mes.streams import Stream, body
from plantwright_mes.testing import PostgresMissingError, PrivatePostgres, private_postgres, until

_NUMBERS = itertools.count(1)
WRITER = {"Authorization": "Bearer foreman-token"}


def utc(text: str) -> str:
    """`25T12:10:00.25` is a time of October 2025, in which Europe/Berlin has its night of 25 hours."""
    return datetime.fromisoformat(f"2025-10-{text}").replace(tzinfo=UTC).isoformat()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PrivatePostgres]:
    with tempfile.TemporaryDirectory(prefix="plantwright-postgres-") as folder:
        Path(folder).chmod(0o755)
        try:
            with private_postgres(Path(folder) / "cluster") as server:
                yield server
        except PostgresMissingError as error:
            pytest.skip(str(error))


@pytest.fixture
def dsn(postgres: PrivatePostgres) -> str:
    return postgres.database(f"kpi{next(_NUMBERS)}")


class Mes:
    """The service's HTTP face."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.session = session
        self.url = url

    async def send(self, method: str, path: str, content: Any = None, **headers: str) -> tuple[int, Any]:
        sent = msgspec.json.encode(content) if content is not None else None
        async with self.session.request(method, self.url + path, data=sent, headers=WRITER | headers) as response:
            answer = await response.read()
            whole = msgspec.json.decode(answer) if response.content_type == "application/json" else answer.decode()
            return response.status, whole

    async def kpis(self, start: str, end: str, **narrowed: str) -> list[dict[str, Any]]:
        async with self.session.get(
            self.url + "/v1/kpis", params={"from": utc(start), "to": utc(end)} | narrowed
        ) as response:
            assert response.status == 200, await response.text()
            answer = await response.json()
        assert answer["faults"] == []
        figures: list[dict[str, Any]] = answer["figures"]
        return figures


class Machine:
    """Events of one machine, sent when `deliver` is called; each recorded when it happened, unless `recorded` says otherwise."""

    def __init__(
        self, mes: Mes, name: str, line: str = "line-1", plant: str = "stuttgart", area: str = "machining"
    ) -> None:
        self.mes = mes
        self.stream = Stream(machine=name)
        self.source = f"/acme/{plant}/{area}/{line}/{name}"
        self.head = {"plant": plant, "machine": name, "config": "c"}
        self.sequence = 0
        self.waiting: list[Event] = []

    def _add(self, kind: str, time: str, data: dict[str, Any], recorded: str = "") -> "Machine":
        self.sequence += 1
        times = {"time": utc(time), "recordedtime": utc(recorded or time)}
        event = self.stream.event(self.sequence, type=kind, source=self.source, data=self.head | data, **times)
        self.waiting.append(event)
        return self

    def configured(self, time: str, calendar: dict[str, Any], **more: Any) -> "Machine":
        data = {"profile": "p", "contracts": {"k": "1.0.0"}, "gatewayVersion": "1", "calendar": calendar}
        return self._add(CONFIGURATION, time, data | more)

    def change(self, time: str, of: str, value: str, recorded: str = "", **context: str) -> "Machine":
        data = {"of": of, "value": value, "origin": "Machine", "context": context}
        return self._add(CHANGE, time, data, recorded)

    def state(self, time: str, value: str, recorded: str = "") -> "Machine":
        return self.change(time, "State", value, recorded)

    def parts(
        self, time: str, pri: float | None = None, recorded: str = "", context: Any = None, **counts: int
    ) -> "Machine":
        data: dict[str, Any] = dict(counts) | {"context": context or {}}
        if pri is not None:
            data["plannedRunTimePerItemSeconds"] = pri
        return self._add(PRODUCTION, time, data, recorded)

    def observed(self, time: str, contract: str = "k", context: Any = None, **fields: Any) -> "Machine":
        data = {"contract": contract, "contractVersion": "1.0.0", "fields": fields, "context": context or {}}
        return self._add("io.plantwright.observation.v1", time, data)

    async def deliver(self) -> None:
        sent, self.waiting = self.waiting, []
        async with self.mes.session.post(self.mes.url + "/v1/observations", data=body(sent)) as response:
            receipt = await response.json(content_type=None)
            assert (response.status, receipt["stored"], receipt["rejected"]) == (200, len(sent), [])


@pytest.fixture
def settings() -> Callable[..., Settings]:
    def made(dsn: str, **changes: Any) -> Settings:
        return Settings(dsn=dsn, host="127.0.0.1", port=0, writers={"foreman-token": "foreman"})._replace(**changes)

    return made


@pytest.fixture
def connect() -> Callable[[Running], Any]:
    return connected


@contextlib.asynccontextmanager
async def connected(service: Running) -> AsyncIterator[Mes]:
    async with aiohttp.ClientSession() as session:

        async def answers() -> bool:
            async with session.get(service.url + "/readyz") as response:
                return response.status == 200

        await until(answers)
        yield Mes(session, service.url)


@pytest.fixture
async def mes(dsn: str, settings: Callable[..., Settings]) -> AsyncIterator[Mes]:
    async with running(settings(dsn)) as service, connected(service) as made:
        yield made


@pytest.fixture
def machine() -> type[Machine]:
    return Machine
