"""The MQTT sink against a real mosquitto."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
import trustme

from plantwright_api.wire.config import HttpSink
from plantwright_api.wire.config import MqttSink as Config
from plantwright_gateway.ports.sink import Batch, SinkUnavailable
from plantwright_gateway.sinks.mqtt.client import MqttSink

TOPIC = "plantwright/v1/acme/s/a/l/lathe-07/_state"


@pytest.fixture
async def make() -> AsyncIterator[Any]:
    made: list[MqttSink] = []

    def build(url: str, **more: Any) -> MqttSink:
        made.append(MqttSink(Config(name="uns", url=url, **more)))
        return made[-1]

    yield build
    for sink in made:
        await sink.close()


async def next_message(client: aiomqtt.Client) -> aiomqtt.Message:
    async with asyncio.timeout(5):
        return await anext(aiter(client.messages))


async def test_a_batch_goes_to_its_topic_and_the_puback_is_the_receipt(broker: Any, make: Any, batch: Batch) -> None:
    await broker.start("allow_anonymous true")
    async with aiomqtt.Client("127.0.0.1", broker.port) as consumer:
        await consumer.subscribe("plantwright/#", qos=1)
        receipt = await make(f"mqtt://127.0.0.1:{broker.port}").deliver(batch)
        message = await next_message(consumer)
    assert (receipt.gatewayuid, receipt.epoch, receipt.watermark) == ("uid", "epoch", 9)
    assert (str(message.topic), message.payload, message.qos, message.retain) == (TOPIC, batch.body, 1, False)


async def test_a_broker_that_comes_back_is_used_again(broker: Any, make: Any, batch: Batch) -> None:
    await broker.start("allow_anonymous true")
    sink = make(f"mqtt://127.0.0.1:{broker.port}")
    await sink.deliver(batch)
    await broker.stop()
    with pytest.raises(SinkUnavailable):
        await sink.deliver(batch)
    await broker.start("allow_anonymous true")
    assert (await sink.deliver(batch)).watermark == 9


async def test_a_message_that_the_broker_does_not_let_through_is_not_delivered(
    broker: Any, make: Any, batch: Batch, tmp_path: Path
) -> None:
    acl = tmp_path / "acl"
    acl.write_text("topic read #\n")
    acl.chmod(0o700)
    await broker.start("allow_anonymous true", f"acl_file {acl}")
    with pytest.raises(SinkUnavailable, match="PUBACK 0x87"):
        await make(f"mqtt://127.0.0.1:{broker.port}").deliver(batch)


async def test_credentials_are_sent_and_read_anew_when_they_change(
    broker: Any, make: Any, batch: Batch, secrets: Any, tmp_path: Path
) -> None:
    passwords = tmp_path / "passwords"
    process = await asyncio.create_subprocess_exec(
        "mosquitto_passwd", "-b", "-c", str(passwords), "gateway", "geheim", stderr=asyncio.subprocess.DEVNULL
    )
    assert await process.wait() == 0
    await broker.start(f"password_file {passwords}")
    sink = make(f"mqtt://127.0.0.1:{broker.port}", credentials_secret="uns")
    with pytest.raises(SinkUnavailable, match="SecretNotFound"):
        await sink.deliver(batch)
    secrets("uns", "username", "gateway")
    secrets("uns", "password", "falsch")
    with pytest.raises(SinkUnavailable) as told:
        await sink.deliver(batch)
    assert "falsch" not in str(told.value)
    secrets("uns", "password", "geheim")
    assert (await sink.deliver(batch)).watermark == 9


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # paho drops the socket of a failed handshake
async def test_tls_trusts_the_secrets_authority_alone(
    broker: Any, make: Any, batch: Batch, secrets: Any, authority: trustme.CA, tmp_path: Path
) -> None:
    certificate = authority.issue_cert("localhost")
    certificate.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    certificate.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
    await broker.start("allow_anonymous true", f"keyfile {tmp_path / 'key.pem'}", f"certfile {tmp_path / 'cert.pem'}")
    url = f"mqtts://localhost:{broker.port}"
    with pytest.raises(SinkUnavailable, match=r"(?i)certificate"):
        await make(url).deliver(batch)
    secrets("ca", "ca.crt", authority.cert_pem.bytes().decode())
    assert (await make(url, ca_secret="ca").deliver(batch)).watermark == 9


async def test_nobody_there(make: Any, batch: Batch) -> None:
    with pytest.raises(SinkUnavailable):
        await make("mqtt://127.0.0.1:9").deliver(batch)


@pytest.mark.parametrize("config", [Config(name="m", url="http://x/"), HttpSink(name="m", url="http://x/")])
def test_what_is_no_mqtt_sink_is_refused_at_once(config: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="m"):
        MqttSink(config)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_client_certificate_is_shown_and_a_renewed_one_taken_up(
    broker: Any, make: Any, batch: Batch, secrets: Any, authority: trustme.CA, tmp_path: Path
) -> None:
    certificate = authority.issue_cert("localhost")
    certificate.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    certificate.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    acl = tmp_path / "acl"
    acl.write_text("user second\ntopic readwrite #\n")
    acl.chmod(0o700)
    files = (f"{key} {tmp_path / name}" for key, name in (("keyfile", "key.pem"), ("certfile", "cert.pem")))
    await broker.start(
        *files,
        f"cafile {tmp_path / 'ca.pem'}",
        "require_certificate true",
        "use_identity_as_username true",
        f"acl_file {acl}",
    )
    url = f"mqtts://localhost:{broker.port}"
    secrets("ca", "ca.crt", authority.cert_pem.bytes().decode())
    with pytest.raises(SinkUnavailable):
        await make(url, ca_secret="ca").deliver(batch)
    sink = make(url, ca_secret="ca", certificate_secret="client")
    # The broker lets the second one write; only a new connection can be the second.
    for name, told in (("first", "PUBACK 0x87"), ("second", "")):
        pair = authority.issue_cert(f"{name}@acme.example", common_name=name)
        secrets("client", "tls.key", pair.private_key_pem.bytes().decode())
        secrets("client", "tls.crt", pair.cert_chain_pems[0].bytes().decode())
        if told:
            with pytest.raises(SinkUnavailable, match=told):
                await sink.deliver(batch)
        else:
            assert (await sink.deliver(batch)).watermark == 9
