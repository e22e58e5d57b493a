"""Settings of the board's process, read once from the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from plantwright_api.wire.config import HTTP_PORT


@dataclass(frozen=True, slots=True)
class Settings:
    """`gateway_urls` takes the place of a cluster: base URLs of gateways that are all of the plant; `time_zone` is of use only then."""

    plant: str
    namespace: str
    port: int
    gateway_port: int
    gateway_urls: tuple[str, ...]
    time_zone: str
    viewers: int


def from_environment(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings.

    Raises:
        ValueError: a number that is none.
        KeyError: PLANT is missing, or NAMESPACE without GATEWAY_URLS.
    """
    urls = tuple(url.rstrip("/") for url in environ.get("GATEWAY_URLS", "").split(",") if url)
    return Settings(
        plant=environ["PLANT"],
        namespace="" if urls else environ["NAMESPACE"],
        port=int(environ.get("PORT", "8082")),
        gateway_port=int(environ.get("GATEWAY_HTTP_PORT", str(HTTP_PORT))),
        gateway_urls=urls,
        time_zone=environ.get("TIME_ZONE", "Etc/UTC"),
        viewers=int(environ.get("MAX_VIEWERS", "500")),
    )
