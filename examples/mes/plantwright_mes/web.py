"""The HTTP face of the ingest service.

POST /v1/observations takes batches; everything else is for looking: / (a page), /v1/machines, /v1/stats, /v1/export,
/v1/gaps, /v1/quarantine, /metrics, /healthz (the process lives), /readyz (the database answers).
"""

import hmac
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime

import asyncpg
import msgspec
from aiohttp import web

from plantwright_api.wire.delivery import Rejected
from plantwright_mes import page, queries
from plantwright_mes.batch import Batch, MalformedError, parse
from plantwright_mes.store import UNAVAILABLE, Outcome, ingest

log = logging.getLogger(__name__)

MAX_BODY = 8 * 1024 * 1024
HTTP_SINK = "http"
RETRY_AFTER = {"Retry-After": "1"}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Refusals = list[Rejected]


class Service:
    """What the handlers share: the pool once the database has answered, the token, and what was refused as a whole."""

    def __init__(self, token: str = "") -> None:
        self.pool: asyncpg.Pool | None = None
        self.token = token
        self.malformed = {HTTP_SINK: 0, "mqtt": 0}
        """Batches per sink that were no batches, since this process started."""
        self.expired: Counter[str] = Counter()
        """Rows per table that were deleted because they were too old, since this process started."""

    def database(self) -> asyncpg.Pool:
        """The pool.

        Raises:
            web.HTTPServiceUnavailable: while the database has not answered yet.
        """
        if self.pool is None:
            raise web.HTTPServiceUnavailable(text="the database has not answered yet\n", headers=RETRY_AFTER)
        return self.pool

    async def take(self, sink: str, batch: Batch) -> Outcome:
        """Store a batch; only HTTP can send the gateway back when something is missing."""
        return await ingest(self.database(), sink, batch, stop_at_hole=sink == HTTP_SINK)


SERVICE = web.AppKey("service", Service)


def application(service: Service) -> web.Application:
    """The web application; the caller runs it and gives the service its pool."""
    app = web.Application(client_max_size=MAX_BODY, middlewares=[_unavailable])
    app[SERVICE] = service
    app.add_routes(
        [
            web.post("/v1/observations", _observations),
            web.get("/", _page),
            web.get("/v1/machines", _machines),
            web.get("/v1/stats", _stats),
            web.get("/v1/export", _export),
            web.get("/v1/gaps", _gaps),
            web.get("/v1/quarantine", _quarantine),
            web.get("/metrics", _metrics),
            web.get("/healthz", _healthz),
            web.get("/readyz", _readyz),
        ]
    )
    return app


@web.middleware
async def _unavailable(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A database that cannot answer now is 503: the gateway keeps the batch and comes again."""
    try:
        return await handler(request)
    except UNAVAILABLE as error:
        log.warning("the database is not available: %s", type(error).__name__)
        return web.Response(status=503, text="the database is not available\n", headers=RETRY_AFTER)


async def _observations(request: web.Request) -> web.Response:
    service = request.app[SERVICE]
    if not _authorized(request, service.token):
        return web.Response(status=401, text="a bearer token is needed\n", headers={"WWW-Authenticate": "Bearer"})
    try:
        batch = parse(await request.read())
    except MalformedError as error:
        service.malformed[HTTP_SINK] += 1
        return web.Response(status=400, text=f"{error}\n")
    outcome = await service.take(HTTP_SINK, batch)
    return _json(msgspec.json.encode(outcome.receipt), status=409 if outcome.conflict else 200)


def _authorized(request: web.Request, token: str) -> bool:
    given = request.headers.get("Authorization", "")
    return not token or hmac.compare_digest(given.encode(), f"Bearer {token}".encode())


async def _page(request: web.Request) -> web.Response:
    pool = request.app[SERVICE].database()
    html = page.render(await queries.machines(pool), await queries.totals(pool), datetime.now(UTC))
    return web.Response(text=html, content_type="text/html")


async def _machines(request: web.Request) -> web.Response:
    return _json(msgspec.json.encode(await queries.machines(request.app[SERVICE].database())))


async def _stats(request: web.Request) -> web.Response:
    service = request.app[SERVICE]
    pool = service.database()
    stats = {"sinks": await queries.totals(pool), "malformed": service.malformed, **await queries.side_counts(pool)}
    return _json(msgspec.json.encode(stats))


async def _export(request: web.Request) -> web.StreamResponse:
    machine, sink = _asked(request)
    pool = request.app[SERVICE].database()
    return await _stream(request, queries.export(pool, machine, sink, request.query.get("uid", "")))


async def _gaps(request: web.Request) -> web.StreamResponse:
    machine, sink = _asked(request)
    return await _stream(request, queries.gaps(request.app[SERVICE].database(), machine, sink))


async def _quarantine(request: web.Request) -> web.StreamResponse:
    machine, sink = _asked(request)
    return await _stream(request, queries.quarantine(request.app[SERVICE].database(), machine, sink))


async def _metrics(request: web.Request) -> web.Response:
    service = request.app[SERVICE]
    lines = ["# TYPE mes_events_total counter", "# TYPE mes_malformed_batches_total counter"]
    for sink, counts in (await queries.totals(service.database())).items():
        lines += [f'mes_events_total{{sink="{sink}",outcome="{name}"}} {counts[name]}' for name in queries.COUNTS]
    lines += [f'mes_malformed_batches_total{{sink="{sink}"}} {count}' for sink, count in service.malformed.items()]
    lines += ["# TYPE mes_expired_rows_total counter"]
    lines += [f'mes_expired_rows_total{{table="{table}"}} {count}' for table, count in service.expired.items()]
    return web.Response(text="\n".join(lines) + "\n", content_type="text/plain")


async def _healthz(_request: web.Request) -> web.Response:
    return web.Response(text="ok\n")


async def _readyz(request: web.Request) -> web.Response:
    await request.app[SERVICE].database().fetchval("SELECT 1")
    return web.Response(text="ok\n")


def _asked(request: web.Request) -> tuple[str, str]:
    machine = request.query.get("machine", "")
    if not machine:
        raise web.HTTPBadRequest(text="name a machine: ?machine=…\n")
    return machine, request.query.get("sink", HTTP_SINK)


async def _stream(request: web.Request, lines: AsyncIterator[bytes]) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
    await response.prepare(request)
    async for line in lines:
        await response.write(line)
    await response.write_eof()
    return response


def _json(body: bytes, status: int = 200) -> web.Response:
    return web.Response(body=body, status=status, content_type="application/json")
