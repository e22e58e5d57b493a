"""The process: start, run until told to stop, leave in good order."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping
from typing import Final

import msgspec
import structlog

from plantwright_api.wire.status import Farewell
from plantwright_gateway import __version__, dialling
from plantwright_gateway.app import logs
from plantwright_gateway.app.adapters import Adapters, Installed
from plantwright_gateway.app.gateway import Gateway
from plantwright_gateway.app.server import serve
from plantwright_gateway.app.settings import Settings, from_environment
from plantwright_gateway.app.watch import watch

STOP_SECONDS: Final = 9.0
"""The kubelet's patience is longer; whoever stops us by hand has less."""


def main(env: Mapping[str, str] = os.environ, adapters: Adapters | None = None) -> int:
    """Run the gateway; returns the exit code."""
    logs.configure()
    log = structlog.get_logger(__name__)
    try:
        settings = from_environment(env)
        dialling.guard(env)
        asyncio.run(run(adapters or Installed(), settings))
    except (OSError, ValueError) as error:
        log.error("cannot start", error=f"{type(error).__name__}: {error}")  # noqa: TRY400 what is expected has no traceback
        return 1
    return 0


async def run(adapters: Adapters, settings: Settings) -> None:
    """Serve and follow the configuration until SIGTERM or SIGINT.

    Raises:
        OSError: the port is taken.
    """
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    gateway = Gateway(adapters, settings)
    runner, port = await serve(gateway, settings.port)
    structlog.get_logger(__name__).info("started", version=__version__, port=port)
    follower = asyncio.create_task(watch(settings.config_file, gateway.apply, gateway.refuse))
    ended = asyncio.create_task(stopping.wait())
    await asyncio.wait({follower, ended}, return_when=asyncio.FIRST_COMPLETED)
    follower.cancel()
    await _leave(gateway, settings)
    await runner.cleanup()
    if not stopping.is_set():
        await follower


async def _leave(gateway: Gateway, settings: Settings) -> None:
    log = structlog.get_logger(__name__)
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await gateway.stop()
    except TimeoutError:
        log.warning("not everything could be closed in time", seconds=STOP_SECONDS)
    backlog = gateway.backlog()
    if backlog is not None:
        _say_farewell(settings, backlog)
    log.info("stopped", backlog=backlog)


def _say_farewell(settings: Settings, backlog: int) -> None:
    """Only the kubelet makes this file; where it is not, nobody reads it."""
    if settings.termination_log.exists():
        with contextlib.suppress(OSError):
            settings.termination_log.write_bytes(msgspec.json.encode(Farewell(backlog=backlog)))
