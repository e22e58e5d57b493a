"""The compiled check says what an obviously right one says, on ten thousand records and on whatever hypothesis thinks of."""

from collections import Counter
from typing import Any

import pytest
from generated_records import AS_PYTHON, CODES, CONTRACT, FIELDS, STRANGE, records, signals
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_checker import PlainChecker, Reading, Result

from plantwright_api.wire.config import Contract, ContractField, Signal
from plantwright_gateway.check import ContractRules, Records, Verdict, compile_contracts

RECORDS = 10_000


class Compiled:
    def __init__(self) -> None:
        self.signals = compile_contracts([CONTRACT], signals())
        self.rules = ContractRules([CONTRACT], signals())

    def step(self, readings: list[Reading]) -> list[Verdict]:
        verdicts = [self.signals[each.signal].check(each.value, each.source_ns) for each in readings]
        return self.rules.settle(readings, verdicts)


class AsRecords:
    """The way of the pipeline: whole records where it can, else value by value."""

    def __init__(self) -> None:
        self.one_by_one, self.fine = Compiled(), 0
        self.records = Records(self.one_by_one.signals, self.one_by_one.rules)

    def step(self, readings: list[Reading]) -> list[Verdict]:
        judged = self.records.judge(readings, *zip(*readings, strict=True))
        if judged is None:
            return self.one_by_one.step(readings)
        if isinstance(judged, list):
            return judged
        self.fine += 1
        return judged.verdicts()


def same(found: Verdict, expected: Result) -> bool:
    """Equal in value, in its type (True is not 1) and in both reasons; what is not a number equals itself."""
    value, flag, refused = expected
    equal = found.value is value or (type(found.value) is type(value) and found.value == value)
    return equal and (found.flag, found.refused) == (flag, refused)


@pytest.mark.slow
@pytest.mark.parametrize("way", [Compiled, AsRecords])
def test_same_verdicts_on_ten_thousand_records(way: type[Compiled | AsRecords]) -> None:
    compiled, plain = way(), PlainChecker(CONTRACT, signals(), AS_PYTHON)
    seen: Counter[str] = Counter()
    for record, time_ns in records(RECORDS, seed=7, bad=0.03):
        readings = [Reading(name, raw, time_ns) for name, raw in record.items()]
        found, expected = compiled.step(readings), plain.step(readings)
        for reading, ours, theirs in zip(readings, found, expected, strict=True):
            assert same(ours, theirs), (reading, ours, theirs)
            seen[theirs[1] or theirs[2]] += 1
    fine = seen.pop("")
    assert fine > RECORDS
    reasons = {reason.partition(":")[0] for reason in seen}
    assert reasons == {
        *("WrongType", "NotANumber", "OutOfRange", "NotInEnum", "TooLong", "TooShort", "PatternMismatch"),
        *("ChangesTooFast", "RuleViolated", "Blocked"),
    }
    assert {f"RuleViolated:{name}" for name in AS_PYTHON} <= set(seen)
    assert isinstance(compiled, Compiled) or compiled.fine > RECORDS / 2


LAYOUTS = [
    [field.name for field in FIELDS],
    ["state", "power"],
    ["power"],
    ["state"],
    ["rejected", "temperature", "serial"],
    ["good", "temperature"],
    ["speed", "door", "tool"],
]


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), chosen=st.lists(st.sampled_from(LAYOUTS), min_size=20, max_size=60))
def test_same_verdicts_however_a_source_groups_its_signals(seed: int, chosen: list[list[str]]) -> None:
    """Rules need the last values of other records, Block keeps back what comes in others."""
    compiled, plain = AsRecords(), PlainChecker(CONTRACT, signals(), AS_PYTHON)
    for names, (record, time_ns) in zip(chosen, records(len(chosen), seed=seed, bad=0.05), strict=True):
        readings = [Reading(name, record[name], time_ns) for name in names]
        for reading, ours, theirs in zip(readings, compiled.step(readings), plain.step(readings), strict=True):
            assert same(ours, theirs), (reading, ours, theirs)


FINE_OR_STRANGE = (
    st.sampled_from(STRANGE) | st.integers() | st.floats() | st.text(max_size=30) | st.sampled_from([*CODES, 9])
)


@given(st.sampled_from([field.name for field in FIELDS]), st.lists(FINE_OR_STRANGE, min_size=1, max_size=4))
def test_same_verdict_on_any_values(name: str, raws: list[Any]) -> None:
    compiled, plain = Compiled(), PlainChecker(CONTRACT, signals(), AS_PYTHON)
    for second, raw in enumerate(raws):
        reading = [Reading(name, raw, second * 10**9)]
        [ours], [theirs] = compiled.step(reading), plain.step(reading)
        assert same(ours, theirs), (reading, ours, theirs)


EDGES = [
    0,
    -0.0,
    4,
    4.5,
    5,
    5.0,
    5.000001,
    -5,
    50,
    500,
    2**63,
    2**64 - 1,
    2**64,
    -(2**63),
    -(2**63) - 1,
    1.7e308,
    -1.7e308,
]
NUMERIC = [
    {},
    {"minimum": 4.5},
    {"maximum": 5.0},
    {"minimum": -1e300, "maximum": 1e300},
    {"enum": ["5", "4.5", "-5"]},
    {"enum": ["5"], "maximum": 4.0},
    {"minimum": 6.0, "maximum": 5.0},
]


@pytest.mark.parametrize("scaling", [{}, {"scale": 0.1}, {"scale": 3.0, "offset": -1.5}, {"scale": 1e300}], ids=str)
@pytest.mark.parametrize("bounds", NUMERIC, ids=str)
@pytest.mark.parametrize("kind", ["Integer", "Number"])
def test_the_edges_of_ranges_and_of_the_wire(kind: Any, bounds: dict[str, Any], scaling: dict[str, Any]) -> None:
    contract = Contract(name="c", version="1.0.0", fields=[ContractField(name="f", type=kind, **bounds)])
    signal = Signal(name="f", contract="c", field="f", interval_ms=1000, **scaling)
    check, plain = compile_contracts([contract], [signal])["f"].check, PlainChecker(contract, [signal], {})
    for raw in EDGES:
        [expected] = plain.step([Reading("f", raw, 0)])
        assert same(check(raw), expected), (raw, check(raw), expected)


@pytest.mark.parametrize("raw", STRANGE, ids=repr)
@pytest.mark.parametrize("name", [field.name for field in FIELDS])
def test_a_strange_value_has_the_same_verdict(name: str, raw: Any) -> None:
    compiled, plain = Compiled(), PlainChecker(CONTRACT, signals(), AS_PYTHON)
    reading = [Reading(name, raw, 10**18)]
    [ours], [theirs] = compiled.step(reading), plain.step(reading)
    assert same(ours, theirs), (ours, theirs)
