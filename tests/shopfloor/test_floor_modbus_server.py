"""The Modbus server as a client of another library sees it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ConnectionException, ModbusIOException

from plantwright_shopfloor.config import FloorConfig, MachineConfig
from plantwright_shopfloor.floor import Floor, running
from plantwright_shopfloor.ledger import read, read_counts


def free_ports(count: int) -> list[int]:
    import socket

    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


@pytest.fixture
async def floor(tmp_path: Path) -> AsyncIterator[Floor]:
    lathe, press = free_ports(2)
    machines = [
        MachineConfig(name="lathe-01", protocol="ModbusTCP", port=lathe, good_parts=65_535),
        MachineConfig(name="press-01", protocol="ModbusTCP", port=press, layout="press", unit_id=1),
        MachineConfig(name="press-02", protocol="ModbusTCP", port=press, layout="press", unit_id=2),
    ]
    config = FloorConfig(machines=machines, host="127.0.0.1", ledger_dir=str(tmp_path), max_sessions=2, pace=50.0)
    async with running(config) as floor:
        yield floor


def port(floor: Floor, machine: str) -> int:
    return int(floor.machines[machine].station.describe()["port"])


async def client(floor: Floor, machine: str, patience: float = 2.0) -> AsyncModbusTcpClient:
    made = AsyncModbusTcpClient("127.0.0.1", port=port(floor, machine), timeout=patience, retries=0, reconnect_delay=0)
    assert await made.connect()
    return made


def numbers(floor: Floor, machine: str) -> list[int]:
    ledger = floor.machines[machine].ledger
    ledger.flush()
    return [offer.number for offer in read(ledger.path.read_bytes().splitlines()).get(machine, [])]


async def test_every_answer_with_the_sequence_is_numbered(floor: Floor) -> None:
    reader = await client(floor, "lathe-01")
    got = []
    for _ in range(5):
        answer = await reader.read_holding_registers(0, count=20)
        got.append(reader.convert_from_registers(answer.registers[:2], reader.DATATYPE.UINT32))
    await reader.read_holding_registers(2, count=10)
    reader.close()
    assert got == [1, 2, 3, 4, 5] == numbers(floor, "lathe-01")


async def test_all_four_tables_and_what_is_refused(floor: Floor) -> None:
    reader = await client(floor, "lathe-01")
    assert len((await reader.read_input_registers(0, count=12)).registers) == 12
    assert (await reader.read_discrete_inputs(0, count=8)).bits[0] in (True, False)
    assert (await reader.read_coils(0, count=3)).isError() is False
    assert (await reader.read_holding_registers(64, count=1)).exception_code == 2
    assert (await reader.write_register(2, 1)).exception_code == 1
    assert (await reader.read_holding_registers(0, count=2, device_id=9)).exception_code == 11
    reader.close()
    assert floor.machines["lathe-01"].station.describe()["functions"] == {"1": 1, "2": 1, "3": 2, "4": 1, "6": 1}


async def test_units_of_one_port_are_machines_of_their_own(floor: Floor) -> None:
    reader = await client(floor, "press-01")
    for unit, times in ((1, 2), (2, 3)):
        for _ in range(times):
            answer = await reader.read_holding_registers(100, count=3, device_id=unit)
        low, high = answer.registers[:2]
        assert (low, high) == (times, 0)
    reader.close()
    assert (numbers(floor, "press-01"), numbers(floor, "press-02")) == ([1, 2], [1, 2, 3])


async def test_the_part_counter_rolls_over_at_16_bits(floor: Floor) -> None:
    reader = await client(floor, "lathe-01")
    async with asyncio.timeout(10):
        seen = 65_535
        while seen > 1000:
            seen = (await reader.read_holding_registers(3, count=1)).registers[0]
            await asyncio.sleep(0.05)
    reader.close()


async def test_sessions_are_limited(floor: Floor) -> None:
    two = [await client(floor, "lathe-01") for _ in range(2)]
    third = AsyncModbusTcpClient("127.0.0.1", port=port(floor, "lathe-01"), timeout=0.5, retries=0, reconnect_delay=0)
    await third.connect()
    with pytest.raises((ModbusIOException, ConnectionException)):
        await third.read_holding_registers(0, count=2)
    assert not (await two[0].read_holding_registers(0, count=2)).isError()
    for reader in (*two, third):
        reader.close()
    assert floor.machines["lathe-01"].station.describe()["refusedSessions"] == 1


async def test_a_paused_server_takes_requests_and_is_silent(floor: Floor) -> None:
    reader = await client(floor, "lathe-01", patience=0.3)
    floor.machines["lathe-01"].station.pause()
    with pytest.raises(ModbusIOException):
        await reader.read_holding_registers(0, count=2)
    floor.machines["lathe-01"].station.resume()
    reader.close()
    again = await client(floor, "lathe-01")
    assert not (await again.read_holding_registers(0, count=2)).isError()
    again.close()


async def test_reboot_drops_and_comes_back_on_the_same_port(floor: Floor) -> None:
    reader = await client(floor, "lathe-01")
    await reader.read_holding_registers(0, count=2)
    await floor.machines["lathe-01"].reboot(0.3)
    with pytest.raises(OSError):  # noqa: PT011
        await asyncio.open_connection("127.0.0.1", port(floor, "lathe-01"))
    reader.close()
    await asyncio.sleep(0.45)
    again = await client(floor, "lathe-01")
    answer = await again.read_holding_registers(0, count=2)
    assert answer.registers == [0, 2]
    again.close()


async def test_garbage_closes_only_its_own_connection(floor: Floor) -> None:
    good = await client(floor, "lathe-01")
    reader, writer = await asyncio.open_connection("127.0.0.1", port(floor, "lathe-01"))
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    try:
        assert await asyncio.wait_for(reader.read(), 2) == b""
    except ConnectionError:
        pass
    finally:
        writer.close()
    assert not (await good.read_holding_registers(0, count=2)).isError()
    good.close()


@pytest.mark.parametrize("blocks", [((0, 5),), ((0, 3), (3, 2))], ids=["one answer", "two answers"])
async def test_the_ledger_has_what_each_number_showed(floor: Floor, blocks: tuple[tuple[int, int], ...]) -> None:
    reader = await client(floor, "lathe-01")
    shown = []
    for _ in range(25):
        registers: list[int] = []
        for first, count in blocks:
            registers += (await reader.read_holding_registers(first, count=count)).registers
            await asyncio.sleep(0.04)
        shown.append((registers[0] << 16 | registers[1], registers[3], registers[4]))
    reader.close()
    ledger = floor.machines["lathe-01"].ledger
    ledger.flush()
    entries = read_counts(ledger.path.read_bytes().splitlines())["lathe-01"]
    begin = 65_535
    assert [(e.number, (e.made.good + begin) % 65_536, e.made.rejected) for e in entries] == shown
    assert len({good for _, good, _ in shown}) > 1, "parts were made"
