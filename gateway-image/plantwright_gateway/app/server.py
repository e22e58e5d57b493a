"""The gateway's HTTP side: /status for the operator, /metrics for Prometheus, /healthz and /readyz for the kubelet."""

from aiohttp import web

from plantwright_api.wire.status import encode
from plantwright_gateway.app.gateway import Gateway
from plantwright_gateway.app.metrics import CONTENT_TYPE, Metrics

GATEWAY: web.AppKey[Gateway] = web.AppKey("gateway", Gateway)
METRICS: web.AppKey[Metrics] = web.AppKey("metrics", Metrics)


async def status(request: web.Request) -> web.Response:
    """`wire.status.GatewayStatus` as JSON."""
    return web.Response(body=encode(request.app[GATEWAY].status()), content_type="application/json")


async def metrics(request: web.Request) -> web.Response:
    """Metrics in Prometheus' text format."""
    return web.Response(body=request.app[METRICS].render(), headers={"Content-Type": CONTENT_TYPE})


async def healthz(request: web.Request) -> web.Response:
    """200 while the event loop and every writer thread are alive."""
    alive = request.app[GATEWAY].alive
    return web.Response(status=200 if alive else 503, text="ok\n" if alive else "a buffer's thread has ended\n")


async def readyz(request: web.Request) -> web.Response:
    """200 once a configuration is loaded and every buffer can be written."""
    why = request.app[GATEWAY].not_ready()
    return web.Response(status=503 if why else 200, text=f"{why or 'ok'}\n")


def application(gateway: Gateway) -> web.Application:
    """The routes."""
    app = web.Application()
    app[GATEWAY] = gateway
    app[METRICS] = Metrics(gateway)
    app.add_routes(
        [
            web.get("/status", status),
            web.get("/metrics", metrics),
            web.get("/healthz", healthz),
            web.get("/readyz", readyz),
        ]
    )
    return app


async def serve(gateway: Gateway, port: int) -> tuple[web.AppRunner, int]:
    """Listen on all addresses; returns what must be cleaned up, and the port (for 0, the one given for IPv4).

    Raises:
        OSError: the port is taken.
    """
    runner = web.AppRunner(application(gateway), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, port=port)
    await site.start()
    return runner, next(int(address[1]) for address in sorted(runner.addresses, key=len))
