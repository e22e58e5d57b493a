"""Batches over a real mosquitto: acknowledged after the commit, holes recorded, nothing twice."""

import asyncio

import aiomqtt
import asyncpg
import pytest

from plantwright_mes.app import running
from plantwright_mes.settings import Settings
from plantwright_mes.streams import Stream
from plantwright_mes.testing import PrivatePostgres, until

TOPIC = "plantwright/v1/acme/site/area/line/machine/_numbers"


def settings(dsn: str, broker: int) -> Settings:
    return Settings(dsn=dsn, host="127.0.0.1", port=0, mqtt_url=f"mqtt://127.0.0.1:{broker}", mqtt_client_id="test")


async def stored(dsn: str, stream: Stream, count: int, seconds: float = 15.0) -> list[int]:
    """The stored values, once `count` are there."""
    connection = await asyncpg.connect(dsn)
    rows: list[int] = []

    async def enough() -> bool:
        query = "SELECT (fields->>'value')::int FROM observations WHERE uid = $1 AND sink = 'mqtt' ORDER BY seq"
        rows[:] = [record[0] for record in await connection.fetch(query, stream.uid)]
        return len(rows) >= count

    try:
        await until(enough, seconds)
    finally:
        await connection.close()
    return rows


async def warm_up(client: aiomqtt.Client, dsn: str) -> None:
    """Publish until something is stored: from then on the service's session exists and keeps what comes."""
    stream = Stream()

    async def arrived() -> bool:
        await client.publish(TOPIC, stream.batch(1, 1), qos=1)
        try:
            return bool(await stored(dsn, stream, 1, 0.3))
        except (TimeoutError, asyncpg.UndefinedTableError):
            return False

    await until(arrived)


@pytest.mark.slow
async def test_batches_are_stored_once_and_holes_recorded(dsn: str, broker: int) -> None:
    stream = Stream()
    async with running(settings(dsn, broker)) as service, aiomqtt.Client("127.0.0.1", broker) as client:
        await warm_up(client, dsn)
        await client.publish(TOPIC, b"no batch", qos=1)
        for first, last in ((1, 5), (1, 5), (4, 8), (11, 12), (9, 10)):
            await client.publish(TOPIC, stream.batch(first, last), qos=1)
        assert await stored(dsn, stream, 10) == [1, 2, 3, 4, 5, 6, 7, 8, 11, 12]
        assert service.service.malformed["mqtt"] == 1
        connection = await asyncpg.connect(dsn)
        assert [tuple(r) for r in await connection.fetch("SELECT after_seq, upto_seq FROM holes")] == [(8, 10)]
        await connection.close()


@pytest.mark.slow
async def test_what_was_not_committed_comes_again(own_postgres: PrivatePostgres, broker: int) -> None:
    """The database goes, batches arrive, the service is stopped and started: the broker kept what was not stored."""
    dsn, stream = own_postgres.dsn, Stream()
    async with aiomqtt.Client("127.0.0.1", broker) as client:
        async with running(settings(dsn, broker)):
            await warm_up(client, dsn)
            own_postgres.stop()
            for first in range(1, 31, 3):
                await client.publish(TOPIC, stream.batch(first, first + 2), qos=1)
            await asyncio.sleep(0.3)
        own_postgres.start()
        async with running(settings(dsn, broker)):
            assert await stored(dsn, stream, 30) == list(range(1, 31))
