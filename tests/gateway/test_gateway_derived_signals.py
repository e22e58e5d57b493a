"""Computed signals and counters through a whole gateway: what the MES gets, what conditions say, what a restart keeps."""

import time
from typing import Any

import pytest

from plantwright_api.wire.config import Contract, ContractField, Counter, CrossFieldRule, Operand, PartCounters
from plantwright_gateway.app.metrics import Metrics
from plantwright_gateway.ports.source import Sample

SECOND = 10**9
T0 = 1_760_000_000 * SECOND
FIELDS = [
    ContractField(name="power", type="Number", unit="W", maximum=5000.0),
    ContractField(name="tool", type="Integer", required=True),
    ContractField(name="total", type="Integer"),
    ContractField(name="program", type="String"),
]
RULES = [
    CrossFieldRule(name="short", expression="matches(program, '^.{1,6}$')"),
    CrossFieldRule(name="named", expression="matches(program, '^NC_[0-9]+$') || tool == 0"),
]


@pytest.fixture
def press(bench: Any, make_signal: Any) -> Any:
    """Volts and amperes become watts, a telegram becomes tool and program, a 16-bit counter becomes a total."""

    def made(**changes: Any) -> Any:
        def computed(name: str, expression: str) -> Any:
            return make_signal(name, modbus=None, expression=expression)

        number = Operand(type="Number", scale=0.1)
        inside = {"contract": "", "field": "", "internal": True}
        signals = [
            make_signal("volts", scale=0.1, operand=number, **inside),
            make_signal("amperes", scale=0.1, operand=number, **inside),
            make_signal("telegram", operand=Operand(type="String"), **inside),
            make_signal("total", counter=Counter(rollover=65536)),
            computed("power", "volts * amperes"),
            computed("tool", "integer(split(telegram, ';', 1))"),
            computed("program", "trim(split(telegram, ';', 0))"),
        ]
        contract = Contract(name="machine-state", version="1.0.0", fields=FIELDS, rules=RULES)
        return bench.machine(signals=signals, contracts=[contract], parts=PartCounters(good="total"), **changes)

    return made


async def read(bench: Any, at: int, total: int, telegram: str = "NC_7 ;12", amperes: int = 50) -> None:
    time_ns = T0 + at
    await bench.hand.give(
        Sample("volts", 2300, time_ns), Sample("amperes", amperes, time_ns), Sample("telegram", telegram, time_ns),
        Sample("total", total, time_ns),
    )  # fmt: skip


async def delivered(bench: Any, count: int) -> list[dict[str, Any]]:
    await bench.mes.until(lambda: len(bench.mes.of("observation")) >= count)
    found: list[dict[str, Any]] = bench.mes.of("observation")
    return found


async def test_what_is_computed_is_delivered_beside_what_is_read(bench: Any, press: Any) -> None:
    await bench.start(press())
    await read(bench, 1, 65_530)
    [data] = await delivered(bench, 1)
    assert data["fields"] == {"total": 65_530, "power": 1150.0, "tool": 12, "program": "NC_7"}
    assert not {"quality", "flags"} & set(data), "all of it is good"
    assert bench.hand.starts == [["volts", "amperes", "telegram", "total"]], "a source reads no expressions"
    assert bench.condition("ContractMet") == ("True", "AllFieldsValid")


async def test_a_contract_holds_what_is_computed(bench: Any, press: Any) -> None:
    await bench.start(press())
    await read(bench, 1, 1, telegram="X1;3", amperes=300)
    [data] = await delivered(bench, 1)
    assert data["flags"] == {
        "power": "OutOfRange", "tool": "RuleViolated:named", "program": "RuleViolated:named",
    }  # fmt: skip


async def test_what_cannot_be_computed_is_delivered_as_null_and_told(bench: Any, press: Any) -> None:
    await bench.start(press())
    await read(bench, 1, 1, telegram="NC_7;ERR")
    [data] = await delivered(bench, 1)
    assert data["fields"]["tool"] is None
    assert (data["quality"], data["flags"]) == ({"tool": "Bad"}, {"tool": "NotComputable"})
    assert bench.condition("ContractMet") == ("False", "NotComputable")
    await read(bench, 2, 1)
    await delivered(bench, 2)
    assert bench.condition("ContractMet") == ("True", "AllFieldsValid")


async def test_an_operand_that_cannot_be_read_is_told_of_what_needs_it(bench: Any, press: Any) -> None:
    await bench.start(press())
    await read(bench, 1, 1)
    receiver = await bench.hand.running()
    receiver.signal_problem("telegram", "SignalUnreadable", "IllegalDataAddress")
    assert bench.condition("ContractMet") == ("False", "SignalUnreadable")
    receiver.signal_problem("telegram", "", "")
    assert bench.condition("ContractMet") == ("True", "AllFieldsValid")


async def test_a_total_goes_on_after_a_restart_and_so_do_the_parts(bench: Any, press: Any) -> None:
    await bench.start(press())
    await read(bench, 1, 65_530)
    await read(bench, 2, 65_534)
    await bench.stop()
    await bench.start(press())
    await read(bench, 3, 2)
    await delivered(bench, 3)
    assert bench.mes.values("total") == [65_530, 65_534, 65_538]
    lines = Metrics(bench.gateway).render().decode().splitlines()
    [good] = [line for line in lines if line.startswith("plantwright_good_parts_total{")]
    assert float(good.rsplit(" ", 1)[1]) == 8


async def test_a_total_is_committed_with_the_row_that_shows_it(bench: Any, press: Any) -> None:
    await bench.start(press())
    await read(bench, 1, 100)
    await read(bench, 2, 150)
    kept = await bench.runtime.buffer.load_state()
    expected = b'{"total":{"reading":150,"total":150,"atNs":%d}}' % (T0 + 2)
    assert kept["counters"] == expected, "before any regular save"


@pytest.mark.row("C6")
async def test_a_total_that_is_corrected_stays_and_is_told(bench: Any, press: Any) -> None:
    await bench.start(press())
    for at, reading in enumerate((1000, 990, 995, 3)):
        await read(bench, at, reading)
    await delivered(bench, 4)
    assert bench.mes.values("total") == [1000, 1000, 1005, 1008]
    lines = Metrics(bench.gateway).render().decode().splitlines()
    told = {line.partition("{")[0]: line.rsplit(" ", 1)[1] for line in lines if 'signal="total"' in line}
    assert told == {"plantwright_counter_resets_total": "1.0", "plantwright_counter_set_backs_total": "1.0"}


@pytest.mark.row("C6")
async def test_a_total_does_not_go_by_a_reading_that_comes_late(bench: Any, press: Any) -> None:
    await bench.start(press())
    now = time.time_ns()
    for age, reading in ((60, 100), (0, 110), (30, 105)):
        await bench.hand.give(Sample("total", reading, now - age * SECOND))
    await bench.hand.give(Sample("total", 112, time.time_ns()))
    await delivered(bench, 4)
    assert bench.mes.values("total") == [100, 110, None, 112]
    late = bench.mes.of("observation")[2]
    assert late["flags"] == {"total": "NotComputable"}


async def test_a_reload_that_leaves_the_source_alone_forgets_no_operand(bench: Any, press: Any) -> None:
    machine = press()
    await bench.start(machine)
    await read(bench, 1, 5)
    await bench.reload(press(profile="press 1.0.1"))
    await bench.hand.give(Sample("amperes", 10, T0 + 9))
    await bench.mes.until(lambda: bench.mes.values("power") == [1150.0, 230.0])
    assert bench.hand.stops == 0


async def test_after_a_lost_session_nothing_is_computed_from_before_it(bench: Any, press: Any) -> None:
    await bench.start(press())
    await read(bench, 1, 5)
    receiver = await bench.hand.running()
    receiver.connection("False", "Unreachable")
    receiver.connection("True", "SessionUp")
    await bench.hand.give(Sample("amperes", 10, T0 + 9))
    await bench.hand.give(Sample("volts", 2000, T0 + 10))
    await bench.mes.until(lambda: bench.mes.values("power") == [1150.0, 200.0])


async def test_only_internal_signals_count_as_observed(bench: Any, press: Any) -> None:
    await bench.start(press())
    await bench.hand.give(Sample("volts", 2300, T0 + 1))
    assert (await bench.hand.running()).last_observed_ns() is not None
    assert bench.mes.of("observation") == []
