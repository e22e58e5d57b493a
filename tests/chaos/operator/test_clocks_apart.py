"""O6: two operators whose clocks are ninety seconds apart; a stopped leader is in tests/apiserver/test_operator_leadership.py."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.apiserver, pytest.mark.slow, pytest.mark.row("O6")]

LEASE = 6.0
SHORT = {"LEASE_DURATION_SECONDS": "6", "LEASE_RENEW_DEADLINE_SECONDS": "4"}
SHIFT = """
import datetime, os, time
_shift, _now = float(os.environ["CLOCK_SHIFT"]), time.time
class _Shifted(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(time.time(), tz)
    @classmethod
    def utcnow(cls):
        return cls.now(datetime.timezone.utc).replace(tzinfo=None)
time.time = lambda: _now() + _shift
datetime.datetime = _Shifted
"""
"""Python's wall clock, moved; monotonic time, which no administrator can set, stays."""


@pytest.mark.parametrize("shift", ["90", pytest.param("-90", marks=pytest.mark.chaos)])
async def test_clocks_that_differ_take_no_lease_too_early_or_too_late(
    world: Any,
    start_operator: Callable[..., Awaitable[Any]],
    eventually: Callable[..., Any],
    tmp_path: Path,
    shift: str,
    measured: Callable[[str], None],
) -> None:
    (tmp_path / "sitecustomize.py").write_text(SHIFT)
    leader = await start_operator(**SHORT)
    standby = await start_operator(leading=False, PYTHONPATH=str(tmp_path), CLOCK_SHIFT=shift, **SHORT)
    await world.base()
    await world.apply("Machine")
    await world.ready()
    await asyncio.sleep(LEASE + 2)
    assert await leader.leads()
    assert not await standby.leads()
    assert standby.writes() == {}
    leader.signal(signal.SIGSTOP)
    stopped = time.monotonic()
    await eventually(standby.leads, LEASE + 15)
    took = time.monotonic() - stopped
    await world.apply("Machine", "press-2", endpoint={"url": "modbus+tcp://10.2.3.5"})
    await world.ready("press-2")
    woken = time.time()
    leader.signal(signal.SIGCONT)
    await eventually(lambda: leader.process.poll() is not None, 10)
    assert leader.writes(woken) == {}
    assert len(await world.list("statefulsets")) == 2
    measured(
        f"clocks {shift} s apart: takeover {took:.0f} s after the stop at a Lease of {LEASE:.0f} s, nothing written on waking"
    )
