"""Taking batches from an MQTT broker into the same store, and retaining schedules there.

The session is persistent and QoS 1, and a message is acknowledged only after its transaction has committed: what the
database did not take the broker sends again. A message that is no batch is counted and acknowledged, else it would come
for ever.
"""

import asyncio
import logging
from datetime import timedelta
from typing import NamedTuple

import aiomqtt
import msgspec

from plantwright_api.wire.config import Location
from plantwright_gateway.context.place import topic_of
from plantwright_mes import schedule
from plantwright_mes.batch import MalformedError, parse
from plantwright_mes.heard import schedule_key
from plantwright_mes.service import Service
from plantwright_mes.settings import Settings
from plantwright_mes.store import UNAVAILABLE

log = logging.getLogger(__name__)

SINK = "mqtt"
PAUSE_SECONDS = 1.0
LOOK_AGAIN_SECONDS = 30.0
"""A broker that has gone is found by then, also where nothing is said."""
SCHEDULE_TOPIC = "/_schedule"
"""Last level of the topics at which schedules are retained: what this service says, and no batch."""

_PLACES = """
SELECT DISTINCT ON (plant, machine) plant, machine, place FROM equipment ORDER BY plant, machine, sink = $1 DESC
"""


class Told(NamedTuple):
    """What was retained for a machine: the notice that it is of, and where."""

    seen: tuple[int, int]
    place: str


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
            if not message.topic.value.endswith(SCHEDULE_TOPIC):
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


async def publish_always(settings: Settings, service: Service) -> None:
    """Retain each machine's schedule at its place in the Unified Namespace, and again when it changes, until cancelled."""
    while True:
        try:
            await _publishing(settings, service)
        except (aiomqtt.MqttError, *UNAVAILABLE) as error:
            log.warning("schedules are not published now: %s", type(error).__name__)
        await asyncio.sleep(PAUSE_SECONDS)


async def _publishing(settings: Settings, service: Service) -> None:
    """One connection; what was told while there was none is told at its begin, since all schedules are."""
    host, port = settings.broker()
    told: dict[str, Told] = {}
    async with aiomqtt.Client(host, port, identifier=f"{settings.mqtt_client_id}-schedules", keepalive=15) as client:
        while True:
            waiting = asyncio.create_task(service.notices.any())
            try:
                await _publish(client, settings, service, told)
                async with asyncio.timeout(LOOK_AGAIN_SECONDS):
                    await waiting
            except TimeoutError:
                pass
            finally:
                waiting.cancel()


async def _publish(client: aiomqtt.Client, settings: Settings, service: Service, told: dict[str, Told]) -> None:
    for record in await service.database().fetch(_PLACES, service.sink):
        plant, machine = record["plant"], record["machine"]
        key = schedule_key(plant, machine)
        now, before = Told(service.notices.seen(key), record["place"]), told.get(key)
        if now == before:
            continue
        topic = _topic(settings, now.place, machine)
        if before and before.place != now.place:  # a machine that has moved leaves nothing behind
            await client.publish(_topic(settings, before.place, machine), b"", qos=1, retain=True)
        history = timedelta(days=service.history_days)
        content = await schedule.read(service.database(), plant, machine, history)
        await client.publish(topic, content, qos=1, retain=True)
        told[key] = now


def _topic(settings: Settings, place: str, machine: str) -> str:
    return topic_of(settings.mqtt_prefix, msgspec.json.decode(place, type=Location), machine, "schedule")
