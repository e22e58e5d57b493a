"""The reference MES passes the conformance test, and the test can fail."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from plantwright_mes import conformance
from plantwright_mes.conformance import Mes, judge


class Process:
    """The service as a process of its own, so that it can be killed."""

    def __init__(self, dsn: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._env = os.environ | {"MES_DSN": dsn, "MES_HOST": "127.0.0.1", "MES_PORT": str(self.port)}
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "plantwright_mes", env=self._env, stderr=asyncio.subprocess.DEVNULL
        )

    async def end(self, how: signal.Signals) -> int:
        assert self._process is not None
        self._process.send_signal(how)
        return await asyncio.wait_for(self._process.wait(), 10)

    async def kill_and_start(self) -> None:
        await self.end(signal.SIGKILL)
        await self.start()


@pytest.fixture
async def process(dsn: str) -> AsyncIterator[Process]:
    process = Process(dsn)
    await process.start()
    yield process
    assert await process.end(signal.SIGTERM) == 0


@pytest.mark.slow
async def test_the_reference_mes_conforms(process: Process) -> None:
    async with aiohttp.ClientSession() as session:
        export = process.url + "/v1/export?machine={machine}"
        mes = Mes(session, process.url + "/v1/observations", export, process.kill_and_start)
        await conformance._until_it_answers(mes)
        verdicts = await judge(mes)
    assert [verdict for verdict in verdicts if not verdict.passed] == []
    assert len(verdicts) == len(conformance.RULES) == 11


async def test_an_mes_that_believes_everything_misses_rules() -> None:
    async def naive(request: web.Request) -> web.Response:
        events = await request.json()
        receipt = {"gatewayuid": events[0]["gatewayuid"], "epoch": events[0]["epoch"], "stored": len(events)}
        return web.json_response(receipt | {"watermark": int(events[-1]["sequence"])})

    app = web.Application()
    app.add_routes([web.post("/", naive)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with aiohttp.ClientSession() as session:
        verdicts = await judge(Mes(session, f"http://127.0.0.1:{runner.addresses[0][1]}/"))
    await runner.cleanup()
    passed = {verdict.rule: verdict.passed for verdict in verdicts}
    assert passed.pop("stores a batch")
    assert passed.pop("remembers over a restart") is None
    assert {rule for rule, ok in passed.items() if ok} <= {
        "accepts dropped sequences",
        "survives a lost receipt",
        "keeps epochs apart",
    }
    assert conformance.line(verdicts[1]).startswith("MISS  ignores duplicates: (stored, ignored, watermark)")
