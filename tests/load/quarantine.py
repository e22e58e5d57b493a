"""Uninterpretable values in a fast stream: each in quarantine, none in the way of the others, all delivered once mended.

A gateway, the reference MES on PostgreSQL and a Modbus server whose ledger knows every value, as processes of their own, no
cluster. After the stream the contract is mended and a replay asked for; the gateway is killed with -9 in the midst of it. What
the MES has is held against the ledger, value by value.
"""

import argparse
import asyncio
import contextlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp

import procs
from doubtful_values import value
from figures import Figure, record
from harness import say
from memory import free_port
from plantwright_api.wire.config import (
    Buffer,
    Contract,
    ContractField,
    FieldType,
    GatewayConfig,
    HttpSink,
    Location,
    Machine,
    ModbusAddress,
    ModbusSource,
    Signal,
    encode,
)
from plantwright_mes.testing import private_postgres

SHARE = 0.05
PATIENCE_SECONDS = 120.0
MACHINE = "doubtful"
BUFFER_BYTES = 200_000_000


class Found(NamedTuple):
    """Values by signal and number: what the server gave, and what the MES has of it."""

    good: set[tuple[int, float]]
    bad: set[tuple[int, float]]
    stored: Counter[tuple[int, float]]
    held: Counter[tuple[int, float]]
    """Those that the MES was told to be in quarantine."""
    reasons: Counter[str]
    released: int
    """Of these, how many the MES knows to have come after all."""
    processor: float = 0.0
    """Share of a core that the gateway took while the stream ran."""


class Stream(NamedTuple):
    """What is read: so many signals, each so often, for so long."""

    signals: int
    interval_ms: int
    seconds: float


def machine(
    folder: Path, port: int, url: str, stream: Stream, kind: FieldType, version: str, replay: str = ""
) -> Machine:
    """A machine whose fields are all of one type."""
    fields = [ContractField(name=f"s{i}", type=kind) for i in range(stream.signals)]
    return Machine(
        uid=MACHINE,
        name=MACHINE,
        namespace="plant",
        plant="stuttgart",
        location=Location(enterprise="acme", site="stuttgart", area="machining", line="line-1"),
        source=ModbusSource(host="127.0.0.1", port=port),
        contracts=[Contract(name="numbers", version=version, fields=fields)],
        signals=[_signal(i, stream.interval_ms) for i in range(stream.signals)],
        sinks=[HttpSink(name="mes", url=url)],
        buffer=Buffer(path=str(folder / "buffer.db"), max_bytes=BUFFER_BYTES),
        replay=replay,
    )


def _signal(number: int, interval_ms: int) -> Signal:
    address = ModbusAddress(table="HoldingRegister", address=2 * number, type="Float32")
    return Signal(name=f"s{number}", contract="numbers", field=f"s{number}", interval_ms=interval_ms, modbus=address)


class Gateway:
    """A gateway's process, which may be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.process: asyncio.subprocess.Process | None = None

    def configure(self, found: Machine) -> None:
        """As the kubelet does it: a new file in place of the old."""
        new = self.folder / "new.json"
        new.write_bytes(encode(GatewayConfig(machines=[found])))
        new.replace(self.folder / "config.json")

    async def start(self) -> None:
        """Start it."""
        env = {
            "PLANTWRIGHT_CONFIG_DIR": str(self.folder),
            "PLANTWRIGHT_BUFFER_DIR": str(self.folder),
            "PLANTWRIGHT_LISTEN_PORT": str(self.port),
            "PLANTWRIGHT_TERMINATION_LOG": str(self.folder / "farewell"),
        }
        words = [sys.executable, "-m", "plantwright_gateway.app"]
        log = (self.folder / "gateway.log").open("ab")
        self.process = await asyncio.create_subprocess_exec(*words, env={**os.environ, **env}, stdout=log, stderr=log)

    async def kill(self) -> None:
        """As the kernel's out-of-memory killer does it."""
        assert self.process is not None
        self.process.kill()
        await self.process.wait()

    async def status(self) -> Any:
        """What it says of its machine; None while it does not answer."""
        with contextlib.suppress(OSError, aiohttp.ClientError):
            async with (
                aiohttp.ClientSession() as session,
                session.get(f"http://127.0.0.1:{self.port}/status") as answer,
            ):
                return next(iter((await answer.json())["machines"]), None)
        return None

    async def until(self, holds: Callable[[Any], bool]) -> Any:
        """Its machine's status, once something holds of it.

        Raises:
            TimeoutError: it never does.
        """
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not ((found := await self.status()) and holds(found)):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        return found


@asynccontextmanager
async def process(*words: str, **env: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process, ended with the block."""
    found = await asyncio.create_subprocess_exec(sys.executable, *words, env={**os.environ, **env})
    try:
        yield found
    finally:
        with contextlib.suppress(ProcessLookupError):
            found.terminate()
        await found.wait()


async def run(folder: Path, dsn: str, stream: Stream) -> Found:
    """The whole story once."""
    port, mes, ledger = free_port(), free_port(), folder / "ledger"
    url, server = f"http://127.0.0.1:{mes}", str(Path(__file__).with_name("doubtful_values.py"))
    gateway = Gateway(folder)
    gateway.configure(machine(folder, port, f"{url}/v1/observations", stream, "Integer", "1.0.0"))
    environment = {"MES_DSN": dsn, "MES_HOST": "127.0.0.1", "MES_PORT": str(mes)}
    async with process("-m", "plantwright_mes", **environment):
        async with process(server, str(port), str(stream.signals), str(SHARE), str(ledger)):
            await gateway.start()
            await gateway.until(lambda found: found["accepted"] > 0)
            began, used = time.monotonic(), procs.processor_seconds(_pid(gateway))
            await asyncio.sleep(stream.seconds)
            used = procs.processor_seconds(_pid(gateway)) - used
            processor = used / (time.monotonic() - began)
        say(f"the stream has ended; the gateway took {100 * processor:.0f} % of a core")
        before = await gateway.until(lambda found: not found["sinks"][0]["backlog"])
        say(f"in quarantine: {before['quarantine']['held']}")
        gateway.configure(machine(folder, port, f"{url}/v1/observations", stream, "Number", "1.1.0", "mended"))
        began = time.monotonic()
        midst = await gateway.until(lambda found: found["quarantine"]["held"] < before["quarantine"]["held"])
        await gateway.kill()
        say(f"killed with {midst['quarantine']['held']} still in quarantine")
        await gateway.start()
        done = await gateway.until(lambda found: (found["quarantine"]["replay"] or {}).get("done", False))
        say(f"replayed in {time.monotonic() - began:.1f} s, the gateway's restart included: {done['quarantine']}")
        await gateway.until(lambda found: not found["sinks"][0]["backlog"])
        await gateway.kill()
        return (await held_against(ledger, url))._replace(processor=processor)


def _pid(gateway: Gateway) -> int:
    assert gateway.process is not None
    return gateway.process.pid


def offered(ledger: Path) -> tuple[set[tuple[int, float]], set[tuple[int, float]]]:
    """All values that the server gave, the good and the bad."""
    good, bad = set(), set()
    for text in ledger.read_text(encoding="utf-8").splitlines():
        line = json.loads(text)
        for signal in range(line["first"], line["first"] + line["count"]):
            number = value(signal, line["n"], SHARE)
            (good if number.is_integer() else bad).add((signal, number))
    return good, bad


async def held_against(ledger: Path, url: str) -> Found:
    """The ledger's values and those of the MES."""
    good, bad = offered(ledger)
    stored: Counter[tuple[int, float]] = Counter()
    for row in await _rows(f"{url}/v1/export?machine={MACHINE}"):
        stored.update((int(f[1:]), float(v)) for f, v in row["fields"].items() if v is not None)
    kept = await _rows(f"{url}/v1/quarantine?machine={MACHINE}")
    held = Counter((int(row["field"][1:]), float(row["value"])) for row in kept)
    released = sum(row["releasedTime"] is not None for row in kept)
    return Found(good, bad, stored, held, Counter(row["reason"] for row in kept), released)


async def _rows(url: str) -> list[Any]:
    async with aiohttp.ClientSession(raise_for_status=True) as session, session.get(url) as answer:
        return [json.loads(line) for line in (await answer.read()).splitlines()]


def figures(found: Found, stream: Stream) -> list[Figure]:
    """What was promised, and what came of it. The last answers before the server ended may never have arrived."""
    last = max(number for _, number in found.stored)
    good = {each for each in found.good if each[1] <= int(last)}
    bad = {each for each in found.bad if each[1] <= last}
    lost_good = [each for each in good if each not in found.stored]
    twice = [
        each for each, count in (found.stored + found.held).items() if found.stored[each] > 1 or found.held[each] > 1
    ]
    missing = [each for each in bad if each not in found.held]
    late = [each for each in bad if each not in found.stored]
    invented = found.stored.keys() - found.good - found.bad
    rate = len(good | bad) / stream.seconds
    amount = f"{len(bad)} of {len(good) + len(bad)} values uninterpretable, {rate:.0f}/s"
    everything = (
        f"{amount}; in quarantine {sum(found.held.values())} ({dict(found.reasons)}), missing there {len(missing)}"
    )
    kept = set(found.reasons) == {"WrongType"} and not missing and found.held.keys() <= found.bad
    replay = f"{sum(found.stored[each] > 0 for each in bad)} of {len(bad)} replayed, {len(late)} lost, {found.released} known as released"
    replayed = not late and found.released == sum(found.held.values())
    aimed = stream.signals * 1000 // stream.interval_ms
    name = f"5 % uninterpretable in {aimed} values/s for {stream.seconds:.0f} s"
    cost = f"{found.processor:.2f} of a core, {1e6 * found.processor / rate:.0f} µs per value"
    return [
        Figure(f"{name}: every bad value in quarantine with its reason", "all", everything, kept),
        Figure(f"{name}: good values lost, any stored twice, invented", "0", f"{len(lost_good)}, {len(twice)}, {len(invented)}",
               not (lost_good or twice or invented)),
        Figure(f"{name}: the gateway's processor, with protocol, disk and delivery", "none set", cost, True),
        Figure(f"{name}: replayed after the mend, killed with -9 in the midst", "all, 0 lost, 0 twice", replay, replayed),
    ]  # fmt: skip


def main() -> bool:
    """Measure, and put the figures into the table; says whether all are met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long the stream lasts")
    parser.add_argument("--interval", type=int, default=100, help="how often each signal is read, in ms")
    parser.add_argument("--count", type=int, default=500, help="how many signals")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="plantwright-quarantine-"))
    folder.chmod(0o755)
    try:
        with private_postgres(folder / "cluster") as postgres:
            stream = Stream(options.count, options.interval, options.seconds)
            found = asyncio.run(run(folder, postgres.dsn, stream))
        return record(figures(found, stream))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
