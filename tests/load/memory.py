"""Memory of one gateway process that reads a hundred signals of one protocol; no cluster.

The gateway runs on what its image holds and nothing else: the development environment adds megabytes. The shop floor's own
servers are read on loopback, OPC UA with SignAndEncrypt; a small MES takes what comes.
"""

import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

import procs
from figures import Figure, record
from harness import say
from plantwright_api.wire.config import (
    Buffer,
    Contract,
    ContractField,
    GatewayConfig,
    HttpSink,
    Location,
    Machine,
    ModbusAddress,
    ModbusSource,
    OpcUaAddress,
    OpcUaSource,
    Signal,
    encode,
)
from plantwright_shopfloor.certificates import write_all

SIGNALS = 100
RUN_SECONDS = 45.0
LIMIT_MB = 64
ROOT = Path(__file__).parents[2]


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def mes() -> AsyncIterator[tuple[str, list[int]]]:
    """Takes every batch; its address, and the number of events of each."""
    taken: list[int] = []

    async def take(request: web.Request) -> web.Response:
        batch = json.loads(await request.read())
        taken.append(len(batch))
        last = batch[-1]
        receipt = {"gatewayuid": last["gatewayuid"], "epoch": last["epoch"], "watermark": int(last["sequence"])}
        return web.json_response(receipt)

    app = web.Application(client_max_size=2**23)
    app.router.add_post("/v1/observations", take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1/observations", taken
    await runner.cleanup()


def modbus_signals() -> list[Signal]:
    """One register or bit each, over the whole map of the simulated lathe."""
    tables = {"HoldingRegister": 64, "InputRegister": 32, "DiscreteInput": 4}
    places = [(table, address) for table, size in tables.items() for address in range(size)]
    return [
        Signal(
            name=f"s{number}",
            contract="hundred",
            field=f"s{number}",
            interval_ms=1000,
            modbus=ModbusAddress(table=table, address=address, type="Bool" if table == "DiscreteInput" else "UInt16"),  # type: ignore[arg-type]
        )
        for number, (table, address) in enumerate(places)
    ]


def opcua_signals() -> list[Signal]:
    """A node each."""
    return [
        Signal(
            name=f"s{number}",
            contract="hundred",
            field=f"s{number}",
            interval_ms=500,
            opcua=OpcUaAddress(node_id=f"nsu=http://plantwright.example/shopfloor;s=Cell.s{number}"),
        )
        for number in range(SIGNALS)
    ]


def machine(folder: Path, source: ModbusSource | OpcUaSource, signals: list[Signal], url: str) -> Machine:
    """A machine whose contract has a field per signal."""
    fields = [ContractField(name=s.field, type="Boolean" if _is_bit(s) else "Number") for s in signals]
    return Machine(
        uid="memory",
        name="memory",
        namespace="plant",
        plant="stuttgart",
        location=Location(enterprise="acme", site="stuttgart", area="machining", line="line-1"),
        source=source,
        contracts=[Contract(name="hundred", version="1.0.0", fields=fields)],
        signals=signals,
        sinks=[HttpSink(name="mes", url=url)],
        buffer=Buffer(path=str(folder / "memory.db"), max_bytes=200_000_000),
    )


def _is_bit(signal: Signal) -> bool:
    return signal.modbus is not None and signal.modbus.type == "Bool"


@asynccontextmanager
async def modbus(folder: Path, url: str) -> AsyncIterator[Machine]:
    """The shop floor with one lathe, in a process of its own."""
    port = free_port()
    config = {
        "host": "127.0.0.1",
        "httpPort": free_port(),
        "ledgerDir": str(folder / "ledger"),
        "machines": [{"name": "lathe", "protocol": "ModbusTCP", "layout": "lathe", "port": port}],
    }
    (folder / "floor.yaml").write_text(json.dumps(config), encoding="utf-8")
    words = ["-m", "plantwright_shopfloor", "--config", str(folder / "floor.yaml")]
    async with _process([sys.executable, *words], {}):
        yield machine(folder, ModbusSource(host="127.0.0.1", port=port), modbus_signals(), url)


@asynccontextmanager
async def opcua(folder: Path, url: str) -> AsyncIterator[Machine]:
    """A secured OPC UA server with a hundred variables that all change twice a second, in a process of its own."""
    port = free_port()
    write_all(folder / "certificates", ["cell"], "shopfloor", "plant", datetime.now(UTC))
    secrets = {"client": ("tls.crt", "tls.key"), "trust": ("ca.crt",)}
    for name, keys in secrets.items():
        (folder / "secrets" / name).mkdir(parents=True)
        for key in keys:
            (folder / "secrets" / name / key).write_bytes((folder / "certificates" / "client" / key).read_bytes())
    source = OpcUaSource(
        url=f"opc.tcp://127.0.0.1:{port}",
        certificate_secret="client",
        trust_secret="trust",
    )
    words = [str(Path(__file__).with_name("hundred_nodes.py")), str(folder), str(port), str(SIGNALS)]
    async with _process([sys.executable, *words], {}):
        yield machine(folder, source, opcua_signals(), url)


@asynccontextmanager
async def _process(words: list[str], env: dict[str, str]) -> AsyncIterator[int]:
    process = await asyncio.create_subprocess_exec(*words, env={**os.environ, **env}, stdout=asyncio.subprocess.DEVNULL)
    try:
        yield process.pid
    finally:
        process.terminate()
        await process.wait()


def install(folder: Path) -> None:
    """The packages of the gateway's image, as its Dockerfile installs and compiles them."""
    words = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "-q",
        "--no-compile",
        "--disable-pip-version-check",
        "--target",
        str(folder),
    ]
    subprocess.run([*words, "--require-hashes", "-r", str(ROOT / "requirements" / "gateway.txt")], check=True)
    subprocess.run([*words, "--no-deps", str(ROOT)], check=True)
    subprocess.run(
        [sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", str(folder)], check=True
    )


async def measured(name: str, bring: Any, packages: Path) -> Figure:
    """Run a gateway against one server for a while, and look at it at the end."""
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        port = free_port()
        env = {
            "PLANTWRIGHT_CONFIG_DIR": text,
            "PLANTWRIGHT_BUFFER_DIR": text,
            "PLANTWRIGHT_SECRETS_DIR": str(folder / "secrets"),
            "PLANTWRIGHT_LISTEN_PORT": str(port),
            "MALLOC_ARENA_MAX": "2",
            "PYTHONPATH": str(packages),
        }
        python = str(Path(sys.base_prefix) / "bin" / "python3")
        async with mes() as (url, taken), bring(folder, url) as found:
            (folder / "config.json").write_bytes(encode(GatewayConfig(machines=[found])))
            async with _process([python, "-m", "plantwright_gateway.app"], env) as pid:
                await asyncio.sleep(RUN_SECONDS)
                size, cpu, status = procs.memory(pid), procs.processor_seconds(pid), await _status(port)
    state = ", ".join(f"{c['type']}={c['status']}" for c in status["machines"][0]["conditions"][:3])
    say(f"{name}: {state}, {sum(taken)} events delivered, {cpu:.1f} s of processor in {RUN_SECONDS:.0f} s")
    text = f"{size.rss * 1.048576:.1f} MB RSS, {size.pss * 1.048576:.1f} MB PSS ({state}; {sum(taken)} events in {RUN_SECONDS:.0f} s)"
    met = size.rss * 1.048576 <= LIMIT_MB and sum(taken) > 0 and "False" not in state
    return Figure(f"gateway memory, {SIGNALS} signals, {name} loaded", f"≤ {LIMIT_MB} MB RSS", text, met)


async def _status(port: int) -> Any:
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/status") as answer:
        return await answer.json()


async def _main() -> bool:
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as text:
        say("installing what the image holds …")
        install(Path(text))
        figures = [await measured(name, bring, Path(text)) for name, bring in (("Modbus", modbus), ("OPC UA", opcua))]
    say(f"took {time.monotonic() - began:.0f} s")
    return record(figures)


if __name__ == "__main__":
    sys.exit(0 if asyncio.run(_main()) else 1)
