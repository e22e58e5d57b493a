"""The HTTP face of what is planned and told by people: who may write, what is refused and why, and the long poll of a schedule."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import msgspec
from aiohttp import web

from plantwright_mes import erp, orders, schedule
from plantwright_mes.access import UNAUTHORIZED
from plantwright_mes.heard import schedule_key
from plantwright_mes.orders import InvalidError
from plantwright_mes.planning import Asked, Store
from plantwright_mes.rows import MAX_NAME
from plantwright_mes.service import SERVICE, Service

LONGEST_WAIT_SECONDS = 60.0

Write = Callable[[Store, Asked], Awaitable[Any]]


def routes() -> list[web.RouteDef]:
    """What this adds to the application."""
    return [
        web.put("/v1/workrequests/{id}", _writes(_work_request)),
        web.post("/v1/joborders/{id}/start", _writes(_start)),
        web.post("/v1/joborders/{id}/end", _writes(_end)),
        web.post("/v1/joborders/{id}/confirm", _writes(_confirm)),
        web.post("/v1/personnel", _writes(_log_on)),
        web.post("/v1/equipmentevents", _writes(_equipment_event)),
        web.put("/v1/lines", _writes(_lines)),
        web.put("/v1/materialdefinitions", _writes(_materials)),
        web.get("/v1/schedule", _schedule),
        web.get("/v1/faults", _faults),
        web.get("/v1/confirmations", _confirmations),
    ]


def _writes(write: Write) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Let writers in, keep the audit, and tell what is refused."""

    async def handle(request: web.Request) -> web.Response:
        service = request.app[SERVICE]
        actor = service.access.writer(request)
        if actor is None:
            return web.Response(status=401, text="a writer's bearer token is needed\n", headers=UNAUTHORIZED)
        store = Store(service.database())
        subject = request.match_info.get("id", "")
        asked = Asked(actor, f"{request.method} {request.path}", subject, await request.read())
        try:
            orders.name(subject or "-", "ID")
            answer = await write(store, asked)
        except InvalidError as error:
            await store.refused(asked._replace(subject=subject[:MAX_NAME].replace("\x00", "")), error.status)
            return _json({"accepted": 0, "faults": [error.fault]}, error.status)
        return _json(answer)

    return handle


async def _work_request(store: Store, asked: Asked) -> Any:
    return await store.put_work_request(asked, orders.read(asked.body, orders.WorkRequest, asked.subject))


async def _start(store: Store, asked: Asked) -> Any:
    return await store.set_time(asked, "start_time", _time(asked))


async def _end(store: Store, asked: Asked) -> Any:
    return await store.set_time(asked, "end_time", _time(asked))


async def _confirm(store: Store, asked: Asked) -> Any:
    return await store.ask_confirmation(asked)


async def _log_on(store: Store, asked: Asked) -> Any:
    told = orders.read(asked.body, orders.LogOn)
    _names(told.hierarchy_scope.equipment_id, told.equipment_id)
    orders.name(told.person_id, "$.PersonID")
    return await store.log(asked, told, orders.moment(told.time, "$.Time", told.person_id))


async def _equipment_event(store: Store, asked: Asked) -> Any:
    told = orders.read(asked.body, orders.EquipmentEventRequest)
    _names(told.hierarchy_scope.equipment_id, told.equipment_id)
    subject = orders.name(told.reason, "$.Reason")
    start = orders.moment(told.start_time, "$.StartTime", subject)
    end = orders.moment(told.end_time, "$.EndTime", subject) if told.end_time else None
    orders.stretch(start, end, "$", subject)
    return await store.equipment_event(asked, told, start, end)


async def _lines(store: Store, asked: Asked) -> Any:
    return await store.put_lines(asked, orders.read(asked.body, list[orders.Line]))


async def _materials(store: Store, asked: Asked) -> Any:
    return await store.put_materials(asked, orders.read(asked.body, list[orders.MaterialDefinition]))


async def _schedule(request: web.Request) -> web.Response:
    """The document, or 304 where it is the one that the caller has; with `Prefer: wait=…` only once it is another."""
    service = request.app[SERVICE]
    if not service.access.may_read(request):
        return web.Response(status=401, text="a bearer token is needed\n", headers=UNAUTHORIZED)
    plant, equipment = request.query.get("plant", ""), request.query.get("equipment", "")
    if not plant or not equipment:
        return web.Response(status=400, text="name both: ?plant=…&equipment=…\n")
    content, tag = await _awaited(service, plant, equipment, request)
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if content is None:
        return web.Response(status=304, headers=headers)
    return web.Response(body=content, content_type="application/json", headers=headers)


async def _awaited(service: Service, plant: str, equipment: str, request: web.Request) -> tuple[bytes | None, str]:
    key, known = schedule_key(plant, equipment), request.headers.get("If-None-Match", "")
    wait, loop = _wait_seconds(request.headers.get("Prefer", "")), asyncio.get_running_loop()
    while True:
        seen = service.notices.seen(key)
        started = loop.time()
        content = await schedule.read(service.database(), plant, equipment, timedelta(days=service.history_days))
        tag = schedule.etag(content)
        if tag not in [part.strip() for part in known.split(",")]:
            return content, tag
        if not await service.notices.wait(key, seen, wait):
            return None, tag
        wait = max(0.0, wait - (loop.time() - started))


def _wait_seconds(prefer: str) -> float:
    """The seconds in `Prefer: wait=30` (RFC 7240); what is not understood is ignored, as it asks."""
    for preference in prefer.split(","):
        name, _, value = preference.partition(";")[0].partition("=")
        if name.strip().lower() == "wait" and value.strip().isdecimal():
            return min(float(value), LONGEST_WAIT_SECONDS)
    return 0.0


async def _faults(request: web.Request) -> web.Response:
    service = request.app[SERVICE]
    if not service.access.may_read(request):
        return web.Response(status=401, text="a bearer token is needed\n", headers=UNAUTHORIZED)
    return _json({"faults": await Store(service.database()).faults()})


async def _confirmations(request: web.Request) -> web.Response:
    service = request.app[SERVICE]
    if not service.access.may_read(request):
        return web.Response(status=401, text="a bearer token is needed\n", headers=UNAUTHORIZED)
    told = await erp.confirmations(service.database(), request.query.get("joborder", ""))
    return web.Response(body=told, content_type="application/json")


def _time(asked: Asked) -> Any:
    return orders.moment(orders.read(asked.body, orders.Moment, asked.subject).time, "$.Time", asked.subject)


def _names(plant: str, equipment: str) -> None:
    orders.name(plant, "$.HierarchyScope.EquipmentID")
    orders.name(equipment, "$.EquipmentID")


def _json(answer: Any, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(answer), status=status, content_type="application/json")
