"""Schedules are retained at the machine's place in the Unified Namespace, over a real mosquitto."""

import asyncio
from typing import Any

import aiohttp
import aiomqtt
import asyncpg
import msgspec
import pytest

from plantwright_api.wire import schedule
from plantwright_mes.app import running
from plantwright_mes.settings import Settings
from plantwright_mes.streams import Stream, body
from plantwright_mes.testing import until

PREFIX = "plantwright/v1/acme/stuttgart/machining/line-1/lathe-01"
HEADERS = {"Authorization": "Bearer foreman-token"}


async def retained(port: int, seconds: float = 10) -> schedule.WorkSchedule:
    """What a gateway that connects now is told at once."""
    async with aiomqtt.Client("127.0.0.1", port) as client:
        await client.subscribe(f"{PREFIX}/_schedule", qos=1)
        async with asyncio.timeout(seconds):
            message = await anext(aiter(client.messages))
    if not message.retain:  # it was published while we waited: whoever comes now finds it
        return await retained(port, seconds)
    return schedule.decode(bytes(message.payload))


async def send(url: str, method: str, path: str, content: Any) -> None:
    async with aiohttp.ClientSession() as session:
        sent = msgspec.json.encode(content)
        async with session.request(method, url + path, data=sent, headers=HEADERS) as response:
            assert response.status == 200, await response.text()


async def deliver(url: str) -> None:
    """The machine is heard of for the first time, and with it its place."""
    event = Stream(machine="lathe-01").event(1, source="/acme/stuttgart/machining/line-1/lathe-01")
    event.data["plant"] = "stuttgart"
    async with (
        aiohttp.ClientSession() as session,
        session.post(url + "/v1/observations", data=body([event])) as response,
    ):
        assert response.status == 200


@pytest.mark.slow
async def test_a_schedule_is_retained_and_replaced(dsn: str, broker: int) -> None:
    told = Settings(dsn=dsn, host="127.0.0.1", port=0, mqtt_url=f"mqtt://127.0.0.1:{broker}", mqtt_client_id="test")
    order = {"ID": "JO-1", "EquipmentRequirement": [{"EquipmentID": "lathe-01"}], "StartTime": "2026-01-01T00:00:00Z"}
    body_of = {"HierarchyScope": {"EquipmentID": "stuttgart"}, "JobOrder": [order]}
    async with running(told._replace(writers={"foreman-token": "foreman"})) as service:
        await until(lambda: listens(dsn))
        await send(service.url, "PUT", "/v1/workrequests/WR-1", body_of)
        with pytest.raises(TimeoutError):
            await retained(broker, 0.5)
        await deliver(service.url)
        assert [o.id for o in (await retained(broker)).job_order] == ["JO-1"]
        entry = {"HierarchyScope": {"EquipmentID": "stuttgart"}, "EquipmentID": "lathe-01"}
        log_on = entry | {"PersonID": "anna", "Action": "LogOn", "Time": "2026-01-01T00:00:00Z"}
        await send(service.url, "POST", "/v1/personnel", log_on)

        async def knows_anna() -> bool:
            return [p.person_id for p in (await retained(broker)).personnel_actual] == ["anna"]

        await until(knows_anna)
        assert service.service.malformed["mqtt"] == 0


async def listens(dsn: str) -> bool:
    """Whether the service has made the schema and waits for changes."""
    connection = await asyncpg.connect(dsn)
    try:
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"
        return bool(await connection.fetchval(query))
    finally:
        await connection.close()
