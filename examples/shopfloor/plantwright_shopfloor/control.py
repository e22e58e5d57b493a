"""The floor's HTTP face: GET /machines, GET /ledger[?machine=…], POST /control, GET /healthz.

POST /control takes `{"machine": "lathe-01", "action": "reboot", "seconds": 5}`; `machine` may be `*`. Actions: pause,
resume, stop, start, reboot, disturb (for so many seconds two sensors read what cannot be).
"""

from typing import Literal

import msgspec
from aiohttp import web

from plantwright_shopfloor.floor import Floor

FLOOR = web.AppKey("floor", Floor)


class Command(msgspec.Struct, forbid_unknown_fields=True):
    """The body of POST /control."""

    machine: str
    action: Literal["pause", "resume", "stop", "start", "reboot", "disturb"]
    seconds: float = 5.0


def application(floor: Floor) -> web.Application:
    """The web application."""
    app = web.Application()
    app[FLOOR] = floor
    app.add_routes(
        [
            web.get("/machines", _machines),
            web.get("/ledger", _ledger),
            web.post("/control", _control),
            web.get("/healthz", _healthz),
        ]
    )
    return app


async def _machines(request: web.Request) -> web.Response:
    machines = [machine.describe() for machine in request.app[FLOOR].machines.values()]
    return web.Response(body=msgspec.json.encode(machines), content_type="application/json")


async def _ledger(request: web.Request) -> web.StreamResponse:
    machines = request.app[FLOOR].machines
    asked = request.query.get("machine")
    if asked is not None and asked not in machines:
        raise web.HTTPNotFound(text=f"there is no machine {asked}\n")
    response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
    await response.prepare(request)
    for machine in [machines[asked]] if asked else list(machines.values()):
        machine.ledger.flush()
        await response.write(machine.ledger.path.read_bytes())
    await response.write_eof()
    return response


async def _control(request: web.Request) -> web.Response:
    floor = request.app[FLOOR]
    try:
        command = msgspec.json.decode(await request.read(), type=Command)
    except msgspec.DecodeError as error:
        return web.Response(status=400, text=f"{error}\n")
    names = list(floor.machines) if command.machine == "*" else [command.machine]
    if not floor.machines.keys() >= set(names):
        return web.Response(status=404, text=f"there is no machine {command.machine}\n")
    for name in names:
        await floor.actions(name, command.seconds)[command.action]()
    return web.Response(text=f"{command.action}: {', '.join(names)}\n")


async def _healthz(_request: web.Request) -> web.Response:
    return web.Response(text="ok\n")
