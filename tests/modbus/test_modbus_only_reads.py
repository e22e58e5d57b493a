"""A gateway cannot write to a Modbus device: no code asks for it, and a frame that is no read never leaves."""

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pymodbus.client import AsyncModbusTcpClient

from plantwright_api.wire.config import ModbusSource
from plantwright_gateway.sources.modbus import client

SOURCES = Path(client.__file__).parent
READS = {"read_coils", "read_discrete_inputs", "read_holding_registers", "read_input_registers"}
WRITES: dict[str, tuple[int, dict[str, Any]]] = {
    "write_coil": (5, {"address": 0, "value": True}),
    "write_register": (6, {"address": 0, "value": 1}),
    "write_coils": (15, {"address": 0, "values": [True]}),
    "write_registers": (16, {"address": 0, "values": [1]}),
    "mask_write_register": (22, {"address": 0, "and_mask": 1, "or_mask": 1}),
    "readwrite_registers": (23, {"read_address": 0, "read_count": 1, "write_address": 0, "values": [1]}),
}


def requests() -> set[str]:
    """Every request that pymodbus offers, by the name of its method."""
    offered = inspect.getmembers(AsyncModbusTcpClient, inspect.isfunction)
    return {name for name, method in offered if "device_id" in inspect.signature(method).parameters}


def used(path: Path) -> Iterator[str]:
    """Every attribute that a module looks up, and every name that it imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.ImportFrom | ast.Import):
            yield from (alias.name.rpartition(".")[2] for alias in node.names)


def test_the_gateway_asks_for_reads_only() -> None:
    assert set(WRITES) <= requests()
    for path in SOURCES.rglob("*.py"):
        asked = set(used(path))
        assert asked & requests() <= READS, path
        assert not asked & {"execute", "send", "sendall", "transport"}, path


async def test_no_frame_but_a_read_reaches_a_device(device: Any, registers: Any) -> None:
    await device.start(registers({0: [1, 2, 3]}))
    link = client.Link(ModbusSource(host="127.0.0.1", port=device.port, timeout_ms=500))
    for name, (function, arguments) in WRITES.items():
        await link.open()
        with pytest.raises(client.NoReadError, match=f"function {function} "):
            await getattr(link._client, name)(**arguments, device_id=1)
        link.close()
    assert device.requests == []
    await link.open()
    await link._client.read_holding_registers(0, count=1, device_id=1)
    link.close()
    assert device.requests == [(3, 0, 1)]
