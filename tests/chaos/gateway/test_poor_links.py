"""F12: a link that loses every fifth packet and takes 64 kbit/s. The gateway lives in a network namespace of its own."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from aiohttp import web
from ledger import verdict
from swiftmes import SwiftMes

NAMESPACE = f"plantwright-{os.getpid()}"
HOST, INSIDE = "10.213.77.1", "10.213.77.2"
LINK_BITS = 64_000
LOSS = 0.2


def run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True, timeout=20)


@pytest.fixture
def link() -> Iterator[None]:
    """A pair of interfaces, one of them in the namespace; each direction loses packets, and neither is faster than that."""
    if os.geteuid() != 0 or not all(map(shutil.which, ("ip", "tc", "iptables"))):
        pytest.skip("needs root, iproute2 and iptables")
    outer, inner = f"pw{os.getpid()}a"[:15], f"pw{os.getpid()}b"[:15]
    lost = ("-m", "statistic", "--mode", "random", "--probability", str(LOSS), "-j", "DROP")
    shape = ("root", "tbf", "rate", f"{LINK_BITS}bit", "burst", "3000", "latency", "600ms")
    inside = ("ip", "netns", "exec", NAMESPACE)
    run("ip", "netns", "add", NAMESPACE)
    try:
        run("ip", "link", "add", outer, "type", "veth", "peer", "name", inner, "netns", NAMESPACE)
        run("ip", "address", "add", f"{HOST}/30", "dev", outer)
        run("ip", "link", "set", outer, "up")
        run(*inside, "ip", "address", "add", f"{INSIDE}/30", "dev", inner)
        run(*inside, "ip", "link", "set", inner, "up")
        run(*inside, "ip", "link", "set", "lo", "up")
        run("tc", "qdisc", "add", "dev", outer, *shape)
        run(*inside, "tc", "qdisc", "add", "dev", inner, *shape)
        run(*inside, "iptables", "-A", "INPUT", "-s", HOST, *lost)
        run("iptables", "-I", "INPUT", "-i", outer, *lost)
        try:
            yield
        finally:
            run("iptables", "-D", "INPUT", "-i", outer, *lost)
    finally:
        run("ip", "netns", "delete", NAMESPACE)


class Counting(SwiftMes):
    """Counts the bytes of batches that it took."""

    def __init__(self) -> None:
        super().__init__()
        self.octets = 0

    async def handle(self, request: web.Request) -> web.Response:
        before = len(self.numbers)
        answer = await super().handle(request)
        if len(self.numbers) > before:
            self.octets += len(await request.read())
        return answer


@pytest.fixture
async def far(link: None) -> AsyncIterator[Counting]:
    found = Counting()
    app = web.Application(client_max_size=2**22)
    app.router.add_post("/v1/observations", found.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, HOST, 0).start()
    found.url = f"http://{HOST}:{runner.addresses[0][1]}"
    yield found
    await runner.cleanup()


async def over_the_link(gateway: Any, far: Counting, seconds: float) -> tuple[float, str]:
    """Feed more than the link takes for a while; the share of the link that was used, and the verdict."""
    gateway.configure(far.url)
    real = sys.executable
    gateway.command = ("ip", "netns", "exec", NAMESPACE, real)
    await gateway.start(RATE=2000)
    async with asyncio.timeout(120):
        while not far.octets:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    began, before = time.monotonic(), far.octets
    await asyncio.sleep(seconds)
    share = 8 * (far.octets - before) / (time.monotonic() - began) / LINK_BITS
    await gateway.end(signal.SIGKILL)
    found = verdict(gateway.ledger, far.numbers)
    assert not found.twice
    assert not found.invented
    assert found.in_order
    stored = max(far.numbers, default=0)
    assert not {number for number in found.lost if number < stored}, "what is not stored yet is the end of the backlog"
    return share, f"{len(far.numbers):,} numbers stored in order, none lost before the last, none twice"


@pytest.mark.chaos
@pytest.mark.row("F12")
async def test_a_poor_link_is_used_and_loses_nothing(
    gateway: Any, far: Counting, measured: Callable[[str], None]
) -> None:
    share, text = await over_the_link(gateway, far, 60.0)
    measured(f"20 % loss in each direction at 64 kbit/s, 60 s: {100 * share:.0f} % of the link; {text}")
    assert share >= 0.6
