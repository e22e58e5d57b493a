"""The process: find the gateways, follow them, show what they say, until told to stop."""

import asyncio
import contextlib
import signal
from collections.abc import Awaitable

from plantwright_board.feed.cluster import Cluster
from plantwright_board.feed.gateways import Gateways
from plantwright_board.feed.kubernetes import Api
from plantwright_board.model.board import Board
from plantwright_board.model.site import Site
from plantwright_board.settings import Settings, from_environment
from plantwright_board.web.hub import Hub
from plantwright_board.web.metrics import Metrics, Values
from plantwright_board.web.server import Viewers, serve
from plantwright_operator.cluster.service_account import ServiceAccount
from plantwright_operator.handlers import logs


def main() -> None:
    """Run the board until it is told to end."""
    logs.configure()
    asyncio.run(run(from_environment()))


async def run(settings: Settings) -> None:
    """Run until SIGTERM, SIGINT or a failure.

    Raises:
        OSError: the port is taken, or there is no token.
    """
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    board = Board(Site(settings.plant, time_zone=settings.time_zone))
    hub = Hub(board)
    viewers = Viewers(hub, settings.viewers)
    async with contextlib.AsyncExitStack() as stack:
        gateways = Gateways(board.hear, board.lose)
        stack.push_async_callback(gateways.close)
        cluster = None
        if settings.gateway_urls:
            gateways.follow({url: url for url in settings.gateway_urls})
        else:
            api = Api(ServiceAccount())
            stack.push_async_callback(api.close)
            cluster = Cluster(api, settings.namespace, settings.plant, settings.gateway_port, board, gateways)
        metrics = Metrics(settings.plant, lambda: told(board, gateways, viewers))
        runner = await serve(viewers, lambda: cluster is None or cluster.known, metrics.render, settings.port)
        stack.push_async_callback(runner.cleanup)
        works: list[Awaitable[object]] = [hub.run(), stopping.wait(), *([cluster.run()] if cluster else [])]
        await _first_to_end(works)


def told(board: Board, gateways: Gateways, viewers: Viewers) -> Values:
    """What the board tells of itself."""
    heard, silent = board.count()
    return {
        "plantwright_board_viewers": {"": viewers.count},
        "plantwright_board_max_viewers": {"": viewers.most},
        "plantwright_board_machines": {"true": heard, "false": silent},
        "plantwright_board_gateways": {"true": gateways.connected, "false": gateways.silent},
        "plantwright_board_received_events": {"": gateways.received},
        "plantwright_board_unreadable_events": {"": gateways.unreadable},
        "plantwright_board_sent_events": {"": viewers.sent},
        "plantwright_board_skipped_updates": {"": viewers.skipped},
        "plantwright_board_refused_viewers": {"": viewers.refused},
        "plantwright_board_dropped_viewers": {"": viewers.dropped},
    }


async def _first_to_end(works: list[Awaitable[object]]) -> None:
    """Run these until one ends; what failed is raised."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
