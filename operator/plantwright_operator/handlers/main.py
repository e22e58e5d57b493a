"""The process: connect, watch, run for the Lease, serve probes, end in order.

kopf runs embedded (`kopf.operator` in our event loop, standalone, without its peering): it watches in every replica, so
that a standby takes over with a warm cache, while our own Lease decides who writes.
"""

import asyncio
import logging
import os
from typing import Any, cast

import kopf

from plantwright_api import API_VERSION
from plantwright_operator import settings as configuration
from plantwright_operator.cluster import api as cluster_api
from plantwright_operator.cluster.api import Api
from plantwright_operator.cluster.election import Election, Fence, FencedLock, end_process
from plantwright_operator.cluster.errors import ApiError
from plantwright_operator.cluster.gateways import Gateways
from plantwright_operator.cluster.kinds import RESOURCES
from plantwright_operator.handlers import logs, watching, web
from plantwright_operator.reconcile.controller import Controller
from plantwright_operator.settings import Settings

CRD_PAUSE = 2.0
END_SECONDS = 5.0

logger = logging.getLogger(__name__)


def main() -> None:
    """Run the operator until it is told to end."""
    logs.configure()
    asyncio.run(run(configuration.from_environment()))


async def run(settings: Settings) -> None:
    """Run until SIGTERM, SIGINT or a failure; the Lease is given back on the way out."""
    client = await cluster_api.connect()
    fence = Fence(settings.renew_seconds)
    api, gateways = Api(client, fence.check), Gateways(settings.gateway_port)
    controller = Controller(api, gateways, settings)
    identity = f"{settings.pod_name}_{os.getpid()}"
    lock = FencedLock(
        settings.lease_name, settings.pod_namespace, identity, api, fence, max(1.0, settings.renew_seconds / 3)
    )
    election = Election(lock, fence, settings.lease_seconds, settings.renew_seconds, settings.retry_seconds)
    expected = len(RESOURCES) * max(1, len(settings.watch_namespaces))
    probes = web.Probes(controller, watching.watchers, expected)
    server = await web.serve(controller, probes, settings.metrics_port)
    await _wait_for_kinds(api)
    ready = asyncio.Event()
    task = asyncio.create_task(_run_for_lease(ready, election, controller), name="election")

    async def end(**_: Any) -> None:
        await _end(task, election)

    try:
        await kopf.operator(
            registry=watching.registry(controller.observe, end),
            settings=watching.settings(),
            # kopf would look up the user's name, and a numeric user has none.
            identity=cast("Any", identity),
            standalone=True,
            clusterwide=not settings.watch_namespaces,
            namespaces=settings.watch_namespaces,
            ready_flag=ready,
        )
    finally:
        await _end(task, election)
        await server.cleanup()
        await gateways.close()
        await api.close()


async def _run_for_lease(ready: asyncio.Event, election: Election, controller: Controller) -> None:
    """A replica that cannot even run for the Lease ends and is started anew."""
    await ready.wait()
    try:
        await election.run(controller.lead)
    except Exception:
        logger.exception("running for the Lease failed")
        end_process("the election failed")


async def _wait_for_kinds(api: Api) -> None:
    """The CRDs may be applied after the operator; kopf would not notice them later."""
    while True:
        try:
            if await api.serves(API_VERSION):
                return
            logger.warning("%s is not served yet: apply the CRDs", API_VERSION)
        except ApiError as error:
            logger.warning("the API server does not answer yet: %s", error)
        await asyncio.sleep(CRD_PAUSE)


async def _end(task: asyncio.Task[None], election: Election) -> None:
    """Stop writing first, give the Lease back then, so that a standby takes over at once."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    try:
        await asyncio.wait_for(election.release(), END_SECONDS)
    except (TimeoutError, ApiError) as error:
        logger.warning("the Lease was not given back: %s", error)
