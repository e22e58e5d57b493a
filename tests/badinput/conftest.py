"""What the rows of bad input share: the evil servers' folder on the path, sources at work, and how much memory they took."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from plantwright_api.wire.config import ModbusAddress, ModbusSource, OpcUaAddress, OpcUaSource, Signal

sys.path.insert(0, str(Path(__file__).parents[1] / "chaos" / "tools"))


class Memory:
    """The most memory this process has held since the last `mark`, beyond what it held then. Linux only."""

    def mark(self) -> None:
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        self._before = self._read("VmRSS")

    def grown_mb(self) -> float:
        """MB (10^6 bytes)."""
        return (self._read("VmHWM") - self._before) / 1e6

    @staticmethod
    def _read(field: str) -> int:
        line = next(each for each in Path("/proc/self/status").read_text().splitlines() if each.startswith(field))
        return int(line.split()[1]) * 1024


@pytest.fixture
def memory() -> Memory:
    found = Memory()
    found.mark()
    return found


@pytest.fixture
async def tasks() -> AsyncIterator[list[asyncio.Task[None]]]:
    """What is to be ended with the test; one that failed before fails the test."""
    running: list[asyncio.Task[None]] = []
    yield running
    ended = [task for task in running if task.done()]
    for task in running:
        task.cancel()
    left = (await asyncio.wait(running, timeout=5))[1] if running else set()
    assert not left, f"a source does not end: {[task.get_stack() for task in left]}"
    assert not ended, f"a source ended by itself: {ended}"


Start = Callable[..., Awaitable[asyncio.Task[None]]]


@pytest.fixture
def read_opcua(tasks: list[asyncio.Task[None]], recorder: Any) -> Start:
    """`await read_opcua(url, {"signal": "node id"}, receiver=…, **source)`: an OPC UA source at work until the test ends."""
    from plantwright_gateway.sources.opcua import client

    async def start(url: str, nodes: dict[str, str], *, receiver: Any = None, **source: Any) -> asyncio.Task[None]:
        signals = [
            Signal(name=name, contract="c", field=name, interval_ms=50, opcua=OpcUaAddress(node_id=node))
            for name, node in nodes.items()
        ]
        given = {"timeout_ms": 1000, "publishing_interval_ms": 50, "security_mode": "None", **source}
        adapter = client.OpcUaSource(OpcUaSource(url=url, **given), signals, "press-1")
        tasks.append(asyncio.create_task(adapter.run(receiver or recorder)))
        return tasks[-1]

    return start


@pytest.fixture
def read_modbus(tasks: list[asyncio.Task[None]], recorder: Any) -> Start:
    """`await read_modbus(port, {"signal": address}, receiver=…, **source)`: a Modbus source at work until the test ends."""
    from plantwright_gateway.sources.modbus import client

    async def start(port: int, places: dict[str, Any], *, receiver: Any = None, **source: Any) -> asyncio.Task[None]:
        signals = [
            Signal(name=name, contract="c", field=name, interval_ms=20, modbus=address_of(place))
            for name, place in places.items()
        ]
        config = ModbusSource(host="127.0.0.1", port=port, **{"timeout_ms": 500, **source})
        tasks.append(asyncio.create_task(client.ModbusSource(config, signals, "lathe-07").run(receiver or recorder)))
        return tasks[-1]

    return start


def address_of(place: Any) -> ModbusAddress:
    """An address as it stands, or a holding register of 16 bits."""
    if isinstance(place, ModbusAddress):
        return place
    return ModbusAddress(table="HoldingRegister", address=place, type="UInt16")
