"""Schedules heard at a real mosquitto: retained ones, new ones, and why there is none."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from plantwright_api.wire.config import Buffer, Location, Machine, ModbusSource, MqttSchedule
from plantwright_gateway.ports import schedule as port
from plantwright_gateway.ports.schedule import Fetched, ScheduleUnavailable
from plantwright_gateway.schedule import mqtt
from plantwright_gateway.schedule.mqtt import MqttScheduleClient

TOPIC = "plantwright/v1/acme/s/a/l/lathe-07/_schedule"
MACHINE = Machine(
    uid="uid",
    name="lathe-07",
    namespace="plant",
    plant="s",
    location=Location(enterprise="acme", site="s", area="a", line="l"),
    source=ModbusSource(host="127.0.0.1"),
    contracts=[],
    signals=[],
    sinks=[],
    buffer=Buffer(path="none", max_bytes=1),
)


@pytest.fixture
async def make() -> AsyncIterator[Any]:
    made: list[MqttScheduleClient] = []

    def build(port: int, **more: Any) -> MqttScheduleClient:
        config = MqttSchedule(url=f"mqtt://127.0.0.1:{port}", topic_prefix="plantwright/v1", **more)
        made.append(MqttScheduleClient(config, MACHINE))
        return made[-1]

    yield build
    for client in made:
        await client.close()


async def publish(port: int, content: bytes, *, retain: bool = True) -> None:
    async with aiomqtt.Client("127.0.0.1", port) as client:
        await client.publish(TOPIC, content, qos=1, retain=retain)


async def test_what_is_retained_is_heard_and_then_what_is_new(broker: Any, make: Any) -> None:
    await broker.start("allow_anonymous true")
    await publish(broker.port, b"first")
    client = make(broker.port)
    assert (await client.fetch("")).content == b"first"
    waiting = asyncio.create_task(client.fetch("told"))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    await publish(broker.port, b"second")
    assert (await waiting).content == b"second"
    for number in range(5):
        await publish(broker.port, b"%d" % number)
    await asyncio.sleep(0.1)
    assert (await client.fetch("told")).content == b"4", "the newest alone"


async def test_one_that_could_not_be_read_is_asked_for_once_more(broker: Any, make: Any) -> None:
    await broker.start("allow_anonymous true")
    await publish(broker.port, b"first")
    client = make(broker.port)
    assert [(await client.fetch("")).content for _ in range(2)] == [b"first", b"first"]


async def test_nothing_new_is_no_fault(broker: Any, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mqtt, "WAIT_SECONDS", 0.2)
    await broker.start("allow_anonymous true")
    await publish(broker.port, b"first")
    client = make(broker.port)
    assert await client.fetch("") == Fetched(b"first", "told")
    assert await client.fetch("told") is None


async def test_what_is_not_there_is_told(broker: Any, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mqtt, "FIRST_SECONDS", 0.3)
    with pytest.raises(ScheduleUnavailable, match="refused"):
        await make(broker.port).fetch("")
    await broker.start("allow_anonymous true")
    client = make(broker.port)
    with pytest.raises(ScheduleUnavailable, match=f"nothing of at most 8 MiB is retained at {TOPIC}"):
        await client.fetch("")
    await publish(broker.port, b"first")
    assert (await client.fetch("")).content == b"first"
    waiting = asyncio.create_task(client.fetch("told"))
    await asyncio.sleep(0.1)
    await publish(broker.port, b"")
    with pytest.raises(ScheduleUnavailable, match="withdrawn"):
        await waiting
    with pytest.raises(ScheduleUnavailable, match="nothing of at most"):
        await client.fetch("told")


async def test_a_broker_that_goes_is_told_and_used_again(broker: Any, make: Any) -> None:
    await broker.start("allow_anonymous true")
    await publish(broker.port, b"first")
    client = make(broker.port)
    await client.fetch("")
    waiting = asyncio.create_task(client.fetch("told"))
    await asyncio.sleep(0.1)
    await broker.stop()
    with pytest.raises(ScheduleUnavailable):
        await waiting
    await broker.start("allow_anonymous true")
    await publish(broker.port, b"second")
    assert (await client.fetch("told")).content == b"second"


async def test_more_than_a_schedule_can_be_is_not_taken(
    broker: Any, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt, "FIRST_SECONDS", 0.3)
    await broker.start("allow_anonymous true")
    await publish(broker.port, bytes(port.MOST_BYTES + 1))
    with pytest.raises(ScheduleUnavailable, match="nothing of at most 8 MiB is retained"):
        await make(broker.port).fetch("")


async def test_who_may_not_read_hears_why(
    broker: Any, make: Any, secrets: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt, "FIRST_SECONDS", 0.3)
    passwords = tmp_path / "passwords"
    process = await asyncio.create_subprocess_exec(
        "mosquitto_passwd", "-b", "-c", str(passwords), "reader", "geheim", stderr=asyncio.subprocess.DEVNULL
    )
    assert await process.wait() == 0
    acl = tmp_path / "acl"
    acl.write_text("user reader\ntopic read other/#\n")
    for file in (passwords, acl):
        file.chmod(0o700)
    await broker.start(f"password_file {passwords}", f"acl_file {acl}")
    client = make(broker.port, credentials_secret="orders")
    with pytest.raises(ScheduleUnavailable, match="SecretNotFound"):
        await client.fetch("")
    secrets("orders", "username", "reader")
    secrets("orders", "password", "falsch")
    with pytest.raises(ScheduleUnavailable, match=r"(?i)not authorized|bad user name"):
        await client.fetch("")
    secrets("orders", "password", "geheim")
    with pytest.raises(ScheduleUnavailable, match=r"may not read it|does not let this user read") as caught:
        await client.fetch("")
    assert "geheim" not in str(caught.value)
