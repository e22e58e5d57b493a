"""Settings of the operator's process, read once from the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from plantwright_api.wire.config import HTTP_PORT

NAMESPACE_FILE = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"


@dataclass(frozen=True, slots=True)
class Settings:
    """Times are seconds. `watch_namespaces` empty means the whole cluster."""

    watch_namespaces: tuple[str, ...]
    governance_namespaces: tuple[str, ...]
    gateway_image: str
    image_pull_policy: str
    image_pull_secrets: tuple[str, ...]
    pod_namespace: str
    pod_name: str
    lease_name: str
    metrics_port: int
    gateway_port: int
    lease_seconds: int
    renew_seconds: float
    retry_seconds: float
    resync_seconds: float
    poll_seconds: float
    workers: int


def from_environment(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings.

    Raises:
        ValueError: a number that is none.
        KeyError: GATEWAY_IMAGE is missing.
    """
    return Settings(
        watch_namespaces=_names(environ.get("WATCH_NAMESPACES", "")),
        governance_namespaces=_names(environ.get("GOVERNANCE_NAMESPACES", "")),
        gateway_image=environ["GATEWAY_IMAGE"],
        image_pull_policy=environ.get("IMAGE_PULL_POLICY", "IfNotPresent"),
        image_pull_secrets=_names(environ.get("IMAGE_PULL_SECRETS", "")),
        pod_namespace=environ.get("POD_NAMESPACE") or _own_namespace(),
        pod_name=environ.get("POD_NAME") or os.uname().nodename,
        lease_name=environ.get("LEASE_NAME", "plantwright-operator"),
        metrics_port=int(environ.get("METRICS_PORT", "8081")),
        gateway_port=int(environ.get("GATEWAY_HTTP_PORT", str(HTTP_PORT))),
        lease_seconds=int(environ.get("LEASE_DURATION_SECONDS", "30")),
        renew_seconds=float(environ.get("LEASE_RENEW_DEADLINE_SECONDS", "20")),
        retry_seconds=float(environ.get("LEASE_RETRY_PERIOD_SECONDS", "5")),
        resync_seconds=float(environ.get("RESYNC_SECONDS", "300")),
        poll_seconds=float(environ.get("POLL_SECONDS", "10")),
        workers=int(environ.get("RECONCILE_WORKERS", "8")),
    )


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in text.replace(" ", "").split(",") if name)


def _own_namespace() -> str:
    try:
        with open(NAMESPACE_FILE, encoding="utf-8") as file:
            return file.read().strip()
    except FileNotFoundError:
        return "default"
