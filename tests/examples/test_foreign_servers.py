"""The foreign servers as the libraries that the gateway uses see them: real input that shares no code with those."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from asyncua import Client, ua
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256
from asyncua.crypto.uacrypto import CertProperties
from pymodbus.client import AsyncModbusTcpClient

from plantwright_shopfloor import certificates
from plantwright_shopfloor.ledger import Offer, read
from plantwright_shopfloor.oracle import nanoseconds

pytestmark = pytest.mark.slow

FOREIGN = Path(__file__).parents[2] / "examples" / "foreign"
NODE_SERVER = FOREIGN / "node-opcua"


def free_ports() -> tuple[int, int]:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        return one.getsockname()[1], two.getsockname()[1]


class Server:
    def __init__(self, port: int, http: int) -> None:
        self.port, self.http = port, http

    def offers(self, machine: str) -> list[Offer]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http}/ledger", timeout=10) as response:
            return read(response.read().splitlines()).get(machine, [])


@asynccontextmanager
async def started(words: list[str], folder: Path, patience: float, **env: str) -> AsyncIterator[Server]:
    server = Server(*free_ports())
    settings = {"HOST": "127.0.0.1", "PORT": str(server.port), "HTTP_PORT": str(server.http)}
    process = await asyncio.create_subprocess_exec(
        *words, env=os.environ | settings | env, stdout=asyncio.subprocess.PIPE, cwd=folder
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(patience):
            while f"at port {server.port}".encode() not in (line := await process.stdout.readline()):
                assert line, "the server ended"
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 10) == 0


@pytest.fixture(scope="module")
def saw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = shutil.which("gcc") and subprocess.run(["pkg-config", "libmodbus"], check=False).returncode == 0
    if not found:
        pytest.skip("apt-get install gcc libmodbus-dev pkg-config")
    folder = tmp_path_factory.mktemp("saw")
    for name in ("saw.c", "Makefile"):
        shutil.copy(FOREIGN / "libmodbus" / name, folder)
    subprocess.run(["make", "-s", "-C", str(folder), "CC=gcc"], check=True)
    return folder


async def test_libmodbus_numbers_each_answer_with_the_sequence(saw: Path, tmp_path: Path) -> None:
    async with started([str(saw / "saw")], saw, 5, LEDGER_DIR=str(tmp_path)) as server:
        reader = AsyncModbusTcpClient("127.0.0.1", port=server.port, timeout=2, retries=0, reconnect_delay=0)
        await reader.connect()
        got = []
        for _ in range(5):
            registers = (await reader.read_holding_registers(0, count=8)).registers
            got.append(reader.convert_from_registers(registers[:2], reader.DATATYPE.UINT32))
        power = reader.convert_from_registers(registers[6:8], reader.DATATYPE.FLOAT32)
        await reader.read_holding_registers(2, count=2)
        assert (await reader.read_holding_registers(0, count=9)).isError()
        assert (await reader.read_input_registers(0, count=1)).registers[0] >= 250
        assert (await reader.read_discrete_inputs(0, count=1)).bits[0] is True
        reader.close()
        assert isinstance(power, float)
        assert 4.0 < power < 5.0
        assert [offer.number for offer in server.offers("foreign-modbus")] == got == [1, 2, 3, 4, 5]
    async with started([str(saw / "saw")], saw, 5, LEDGER_DIR=str(tmp_path)) as server:
        reader = AsyncModbusTcpClient("127.0.0.1", port=server.port, timeout=2, retries=0, reconnect_delay=0)
        await reader.connect()
        assert (await reader.read_holding_registers(0, count=2)).registers == [0, 6]
        reader.close()


class Notices:
    def __init__(self) -> None:
        self.offers: list[Offer] = []

    def datachange_notification(self, _node: Any, value: int, data: Any) -> None:
        time = data.monitored_item.Value.SourceTimestamp.replace(tzinfo=UTC)
        self.offers.append(Offer(value, nanoseconds(time)))


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not (NODE_SERVER / "node_modules").is_dir() or shutil.which("node") is None:
        pytest.skip("npm ci in examples/foreign/node-opcua")
    folder = tmp_path_factory.mktemp("certificates")
    certificates.write_all(folder / "good", ["foreign-opcua"], "shopfloor", "plant", datetime.now(UTC))
    certificates.write_all(folder / "strange", [], "shopfloor", "plant", datetime.now(UTC))
    return folder


@pytest.fixture
async def mill(keys: Path, tmp_path: Path) -> AsyncIterator[Server]:
    env = {"CERTIFICATES": str(keys / "good" / "foreign-opcua"), "PKI_DIR": str(tmp_path / "pki"), "TICK_MS": "100"}
    async with started(["node", "server.js"], NODE_SERVER, 60, LEDGER_DIR=str(tmp_path), **env) as server:
        yield server


async def secured(server: Server, keys: Path, authority: str) -> Client:
    client = Client(f"opc.tcp://127.0.0.1:{server.port}", timeout=5)
    client.application_uri = certificates.CLIENT_URI
    await client.set_security(
        SecurityPolicyBasic256Sha256,
        certificate=CertProperties(keys / authority / "client" / "tls.crt", "pem"),
        private_key=CertProperties(keys / authority / "client" / "tls.key", "pem"),
        server_certificate=CertProperties(keys / "good" / "foreign-opcua" / "tls.crt", "pem"),
        mode=ua.MessageSecurityMode.SignAndEncrypt,
    )
    return client


async def test_node_opcua_notifies_each_number_once_and_refuses_strangers(mill: Server, keys: Path) -> None:
    notices = Notices()
    async with await secured(mill, keys, "good") as client:
        index = await client.get_namespace_index("http://plantwright.example/foreign")
        subscription = await client.create_subscription(100, notices)
        await subscription.subscribe_data_change(client.get_node(f"ns={index};s=Mill.Sequence"), queuesize=100)
        await asyncio.sleep(1.5)
        assert await client.get_node(f"ns={index};s=Mill.Program").read_value() == "P100"
    seen = notices.offers
    assert len(seen) > 8
    assert seen == [o for o in mill.offers("foreign-opcua") if seen[0].number <= o.number <= seen[-1].number]
    with pytest.raises((ua.UaError, ConnectionError, TimeoutError)):
        await (await secured(mill, keys, "strange")).connect()
