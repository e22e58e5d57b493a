"""The reference MES deletes what its contract no longer lets it keep, and nothing else, on a real PostgreSQL."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from plantwright_api.wire.delivery import CONFIGURATION, QUARANTINE, Event
from plantwright_mes.app import running
from plantwright_mes.batch import parse
from plantwright_mes.retention import sweep
from plantwright_mes.settings import Settings
from plantwright_mes.store import connect, ingest
from plantwright_mes.streams import Stream, body
from plantwright_mes.testing import until

HEAD = {"plant": "stuttgart", "contractVersion": "1.0.0", "config": "c"}


def ago(days: float) -> str:
    return (datetime.now(UTC) - timedelta(days=days)).isoformat()


class Mes:
    """A database and one stream into it."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.pool = pool
        self.stream = Stream(machine="lathe-01")
        self.sequence = 0

    def event(self, days: float, data: dict[str, Any], **more: Any) -> Event:
        self.sequence += 1
        whole = HEAD | {"machine": "lathe-01"} | data
        return self.stream.event(self.sequence, data=whole, time=ago(days), recordedtime=ago(days), **more)

    def configuration(self, retention: dict[str, int], contracts: tuple[str, ...] = ("people", "power")) -> Event:
        names = dict.fromkeys(contracts, "1.0.0")
        data = {"profile": "p", "contracts": names, "gatewayVersion": "1", "retention": retention}
        return self.event(0, data, type=CONFIGURATION)

    def value(self, days: float, contract: str = "people", **fields: Any) -> Event:
        return self.event(days, {"contract": contract, "fields": fields})

    def quarantined(self, days: float) -> Event:
        data = {"contract": "people", "field": "operator", "signal": "s", "value": "pn:1", "reason": "TooLong"}
        return self.event(days, data, type=QUARANTINE)

    async def take(self, *events: Event) -> Any:
        return (await ingest(self.pool, "http", parse(body(events)), stop_at_hole=True)).receipt

    async def rows(self, query: str) -> list[tuple[Any, ...]]:
        return [tuple(record) for record in await self.pool.fetch(query)]

    async def seqs(self, table: str = "observations") -> list[int]:
        return [seq for (seq,) in await self.rows(f"SELECT seq FROM {table} ORDER BY seq")]  # noqa: S608


@pytest.fixture
async def mes(dsn: str) -> AsyncIterator[Mes]:
    pool = await connect(dsn)
    yield Mes(pool)
    await pool.close()


async def test_what_is_older_than_its_contract_allows_goes_and_nothing_else(mes: Mes) -> None:
    await mes.take(
        mes.configuration({"people": 30}),
        mes.value(31, operator="pn:1"),
        mes.value(29, operator="pn:2"),
        mes.value(400, "power", kw=5),
        mes.quarantined(31),
        mes.quarantined(1),
    )
    assert await sweep(mes.pool) == {"observations": 1, "quarantine": 1}
    assert (await mes.seqs(), await mes.seqs("quarantine")) == ([3, 4], [6])
    assert await sweep(mes.pool) == {}


async def test_what_comes_again_after_it_was_deleted_is_known_and_stays_away(mes: Mes) -> None:
    events = (mes.configuration({"people": 30}), mes.value(31, operator="pn:1"), mes.value(1, operator="pn:2"))
    await mes.take(*events)
    await sweep(mes.pool)
    again = await mes.take(*events)
    assert (again.watermark, again.stored, again.ignored) == (3, 0, 3)
    assert await mes.seqs() == [3]
    assert await mes.rows("SELECT watermark, stored, observations FROM streams") == [(3, 3, 2)]


async def test_the_last_configuration_that_names_the_contract_counts(mes: Mes) -> None:
    await mes.take(mes.configuration({"people": 30}), mes.value(20, operator="pn:1"), mes.value(99, operator="pn:2"))
    await mes.take(mes.configuration({}, ("power",)))
    assert await sweep(mes.pool) == {"observations": 1}
    await mes.take(mes.configuration({"people": 10}))
    assert await sweep(mes.pool) == {"observations": 1}
    await mes.take(mes.configuration({}), mes.value(99, operator="pn:3"))
    assert await sweep(mes.pool) == {}, "the limit was lifted"


@pytest.mark.parametrize("days", [0, -5, 36501, 10**30])
async def test_a_limit_that_is_none_deletes_nothing_and_stops_nothing(mes: Mes, days: int) -> None:
    await mes.take(mes.configuration({"people": days, "power": 1}), mes.value(999, operator="x"))
    await mes.take(mes.value(999, "power", kw=1))
    assert await sweep(mes.pool) == {"observations": 1}


async def test_a_clock_that_runs_ahead_keeps_nothing_for_longer(mes: Mes) -> None:
    await mes.take(mes.configuration({"people": 30}), mes.value(-1000, operator="pn:1"))
    await mes.pool.execute("UPDATE observations SET stored_time = now() - interval '31 days'")
    assert await sweep(mes.pool) == {"observations": 1}


async def test_last_values_go_with_their_rows(mes: Mes) -> None:
    await mes.take(mes.configuration({"people": 30}), mes.value(31, operator="pn:1", badge="pn:2"))
    await mes.take(mes.value(1, badge="pn:3"))
    await sweep(mes.pool)
    assert await mes.rows("SELECT fields FROM latest") == [(b'{"badge": "pn:3"}',)]
    await mes.pool.execute("UPDATE observations SET stored_time = now() - interval '31 days'")
    await sweep(mes.pool)
    assert await mes.rows("SELECT fields FROM latest") == []


async def test_a_rejected_event_is_forgotten_and_its_rejection_is_not(mes: Mes) -> None:
    events = (mes.configuration({"people": 30}), mes.value(31, operator="a\0b"), mes.value(31, "power", kw="c\0d"))
    first = await mes.take(*events)
    assert [rejected.sequence for rejected in first.rejected] == [2, 3]
    await mes.pool.execute("UPDATE rejections SET stored_time = now() - interval '31 days'")
    assert await sweep(mes.pool) == {"rejections": 1}
    assert await mes.rows("SELECT seq, event = '' FROM rejections ORDER BY seq") == [(2, True), (3, False)]
    assert (await mes.take(*events)).rejected == first.rejected


async def test_more_rows_than_one_transaction_takes(mes: Mes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plantwright_mes.retention.CHUNK", 2)
    await mes.take(mes.configuration({"people": 30}), *(mes.value(31, operator=str(n)) for n in range(5)))
    assert await sweep(mes.pool) == {"observations": 5}


async def test_rows_that_someone_holds_are_left_for_the_next_time(mes: Mes) -> None:
    await mes.take(mes.configuration({"people": 30}), mes.value(31, operator="a"), mes.value(31, operator="b"))
    async with mes.pool.acquire() as other, other.transaction():
        await other.execute("SELECT FROM observations WHERE seq = 2 FOR UPDATE")
        assert await sweep(mes.pool) == {"observations": 1}
    assert await sweep(mes.pool) == {"observations": 1}


async def test_the_service_sweeps_by_itself_and_counts(mes: Mes, dsn: str) -> None:
    await mes.take(mes.configuration({"people": 30}), mes.value(31, operator="a"))
    settings = Settings(dsn=dsn, host="127.0.0.1", port=0, sweep_seconds=0.1)
    async with running(settings) as service:

        async def counted() -> bool:
            return service.service.expired["observations"] == 1

        await until(counted)
    assert await mes.seqs() == []


async def test_a_database_from_before_learns_of_retention(mes: Mes, dsn: str) -> None:
    await mes.pool.execute("ALTER TABLE configurations DROP COLUMN retention")
    await (await connect(dsn)).close()
    await mes.take(mes.configuration({"people": 30}), mes.value(31, operator="a"))
    assert await sweep(mes.pool) == {"observations": 1}
