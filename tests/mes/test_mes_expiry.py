"""Changes and production go after their time, names before them, and no figure is made of what is gone; on a real PostgreSQL."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from plantwright_api.wire.delivery import CHANGE, CONFIGURATION, PRODUCTION
from plantwright_mes import confirming, kpis
from plantwright_mes.batch import parse
from plantwright_mes.orders import InvalidError
from plantwright_mes.planning import Asked, Store
from plantwright_mes.retention import sweep
from plantwright_mes.settings import from_environment
from plantwright_mes.store import connect, ingest
from plantwright_mes.streams import Stream, body

HEAD = {"plant": "stuttgart", "machine": "lathe-01", "config": "c"}


class Mes:
    """A database, and one machine of a plant that works around the clock."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.pool = pool
        self.stream = Stream(machine="lathe-01")
        self.sequence = 0
        self.now = datetime.now(UTC)

    def ago(self, days: float) -> datetime:
        return self.now - timedelta(days=days)

    async def take(self, kind: str, days: float, stored: bool = True, **data: Any) -> None:
        self.sequence += 1
        time = self.ago(days).isoformat()
        event = self.stream.event(
            self.sequence,
            type=kind,
            time=time,
            recordedtime=time,
            data=HEAD | data,
            source="/acme/stuttgart/machining/line-1/lathe-01",
        )
        receipt = (await ingest(self.pool, "http", parse(body([event])), stop_at_hole=True)).receipt
        assert receipt.stored == stored

    async def configured(self, days: float, retention: dict[str, int] | None = None) -> None:
        calendar = {"timeZone": "UTC", "shifts": []}
        more = {"profile": "p", "gatewayVersion": "1", "calendar": calendar, "retention": retention or {}}
        await self.take(CONFIGURATION, days, contracts={"people": "1.0.0"}, **more)

    async def change(self, days: float, of: str, value: str, previous: str = "", **more: Any) -> None:
        await self.take(CHANGE, days, of=of, value=value, origin="Machine", previous=previous, **more)

    async def parts(self, days: float, good: int, **context: str) -> None:
        await self.take(PRODUCTION, days, good=good, rejected=0, context=context)

    async def rows(self, query: str) -> list[tuple[Any, ...]]:
        return [tuple(record) for record in await self.pool.fetch(query)]

    async def figures(self, start: float, end: float, **more: str) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
        asked = kpis.Question(self.ago(start), self.ago(end), "machine", **more)
        answer = await kpis.ask(self.pool, "http", asked)
        return answer["figures"], answer["faults"]

    async def two_spells(self) -> None:
        """Parts and states 30 and 5 days ago; the machine produces all the time since 40 days ago, in one order."""
        await self.configured(50)
        await self.change(45, "State", "Idle")
        await self.change(40, "State", "Production")
        await self.change(40, "JobOrder", "JO-1")
        await self.parts(30, 7)
        await self.parts(5, 3)
        await self.change(0.01, "State", "Production")


@pytest.fixture
async def mes(dsn: str) -> AsyncIterator[Mes]:
    pool = await connect(dsn)
    yield Mes(pool)
    await pool.close()


async def test_what_is_too_old_goes_and_what_still_holds_stays(mes: Mes) -> None:
    await mes.two_spells()
    assert await sweep(mes.pool, 10) == {"production": 1, "changes": 1}
    assert await mes.rows("SELECT good FROM production") == [(3,)]
    assert await mes.rows("SELECT of, value FROM changes ORDER BY seq") == [
        ("State", "Production"),
        ("JobOrder", "JO-1"),
        ("State", "Production"),
    ]
    assert await sweep(mes.pool, 10) == {}
    assert await mes.rows("SELECT count(*) FROM configurations") == [(1,)]


async def test_nothing_goes_where_it_is_kept_for_good(mes: Mes) -> None:
    await mes.two_spells()
    assert await sweep(mes.pool, 0) == {}
    assert await mes.rows("SELECT count(*) FROM production") == [(2,)]
    assert (await mes.figures(60, 0))[1] == []


async def test_figures_of_what_is_gone_are_unknown_and_the_answer_says_so(mes: Mes) -> None:
    await mes.two_spells()
    await sweep(mes.pool, 10)
    [gone], faults = await mes.figures(35, 25)
    assert [fault["reason"] for fault in faults] == ["DataExpired"]
    assert (gone["plannedSeconds"], gone["dataCoverage"]) == (10 * 86400, 0)
    unknown = (
        "goodQuantity",
        "scrapQuantity",
        "producedQuantity",
        "failureEvents",
        "actualOrderExecutionSeconds",
        "oee",
    )
    assert {name: gone[name] for name in unknown} == dict.fromkeys(unknown)


async def test_figures_of_what_is_kept_are_as_they_were(mes: Mes) -> None:
    await mes.two_spells()
    before = await mes.figures(9, 1)
    await sweep(mes.pool, 10)
    assert await mes.figures(9, 1) == before
    assert before[0][0]["goodQuantity"] == 3
    assert before[0][0]["dataCoverage"] == 1


async def test_a_window_over_the_edge_covers_what_is_kept(mes: Mes) -> None:
    await mes.two_spells()
    await sweep(mes.pool, 10)
    [row], faults = await mes.figures(20, 2)
    assert len(faults) == 1
    assert row["goodQuantity"] == 3
    assert row["dataCoverage"] == pytest.approx(8 / 18, abs=1e-4)
    assert row["actualOrderExecutionSeconds"] == pytest.approx(8 * 86400, abs=60)


async def test_late_data_of_a_time_that_is_gone_makes_no_figure(mes: Mes) -> None:
    await mes.two_spells()
    await sweep(mes.pool, 10)
    await mes.parts(30, 1000)
    assert (await mes.figures(35, 25))[0][0]["goodQuantity"] is None
    assert (await mes.figures(35, 1))[0][0]["goodQuantity"] == 3


async def test_more_rows_than_one_transaction_takes(mes: Mes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plantwright_mes.expiry.CHUNK", 2)
    for day in range(20, 25):
        await mes.parts(day, 1)
    assert await sweep(mes.pool, 10) == {"production": 5}


async def test_a_clock_that_runs_ahead_keeps_nothing_for_longer(mes: Mes) -> None:
    await mes.parts(-1000, 1)
    await mes.pool.execute("UPDATE production SET stored_time = now() - interval '11 days'")
    assert await sweep(mes.pool, 10) == {"production": 1}


async def test_names_are_forgotten_after_the_contracts_shortest_retention(mes: Mes) -> None:
    await mes.configured(50, {"people": 10, "power": 300})
    await mes.change(40, "Person", "anna", code="badge 7")
    await mes.change(30, "Person", "", "anna")
    await mes.change(20, "JobOrder", "JO-1", context={"person": "anna", "state": "Idle"})
    await mes.parts(20, 1, person="anna", shift="early")
    await mes.change(5, "Person", "berta", "anna")
    assert await sweep(mes.pool, 800) == {"changes/person": 3, "production/person": 1}
    told = await mes.rows("SELECT value, previous, code, context::text FROM changes ORDER BY seq")
    assert told == [
        ("(forgotten)", "", "", "{}"),
        ("", "(forgotten)", "", "{}"),
        ("JO-1", "", "", '{"state": "Idle"}'),
        ("berta", "anna", "", "{}"),
    ]
    assert await mes.rows("SELECT context::text FROM production") == [('{"shift": "early"}',)]
    assert await sweep(mes.pool, 800) == {}


async def test_attendance_is_the_same_when_names_are_forgotten(mes: Mes) -> None:
    await mes.configured(50, {"people": 10})
    await mes.change(45, "State", "Production")
    await mes.change(40, "Person", "anna")
    await mes.change(30, "Person", "")
    await mes.change(0.01, "State", "Production")
    before = await mes.figures(48, 1)
    assert before[0][0]["actualPersonnelAttendanceSeconds"] == 10 * 86400
    await sweep(mes.pool, 800)
    assert await mes.figures(48, 1) == before


async def test_log_ons_that_ended_are_forgotten_and_those_under_way_are_not(mes: Mes) -> None:
    await mes.configured(50, {"people": 10})
    add = "INSERT INTO personnel_actuals VALUES ('stuttgart', 'lathe-01', $1, $2, $3)"
    for person, start, end in (("anna", 40, 39), ("berta", 40, 5), ("carla", 40, None)):
        await mes.pool.execute(add, person, mes.ago(start), None if end is None else mes.ago(end))
    assert await sweep(mes.pool, 0) == {"personnel_actuals": 1}
    assert await mes.rows("SELECT person_id FROM personnel_actuals ORDER BY 1") == [("berta",), ("carla",)]


async def test_a_rejected_change_is_forgotten_too(mes: Mes) -> None:
    await mes.configured(50, {"people": 10})
    await mes.take(CHANGE, 20, stored=False, of="Person", value="an\0na", origin="Machine")
    assert await sweep(mes.pool, 0) == {}
    await mes.pool.execute("UPDATE rejections SET stored_time = now() - interval '11 days'")
    assert await sweep(mes.pool, 0) == {"rejections": 1}
    assert await mes.rows("SELECT event FROM rejections") == [("",)]


async def test_an_order_whose_data_is_gone_is_not_confirmed_anew(mes: Mes) -> None:
    await mes.two_spells()
    await mes.pool.execute("INSERT INTO work_requests (id) VALUES ('WR-1')")
    order = "INSERT INTO job_orders (id, work_request_id, plant, equipment, start_time, end_time) VALUES ($1, 'WR-1', $2, $3, $4, $5)"
    await mes.pool.execute(order, "JO-1", "stuttgart", "lathe-01", mes.ago(31), mes.ago(29))
    due = "INSERT INTO confirmations_due (job_order_id, asked) VALUES ('JO-1', true)"
    await mes.pool.execute(due)
    assert await confirming.make(mes.pool, "http", 0) == 1
    await sweep(mes.pool, 10)
    await mes.pool.execute(due)
    assert await confirming.make(mes.pool, "http", 0) == 0
    with pytest.raises(InvalidError) as refused:
        await Store(mes.pool).ask_confirmation(Asked("foreman", "POST", "JO-1", b""))
    assert (refused.value.fault.reason, refused.value.status) == ("DataExpired", 410)


@pytest.mark.parametrize("days", ["-1", "36501", "many"])
def test_a_retention_that_is_none_is_refused(days: str) -> None:
    with pytest.raises(ValueError, match=r"MES_RETENTION_DAYS|many"):
        from_environment({"MES_RETENTION_DAYS": days})
