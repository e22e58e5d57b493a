"""Prometheus' live figures and the MES's exact ones are the same, of the same hour of the same machines.

The gateway's own code reads two lines for two hours that are made up from a seed: it writes the events that the MES gets, and the
counters that promtool feeds to the chart's rules. What the MES answers for the second hour is what the rules must give at its end.
"""

import itertools
import random
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
import yaml

from plantwright_api.wire.config import (
    Break,
    Buffer,
    Calendar,
    Context,
    ContextSignals,
    Contract,
    ContractField,
    HttpSink,
    Location,
    Machine,
    ModbusAddress,
    ModbusSource,
    PartCounters,
    Shift,
    Signal,
    StateModel,
)
from plantwright_gateway.app.metrics import COUNTERS, elements
from plantwright_gateway.app.pipeline import Pipeline, settle
from plantwright_gateway.context.events import Row
from plantwright_gateway.context.kpi import Totals
from plantwright_gateway.context.situation import Situation
from plantwright_gateway.ports.source import Sample
from plantwright_mes.streams import Stream, body

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("promtool") is None, reason="promtool is not installed (Debian: apt-get install prometheus)"
    ),
]
RULES = Path(__file__).parents[2] / "charts/plantwright/files/rules/kpi.yaml"
SECOND: Final = 1_000_000_000
BEGIN: Final = int(datetime(2025, 10, 25, 10, tzinfo=UTC).timestamp()) * SECOND
HOUR, SCRAPE, READ = 3600, 5, 3
"""Seconds; the machines are read half-way between scrapes, so that nothing hangs on which of two at one time was first."""
SIGNALS = ("state", "good", "rejected", "reworked", "reason")
REASONS = ("Tool change", "No material", "Jam")
"""Each occurs in the first hour: no rate sees the first value of a series."""
CODES = ("Production", "Setup", "Delay", "Idle")
FLOOR = (("press-1", "line-1"), ("press-2", "line-1"), ("saw", "line-2"), ("pack", "line-2"))
FRESH = 20
BATCH = 500
SILENT = range(4000, 4300)
"""Seconds in which press-2 says nothing."""
SHIFT = Shift(
    name="day",
    weekdays=list(range(7)),
    start_minute=360,
    end_minute=1320,
    breaks=[Break(start_minute=690, end_minute=700)],
)
KPIS = {
    "availability": "availability",
    "effectiveness": "effectiveness",
    "quality": "qualityRatio",
    "oee": "oee",
    "nee": "nee",
    "setup": "setupRate",
    "scrap": "scrapRatio",
    "rework": "reworkRatio",
    "first_pass_yield": "firstPassYield",
    "mtbf_seconds": "meanTimeBetweenFailuresSeconds",
    "mttr_seconds": "meanTimeToRepairSeconds",
    "data_coverage": "dataCoverage",
}
LEVELS = ("machine", "line", "area", "plant", "enterprise")
PLACE = ("plant", "area", "line", "machine")


def config(name: str, line: str) -> Machine:
    """Reworked parts are counted on line-1 and at the exit of line-2."""
    address = ModbusAddress(table="HoldingRegister", address=0, type="UInt16")
    fields = [ContractField(name=each, type="Integer") for each in SIGNALS[1:-1]]
    words = [ContractField(name=each, type="String") for each in ("state", "reason")]
    return Machine(
        uid=f"{name}-uid",
        name=name,
        namespace="n",
        plant="stuttgart",
        profile="p/1.0.0",
        location=Location(enterprise="acme", site="stuttgart", area="machining", line=line),
        source=ModbusSource(host="192.0.2.1"),
        contracts=[Contract(name="c", version="1.0.0", fields=[*fields, *words], freshness_seconds=FRESH)],
        signals=[Signal(name=s, contract="c", field=s, interval_ms=1000 * SCRAPE, modbus=address) for s in SIGNALS],
        sinks=[HttpSink(name="mes", url="http://192.0.2.2")],
        buffer=Buffer(path="unused", max_bytes=1),
        calendar=Calendar(time_zone="Etc/UTC", shifts=[SHIFT]),
        state=StateModel(signal="state", values={code: code for code in CODES}),
        parts=PartCounters(
            good="good",
            rejected="rejected",
            reworked=None if name == "saw" else "reworked",
            planned_run_time_per_item_seconds={"saw": 9.0, "pack": 3.0}.get(name, 7.0),
        ),
        context=Context(signals=ContextSignals(reason="reason")),
    )


def story(name: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """What the machine shows at each reading: stays of some minutes, parts while it produces, a reason some time into a stop."""
    dice = random.Random(name)
    shown: dict[str, Any] = {"state": "Idle", "good": 0, "rejected": 0, "reworked": 0, "reason": ""}
    left, explained, reasons = 0, 0, itertools.cycle(REASONS)
    for second in range(READ, 2 * HOUR + 60, SCRAPE):  # a machine of which nothing is heard any more is unknown
        left -= SCRAPE
        if left <= 0:
            shown["state"], left = dice.choices(CODES, (5, 1, 3, 2))[0], dice.randrange(20, 400)
            shown["reason"], explained = "", second + dice.randrange(0, 60)
        if shown["state"] == "Production":
            shown["good"] += dice.randrange(2)
            shown["rejected"] += dice.random() < 0.05
            shown["reworked"] += dice.random() < 0.04
        elif shown["state"] in ("Delay", "Idle") and second >= explained and not shown["reason"]:
            shown["reason"] = next(reasons)
        yield second, dict(shown)


class Told:
    """What a gateway made of a machine: rows for the MES, and the series of Prometheus with a value per scrape."""

    def __init__(self, name: str, line: str) -> None:
        self.machine = config(name, line)
        self.rows: list[Row] = []
        self.series: dict[tuple[str, tuple[tuple[str, str], ...]], list[float | None]] = {}
        self._pipeline = Pipeline(self.machine, "config", "1")
        self._situation = Situation()
        self._kpis = self._pipeline.kpis(Totals(at_ns=BEGIN))
        self._scrapes = 0
        self.rows.append(self._pipeline.events.configuration(BEGIN))
        self._run()

    def _run(self) -> None:
        for second, shown in story(self.machine.name):
            self._scrape(BEGIN + (second - READ) * SECOND)
            self._read(second, shown)

    def _read(self, second: int, shown: dict[str, Any]) -> None:
        now = BEGIN + second * SECOND
        if self.machine.name == "press-2" and second in SILENT:
            settle(self._kpis, self._situation, now)
            self.rows += self._pipeline.changed(self._situation, now)
            return
        samples = [Sample(signal, value, now) for signal, value in shown.items()]
        self.rows += self._pipeline.process(samples, (), now, self._kpis, self._situation).rows

    def _scrape(self, now: int) -> None:
        self._kpis.advance(now)
        place = (("plant", "stuttgart"), ("area", "machining"), ("line", self.machine.location.line))
        for name, samples in elements(self.machine, self._kpis.totals).items():
            for given, value in samples:
                labels = zip(COUNTERS[name][1], given, strict=True)
                key = (f"{name}_total", (*place, ("machine", self.machine.name), *labels))
                self.series.setdefault(key, [None] * self._scrapes).append(value)
        self._scrapes += 1

    def events(self) -> list[Any]:
        """The rows with their place in the stream, as the sink would send them."""
        stream = Stream(machine=self.machine.name)
        return [stream.event(number, **msgspec.json.decode(row.body)) for number, row in enumerate(self.rows, 1)]


def values(given: list[float | None]) -> str:
    return " ".join("_" if value is None else repr(value) for value in given)


def matchers(labels: Iterable[tuple[str, str]]) -> str:
    return "{" + ", ".join(f'{name}="{value}"' for name, value in labels) + "}"


def roles() -> list[dict[str, str]]:
    found = []
    for machine, role in (("saw", "bottleneck"), ("pack", "exit")):
        place = f'plant="stuttgart", area="machining", line="line-2", machine="{machine}"'
        found.append({"series": f'plantwright_line_role_info{{{place}, role="{role}"}}', "values": "1x1440"})
    return found


def inputs(floor: list[Told]) -> list[dict[str, str]]:
    """The series as promtool takes them."""
    every = [(name, labels, given) for told in floor for (name, labels), given in told.series.items()]
    shown = [(f"{name}{matchers(labels)}", values(given)) for name, labels, given in every]
    return [*({"series": series, "values": given} for series, given in shown), *roles()]


def question(expr: str, exact: float | None, labels: str) -> dict[str, Any]:
    """Whether a live figure is the exact one, to a millionth; neither has one where the other has none."""
    if exact is None:
        return {"expr": expr, "eval_time": "2h", "exp_samples": []}
    close = f"abs({expr} - {exact!r}) <= bool {1e-6 * max(1.0, abs(exact))!r}"
    return {"expr": close, "eval_time": "2h", "exp_samples": [{"labels": labels, "value": 1}]}


def asked(level: str, row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every KPI of one row of the MES."""
    places = matchers((name, row[name]) for name in PLACE[: LEVELS[::-1].index(level)])
    for live, exact in KPIS.items():
        yield question(f"{level}:plantwright_{live}:ratio_rate1h{places}", row[exact], places)


def stood(row: dict[str, Any]) -> dict[str, Any]:
    """The seconds for which one machine stood for one reason."""
    place = [(name, row[name]) for name in PLACE]
    labels = matchers([*place, ("reason", row["reason"] or "none")])
    return question(f"increase(plantwright_machine_stopped_seconds_total{labels}[1h])", row["stoppedSeconds"], labels)


def verdict(folder: Path, floor: list[Told], questions: list[dict[str, Any]]) -> str:
    """What promtool has against it."""
    test = {"interval": f"{SCRAPE}s", "input_series": inputs(floor), "promql_expr_test": questions}
    path = folder / "live.test.yaml"
    path.write_text(yaml.safe_dump({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": [test]}))
    words = ["promtool", "test", "rules", str(path)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)
    return done.stdout + done.stderr if done.returncode else ""


async def deliver(mes: Any, events: list[Any]) -> None:
    for first in range(0, len(events), BATCH):
        batch = events[first : first + BATCH]
        async with mes.session.post(mes.url + "/v1/observations", data=body(batch)) as answer:
            receipt = await answer.json(content_type=None)
            assert (answer.status, receipt["stored"], receipt["rejected"]) == (200, len(batch), [])


async def test_live_and_exact_figures_agree(mes: Any, tmp_path: Path) -> None:
    floor = [Told(name, line) for name, line in FLOOR]
    for told in floor:
        await deliver(mes, told.events())
    serial = {"plant": "stuttgart", "area": "machining", "line": "line-2", "flow": "Serial"}
    assert (await mes.send("PUT", "/v1/lines", [serial | {"bottleneck": "saw", "exit": "pack"}]))[0] == 200

    window = ("25T11:00:00", "25T12:00:00")
    figures = [(level, row) for level in LEVELS for row in await mes.kpis(*window, level=level)]
    assert len(figures) == len(FLOOR) + 2 + 1 + 1 + 1
    reasons = [row for row in await mes.kpis(*window, level="machine", by="reason") if row["stoppedSeconds"]]
    assert len({row["reason"] for row in reasons}) == 4
    assert all(row["failureEvents"] for _, row in figures)
    questions = [each for level, row in figures for each in asked(level, row)] + [stood(row) for row in reasons]
    assert verdict(tmp_path, floor, questions) == ""
    wrong = [each | {"expr": each["expr"].replace(" <= bool", " > bool")} for each in questions[:1]]
    assert "FAILED" in verdict(tmp_path, floor, wrong), "a figure that differs is noticed"
