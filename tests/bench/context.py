"""What context and KPIs cost: the gateway's way from samples to events with all of it, and with none, in turns.

    .venv/bin/python tests/bench/context.py          prints the figures of docs/measured/context.md

A machine of 50 signals is read twice a second: among them its state, two part counters, its operator and the part's serial number. Its
schedule holds 1,000 job orders of a minute. Without: the same signals, and none of them means anything.
"""

import statistics
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[2] / part) for part in ("crds", "gateway-image")]

from plantwright_api.wire.config import (  # noqa: E402
    Buffer,
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
    Signal,
    StateModel,
)
from plantwright_api.wire.schedule import JobOrder, WorkSchedule  # noqa: E402
from plantwright_gateway.app.pipeline import Pipeline  # noqa: E402
from plantwright_gateway.context.kpi import Totals  # noqa: E402
from plantwright_gateway.context.orders import Orders  # noqa: E402
from plantwright_gateway.context.situation import Situation  # noqa: E402
from plantwright_gateway.ports.source import Sample  # noqa: E402

SIGNALS, RECORDS, ROUNDS = 50, 2000, 15
SECOND = 1_000_000_000
T0 = 1_780_000_000 * SECOND
GATEWAY_NS = 17_000
"""CPU of the whole gateway per value at 10,000 values/s (docs/measured/contract_check.md: 0.17 of a core)."""


def machine(full: bool) -> Machine:
    names = [f"s{number}" for number in range(SIGNALS)]
    address = ModbusAddress(table="HoldingRegister", address=0, type="UInt16")
    told = ContextSignals(person="s3", serial_number="s4") if full else ContextSignals()
    return Machine(
        uid="u",
        name="m",
        namespace="n",
        plant="p",
        location=Location(enterprise="e", site="s", area="a", line="l"),
        source=ModbusSource(host="192.0.2.1"),
        contracts=[Contract(name="c", version="1.0.0", fields=[ContractField(name=n, type="Integer") for n in names])],
        signals=[Signal(name=n, contract="c", field=n, interval_ms=500, modbus=address) for n in names],
        sinks=[HttpSink(name="central", url="http://192.0.2.2")],
        buffer=Buffer(path="unused", max_bytes=1),
        state=StateModel(signal="s0", values={"1": "Production", "2": "Delay"}) if full else None,
        parts=PartCounters(good="s1", rejected="s2", planned_run_time_per_item_seconds=2.0) if full else None,
        context=Context(signals=told),
    )


def records() -> list[list[Sample]]:
    """A part every two seconds, each with its number; a stop of 20 s every ten minutes; an operator every eight hours."""
    found = []
    for number in range(RECORDS):
        values = [number % SIGNALS] * SIGNALS
        values[:5] = [2 if number % 1200 < 40 else 1, number // 4, number // 100, 4711 + number // 57_600, number // 4]
        at = T0 + number * SECOND // 2
        found.append([Sample(f"s{place}", value, at) for place, value in enumerate(values)])
    return found


def orders() -> Orders:
    begin = datetime.fromtimestamp(T0 / SECOND, UTC)
    minute = timedelta(minutes=1)
    jobs = [
        JobOrder(
            id=f"J{n}", start_time=(begin + n * minute).isoformat(), end_time=(begin + (n + 1) * minute).isoformat()
        )
        for n in range(1000)
    ]
    return Orders(WorkSchedule(equipment_id="m", published_date=begin.isoformat(), job_order=jobs))


def cost(full: bool, given: list[list[Sample]]) -> float:
    """ns of CPU per value."""
    pipeline, around = Pipeline(machine(full), "0" * 16, "0"), Situation()
    if full:
        around.orders = orders()
    kpis = pipeline.kpis(Totals(at_ns=T0))
    began = time.thread_time_ns()
    for each in given:
        pipeline.process(each, (), each[0].source_ns, kpis, around)
    return (time.thread_time_ns() - began) / (len(given) * SIGNALS)


def main() -> None:
    given = records()
    pairs = [(cost(True, given), cost(False, given)) for _ in range(ROUNDS)]
    extra = [full - bare for full, bare in pairs]
    ratios = sorted(full / bare for full, bare in pairs)
    low, middle, high = ratios[1], statistics.median(ratios), ratios[-2]
    print(f"with all context {statistics.median(full for full, _ in pairs):.0f} ns per value, ", end="")
    print(
        f"with none {statistics.median(bare for _, bare in pairs):.0f} ns; ratio {middle:.2f} ({low:.2f} to {high:.2f})"
    )
    share = 100 * statistics.median(extra) / GATEWAY_NS
    print(f"{statistics.median(extra):.0f} ns more per value: {share:.1f} % of the gateway's CPU at 10,000 values/s")


if __name__ == "__main__":
    main()
