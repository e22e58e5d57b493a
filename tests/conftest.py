"""What all tests share: the golden option, the matrix of faults, the smallest set of objects that belong together, a receiver of samples, a broker."""

import asyncio
import contextlib
import fcntl
import json
import shutil
import socket
from collections.abc import AsyncIterator, Callable, Generator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog
import yaml

from plantwright_gateway.ports.source import Certificate, GapNotice, Sample

BASE = """
apiVersion: plantwright.io/v1alpha1
kind: Plant
metadata: {name: stuttgart, namespace: plant-stuttgart, uid: plant-uid, generation: 1}
spec:
  enterprise: acme
  site: stuttgart
  areas: [{name: machining, lines: [{name: line-1}]}]
  mes: {sinks: [{name: mes, http: {url: "http://10.9.0.1:8090/v1/events"}}]}
---
apiVersion: plantwright.io/v1alpha1
kind: DataContract
metadata: {name: machine-state, namespace: plant-stuttgart, uid: contract-uid, generation: 1}
spec:
  version: 1.0.0
  fields:
    - {name: state, type: Integer, required: true}
    - {name: temperature, type: Number, unit: Cel, minimum: "-20", maximum: "90.5"}
---
apiVersion: plantwright.io/v1alpha1
kind: MachineProfile
metadata: {name: press, namespace: plant-stuttgart, uid: profile-uid, generation: 1}
spec:
  version: 1.0.0
  protocol: ModbusTCP
  contractRefs: [{name: machine-state}]
  signals:
    - {name: state, modbus: {address: 0}}
    - {name: temperature, modbus: {address: 10, type: Int16}, scale: "0.1", unit: Cel}
---
apiVersion: plantwright.io/v1alpha1
kind: Machine
metadata:
  {name: press-1, namespace: plant-stuttgart, uid: machine-uid, generation: 1, creationTimestamp: "2026-01-01T00:00:00Z"}
spec:
  plantRef: {name: stuttgart}
  profileRef: {name: press}
  location: {area: machining, line: line-1}
  endpoint: {url: "modbus+tcp://10.2.3.4:502"}
"""


RESULTS = Path(__file__).parents[1] / "docs" / "measured" / "reliability.json"
MEASURED = pytest.StashKey[str]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="rewrite tests/golden/*/expected.yaml instead of comparing"
    )
    parser.addoption("--screenshots", action="store_true", help="write docs/images/*.png from real browsers")
    parser.addoption(
        "--record-rows",
        action="store_true",
        help="keep the outcomes of tests with the marker row for the matrix's page",
    )


@pytest.fixture(autouse=True)
def fresh_logs() -> None:
    """A test that sets up logging, as a program does at its start, must not decide where the next test's lines go."""
    structlog.reset_defaults()


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Say what was measured for the rows of the matrix that the test carries (tests/matrix/README.md)."""

    def say(text: str) -> None:
        print(f"measured: {text}", flush=True)
        request.node.stash[MEASURED] = text

    return say


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    rows = [row for mark in item.iter_markers("row") for row in mark.args]
    if rows and report.when == "call" and not report.skipped and item.config.getoption("--record-rows"):
        outcome = item.stash.get(MEASURED, "held") if report.passed else f"FAILED. {item.stash.get(MEASURED, '')}"
        keep_rows(rows, item.nodeid, "long" if item.get_closest_marker("chaos") else "quick", outcome)
    return report


def keep_rows(rows: Sequence[str], test: str, form: str, outcome: str) -> None:
    """Put an outcome into docs/measured/reliability.json, in place of the test's earlier one; workers take turns."""
    RESULTS.touch()
    with RESULTS.open("r+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        known = json.loads(file.read() or "[]")
        date = datetime.now(UTC).strftime("%Y-%m-%d")
        known = [each for each in known if each["test"] != test]
        known += [{"row": row, "test": test, "form": form, "measured": outcome, "date": date} for row in rows]
        file.seek(0)
        file.truncate()
        file.write(json.dumps(sorted(known, key=lambda each: (each["row"], each["test"])), indent=1) + "\n")


@pytest.fixture
def raw() -> Callable[..., dict[str, Any]]:
    """The base object of a kind as JSON, with `spec` fields laid over it: raw("Machine", suspend=True)."""

    def build(kind: str, name: str | None = None, /, **spec: Any) -> dict[str, Any]:
        found: dict[str, Any] = next(d for d in yaml.safe_load_all(BASE) if d["kind"] == kind)
        found["spec"].update(spec)
        if name is not None:
            found["metadata"].update(name=name, uid=f"{name}-uid")
        return found

    return build


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[Path, str], None]:
    """Compare a text with a golden file, or write it under --update-golden."""

    def check(path: Path, text: str) -> None:
        if request.config.getoption("--update-golden"):
            path.write_text(text, encoding="utf-8")
        assert path.is_file(), f"{path} is missing: run pytest --update-golden and read the outcome"
        assert text == path.read_text(encoding="utf-8")

    return check


class Recorder:
    """A gateway's Receiver that writes down what a source tells it; while `open` is cleared every commit waits."""

    def __init__(self) -> None:
        self.batches: list[list[Sample]] = []
        self.gaps: list[GapNotice] = []
        self.connections: list[tuple[str, str, str]] = []
        self.problems: dict[str, tuple[str, str]] = {}
        self.confirmed: list[int] = []
        self.shown: Sequence[Certificate] = ()
        self.observed_ns: int | None = None
        self.waiting = 0
        self.open = asyncio.Event()
        self.open.set()

    async def accept(self, samples: Sequence[Sample], gaps: Sequence[GapNotice] = ()) -> None:
        self.waiting += 1
        await self.open.wait()
        self.waiting -= 1
        self.batches.append(list(samples))
        self.gaps.extend(gaps)

    def alive(self, now_ns: int) -> None:
        self.confirmed.append(now_ns)

    def connection(self, status: str, reason: str, message: str = "") -> None:
        self.connections.append((status, reason, message))

    def signal_problem(self, signal: str, reason: str, message: str) -> None:
        if reason:
            self.problems[signal] = (reason, message)
        else:
            self.problems.pop(signal, None)

    def certificates(self, current: Sequence[Certificate]) -> None:
        self.shown = current

    def last_observed_ns(self) -> int | None:
        return self.observed_ns

    @property
    def reasons(self) -> list[str]:
        return [reason for _, reason, _ in self.connections]

    @property
    def samples(self) -> list[Sample]:
        return [sample for batch in self.batches for sample in batch]

    def values(self, signal: str) -> list[Any]:
        return [sample.value for sample in self.samples if sample.signal == signal]

    async def until(self, condition: Callable[[], object], seconds: float = 15.0) -> None:
        """Wait until the condition holds, a bounded time."""
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110 - the conditions are of many kinds
                await asyncio.sleep(0.01)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


class Broker:
    """A mosquitto of the test's own."""

    def __init__(self, folder: Path, program: str) -> None:
        self.folder, self._program = folder, program
        self.process: asyncio.subprocess.Process | None = None
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            self.port = found.getsockname()[1]

    async def start(self, *lines: str) -> None:
        config = self.folder / "mosquitto.conf"
        config.write_text("\n".join([f"listener {self.port} 127.0.0.1", "user root", *lines]) + "\n")
        self.process = await asyncio.create_subprocess_exec(
            self._program, "-c", str(config), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        async with asyncio.timeout(10):
            while not await self._answers():  # noqa: ASYNC110 another process
                await asyncio.sleep(0.02)

    async def _answers(self) -> bool:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            writer.close()
            return True
        return False

    async def stop(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Any]:
    program = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if program is None:
        pytest.skip("mosquitto is not installed")
    found = Broker(tmp_path, program)
    yield found
    await found.stop()
