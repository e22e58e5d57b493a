"""Running the service: web server first, then database and broker as they come up."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

import asyncpg
from aiohttp import web

from plantwright_mes.access import Access
from plantwright_mes.erp import confirm_always
from plantwright_mes.mqtt import consume, publish_always
from plantwright_mes.retention import sweep_always
from plantwright_mes.schedule import listen
from plantwright_mes.service import Service
from plantwright_mes.settings import Settings
from plantwright_mes.store import connect
from plantwright_mes.web import application

log = logging.getLogger(__name__)

PAUSE_SECONDS = 1.0


class Running:
    """A running service; `port` is the one it listens on, also where the settings asked for any (0)."""

    def __init__(self, service: Service, port: int) -> None:
        self.service = service
        self.port = port
        self.url = f"http://127.0.0.1:{port}"


@contextlib.asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Running]:
    """The service for as long as the context lasts. It listens before the database answers, and is then not ready."""
    service = Service(Access(settings.token, settings.writers), settings.sink, settings.history_days)
    runner = web.AppRunner(application(service), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, settings.host, settings.port)
    await site.start()
    background = asyncio.create_task(_background(settings, service))
    try:
        yield Running(service, runner.addresses[0][1])
    finally:
        background.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await background
        await runner.cleanup()
        if service.pool is not None:
            service.pool.terminate()


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Run until `stop` is set."""
    async with running(settings) as service:
        log.info("listening on port %s", service.port)
        await stop.wait()


async def _background(settings: Settings, service: Service) -> None:
    service.pool = await _database(settings.dsn)
    log.info("the database is ready")
    async with asyncio.TaskGroup() as group:
        group.create_task(sweep_always(service.pool, service.expired, settings.sweep_seconds, settings.retention_days))
        group.create_task(confirm_always(settings, service.pool))
        group.create_task(listen(settings.dsn, service.notices))
        if settings.mqtt_url:
            group.create_task(publish_always(settings, service))
            group.create_task(consume(settings, service))


async def _database(dsn: str) -> asyncpg.Pool:
    while True:
        try:
            return await connect(dsn)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            log.warning("waiting for the database: %s", type(error).__name__)
            await asyncio.sleep(PAUSE_SECONDS)
