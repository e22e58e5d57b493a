"""Probes and metrics over HTTP."""

import time
from collections.abc import Callable

from aiohttp import web
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from plantwright_operator.reconcile.controller import Controller

STALE_SECONDS = 60.0


class Probes:
    """Judges the process: live means that watches and, while it leads, the controller are at work."""

    def __init__(self, controller: Controller, watchers: Callable[[], int], expected: int) -> None:
        self._controller = controller
        self._watchers = watchers
        self._expected = expected
        self._started = False

    def ready(self) -> bool:
        """Whether every kind is watched, or has been once; what becomes of them later concerns liveness."""
        self._started = self._started or self._watchers() >= self._expected
        return self._started

    def problem(self) -> str:
        """What is wrong with the process; empty where nothing is. kopf can lose a watcher and live on."""
        if self._started and self._watchers() < self._expected:
            return f"{self._watchers()} of {self._expected} watches are alive"
        if self._controller.leading and time.monotonic() - self._controller.beat > STALE_SECONDS:
            return "the controller stands still"
        return ""


async def serve(controller: Controller, probes: Probes, port: int) -> web.AppRunner:
    """Serve /healthz, /readyz and /metrics on all addresses; leader and standby are both ready."""

    async def healthz(_: web.Request) -> web.Response:
        problem = probes.problem()
        return web.Response(text=problem or "ok", status=503 if problem else 200)

    async def readyz(_: web.Request) -> web.Response:
        ready = probes.ready()
        return web.Response(text="ok" if ready else "starting", status=200 if ready else 503)

    async def metrics(_: web.Request) -> web.Response:
        body = generate_latest(controller.metrics.registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", metrics)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, host=None, port=port).start()
    return runner
