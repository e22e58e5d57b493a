"""Hears a machine's schedule (`wire.schedule`), which the central MES retains at an MQTT broker."""

import asyncio
import ssl
from typing import Final

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from plantwright_api.wire.config import Machine, MqttSchedule
from plantwright_gateway.context.place import topic_of
from plantwright_gateway.ports.schedule import MOST_BYTES, WAIT_SECONDS, Fetched, ScheduleUnavailable
from plantwright_gateway.ports.sink import SinkUnavailable
from plantwright_gateway.sinks.mqtt.connection import FAILURE, TIMEOUT_SECONDS, Broker, leave

LAST_LEVEL: Final = "schedule"
FIRST_SECONDS: Final = 5.0
"""What is retained comes at once."""
NOTHING: Final = (
    f"nothing of at most {MOST_BYTES // 2**20} MiB is retained at {{topic}}, or this user may not read it: "
    "the MES must retain the machine's schedule there"
)
TOLD: Final = "told"
"""The tag of what was heard: a broker sends each schedule once, so there is nothing to tell apart."""


class MqttScheduleClient:
    """Keeps one subscription; what is retained comes with it, what is published later as it is published."""

    def __init__(self, config: MqttSchedule, machine: Machine) -> None:
        self._broker = Broker(config)
        self._topic = topic_of(config.topic_prefix, machine.location, machine.name, LAST_LEVEL)
        self._identifier = f"plantwright-schedule-{machine.uid}"
        self._client: aiomqtt.Client | None = None
        self._secrets: tuple[object, ...] = ()
        self._heard = False

    async def fetch(self, etag: str) -> Fetched | None:
        """The schedule, or None where none has come since; "" asks for what is retained once more.

        Raises:
            ScheduleUnavailable: there is none to be had now.
        """
        try:
            client = await self._subscribed(anew=not etag and self._heard)
            return await self._next(client)
        except ScheduleUnavailable:
            await self.close()
            raise
        except (aiomqtt.MqttError, OSError, ssl.SSLError, SinkUnavailable) as error:
            await self.close()
            raise ScheduleUnavailable(f"{error or type(error).__name__}"[:200]) from error

    async def close(self) -> None:
        """Take leave of the broker."""
        client, self._client, self._heard = self._client, None, False
        await leave(client)

    async def _subscribed(self, *, anew: bool) -> aiomqtt.Client:
        secrets = self._broker.versions()
        if anew or secrets != self._secrets:
            await self.close()
        if self._client is None:
            self._client = aiomqtt.Client(**self._broker.named(self._identifier), properties=_limit())
            self._secrets = secrets
            await self._client.__aenter__()
            answers = await self._client.subscribe(self._topic, qos=1, timeout=TIMEOUT_SECONDS)
            if any(isinstance(answer, ReasonCode) and answer.value >= FAILURE for answer in answers):
                raise ScheduleUnavailable(f"the broker does not let this user read {self._topic}")
        return self._client

    async def _next(self, client: aiomqtt.Client) -> Fetched | None:
        """The newest of what has come, or of what comes within the time."""
        try:
            async with asyncio.timeout(WAIT_SECONDS if self._heard else FIRST_SECONDS):
                message = await anext(client.messages)
                while len(client.messages):
                    message = await anext(client.messages)
        except TimeoutError:
            if self._heard:
                return None
            raise ScheduleUnavailable(NOTHING.format(topic=self._topic)) from None
        if not isinstance(message.payload, bytes) or not message.payload:
            raise ScheduleUnavailable(f"what was retained at {self._topic} has been withdrawn")
        self._heard = True
        return Fetched(message.payload, TOLD)


def _limit() -> Properties:
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.MaximumPacketSize = MOST_BYTES
    return properties
