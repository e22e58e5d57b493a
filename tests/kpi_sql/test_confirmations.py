"""Confirmations to an ERP: each booked once, whatever becomes of the receiver, and right in the end when data comes late."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from plantwright_mes.app import running
from plantwright_mes.erp import pause
from plantwright_mes.settings import Settings
from plantwright_mes.testing import until

pytestmark = pytest.mark.slow

RECEIVER = Path(__file__).parents[2] / "examples" / "erp" / "receiver.py"
ALWAYS = {"timeZone": "Etc/UTC"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Receiver:
    """The example receiver as a process of its own, behind a line that can be bad."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._database = folder / "bookings.db"
        self._process: asyncio.subprocess.Process | None = None
        self.trouble: list[str] = []
        """What becomes of the next requests: `refuse` (503, nothing reaches the receiver), `hang` (booked, never answered)."""
        self.keys: list[str] = []

    async def start(self) -> None:
        arguments = ("--database", str(self._database), "--port", str(self.port))
        self._process = await asyncio.create_subprocess_exec(sys.executable, str(RECEIVER), *arguments)
        await until(self._answers)

    async def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            await self._process.wait()
            self._process = None

    async def bookings(self) -> list[dict[str, Any]]:
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{self.port}/") as response:
            booked: list[dict[str, Any]] = (await response.json())["bookings"]
            return booked

    async def counting(self) -> dict[str, tuple[int, int]]:
        return {b["jobOrder"]: (b["good"], b["scrap"]) for b in await self.bookings() if b["counts"]}

    async def _answers(self) -> bool:
        try:
            await self.bookings()
        except OSError:
            return False
        return True

    async def forward(self, request: web.Request) -> web.Response:
        self.keys.append(request.headers["Idempotency-Key"])
        trouble = self.trouble.pop(0) if self.trouble else ""
        if trouble == "refuse":
            return web.Response(status=503, text="not now")
        url = f"http://127.0.0.1:{self.port}{request.path}"
        headers = {"Idempotency-Key": self.keys[-1]}
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.post(url, data=await request.read(), headers=headers) as response,
            ):
                content = await response.read()
        except OSError:
            return web.Response(status=502)
        if trouble == "hang":
            await asyncio.sleep(30)
        return web.Response(body=content, status=response.status)


@pytest.fixture
async def receiver(tmp_path: Path) -> AsyncIterator[Receiver]:
    made = Receiver(tmp_path)
    await made.start()
    yield made
    await made.kill()


@pytest.fixture
async def line(receiver: Receiver) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/confirmations", receiver.forward)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/confirmations"
    await runner.cleanup()


def telling(settings: Callable[..., Settings], dsn: str, line: str) -> Settings:
    return settings(dsn, erp_url=line, erp_settle_seconds=0.3, erp_timeout_seconds=1.0)


async def order(mes: Any, identity: str, start: str, end: str = "") -> None:
    scope = {"HierarchyScope": {"EquipmentID": "stuttgart"}}
    told = {"ID": identity, "EquipmentRequirement": [{"EquipmentID": "press-01"}]}
    made = [{"MaterialDefinitionID": "P-1", "Quantity": 10}]
    body = scope | {"JobOrder": [told | {"MaterialRequirement": made}]}
    assert (await mes.send("PUT", f"/v1/workrequests/WR-{identity}", body))[0] == 200
    assert (await mes.send("POST", f"/v1/joborders/{identity}/start", {"Time": start}))[0] == 200
    if end:
        assert (await mes.send("POST", f"/v1/joborders/{identity}/end", {"Time": end}))[0] == 200


async def sent(mes: Any, count: int) -> list[dict[str, Any]]:
    """The confirmations, once that many are sent and none is waiting."""
    told: list[dict[str, Any]] = []

    async def all_sent() -> bool:
        told[:] = (await mes.send("GET", "/v1/confirmations"))[1]["confirmations"]
        return len(told) >= count and all(each["sentTime"] for each in told)

    await until(all_sent, 25)
    return told


@pytest.mark.slow
async def test_each_confirmation_is_booked_once(
    dsn: str, receiver: Receiver, line: str, connect: Any, machine: Any, settings: Any
) -> None:
    """The receiver refuses, books without an answer, is killed and comes back; the MES is restarted in between."""
    receiver.trouble = ["refuse", "refuse", "hang"]
    async with running(telling(settings, dsn, line)) as service, connect(service) as mes:
        press = machine(mes, "press-01").configured("25T05:00:00", ALWAYS).state("25T06:00:00", "Production")
        press.parts("25T06:30:00", 30, good=50, rejected=2).parts("25T07:30:00", 30, good=40)
        await press.observed("25T09:00:00", v=1).deliver()
        await order(mes, "JO-1", "2025-10-25T06:00:00Z", "2025-10-25T07:00:00Z")
        (first,) = await sent(mes, 1)
        assert await receiver.counting() == {"JO-1": (50, 2)}
        await receiver.kill()
        await order(mes, "JO-2", "2025-10-25T07:00:00Z", "2025-10-25T08:00:00Z")
        await until(lambda: asked_for(receiver, '"JO-2/1"'))
    await receiver.start()
    async with running(telling(settings, dsn, line)) as service, connect(service) as mes:
        await sent(mes, 2)
    assert [(b["jobOrder"], b["version"]) for b in await receiver.bookings()] == [("JO-1", 1), ("JO-2", 1)]
    assert await receiver.counting() == {"JO-1": (50, 2), "JO-2": (40, 0)}
    assert receiver.keys.count('"JO-1/1"') == first["attempts"] == 4
    response = first["body"]["JobResponse"][0]
    assert (response["JobState"], response["WorkRequestID"], response["EndTime"]) == (
        "Ended",
        "WR-JO-1",
        "2025-10-25T07:00:00Z",
    )
    assert {d["ID"]: d["Value"] for d in response["JobResponseData"]}["ActualProductionTime"] == 3600.0


async def asked_for(receiver: Receiver, key: str) -> bool:
    return key in receiver.keys


@pytest.mark.slow
async def test_a_backlog_makes_a_new_revision_and_nothing_new_makes_none(
    dsn: str, receiver: Receiver, line: str, connect: Any, machine: Any, settings: Any
) -> None:
    async with running(telling(settings, dsn, line)) as service, connect(service) as mes:
        press = machine(mes, "press-01").configured("25T05:00:00", ALWAYS)
        await press.parts("25T06:30:00", good=50).observed("25T09:00:00", v=1).deliver()
        await order(mes, "JO-1", "2025-10-25T06:00:00Z", "2025-10-25T07:00:00Z")
        await sent(mes, 1)
        await press.parts("25T06:45:00", recorded="25T09:30:00", good=5, rejected=1).deliver()
        await sent(mes, 2)
        assert await receiver.counting() == {"JO-1": (55, 1)}
        await press.parts("25T08:00:00", good=9).deliver()
        assert (await mes.send("POST", "/v1/joborders/JO-1/confirm"))[0] == 200
        # An order that begins before the last one ended takes what is made from then on: parts are confirmed once.
        await order(mes, "JO-2", "2025-10-25T06:40:00Z", "2025-10-25T07:00:00Z")
        told = await sent(mes, 4)
        assert [(t["jobOrder"], t["revision"]) for t in told] == [("JO-1", 1), ("JO-1", 2), ("JO-1", 3), ("JO-2", 1)]
        assert await receiver.counting() == {"JO-1": (50, 0), "JO-2": (5, 1)}


@pytest.mark.slow
async def test_a_partial_confirmation_on_demand(
    dsn: str, receiver: Receiver, line: str, connect: Any, machine: Any, settings: Any
) -> None:
    async with running(telling(settings, dsn, line)) as service, connect(service) as mes:
        press = machine(mes, "press-01").configured("25T05:00:00", ALWAYS)
        await press.parts("25T06:30:00", good=3).observed("25T09:00:00", v=1).deliver()
        await order(mes, "JO-1", "2025-10-25T06:00:00Z")
        assert (await mes.send("POST", "/v1/joborders/JO-1/confirm"))[0] == 200
        (partial,) = await sent(mes, 1)
        assert partial["body"]["JobResponse"][0]["JobState"] == "Running"
        await mes.send("POST", "/v1/joborders/JO-1/end", {"Time": "2025-10-25T07:00:00Z"})
        whole = (await sent(mes, 2))[1]
        assert (whole["revision"], whole["body"]["JobResponse"][0]["JobState"]) == (2, "Ended")


def test_pauses_grow_and_end() -> None:
    assert [pause(n) for n in (1, 2, 3, 11, 99)] == [0.5, 1.0, 2.0, 300.0, 300.0]
