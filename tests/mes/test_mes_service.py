"""The ingest service over HTTP on a real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from plantwright_api.wire.delivery import QUARANTINE, Receipt
from plantwright_mes.app import Running, running
from plantwright_mes.settings import Settings, from_environment
from plantwright_mes.streams import Stream, body
from plantwright_mes.testing import PrivatePostgres, until

PATH = "/v1/observations"


class Client:
    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.session = session
        self.url = url

    async def post(self, content: bytes, **headers: str) -> tuple[int, Receipt | None]:
        async with self.session.post(self.url + PATH, data=content, headers=headers) as response:
            answer = await response.read()
            good = response.status in (200, 409)
            return response.status, msgspec.json.decode(answer, type=Receipt) if good else None

    async def get(self, path: str) -> tuple[int, str]:
        async with self.session.get(self.url + path) as response:
            return response.status, await response.text()

    async def json(self, path: str) -> Any:
        return msgspec.json.decode((await self.get(path))[1])


def local(dsn: str, **changes: Any) -> Settings:
    return Settings(dsn=dsn, host="127.0.0.1", port=0)._replace(**changes)


async def ready(client: Client) -> None:
    async def answers() -> bool:
        return (await client.get("/readyz"))[0] == 200

    await until(answers)


@pytest.fixture
async def client(dsn: str) -> AsyncIterator[Client]:
    async with running(local(dsn)) as service, aiohttp.ClientSession() as session:
        client = Client(session, service.url)
        await ready(client)
        yield client


async def test_rows_and_counts(client: Client) -> None:
    stream = Stream(machine="lathe-01")
    assert await client.post(stream.batch(1, 4)) == (
        200,
        Receipt(gatewayuid=stream.uid, epoch=stream.epoch, watermark=4, stored=4),
    )
    await client.post(stream.batch(3, 6))
    await client.post(stream.batch(9, 9))
    await client.post(b"nonsense")
    await client.post(body([stream.poison(7), stream.gap(8, "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z")]))
    stats = await client.json("/v1/stats")
    counts = {"streams": 1, "received": 11, "stored": 7, "ignored": 2, "rejected": 1, "holes": 1, "observations": 6}
    assert stats == {
        "sinks": {"http": counts},
        "malformed": {"http": 1, "mqtt": 0},
        "gaps": 1,
        "configurations": 0,
        "quarantine": 0,
        "released": 0,
    }
    assert 'mes_events_total{sink="http",outcome="stored"} 7' in (await client.get("/metrics"))[1]
    lines = [msgspec.json.decode(line) for line in (await client.get("/v1/export?machine=lathe-01"))[1].splitlines()]
    assert [(entry["seq"], entry["fields"]["value"]) for entry in lines] == [(n, n) for n in range(1, 7)]
    (gap,) = [msgspec.json.decode(line) for line in (await client.get("/v1/gaps?machine=lathe-01"))[1].splitlines()]
    assert (gap["reason"], gap["endTime"]) == ("Unreachable", "2026-01-01T00:00:01Z")
    assert (await client.get("/v1/export"))[0] == 400


async def test_a_replayed_value_is_no_longer_missing_and_is_not_the_latest(client: Client) -> None:
    stream = Stream(machine="lathe-02")
    head = {"plant": "conformance", "machine": "lathe-02", "contract": "a", "contractVersion": "1.0.0", "config": ""}
    kept_out = head | {"signal": "s", "value": "1.5", "reason": "WrongType"}
    early, late = stream.event(1).time, stream.event(3).time
    await client.post(
        body(
            [
                stream.event(1, type=QUARANTINE, data=kept_out | {"field": "speed"}),
                stream.event(2, type=QUARANTINE, data=kept_out | {"field": "state"}, time=early),
                stream.event(3, data=head | {"fields": {"speed": 9}}),
            ]
        )
    )
    again = Stream(stream.uid, machine="lathe-02")
    await client.post(body([again.event(1, data=head | {"fields": {"speed": 1.5}, "replayed": True}, time=early)]))
    lines = (await client.get("/v1/quarantine?machine=lathe-02"))[1].splitlines()
    missing = {entry["field"]: entry["releasedTime"] is None for entry in map(msgspec.json.decode, lines)}
    assert missing == {"speed": False, "state": True}
    export = [msgspec.json.decode(line) for line in (await client.get("/v1/export?machine=lathe-02"))[1].splitlines()]
    assert {(entry["sourceTime"][:23], entry["replayed"]) for entry in export} == {
        (late[:23].rstrip("Z"), False),
        (early[:23].rstrip("Z"), True),
    }
    (machine,) = await client.json("/v1/machines")
    assert machine["latest"]["a"]["fields"] == {"speed": 9}
    assert (await client.json("/v1/stats"))["released"] == 1


async def test_what_only_the_database_refuses_is_rejected_alone(client: Client) -> None:
    stream = Stream()
    odd = {"plant": "conformance", "machine": stream.machine, "contract": "n", "contractVersion": "1.0.0", "config": ""}
    content = body([stream.event(1), stream.event(2, data=odd | {"fields": {"text": "a\x00b"}}), stream.event(3)])
    status, receipt = await client.post(content)
    assert status == 200
    assert receipt is not None
    assert (receipt.stored, receipt.watermark, [r.sequence for r in receipt.rejected]) == (2, 3, [2])
    again = (await client.post(content))[1]
    assert again is not None
    assert (again.stored, again.ignored, again.rejected) == (0, 3, receipt.rejected)


async def test_machines_and_page(client: Client) -> None:
    stream = Stream(machine="<lathe>")
    head = {"plant": "conformance", "machine": "<lathe>", "contractVersion": "1.0.0", "config": ""}
    first = stream.event(1, data=head | {"contract": "a", "fields": {"state": "Idle", "speed": 1.25}})
    second = stream.event(2, data=head | {"contract": "a", "fields": {"state": "Production"}})
    await client.post(body([first, second]))
    (machine,) = await client.json("/v1/machines")
    assert machine["observations"] == {"http": 2}
    assert machine["latest"]["a"]["fields"] == {"state": "Production", "speed": 1.25}
    page = (await client.get("/"))[1]
    assert "&lt;lathe&gt;" in page
    assert "<lathe>" not in page
    assert "<dd>Production</dd>" in page


async def test_an_empty_mes_has_a_page_too(client: Client) -> None:
    assert "No machine has delivered anything yet" in (await client.get("/"))[1]


async def test_gateways_of_one_machine_do_not_lock_each_other_out(client: Client) -> None:
    streams = [Stream(machine="shared") for _ in range(8)]
    answers = await asyncio.gather(*(client.post(stream.batch(1, 200)) for stream in streams))
    assert {status for status, _ in answers} == {200}
    assert (await client.json("/v1/machines"))[0]["observations"]["http"] == 1600


async def test_token(dsn: str) -> None:
    async with running(local(dsn, token="sesame")) as service, aiohttp.ClientSession() as session:
        client = Client(session, service.url)
        await ready(client)
        stream = Stream()
        assert (await client.post(stream.batch(1, 1)))[0] == 401
        assert (await client.post(stream.batch(1, 1), Authorization="Bearer opensesame"))[0] == 401
        assert (await client.post(stream.batch(1, 1), Authorization="Bearer sesame"))[0] == 200


@pytest.mark.slow
async def test_without_a_database_it_lives_and_is_not_ready(own_postgres: PrivatePostgres) -> None:
    own_postgres.stop()
    async with running(local(own_postgres.dsn)) as service, aiohttp.ClientSession() as session:
        client = Client(session, service.url)
        assert (await client.get("/healthz"))[0] == 200
        assert (await client.get("/readyz"))[0] == 503
        assert (await client.post(Stream().batch(1, 1)))[0] == 503
        own_postgres.start()
        await ready(client)
        await _survives_a_crash(client, own_postgres, service)


async def _survives_a_crash(client: Client, database: PrivatePostgres, service: Running) -> None:
    stream = Stream()
    assert (await client.post(stream.batch(1, 5)))[0] == 200
    database.stop("immediate")
    assert (await client.post(stream.batch(6, 8)))[0] == 503
    database.start()
    await ready(client)
    _, receipt = await client.post(stream.batch(4, 8))
    assert receipt is not None
    assert (receipt.stored, receipt.ignored, receipt.watermark) == (3, 2, 8)
    assert service.port


def test_settings(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t\n")
    settings = from_environment({"MES_TOKEN_FILE": str(tmp_path / "token"), "MES_MQTT_URL": "mqtt://broker"})
    assert (settings.token, settings.broker(), settings.port) == ("t", ("broker", 1883), 8080)
