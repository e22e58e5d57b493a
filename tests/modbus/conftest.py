"""A device to read from: pymodbus' own server on loopback."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import Any

import pytest
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from plantwright_api.wire.config import ModbusAddress, ModbusSource, Signal
from plantwright_gateway.sources.modbus import client

PATIENCE_SECONDS = 10.0


class Device:
    """A Modbus server with one value per address; `requests` are the PDUs it saw, as (function, address, count)."""

    def __init__(self) -> None:
        self.requests: list[tuple[int, int, int]] = []
        self.port = 0
        self._server: ModbusTcpServer | None = None

    async def start(self, devices: list[SimDevice], port: int = 0) -> None:
        self._server = ModbusTcpServer(devices, address=("127.0.0.1", port), trace_pdu=self._trace)
        await self._server.listen()
        self.port = self._server.transport.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server:
            await self._server.shutdown()
            self._server = None

    def _trace(self, sending: bool, pdu: Any) -> Any:
        if not sending:
            self.requests.append((pdu.function_code, pdu.address, pdu.count))
        return pdu


@pytest.fixture
def recorder(recorder: Any) -> Iterator[Any]:
    """As for every source; but a Modbus device is never merely idle."""
    yield recorder
    assert recorder.confirmed == []


@pytest.fixture
async def device() -> AsyncIterator[Device]:
    device = Device()
    yield device
    await device.stop()


@pytest.fixture
def registers() -> Callable[..., list[SimDevice]]:
    """`registers({address: [words]}, units=[1])`: devices with these holding and input registers, nothing else."""

    def build(holding: dict[int, list[int]], *, units: Sequence[int] = (1,)) -> list[SimDevice]:
        def block() -> list[SimData]:
            return [
                SimData(address, values=list(words), datatype=DataType.REGISTERS)
                for address, words in sorted(holding.items())
            ]

        bits = [
            SimData(
                0, values=[True, False, True, True, False, False, False, False, True, False], datatype=DataType.BITS
            )
        ]
        return [SimDevice(unit, simdata=(list(bits), list(bits), block(), block())) for unit in units]

    return build


@pytest.fixture
def signal() -> Callable[..., Signal]:
    """`signal("name", address, type="Int16", table=…, interval_ms=…)`."""

    def build(name: str, address: int, *, interval_ms: int = 50, **place: Any) -> Signal:
        place = {"table": "HoldingRegister", "type": "UInt16"} | place
        return Signal(
            name=name,
            contract="c",
            field=name,
            interval_ms=interval_ms,
            modbus=ModbusAddress(address=address, **place),
        )

    return build


@pytest.fixture
async def reading(recorder: Any) -> AsyncIterator[Callable[..., Awaitable[asyncio.Task[None]]]]:
    """`await reading(port, signals, **source)`: a ModbusSource at work until the test ends."""
    tasks: list[asyncio.Task[None]] = []

    async def start(port: int, signals: list[Signal], **source: Any) -> asyncio.Task[None]:
        config = ModbusSource(host=source.pop("host", "127.0.0.1"), port=port, **({"timeout_ms": 500} | source))
        task = asyncio.create_task(client.ModbusSource(config, signals, "lathe-07").run(recorder))
        tasks.append(task)
        return task

    yield start
    for task in tasks:
        task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.gather(*tasks)
