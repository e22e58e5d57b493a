"""The HTTP face of the ingest service.

POST /v1/observations takes batches; what is planned comes in by `orders_web`; everything else is for looking: / (a page),
/v1/machines, /v1/stats, /v1/export, /v1/gaps, /v1/production, /v1/quarantine, /v1/kpis, /v1/parts, /metrics, /healthz (the process
lives), /readyz (the database answers).
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime

import asyncpg
import msgspec
from aiohttp import web

from plantwright_api.wire.delivery import Rejected
from plantwright_mes import kpis, orders_web, page, parts, queries
from plantwright_mes.access import UNAUTHORIZED
from plantwright_mes.batch import MalformedError, parse
from plantwright_mes.service import HTTP_SINK, RETRY_AFTER, SERVICE, Service
from plantwright_mes.store import UNAVAILABLE

log = logging.getLogger(__name__)

MAX_BODY = 8 * 1024 * 1024

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Refusals = list[Rejected]


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
            web.get("/v1/production", _production),
            web.get("/v1/quarantine", _quarantine),
            web.get("/v1/kpis", _kpis),
            web.get("/v1/parts/{serial}", _parts),
            web.get("/metrics", _metrics),
            web.get("/healthz", _healthz),
            web.get("/readyz", _readyz),
            *orders_web.routes(),
        ]
    )
    app.on_shutdown.append(_let_go)
    return app


async def _let_go(app: web.Application) -> None:
    """Nobody is kept waiting by a service that stops."""
    app[SERVICE].notices.close()


@web.middleware
async def _unavailable(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A database that cannot answer now is 503: the gateway keeps the batch and comes again."""
    try:
        return await handler(request)
    except UNAVAILABLE as error:
        log.warning("the database is not available: %s", type(error).__name__)
        return web.Response(status=503, text="the database is not available\n", headers=RETRY_AFTER)
    except asyncpg.DataError:
        return web.Response(status=400, text="a parameter holds what no text of the database can\n")


async def _observations(request: web.Request) -> web.Response:
    service = request.app[SERVICE]
    if not service.access.may_deliver(request):
        return web.Response(status=401, text="a bearer token is needed\n", headers=UNAUTHORIZED)
    try:
        batch = parse(await request.read())
    except MalformedError as error:
        service.malformed[HTTP_SINK] += 1
        return web.Response(status=400, text=f"{error}\n")
    outcome = await service.take(HTTP_SINK, batch)
    return _json(msgspec.json.encode(outcome.receipt), status=409 if outcome.conflict else 200)


async def _page(request: web.Request) -> web.Response:
    service = request.app[SERVICE]
    pool, now = service.database(), datetime.now(UTC)
    figures, faults = await service.glance.at(pool, service.sink, now)
    html = page.render(await queries.machines(pool), await queries.totals(pool), now, figures, faults)
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


async def _production(request: web.Request) -> web.StreamResponse:
    machine, sink = _asked(request)
    return await _stream(request, queries.production(request.app[SERVICE].database(), machine, sink))


async def _quarantine(request: web.Request) -> web.StreamResponse:
    machine, sink = _asked(request)
    return await _stream(request, queries.quarantine(request.app[SERVICE].database(), machine, sink))


async def _kpis(request: web.Request) -> web.Response:
    service = request.app[SERVICE]
    try:
        asked = kpis.question(request.query)
    except kpis.AskedWrongError as error:
        return web.Response(status=400, text=f"{error}\n")
    answer = await kpis.ask(service.database(), request.query.get("sink", service.sink), asked)
    return _json(msgspec.json.encode(answer))


async def _parts(request: web.Request) -> web.Response:
    service = request.app[SERVICE]
    if not service.access.may_read(request):
        return web.Response(status=401, text="a bearer token is needed\n", headers=UNAUTHORIZED)
    serial = request.match_info["serial"]
    if "\x00" in serial:
        return web.Response(status=400, text="serial: a control character\n")
    found = await parts.history(service.database(), request.query.get("sink", service.sink), serial)
    return _json(msgspec.json.encode(found), status=200 if found["events"] else 404)


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
