"""Two replicas, one writer; and an API server that goes away for a while."""

import asyncio
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = [pytest.mark.apiserver, pytest.mark.slow]

LEASE = 6.0
RENEW = 4.0
SHORT = {"LEASE_DURATION_SECONDS": "6", "LEASE_RENEW_DEADLINE_SECONDS": "4"}
EXIT_CODE = 3


async def until(done: Callable[[], Any], seconds: float = 20.0) -> Any:
    """Wait until `done` gives something true."""
    async with asyncio.timeout(seconds):
        while True:
            found = await done()
            if found:
                return found
            await asyncio.sleep(0.05)


@pytest.mark.row("O6")
async def test_a_stopped_leader_is_replaced_and_writes_nothing_when_it_wakes(
    world: Any, start_operator: Callable[..., Any], measured: Callable[[str], None]
) -> None:
    leader = await start_operator(**SHORT)
    standby = await start_operator(leading=False, **SHORT)
    await world.base()
    await world.apply("Machine")
    await world.ready()
    await until(lambda: _is_ready(standby))
    assert standby.writes() == {}
    leader.signal(signal.SIGSTOP)
    stopped = time.monotonic()
    await until(standby.leads, LEASE + 15)
    takeover = time.monotonic() - stopped
    assert takeover >= RENEW, "not before the old leader's own deadline"
    signals = world.raw("MachineProfile")["spec"]["signals"]
    signals[0]["intervalMilliseconds"] = 250
    await world.apply("MachineProfile", signals=signals)
    await world.apply("Machine", "press-2", endpoint={"url": "modbus+tcp://10.2.3.5"})
    await world.ready("press-2")
    woken = time.time()
    leader.signal(signal.SIGCONT)
    await until(lambda: asyncio.sleep(0, leader.process.poll() is not None), 10)
    assert leader.process.returncode == EXIT_CODE
    assert leader.writes(woken) == {}
    measured(f"takeover {takeover:.0f} s after the stop at a Lease of {LEASE:.0f} s, 0 writes of the woken leader")


async def _is_ready(operator: Any) -> bool:
    return bool((await operator.get("/readyz"))[0] == 200)


async def test_a_leader_that_is_told_to_end_hands_over_at_once(world: Any, start_operator: Callable[..., Any]) -> None:
    leader = await start_operator(**SHORT)
    standby = await start_operator(leading=False, **SHORT)
    await world.base()
    await world.apply("Machine")
    await world.ready()
    start = time.monotonic()
    assert leader.stop() == 0
    assert time.monotonic() - start < 5
    await until(standby.leads, LEASE)
    assert time.monotonic() - start < LEASE, "the Lease was given back, not left to expire"
    await asyncio.sleep(2)
    assert not [k for k in standby.writes() if not k[0].endswith("/status") or k[0] == "machines/status"]


async def test_a_killed_leader_is_replaced(world: Any, start_operator: Callable[..., Any]) -> None:
    leader = await start_operator(**SHORT)
    standby = await start_operator(leading=False, **SHORT)
    leader.process.kill()
    await until(standby.leads, LEASE + 15)
    await world.base()
    await world.apply("Machine")
    await world.ready()


async def test_the_api_server_may_go_away_for_longer_than_the_lease(
    cluster: Any, world: Any, start_operator: Callable[..., Any], restart_api_server: Callable[[], None]
) -> None:
    """The leader ends itself, as it must; started again, as its Deployment would, it goes on where it was."""
    operator = await start_operator(**SHORT)
    await world.base()
    await world.apply("Machine")
    await world.ready()
    cluster.kill_component("kube-apiserver")
    await until(lambda: asyncio.sleep(0, operator.process.poll() is not None), RENEW + 5)
    assert operator.process.returncode == EXIT_CODE
    restart_api_server()
    operator.start()
    await until(operator.leads, 30)
    await world.apply("Machine", "press-2", endpoint={"url": "modbus+tcp://10.2.3.5"})
    await world.ready("press-2", 40)


async def test_a_short_break_of_the_api_server_ends_nothing(
    cluster: Any, world: Any, start_operator: Callable[..., Any], restart_api_server: Callable[[], None]
) -> None:
    times = {
        "LEASE_DURATION_SECONDS": "30",
        "LEASE_RENEW_DEADLINE_SECONDS": "20",
        "LEASE_RETRY_PERIOD_SECONDS": "1",
    }
    operator = await start_operator(**times)
    await world.base()
    await world.apply("Machine")
    await world.ready()
    cluster.kill_component("kube-apiserver")
    restart_api_server()
    await world.apply("Machine", "press-2", endpoint={"url": "modbus+tcp://10.2.3.5"})
    await world.ready("press-2", 40)
    assert operator.process.poll() is None
    assert (await operator.get("/healthz"))[0] == 200
