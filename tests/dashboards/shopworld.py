"""A small world without a cluster: the simulated shop floor, gateways, a board, an MES, and a Prometheus with the chart's rules.

Floor, gateways, board and Prometheus are processes of their own and read the same objects as the demo: `examples/`. Two things
are made to happen, since a good day has none of them: a lathe whose contract its values break, and a press that reboots.

Without an API server there is no operator. Its metrics come from its own exporter, over the same objects; the conditions
and the counts of its work are given. What it really exports is asked in the end-to-end run.
"""

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import msgspec
import yaml
from prometheus_client import start_http_server

from plantwright_api.v1alpha1 import MODELS, DataContract, Machine, MachineProfile, Plant
from plantwright_api.wire import config as wire
from plantwright_dashboards import queries
from plantwright_operator.decide import machines
from plantwright_operator.desired import config
from plantwright_operator.model import Facts, Key, Obj, Resolved
from plantwright_operator.reconcile.catalog import Catalog
from plantwright_operator.reconcile.inventory import Inventory
from plantwright_operator.reconcile.metrics import Metrics
from plantwright_operator.reconcile.observed import Observed
from plantwright_shopfloor import certificates

ROOT = Path(__file__).parents[2]
RULES = ROOT / "charts/plantwright/files/rules"
SHOWN = ("lathe-01", "lathe-02", "press-01", "cell-02")
"""A parallel line, and a serial one with its bottleneck and its exit machine."""
DOUBTFUL, REBOOTED = "lathe-02", "press-01"
ONE = {"plant": "stuttgart", "area": "forming", "line": "line-2", "machine": "cell-02"}
"""A machine to look at alone: with certificates, since it speaks OPC UA."""
CONDITIONS = ("Ready", "Commissioned", "Connected", "DataFresh", "ContractMet", "Buffered", "Durable")
"""Those that every machine of the demo has, as the end-to-end run asserts."""
FACTS = Facts(
    gateway_uid="", default_image="gateway:1", pull_policy="IfNotPresent", operator_namespace="plantwright-system"
)
START_SECONDS = 30.0


@dataclass
class World:
    """Where things are."""

    prometheus: str
    floor: str

    def ask(self, path: str) -> Any:
        return queries.at(self.prometheus)(path)

    def reboot(self, machine: str) -> None:
        body = json.dumps({"machine": machine, "action": "reboot", "seconds": 2}).encode()
        urlopen(Request(f"{self.floor}/control", data=body, method="POST"), timeout=10).close()  # noqa: S310 our own


def objects() -> dict[str, list[Any]]:
    """What the demo applies, by kind: as bodies."""
    found: dict[str, list[Any]] = {}
    for folder in ("01-plant", "02-contracts", "03-profiles", "04-machines"):
        for path in sorted((ROOT / "examples" / folder).glob("*.yaml")):
            for body in yaml.safe_load_all(path.read_text()):
                if body["kind"] in MODELS:
                    body["metadata"] |= {"uid": f"{body['metadata']['name']}-uid", "generation": 1}
                    body["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z"
                    found.setdefault(body["kind"], []).append(body)
    # Around the clock, so that the outcome does not hang on when the test runs.
    found["Plant"][0]["spec"]["calendar"]["shifts"] = []
    found["Machine"] = [body for body in found["Machine"] if body["metadata"]["name"] in SHOWN]
    return found


def resolved(bodies: dict[str, list[Any]]) -> Iterator[Resolved]:
    """The machines, judged as the operator does."""
    [plant] = [Plant.model_validate(body) for body in bodies["Plant"]]
    profiles = [MachineProfile.model_validate(body) for body in bodies["MachineProfile"]]
    contracts = [DataContract.model_validate(body) for body in bodies["DataContract"]]
    for body in bodies["Machine"]:
        judged = machines.judge(Machine.model_validate(body), plant, profiles, contracts)
        assert isinstance(judged, Resolved), judged
        yield judged


def wired(judged: Resolved, port: int, mes: str) -> wire.Machine:
    """The machine's configuration as its gateway gets it; only addresses and the buffer's place are this world's."""
    [machine] = config.build(judged, FACTS).machines
    name = machine.name
    source = machine.source
    if isinstance(source, wire.ModbusSource):
        source = msgspec.structs.replace(source, host="127.0.0.1", port=port)
    else:
        source = msgspec.structs.replace(source, url=f"opc.tcp://127.0.0.1:{port}")
    changed = msgspec.structs.replace(
        machine,
        uid=f"{name}-uid",
        source=source,
        sinks=[wire.HttpSink(name="mes", url=mes)],
        buffer=msgspec.structs.replace(machine.buffer, path=f"{name}.db"),
    )
    return doubtful(changed) if name == DOUBTFUL else changed


def doubtful(machine: wire.Machine) -> wire.Machine:
    """Hold it to what its values cannot meet: one field's are kept out, another's delivered with a flag."""
    actions: dict[str, wire.OnViolation] = {"power": "Quarantine", "vibration": "Flag"}
    contracts = []
    for contract in machine.contracts:
        fields = [
            msgspec.structs.replace(field, maximum=-1.0, minimum=None, on_violation=actions[field.name])
            if field.name in actions
            else field
            for field in contract.fields
        ]
        contracts.append(msgspec.structs.replace(contract, fields=fields))
    return msgspec.structs.replace(machine, contracts=contracts)


def operator_metrics(bodies: dict[str, list[Any]]) -> Metrics:
    """The operator's exporter over the objects, as a leader's that has brought them into force."""
    observed = Observed()
    catalog = Catalog(observed)
    metrics = Metrics()
    versions = iter(range(1, 1000))
    backlogs = {
        Key("Machine", body["metadata"]["namespace"], body["metadata"]["name"]): 3 for body in bodies["Machine"]
    }
    for kind in ("Plant", "DataContract", "MachineProfile", "Machine"):
        for body in bodies[kind]:
            observe(observed, catalog, body, next(versions))
    metrics.watch(Inventory(observed, catalog, lambda: backlogs).sources(), lambda: True)
    metrics.leader.set(1)
    metrics.queue_depth.set(0)
    metrics.observed.set(len(backlogs) + 6)
    for kind in ("Machine", "Plant"):
        metrics.reconciles.labels(kind, "done").inc()
        metrics.duration.labels(kind).observe(0.004)
        metrics.writes.labels(kind).inc()
    metrics.polls.labels("answered").inc()
    metrics.first_value.labels("stuttgart").observe(7)
    return metrics


def observe(observed: Observed, catalog: Catalog, body: Obj, version: int) -> None:
    """What the operator's watches do with an object."""
    metadata = {**body["metadata"], "resourceVersion": str(version)}
    met = {"conditions": [{"type": each, "status": "True"} for each in CONDITIONS]}
    told = {"status": met} if body["kind"] == "Machine" else {}
    observed.observe(body["kind"], {**body, "metadata": metadata, **told})
    if body["kind"] == "Machine":
        catalog.judge(Machine.model_validate({**body, "metadata": metadata}))
    else:
        catalog.changed(Key(body["kind"], metadata["namespace"], metadata["name"]), True)


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


@contextlib.contextmanager
def process(folder: Path, name: str, *words: str, **env: str) -> Iterator[None]:
    """A program with its output in a file of the folder; ended with SIGTERM."""
    with (folder / f"{name}.log").open("wb") as log:
        running = subprocess.Popen(words, env={**os.environ, **env}, stdout=log, stderr=subprocess.STDOUT)
        try:
            yield
        finally:
            running.send_signal(signal.SIGTERM)
            try:
                running.wait(15)
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait(5)


async def serving(url: str, log: Path) -> None:
    """Wait until something answers.

    Raises:
        RuntimeError: nothing did within START_SECONDS; with the end of its log.
    """
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        try:
            await asyncio.to_thread(lambda: urlopen(url, timeout=2).close())  # noqa: S310 our own
        except (URLError, OSError):
            await asyncio.sleep(0.1)
        else:
            return
    raise RuntimeError(f"{url} does not answer: {end_of(log)}")


def end_of(log: Path) -> str:
    return log.read_text()[-2000:]


def floor_file(folder: Path, ports: dict[str, int], http: int) -> Path:
    """The shop floor's file: the demo's machines at free ports."""
    certificates.write_all(folder / "certificates", ["cell-02"], "shopfloor", "plant-stuttgart", datetime.now(UTC))
    shop = {
        "host": "127.0.0.1",
        "httpPort": http,
        "ledgerDir": str(folder / "ledger"),
        "certificates": str(folder / "certificates"),
        "pace": 10,
        "seed": 2026,
        "machines": [
            {"name": "lathe-01", "protocol": "ModbusTCP", "layout": "lathe", "port": ports["lathe-01"]},
            {
                "name": "lathe-02",
                "protocol": "ModbusTCP",
                "layout": "lathe",
                "port": ports["lathe-02"],
                "scrapRatio": 0.06,
            },
            {
                "name": "press-01",
                "protocol": "ModbusTCP",
                "layout": "press",
                "port": ports["press-01"],
                "cycleSeconds": 9,
            },
            {
                "name": "cell-02",
                "protocol": "OPCUA",
                "port": ports["cell-02"],
                "cycleSeconds": 24,
                "reworkRatio": 0.08,
            },
        ],
    }
    path = folder / "shopfloor.yaml"
    path.write_text(yaml.safe_dump(shop))
    return path


def secrets(folder: Path) -> Path:
    """The gateways' Secrets as files: `<secret>/<key>`."""
    made = folder / "certificates"
    for secret, files in (("opcua-client", ("tls.crt", "tls.key")), ("opcua-trust", ("ca.crt",))):
        (folder / "secrets" / secret).mkdir(parents=True)
        for file in files:
            (folder / "secrets" / secret / file).write_bytes((made / "client" / file).read_bytes())
    return folder / "secrets"


def prometheus_files(folder: Path, gateways: Iterable[int], operator: int, board: int) -> Path:
    """Its configuration, and the chart's rules with every group evaluated each two seconds: the test has no hours."""
    (folder / "rules").mkdir()
    for path in RULES.glob("*.yaml"):
        rules = re.sub(r"(?m)^    interval: .*$", "    interval: 2s", path.read_text())
        (folder / "rules" / path.name).write_text(rules)
    jobs = [
        {"job_name": "gateways", "static_configs": [{"targets": [f"127.0.0.1:{port}" for port in gateways]}]},
        {"job_name": "operator", "static_configs": [{"targets": [f"127.0.0.1:{operator}"]}]},
        {"job_name": "boards", "static_configs": [{"targets": [f"127.0.0.1:{board}"]}]},
    ]
    settings = {
        "global": {"scrape_interval": "2s", "evaluation_interval": "2s"},
        "rule_files": [str(folder / "rules" / "*.yaml")],
        "scrape_configs": jobs,
    }
    path = folder / "prometheus.yml"
    path.write_text(yaml.safe_dump(settings))
    return path


@contextlib.asynccontextmanager
async def world(folder: Path) -> AsyncIterator[World]:
    """All of it, running."""
    from swiftmes import swift_mes

    bodies = objects()
    ports = {name: free_port() for name in SHOWN}
    http, shown, operator, board = (free_port() for _ in range(4))
    server, thread = start_http_server(operator, "127.0.0.1", operator_metrics(bodies).registry)
    lines: dict[str, list[wire.Machine]] = {}
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(thread.join)
        stack.callback(server.server_close)
        stack.callback(server.shutdown)
        mes = await stack.enter_async_context(swift_mes())
        for judged in resolved(bodies):
            machine = wired(judged, ports[judged.machine.metadata.name], f"{mes.url}/v1/observations")
            lines.setdefault(machine.location.line, []).append(machine)
        (folder / "ledger").mkdir()
        shop = str(floor_file(folder, ports, http))
        stack.enter_context(process(folder, "floor", sys.executable, "-m", "plantwright_shopfloor", "--config", shop))
        await serving(f"http://127.0.0.1:{http}/healthz", folder / "floor.log")
        kept, told = secrets(folder), {}
        for line, found in lines.items():
            told[line] = free_port()
            stack.enter_context(gateway(folder / line, found, told[line], kept))
        urls = ",".join(f"http://127.0.0.1:{port}" for port in told.values())
        env = {"PLANT": "stuttgart", "GATEWAY_URLS": urls, "PORT": str(board)}
        stack.enter_context(process(folder, "board", sys.executable, "-m", "plantwright_board", **env))
        file = prometheus_files(folder, told.values(), operator, board)
        words = [f"--config.file={file}", f"--storage.tsdb.path={folder / 'tsdb'}", "--log.level=warn"]
        listening = f"--web.listen-address=127.0.0.1:{shown}"
        stack.enter_context(process(folder, "prometheus", "prometheus", *words, listening))
        await serving(f"http://127.0.0.1:{shown}/-/ready", folder / "prometheus.log")
        yield World(f"http://127.0.0.1:{shown}", f"http://127.0.0.1:{http}")


@contextlib.contextmanager
def gateway(folder: Path, found: list[wire.Machine], port: int, kept: Path) -> Iterator[None]:
    """One gateway process for the machines of a line."""
    (folder / "config").mkdir(parents=True)
    (folder / "config" / wire.CONFIG_FILE).write_bytes(wire.encode(wire.GatewayConfig(machines=found)))
    env = {
        "PLANTWRIGHT_CONFIG_DIR": str(folder / "config"),
        "PLANTWRIGHT_BUFFER_DIR": str(folder),
        "PLANTWRIGHT_SECRETS_DIR": str(kept),
        "PLANTWRIGHT_LISTEN_PORT": str(port),
        "PLANTWRIGHT_TERMINATION_LOG": str(folder / "farewell"),
    }
    with process(folder, "gateway", sys.executable, "-m", "plantwright_gateway.app", **env):
        yield
