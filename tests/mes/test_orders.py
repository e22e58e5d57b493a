"""Orders, log-ons and stop reasons: who may tell them, what becomes of wrong ones, and how a gateway hears of them."""

import asyncio
import contextlib
import io
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import asyncpg
import msgspec
import pytest

from plantwright_api.wire import schedule
from plantwright_mes.app import running
from plantwright_mes.settings import Settings, from_environment
from plantwright_mes.testing import until

pytestmark = pytest.mark.slow

SCOPE = {"HierarchyScope": {"EquipmentID": "stuttgart"}}
WHERE = SCOPE | {"EquipmentID": "lathe-01"}
FETCH = "/v1/schedule?plant=stuttgart&equipment=lathe-01"


class Planner:
    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.session, self.url = session, url

    async def send(self, method: str, path: str, content: Any = None, bearer: str = "foreman-token") -> tuple[int, Any]:
        sent = io.BytesIO(content if isinstance(content, bytes) else msgspec.json.encode(content))
        headers = {"Authorization": f"Bearer {bearer}"}
        async with self.session.request(method, self.url + path, data=sent, headers=headers) as response:
            answer = await response.read()
            return response.status, msgspec.json.decode(answer) if answer[:1] == b"{" else answer.decode()

    async def good(self, method: str, path: str, content: Any) -> list[tuple[str, str]]:
        """Send what is taken; answers the faults."""
        status, answer = await self.send(method, path, content)
        assert status == 200, answer
        return [(fault["reason"], fault["subject"]) for fault in answer["faults"]]

    async def fetch(self, known: str = "", **headers: str) -> tuple[int, str, schedule.WorkSchedule | None]:
        headers |= {"If-None-Match": known} if known else {}
        headers |= {"Authorization": "Bearer gateway-token"}
        async with self.session.get(self.url + FETCH, headers=headers) as response:
            content = await response.read()
            return response.status, response.headers["ETag"], schedule.decode(content) if content else None


def settings(dsn: str, **changes: Any) -> Settings:
    writers = {"foreman-token": "foreman"}
    return Settings(dsn=dsn, host="127.0.0.1", port=0, token="gateway-token", writers=writers)._replace(**changes)


@contextlib.asynccontextmanager
async def serving(told: Settings) -> AsyncIterator[Planner]:
    async with running(told) as service, aiohttp.ClientSession() as session:

        async def answers() -> bool:
            async with session.get(service.url + "/readyz") as response:
                return response.status == 200

        await until(answers)
        yield Planner(session, service.url)


@pytest.fixture
async def planner(dsn: str) -> AsyncIterator[Planner]:
    async with serving(settings(dsn)) as made:
        yield made


def order(identity: str, machine: str = "lathe-01", **more: Any) -> dict[str, Any]:
    return {"ID": identity, "EquipmentRequirement": [{"EquipmentID": machine}]} | more


def made_of(material: str, quantity: float = 100) -> dict[str, Any]:
    return {"MaterialRequirement": [{"MaterialDefinitionID": material, "Quantity": quantity}]}


async def put(planner: Planner, *orders: Any, identity: str = "WR-1") -> list[tuple[str, str]]:
    found = await planner.good("PUT", f"/v1/workrequests/{identity}", SCOPE | {"JobOrder": list(orders)})
    return [fault for fault in found if fault[0] != "UnknownEquipment"]


async def begin(planner: Planner, identity: str, at: str, what: str = "start") -> list[tuple[str, str]]:
    found = await planner.good("POST", f"/v1/joborders/{identity}/{what}", {"Time": at})
    return [fault for fault in found if fault[0] != "UnknownEquipment"]


def hour(number: int) -> str:
    """An hour of today, or one so near that a schedule tells it."""
    return f"{time.strftime('%Y-%m-%d', time.gmtime())}T{number:02}:00:00Z"


async def test_a_gateway_is_told_what_is_under_way(planner: Planner) -> None:
    assert await put(planner, order("JO-1", **made_of("P-1")), order("JO-2"), order("JO-3", "lathe-02")) == []
    assert (await planner.fetch())[2] == schedule.WorkSchedule(
        equipment_id="lathe-01",
        published_date=(await planner.fetch())[2].published_date,  # type: ignore[union-attr]
    )
    await begin(planner, "JO-1", hour(6))
    await begin(planner, "JO-1", hour(8), "end")
    await begin(planner, "JO-2", hour(9))
    await planner.good("POST", "/v1/personnel", WHERE | {"PersonID": "anna", "Action": "LogOn", "Time": hour(6)})
    await planner.good("POST", "/v1/personnel", WHERE | {"PersonID": "anna", "Action": "LogOff", "Time": hour(7)})
    stop = WHERE | {"Reason": "ToolBroken", "StartTime": hour(6)}
    await planner.good("POST", "/v1/equipmentevents", stop)
    await planner.good("POST", "/v1/equipmentevents", stop | {"EndTime": hour(7)})
    told = (await planner.fetch())[2]
    assert told is not None
    assert [(o.id, o.work_request_id, o.start_time, o.end_time) for o in told.job_order] == [
        ("JO-1", "WR-1", hour(6), hour(8)),
        ("JO-2", "WR-1", hour(9), None),
    ]
    assert told.job_order[0].material_requirement[0].material_definition_id == "P-1"
    assert told.job_order[0].material_requirement[0].quantity == 100
    assert [(p.person_id, p.end_time) for p in told.personnel_actual] == [("anna", hour(7))]
    assert [(e.reason, e.end_time) for e in told.equipment_event] == [("ToolBroken", hour(7))]


async def test_a_long_poll_ends_with_the_change(planner: Planner) -> None:
    await put(planner, order("JO-1"), order("JO-9", "lathe-09"))
    _, known, _ = await planner.fetch()
    assert (await planner.fetch(known))[:2] == (304, known)
    assert (await planner.fetch(known, Prefer="wait=1"))[0] == 304
    waiting = asyncio.create_task(planner.fetch(known, Prefer="wait=30"))
    await asyncio.sleep(0.2)
    await begin(planner, "JO-9", hour(6))
    await asyncio.sleep(0.2)
    assert not waiting.done()
    told = time.perf_counter()
    await begin(planner, "JO-1", hour(6))
    status, tag, document = await asyncio.wait_for(waiting, 5)
    assert time.perf_counter() - told < 2
    assert (status, tag != known) == (200, True)
    assert document is not None
    assert [o.id for o in document.job_order] == ["JO-1"]


async def test_another_service_hears_of_it_too(dsn: str, planner: Planner) -> None:
    await put(planner, order("JO-1"))
    async with serving(settings(dsn)) as other:
        _, known, _ = await other.fetch()
        waiting = asyncio.create_task(other.fetch(known, Prefer="wait=30"))
        await asyncio.sleep(0.3)
        await begin(planner, "JO-1", hour(6))
        assert (await asyncio.wait_for(waiting, 5))[0] == 200


async def test_a_service_that_stops_keeps_nobody_waiting(dsn: str) -> None:
    async with aiohttp.ClientSession() as session:
        async with serving(settings(dsn)) as planner:
            outside = Planner(session, planner.url)
            _, known, _ = await outside.fetch()
            waiting = asyncio.create_task(outside.fetch(known, Prefer="wait=50"))
            await asyncio.sleep(0.2)
        assert (await asyncio.wait_for(waiting, 5))[0] == 304


@pytest.mark.row("C1", "C2", "C3", "C4")
async def test_what_is_wrong_is_named_and_the_rest_is_taken(planner: Planner, measured: Callable[[str], None]) -> None:
    await planner.good("PUT", "/v1/materialdefinitions", [{"ID": "P-1"}])
    status, answer = await planner.send(
        "PUT",
        "/v1/workrequests/WR-1",
        SCOPE
        | {
            "JobOrder": [
                order("good", **made_of("P-1")),
                order("backwards", StartTime=hour(9), EndTime=hour(8)),
                order("product", **made_of("P-9")),
                order("good"),
                order("when", StartTime="yesterday"),
                order("ended", EndTime=hour(8)),
                order("less", **made_of("P-1", -1)),
                {"ID": "nowhere"},
                order("number", Priority="high"),
                order("long", StartTime=hour(6), EndTime=hour(9)),
                order("within", StartTime=hour(7), EndTime=hour(8)),
                order("endless", "lathe-05", StartTime=hour(5)),
                order("next", "lathe-05", StartTime=hour(7)),
            ]
        },
    )
    faults = {(f["subject"], f["reason"], f["field"], f["accepted"]) for f in answer["faults"]}
    assert (status, answer["accepted"]) == (200, 6)
    assert {fault for fault in faults if fault[1] != "UnknownEquipment"} == {
        ("backwards", "EndsBeforeStart", "$.JobOrder[1].EndTime", False),
        ("product", "UnknownMaterial", "MaterialDefinitionID", True),
        ("good", "Duplicate", "$.JobOrder[3].ID", False),
        ("when", "TimeUnreadable", "$.JobOrder[4].StartTime", False),
        ("ended", "NotStarted", "$.JobOrder[5].StartTime", False),
        ("less", "Invalid", "$.JobOrder[6].MaterialRequirement.Quantity", False),
        ("nowhere", "Invalid", "$.JobOrder[7].EquipmentRequirement", False),
        ("number", "Invalid", "$.JobOrder[8].Priority", False),
        ("long", "Overlaps", "EndTime", True),
        ("endless", "NeverEnds", "EndTime", True),
    }
    assert await put(planner, order("good"), identity="WR-2") == [("BelongsToAnother", "good")]
    page = (await planner.send("GET", "/"))[1]
    assert all(word in page for word in ("Overlaps", "NeverEnds", "UnknownMaterial", "P-9"))
    measured(
        "13 job orders with 10 faults: each named with reason and field, in the answer and on the page; 7 refused, 6 taken"
    )


@pytest.mark.parametrize(
    ("method", "path", "content", "status", "field"),
    [
        ("PUT", "/v1/workrequests/WR-1", b"no json", 400, "$"),
        ("PUT", "/v1/workrequests/WR-1", {"JobOrder": []}, 422, "$.HierarchyScope"),
        ("PUT", "/v1/workrequests/WR-1", SCOPE | {"ID": "WR-2"}, 422, "$.ID"),
        ("PUT", "/v1/workrequests/WR-1", SCOPE | {"JobOrder": 7}, 422, "$.JobOrder"),
        ("POST", "/v1/joborders/none/start", {"Time": hour(6)}, 404, "ID"),
        ("POST", "/v1/joborders/JO-1/start", {"Time": "six"}, 422, "$.Time"),
        ("POST", "/v1/joborders/JO-1/start", {}, 422, "$.Time"),
        ("POST", "/v1/joborders/JO-1/end", {"Time": hour(6)}, 422, "$.Time"),
        ("POST", "/v1/joborders/JO-1/confirm", {}, 422, "ID"),
        ("POST", "/v1/personnel", WHERE | {"PersonID": "a", "Action": "Nap", "Time": hour(6)}, 422, "$.Action"),
        ("POST", "/v1/personnel", WHERE | {"PersonID": "a\x00", "Action": "LogOn", "Time": hour(6)}, 422, "$.PersonID"),
        ("POST", "/v1/personnel", WHERE | {"PersonID": "a", "Action": "LogOff", "Time": hour(6)}, 422, "$.PersonID"),
        ("POST", "/v1/equipmentevents", WHERE | {"Reason": "", "StartTime": hour(6)}, 422, "$.Reason"),
        (
            "POST",
            "/v1/equipmentevents",
            WHERE | {"Reason": "r", "StartTime": hour(6), "EndTime": hour(5)},
            422,
            "$.EndTime",
        ),
        ("PUT", "/v1/lines", [{"plant": "p", "area": "a", "line": "l", "flow": "Serial"}], 422, "$[0].bottleneck"),
        ("PUT", "/v1/lines", [{"plant": "p", "area": "a", "line": "l", "flow": "Round"}], 422, "$[0].flow"),
        ("PUT", "/v1/materialdefinitions", [{"ID": ""}], 422, "$[0].ID"),
    ],
)
async def test_every_refusal_names_the_field(
    planner: Planner, dsn: str, method: str, path: str, content: Any, status: int, field: str
) -> None:
    await put(planner, order("JO-1"))
    got, answer = await planner.send(method, path, content)
    assert (got, answer["faults"][0]["field"]) == (status, field), answer
    connection = await asyncpg.connect(dsn)
    assert await connection.fetchval("SELECT status FROM audit ORDER BY id DESC LIMIT 1") == status
    await connection.close()


@pytest.mark.parametrize(
    "path", ["/v1/schedule?plant=a%00&equipment=b", "/v1/schedule?plant=a", "/v1/confirmations?joborder=%00"]
)
async def test_a_parameter_that_cannot_be_read_is_no_fault_of_ours(planner: Planner, path: str) -> None:
    assert (await planner.send("GET", path))[0] == 400


@pytest.mark.row("C5")
async def test_who_never_logs_off_is_named(planner: Planner) -> None:
    here = WHERE | {"PersonID": "anna", "Action": "LogOn"}
    assert await planner.good("POST", "/v1/personnel", here | {"Time": "2026-01-01T06:00:00Z"}) == [
        ("NeverLoggedOff", "anna")
    ]
    await planner.good("POST", "/v1/personnel", here | {"Action": "LogOff", "Time": "2026-01-01T07:00:00Z"})
    assert await planner.good("POST", "/v1/personnel", here | {"Time": hour(0)}) == []
    there = here | {"EquipmentID": "lathe-02", "Time": hour(1)}
    assert ("NeverLoggedOff", "anna") in await planner.good("POST", "/v1/personnel", there)


async def test_only_writers_write_and_the_audit_only_grows(planner: Planner, dsn: str) -> None:
    for token in ("", "gateway-token", "foreman-toke", "foreman-token2"):
        assert (await planner.send("PUT", "/v1/workrequests/WR-1", SCOPE, token))[0] == 401
    async with planner.session.get(planner.url + FETCH) as response:
        assert response.status == 401
    await put(planner, order("JO-1"))
    await begin(planner, "JO-1", hour(6))
    connection = await asyncpg.connect(dsn)
    rows = await connection.fetch("SELECT actor, action, subject, status, body FROM audit ORDER BY id")
    assert [tuple(row)[:4] for row in rows] == [
        ("foreman", "PUT /v1/workrequests/WR-1", "WR-1", 200),
        ("foreman", "POST /v1/joborders/JO-1/start", "JO-1", 200),
    ]
    assert msgspec.json.decode(rows[1]["body"]) == {"Time": hour(6)}
    for statement in ("UPDATE audit SET actor = 'x'", "DELETE FROM audit", "TRUNCATE audit"):
        with pytest.raises(asyncpg.RaiseError, match="only ever added"):
            await connection.execute(statement)
    await connection.close()


async def test_without_writers_nobody_writes(dsn: str) -> None:
    async with serving(settings(dsn, writers={}, token="")) as planner:
        for token in ("", "x"):
            assert (await planner.send("PUT", "/v1/workrequests/WR-1", SCOPE, token))[0] == 401


@pytest.mark.slow
@pytest.mark.row("C12")
async def test_ten_thousand_orders_at_once(planner: Planner, measured: Callable[[str], None]) -> None:
    orders = [order(f"JO-{n}", f"lathe-{n % 200}", **made_of("P-1")) for n in range(10_000)]
    for _ in range(2):
        started = time.perf_counter()
        status, answer = await planner.send("PUT", "/v1/workrequests/WR-1", SCOPE | {"JobOrder": orders})
        assert (status, answer["accepted"]) == (200, 10_000)
        took = time.perf_counter() - started
        assert took < 5
    measured(f"10,000 job orders replaced in {took:.1f} s, as one request")
    status, answer = await planner.send("PUT", "/v1/workrequests/WR-1", SCOPE | {"JobOrder": orders[:1]})
    assert (status, answer["accepted"]) == (200, 1)


async def test_writers_come_from_a_file(tmp_path: Any) -> None:
    path = tmp_path / "writers"
    path.write_text('{"foreman": "secret-1"}')
    assert from_environment({"MES_WRITERS_FILE": str(path)}).writers == {"secret-1": "foreman"}
    path.write_text('["secret-2"]')
    with pytest.raises(ValueError, match="MES_WRITERS_FILE") as refused:
        from_environment({"MES_WRITERS_FILE": str(path)})
    assert "secret-2" not in str(refused.value)
