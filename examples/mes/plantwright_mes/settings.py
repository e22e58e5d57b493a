"""What the ingest service is told by its environment."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import urlsplit

LONGEST_DAYS = 36500


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
    """How often data is deleted that is too old."""
    retention_days: int = 800
    """For how long changes and production are kept, which belong to no contract: twice the longest window of KPIs. 0: for good."""
    sink: str = "http"
    """Whose rows KPIs and confirmations are made of: `http` or `mqtt`."""
    writers: Mapping[str, str] = MappingProxyType({})
    """Names by bearer token of those who may write orders, log-ons and stop reasons; none: nobody may."""
    history_days: float = 7.0
    """For how long back a schedule tells what was done, so that late data finds the order of its time."""
    mqtt_prefix: str = "plantwright/v1"
    """Where schedules are published."""
    erp_url: str = ""
    """Where confirmations are posted; empty: they are made and kept, and nothing is sent."""
    erp_token: str = ""
    """Bearer token that goes with them; empty: none."""
    erp_settle_seconds: float = 5.0
    """How long the last parts of an order are waited for before it is confirmed, and late ones gathered."""
    erp_timeout_seconds: float = 10.0

    def broker(self) -> tuple[str, int]:
        """Host and port of the broker."""
        parts = urlsplit(self.mqtt_url)
        return parts.hostname or "", parts.port or 1883


def from_environment(env: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings: each is MES_ and its name in capitals; what is secret is the content of a file that MES_TOKEN_FILE,
    MES_ERP_TOKEN_FILE and MES_WRITERS_FILE name, the last a JSON object from the writers' names to their tokens.

    Raises:
        ValueError: a number is none, or the writers are not written as such.
        OSError: a file that is named cannot be read.
    """
    return Settings(
        dsn=env.get("MES_DSN", "postgresql://mes@127.0.0.1:5432/mes"),
        host=env.get("MES_HOST", "0.0.0.0"),
        port=int(env.get("MES_PORT", "8080")),
        mqtt_url=env.get("MES_MQTT_URL", ""),
        mqtt_filter=env.get("MES_MQTT_FILTER", "plantwright/v1/#"),
        mqtt_client_id=env.get("MES_MQTT_CLIENT_ID", "plantwright-mes"),
        token=_secret(env, "MES_TOKEN_FILE"),
        sweep_seconds=float(env.get("MES_SWEEP_SECONDS", "3600")),
        retention_days=_days(env.get("MES_RETENTION_DAYS", "800")),
        sink=env.get("MES_SINK", "http"),
        writers=_writers(_secret(env, "MES_WRITERS_FILE")),
        history_days=float(env.get("MES_HISTORY_DAYS", "7")),
        mqtt_prefix=env.get("MES_MQTT_PREFIX", "plantwright/v1"),
        erp_url=env.get("MES_ERP_URL", ""),
        erp_token=_secret(env, "MES_ERP_TOKEN_FILE"),
        erp_settle_seconds=float(env.get("MES_ERP_SETTLE_SECONDS", "5")),
        erp_timeout_seconds=float(env.get("MES_ERP_TIMEOUT_SECONDS", "10")),
    )


def _days(text: str) -> int:
    days = int(text)
    if not 0 <= days <= LONGEST_DAYS:
        raise ValueError(f"MES_RETENTION_DAYS: 0 to {LONGEST_DAYS}")
    return days


def _secret(env: Mapping[str, str], name: str) -> str:
    path = env.get(name, "")
    return Path(path).read_text().strip() if path else ""


def _writers(content: str) -> dict[str, str]:
    """Names by token. The content is never part of an error."""
    try:
        told = json.loads(content or "{}")
        return {str(token): str(name) for name, token in told.items() if token}
    except (ValueError, AttributeError):
        raise ValueError("MES_WRITERS_FILE: a JSON object of names and their tokens is needed") from None
