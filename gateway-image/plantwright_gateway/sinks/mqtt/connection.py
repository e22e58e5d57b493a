"""How a broker is reached, whatever is asked of it: sinks publish batches, the schedule is heard."""

import contextlib
from typing import Any, Final
from urllib.parse import urlsplit

import aiomqtt

from plantwright_api.wire.config import MqttSchedule, MqttSink
from plantwright_gateway.sinks.secrets import SecretFile, TlsSecrets

TIMEOUT_SECONDS: Final = 5.0
KEEPALIVE_SECONDS: Final = 15
DEFAULT_PORTS: Final = {"mqtt": 1883, "mqtts": 8883}
FAILURE: Final = 0x80
"""From here on a reason code of MQTT 5 is a failure."""


class Broker:
    """A broker and the secrets with which we come to it.

    Raises:
        ValueError: the URL is none of a broker.
    """

    def __init__(self, config: MqttSink | MqttSchedule) -> None:
        split = urlsplit(config.url)
        if split.scheme not in DEFAULT_PORTS or not split.hostname:
            raise ValueError("the URL must be mqtt://host:port or mqtts://host:port")
        self._host, self._port = split.hostname, split.port or DEFAULT_PORTS[split.scheme]
        self._secure = split.scheme == "mqtts"
        keys = ("username", "password") if config.credentials_secret else ()
        self._user = tuple(SecretFile(config.credentials_secret or "", key) for key in keys)
        self._tls = TlsSecrets(config.ca_secret, config.certificate_secret)

    def versions(self) -> tuple[object, ...]:
        """What tells the secrets' present content from another.

        Raises:
            SinkUnavailable: a secret or a key of it is missing.
        """
        return (*(file.version() for file in self._user), *self._tls.versions())

    def named(self, identifier: str) -> dict[str, Any]:
        """Arguments of an aiomqtt client with what the secrets hold now.

        Raises:
            SinkUnavailable: a secret is missing or cannot be used.
        """
        user, password = (file.read() for file in self._user) if self._user else (None, None)
        return {
            "hostname": self._host,
            "port": self._port,
            "username": user,
            "password": password,
            "identifier": identifier,
            "protocol": aiomqtt.ProtocolVersion.V5,
            "keepalive": KEEPALIVE_SECONDS,
            "timeout": TIMEOUT_SECONDS,
            "tls_context": self._tls.context() if self._secure else None,
        }


async def leave(client: aiomqtt.Client | None) -> None:
    """Take leave of the broker; one that has gone already need not hear it."""
    if client is not None:
        with contextlib.suppress(aiomqtt.MqttError, OSError):
            await client.__aexit__(None, None, None)
