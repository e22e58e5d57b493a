"""The floor over HTTP: what it shows, hands out and does, and the whole program once."""

import asyncio
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from pymodbus.client import AsyncModbusTcpClient

from plantwright_shopfloor.config import FloorConfig, MachineConfig
from plantwright_shopfloor.control import application
from plantwright_shopfloor.floor import Simulation, running
from plantwright_shopfloor.ledger import read


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    machines = [MachineConfig(name=name, protocol="ModbusTCP", port=0) for name in ("lathe-01", "lathe-02")]
    async with running(FloorConfig(machines=machines, host="127.0.0.1", ledger_dir=str(tmp_path))) as floor:
        runner = web.AppRunner(application(floor))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        await runner.cleanup()


async def poll(url: str, session: aiohttp.ClientSession, times: int) -> None:
    async with session.get(f"{url}/machines") as response:
        port = (await response.json())[0]["port"]
    reader = AsyncModbusTcpClient("127.0.0.1", port=port, timeout=2, retries=0, reconnect_delay=0)
    await reader.connect()
    for _ in range(times):
        await reader.read_holding_registers(0, count=2)
    reader.close()


async def test_ledgers(url: str) -> None:
    async with aiohttp.ClientSession() as session:
        await poll(url, session, 3)
        async with session.get(f"{url}/ledger?machine=lathe-01") as response:
            offers = read((await response.read()).splitlines())
        async with session.get(f"{url}/ledger") as response:
            assert read((await response.read()).splitlines()) == offers
        async with session.get(f"{url}/ledger?machine=none") as response:
            assert response.status == 404
        async with session.get(f"{url}/healthz") as response:
            assert response.status == 200
    assert [offer.number for offer in offers["lathe-01"]] == [1, 2, 3]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ('{"machine":"lathe-01","action":"pause"}', 200),
        ('{"machine":"lathe-01","action":"resume"}', 200),
        ('{"machine":"*","action":"reboot","seconds":0.1}', 200),
        ('{"machine":"lathe-01","action":"disturb","seconds":0.1}', 200),
        ('{"machine":"lathe-01","action":"explode"}', 400),
        ('{"machine":"lathe-09","action":"stop"}', 404),
        ("[", 400),
    ],
)
async def test_control(url: str, body: str, status: int) -> None:
    async with aiohttp.ClientSession() as session, session.post(f"{url}/control", data=body) as response:
        assert response.status == status, await response.text()


async def test_stop_and_start(url: str) -> None:
    async with aiohttp.ClientSession() as session:
        await session.post(f"{url}/control", json={"machine": "lathe-01", "action": "stop"})
        async with session.get(f"{url}/machines") as response:
            port = (await response.json())[0]["port"]
        with pytest.raises(OSError):  # noqa: PT011
            await asyncio.open_connection("127.0.0.1", port)
        await session.post(f"{url}/control", json={"machine": "lathe-01", "action": "start"})
        await poll(url, session, 1)


async def test_the_program_starts_and_ends(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    config = tmp_path / "shopfloor.yaml"
    config.write_text(
        f"host: 127.0.0.1\nhttpPort: {port}\nledgerDir: {tmp_path}/ledger\nfleets: [{{prefix: load, count: 60, firstPort: 0}}]\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "plantwright_shopfloor", "--config", str(config), stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    started = [await asyncio.wait_for(process.stderr.readline(), 10) for _ in range(60)]
    assert b"load-060: ModbusTCP at port" in started[-1]
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), 10) == 0


def test_a_disturbance_passes() -> None:
    machine = Simulation(MachineConfig(name="lathe-01", protocol="ModbusTCP", port=1), FloorConfig())
    before = machine.look()
    machine.disturb(0.05)
    during = machine.look()
    assert {name for name in before if during[name] == 655.35} == {"coolantPressure", "vibration"}
    time.sleep(0.06)
    assert 655.35 not in machine.look().values()
