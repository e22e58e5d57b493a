"""F11: connections that stay open and say nothing, or a byte a second: noticed, told, and overcome; data goes on meanwhile."""

import asyncio
import contextlib
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from chaosproxy import ChaosProxy, chaos_proxy
from ledger import verdict

from plantwright_api.wire.config import ModbusAddress, ModbusSource, Signal
from plantwright_gateway.sources.modbus.client import ModbusSource as Client

SERVER = Path(__file__).parents[2] / "load" / "doubtful_values.py"
NOTICED_SECONDS = 15.0
STALLS = {"half open": {"hold": True}, "a byte a second": {"drip": 1}}


def stall(proxy: ChaosProxy, **faults: Any) -> None:
    for name, value in faults.items():
        setattr(proxy.faults, name, value)


def heal(proxy: ChaosProxy) -> None:
    proxy.faults.hold, proxy.faults.drip = False, 0


@pytest.mark.slow
@pytest.mark.row("F11")
@pytest.mark.parametrize("faults", STALLS.values(), ids=STALLS)
async def test_an_mes_that_stalls_is_told_and_loses_nothing(
    gateway: Any, mes: Any, proxy: ChaosProxy, measured: Callable[[str], None], faults: dict[str, Any]
) -> None:
    gateway.configure(f"http://127.0.0.1:{proxy.port}")
    await gateway.start(RATE=500)
    await gateway.until_status(lambda found: found["accepted"] and not found["sinks"][0]["lastError"])
    stall(proxy, **faults)
    began, before = time.monotonic(), gateway.kept()
    await gateway.until_status(lambda found: found["sinks"][0]["lastError"], NOTICED_SECONDS)
    noticed = time.monotonic() - began
    assert gateway.kept() > before, "collecting goes on"
    heal(proxy)
    await gateway.end(15)
    await gateway.start(LAST=1)
    await gateway.until_drained()
    found = verdict(gateway.ledger, mes.numbers)
    measured(f"MES {faults}: noticed in {noticed:.1f} s; {found}")
    assert found.holds, found


async def listening(port: int) -> None:
    """Wait until something listens there."""
    async with asyncio.timeout(10):
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.05)


@pytest.fixture
async def device(tmp_path: Path) -> AsyncIterator[ChaosProxy]:
    """A chaos proxy before a Modbus device in a process of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [str(SERVER), str(port), "4", "0.0", str(tmp_path / "device")]
    process = await asyncio.create_subprocess_exec(sys.executable, *words)
    try:
        await listening(port)
        async with chaos_proxy(port) as proxy:
            yield proxy
    finally:
        process.terminate()
        await process.wait()


@pytest.mark.slow
@pytest.mark.row("F11")
@pytest.mark.parametrize("faults", STALLS.values(), ids=STALLS)
async def test_a_machine_that_stalls_is_told_and_read_again(
    device: ChaosProxy, recorder: Any, measured: Callable[[str], None], faults: dict[str, Any]
) -> None:
    address = ModbusAddress(table="HoldingRegister", address=0, type="Float32")
    signal = Signal(name="s0", contract="c", field="s0", interval_ms=200, modbus=address)
    source = Client(ModbusSource(host="127.0.0.1", port=device.port), [signal], "device")
    reading = asyncio.create_task(source.run(recorder))
    await recorder.until(lambda: recorder.values("s0"))
    stall(device, **faults)
    began = time.monotonic()
    await recorder.until(lambda: recorder.connections[-1][0] == "False", NOTICED_SECONDS)
    noticed = time.monotonic() - began
    heal(device)
    read = len(recorder.values("s0"))
    await recorder.until(lambda: recorder.connections[-1][0] == "True" and len(recorder.values("s0")) > read, 30.0)
    assert recorder.gaps, "what was not observed is a gap"
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    measured(f"Modbus device {faults}: noticed in {noticed:.1f} s ({recorder.reasons[-2]}), read again, gap recorded")
