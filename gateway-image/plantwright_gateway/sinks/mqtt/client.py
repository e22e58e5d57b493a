"""The MQTT sink: batches published with QoS 1 into the Unified Namespace."""

import ssl
from typing import Any, Final

import aiomqtt
from paho.mqtt.reasoncodes import ReasonCode

from plantwright_api.wire.config import HttpSink
from plantwright_api.wire.config import MqttSink as Config
from plantwright_api.wire.delivery import Receipt
from plantwright_gateway.context.place import topic_of
from plantwright_gateway.ports.sink import Batch, BatchRefused, SinkUnavailable
from plantwright_gateway.sinks.mqtt.connection import FAILURE, TIMEOUT_SECONDS, Broker, leave

SUCCESS: Final = 0
TOO_LARGE: Final = 0x95
PAYLOAD_INVALID: Final = 0x99
REFUSALS: Final = frozenset({TOO_LARGE, PAYLOAD_INVALID})
"""PUBACK codes that speak of the batch itself; the others (not authorized, quota) may pass."""


class _Client(aiomqtt.Client):
    """Keeps the reason of each PUBACK, which aiomqtt drops: a broker says there that it did not take the message."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.last_reason = SUCCESS
        self.connected = False

    def _on_publish(self, client: Any, userdata: Any, mid: int, reason_code: ReasonCode, properties: Any) -> None:
        self.last_reason = reason_code.value
        super()._on_publish(client, userdata, mid, reason_code, properties)


class MqttSink:
    """Publishes one batch at a time and waits for its PUBACK, which is the receipt: the broker has it."""

    one_contract_per_batch = True

    def __init__(self, config: Config | HttpSink) -> None:
        if not isinstance(config, Config):
            raise TypeError(f"no MQTT sink: {config.name}")
        self._config = config
        try:
            self._broker = Broker(config)
        except ValueError as error:
            raise ValueError(f"sink {config.name}: {error}") from error
        self._client: _Client | None = None
        self._secrets: tuple[object, ...] = ()

    async def deliver(self, batch: Batch) -> Receipt:
        """Publish the batch.

        Raises:
            SinkUnavailable: no connection, or the broker does not take it now.
            BatchRefused: the broker calls the message too large or invalid.
        """
        topic = topic_of(self._config.topic_prefix, batch.location, batch.machine, batch.contract)
        client: _Client | None = None
        try:
            client = await self._connected(batch)
            await client.publish(topic, batch.body, qos=1, timeout=TIMEOUT_SECONDS)
        except (aiomqtt.MqttError, OSError, ssl.SSLError) as error:
            await self.close()
            message = f"{error or type(error).__name__}"[:200]
            raise SinkUnavailable(message, too_slow=client is not None) from error
        except ValueError as error:
            raise BatchRefused(str(error)[:200]) from error
        self._check(client.last_reason)
        return Receipt(gatewayuid=batch.gateway_uid, epoch=batch.epoch, watermark=batch.last, stored=batch.count)

    async def close(self) -> None:
        """Take leave of the broker."""
        client, self._client = self._client, None
        await leave(client)

    def _check(self, reason: int) -> None:
        if reason in REFUSALS:
            raise BatchRefused(f"the broker refuses the message (PUBACK 0x{reason:02x})")
        if reason >= FAILURE:
            raise SinkUnavailable(f"the broker does not take the message (PUBACK 0x{reason:02x})")

    async def _connected(self, batch: Batch) -> _Client:
        """The connection; a new one where there is none, or where the secrets have changed."""
        secrets = self._broker.versions()
        if self._client is not None and (secrets != self._secrets or not self._client.connected):
            await self.close()
        if self._client is None:
            self._client = _Client(**self._broker.named(f"plantwright-{batch.gateway_uid}-{self._config.name}"))
            self._secrets = secrets
            await self._client.__aenter__()
            self._client.connected = True
        return self._client
