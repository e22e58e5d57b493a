"""F1 through a real OPC UA server: the gateway's process is killed while the server goes on."""

import asyncio
import os
import random
import signal
import statistics
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from numbering_opcua import MACHINE, NAMESPACE

from plantwright_api.wire.config import GatewayConfig, OpcUaAddress, OpcUaSource, decode, encode
from plantwright_shopfloor.ledger import Offer, read
from plantwright_shopfloor.oracle import nanoseconds
from plantwright_shopfloor.verdict import Gap, Judgement, Stored, judge

TOOL = Path(__file__).parents[1] / "tools" / "numbering_opcua.py"
RATE, FIELDS = 1000, 10
PUBLISHING_MS = 100
EARLY_SECONDS = 2.0
"""A gap may begin so long before the kill: what was observed last had been asked for a moment before."""


class Numbering(NamedTuple):
    """The server that numbers."""

    process: asyncio.subprocess.Process
    port: int
    folder: Path

    def offers(self) -> list[Offer]:
        return read((self.folder / f"{MACHINE}.jsonl").read_bytes().splitlines())[MACHINE]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Numbering]:
    folder = tmp_path / "server"
    settings = {"RATE": str(RATE), "FIELDS": str(FIELDS), "LEDGER_DIR": str(folder)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(TOOL), env=os.environ | settings, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    async with asyncio.timeout(20):
        port = int(await process.stdout.readline())
    yield Numbering(process, port, folder)
    process.kill()
    await process.wait()


def configure(gateway: Any, mes: str, port: int) -> None:
    """The gateway reads that server instead of numbering by itself."""
    gateway.configure(mes, fields=FIELDS)
    path = gateway.folder / "config.json"
    config = decode(path.read_bytes())
    [machine] = config.machines
    signals = [
        msgspec.structs.replace(
            each, modbus=None, opcua=OpcUaAddress(node_id=f"nsu={NAMESPACE};s={each.name}"), interval_ms=10
        )
        for each in machine.signals
        if each.name != "pad"
    ]
    source = OpcUaSource(url=f"opc.tcp://127.0.0.1:{port}", publishing_interval_ms=PUBLISHING_MS, security_mode="None")
    path.write_bytes(encode(GatewayConfig(machines=[msgspec.structs.replace(machine, source=source, signals=signals)])))


async def verdict(central: Any, server: Numbering) -> Judgement:
    """The MES held against the server's ledger; order counts within each variable."""
    rows = await central.pool.fetch(
        "SELECT uid || '/' || epoch AS stream, seq, key, value::bigint AS number FROM observations, jsonb_each_text(fields)"
        " WHERE machine = $1 AND value IS NOT NULL",
        MACHINE,
    )
    gaps = await central.pool.fetch("SELECT start_time, end_time FROM gaps WHERE machine = $1", MACHINE)
    stored = [Stored(f"{row['stream']}/{row['key']}", row["seq"], row["number"]) for row in rows]
    told = [Gap(nanoseconds(gap["start_time"]), nanoseconds(gap["end_time"])) for gap in gaps]
    return judge(MACHINE, server.offers(), stored, told)


async def stored_after(central: Any, moment: float) -> float:
    """Seconds since the epoch at which the MES stored its first value that is from after a moment."""
    sql = "SELECT extract(epoch FROM min(stored_time))::float8 FROM observations WHERE extract(epoch FROM source_time) > $1"
    async with asyncio.timeout(20):
        while not (found := await central.pool.fetchval(sql, moment)):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return float(found)


@pytest.mark.row("F1")
@pytest.mark.parametrize(
    "kills",
    [pytest.param(3, id="quick", marks=pytest.mark.slow), pytest.param(20, id="long", marks=pytest.mark.chaos)],
)
async def test_what_an_opcua_server_showed_is_stored_once_or_within_a_gap(
    kills: int, gateway: Any, central: Any, server: Numbering, measured: Callable[[str], None]
) -> None:
    chance, restarts, away = random.Random(kills), [], 0.0
    configure(gateway, central.url, server.port)
    await gateway.start()
    await stored_after(central, 0)
    for _ in range(kills):
        await asyncio.sleep(chance.uniform(0.2, 3.0))
        assert await gateway.end(signal.SIGKILL) == -signal.SIGKILL
        began = await gateway.start()
        first = await stored_after(central, gateway.served)
        restarts.append(first - began)
        away += first - began
    server.process.send_signal(signal.SIGUSR1)
    await gateway.until_drained(60)
    assert await gateway.end(signal.SIGTERM) == 0
    found = await verdict(central, server)
    p95 = statistics.quantiles(restarts, n=20, method="inclusive")[18]
    measured(
        f"{kills} kills at {RATE:,} values/s through asyncua: {found.lost} of {found.offered:,} lost outside a gap, {found.excused:,}"
        f" within {found.gaps} gaps of {found.gap_seconds:.1f} s, {found.stored_twice} stored twice; restart to first delivery p95 {p95:.1f} s"
    )
    assert found.holds(), found
    assert found.gaps == kills
    assert found.gap_seconds <= away + kills * EARLY_SECONDS
