"""What the ingest service is told by its environment."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit


class Settings(NamedTuple):
    """How to reach PostgreSQL and the broker, and where to listen."""

    dsn: str
    """PostgreSQL connection string. Its password, if any, comes from PGPASSWORD or a pgpass file, never from here."""
    host: str = "0.0.0.0"
    port: int = 8080
    mqtt_url: str = ""
    """`mqtt://host:port`; empty: no MQTT."""
    mqtt_filter: str = "plantwright/v1/#"
    mqtt_client_id: str = "plantwright-mes"
    """Name of the persistent session; two services need two names."""
    token: str = ""
    """Bearer token that POST /v1/observations must carry; empty: none."""
    sweep_seconds: float = 3600.0
    """How often data is deleted that its contract's retention lets go."""

    def broker(self) -> tuple[str, int]:
        """Host and port of the broker."""
        parts = urlsplit(self.mqtt_url)
        return parts.hostname or "", parts.port or 1883


def from_environment(env: Mapping[str, str] = os.environ) -> Settings:
    """Read MES_DSN, MES_HOST, MES_PORT, MES_MQTT_URL, MES_MQTT_FILTER, MES_MQTT_CLIENT_ID, MES_TOKEN_FILE and
    MES_SWEEP_SECONDS.

    Raises:
        ValueError: when MES_PORT or MES_SWEEP_SECONDS is no number.
        OSError: when MES_TOKEN_FILE is named and cannot be read.
    """
    token_file = env.get("MES_TOKEN_FILE", "")
    return Settings(
        dsn=env.get("MES_DSN", "postgresql://mes@127.0.0.1:5432/mes"),
        host=env.get("MES_HOST", "0.0.0.0"),
        port=int(env.get("MES_PORT", "8080")),
        mqtt_url=env.get("MES_MQTT_URL", ""),
        mqtt_filter=env.get("MES_MQTT_FILTER", "plantwright/v1/#"),
        mqtt_client_id=env.get("MES_MQTT_CLIENT_ID", "plantwright-mes"),
        token=Path(token_file).read_text().strip() if token_file else "",
        sweep_seconds=float(env.get("MES_SWEEP_SECONDS", "3600")),
    )
