"""Taking batches from an MQTT broker into the same store.

The session is persistent and QoS 1, and a message is acknowledged only after its transaction has committed: what the
database did not take the broker sends again. A message that is no batch is counted and acknowledged, else it would come
for ever.
"""

import asyncio
import logging

import aiomqtt

from plantwright_mes.batch import MalformedError, parse
from plantwright_mes.settings import Settings
from plantwright_mes.store import UNAVAILABLE
from plantwright_mes.web import Service

log = logging.getLogger(__name__)

SINK = "mqtt"
PAUSE_SECONDS = 1.0


async def consume(settings: Settings, service: Service) -> None:
    """Take messages until cancelled; a lost broker or database is tried again every second."""
    while True:
        try:
            await _session(settings, service)
        except aiomqtt.MqttError as error:
            log.warning("the broker is not available: %s", error)
        await asyncio.sleep(PAUSE_SECONDS)


async def _session(settings: Settings, service: Service) -> None:
    host, port = settings.broker()
    client = aiomqtt.Client(host, port, identifier=settings.mqtt_client_id, clean_session=False, keepalive=15)
    paho = client._client  # aiomqtt 2 has no manual acknowledgement of its own
    paho.manual_ack_set(True)
    async with client:
        await client.subscribe(settings.mqtt_filter, qos=1)
        log.info("subscribed to %s at %s:%s", settings.mqtt_filter, host, port)
        async for message in client.messages:
            await _until_stored(service, message)
            paho.ack(message.mid, message.qos)


async def _until_stored(service: Service, message: aiomqtt.Message) -> None:
    """Store a message's batch, waiting for the database as long as it takes; order is kept."""
    try:
        batch = parse(message.payload if isinstance(message.payload, bytes) else str(message.payload).encode())
    except MalformedError as error:
        service.malformed[SINK] += 1
        log.warning("no batch on %s: %s", message.topic, error)
        return
    while True:
        try:
            await service.take(SINK, batch)
        except UNAVAILABLE as error:
            log.warning("the database is not available: %s", type(error).__name__)
            await asyncio.sleep(PAUSE_SECONDS)
        else:
            return
