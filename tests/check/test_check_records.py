"""A record is judged at once: what it says is what its values say one by one, and nothing else changes for the pipeline."""

import time
from collections.abc import Sequence
from typing import Any

import pytest
from generated_records import CODES, CONTRACT, STRANGE, records, signals
from hypothesis import given, settings
from hypothesis import strategies as st

from plantwright_api.wire.config import (
    Buffer,
    Contract,
    ContractField,
    CrossFieldRule,
    HttpSink,
    Location,
    Machine,
    ModbusSource,
    PartCounters,
    Signal,
    StateModel,
)
from plantwright_gateway.app.pipeline import Outcome, Pipeline
from plantwright_gateway.check import ContractRules, Fine, Records, Verdict, compile_contracts
from plantwright_gateway.check.records import MOST_KINDS, MOST_SIGNALS, SEEN_BEFORE
from plantwright_gateway.context.kpi import Totals
from plantwright_gateway.context.situation import Situation
from plantwright_gateway.ports.source import Sample

S = 10**9
T0 = 1_700_000_000 * S


class Twice:
    """One machine judged as records and value by value: both must say the same."""

    def __init__(self, contracts: list[Contract], of: list[Signal]) -> None:
        self.fine = 0
        self.alone = compile_contracts(contracts, of), ContractRules(contracts, of)
        compiled, self.rules = compile_contracts(contracts, of), ContractRules(contracts, of)
        self.compiled, self.records = compiled, Records(compiled, self.rules)

    def step(self, *samples: Sample) -> list[Verdict]:
        names, values, times, _, _ = zip(*samples, strict=True)
        judged = self.records.judge(samples, names, values, times)
        if judged is None:
            found = self._one_by_one(self.compiled, self.rules, samples)
        else:
            found = judged.verdicts() if isinstance(judged, Fine) else judged
        self.fine += isinstance(judged, Fine)
        expected = self._one_by_one(*self.alone, samples)
        assert list(map(repr, found)) == list(map(repr, expected))
        return found

    def _one_by_one(self, compiled: Any, rules: ContractRules, samples: Sequence[Sample]) -> list[Verdict]:
        return rules.settle(samples, [compiled[each.signal].check(each.value, each.source_ns) for each in samples])


def field(name: str, kind: Any, **more: Any) -> ContractField:
    return ContractField(name=name, type=kind, **more)


def signal(name: str, of: str = "", contract: str = "c", **more: Any) -> Signal:
    return Signal(name=name, contract=contract, field=of or name, interval_ms=1000, **more)


ODD = [
    (field("any", "Number"), {}),
    (field("paced", "Integer", max_change_per_second=5.0), {}),
    (field("scaled", "Integer", max_change_per_second=5.0), {"scale": 0.5}),
    (field("choice", "Number", enum=["1", "2.5"]), {}),
    (field("level", "Integer", enum=["1", "2"], maximum=1.0), {}),
    (field("text", "String"), {}),
    (field("alternatives", "String", pattern="^(a|b)+$"), {}),
    (field("word", "String", enum=["a", "x", "true"]), {}),
    (field("at", "Timestamp"), {}),
    (field("on", "Boolean"), {"values": {"0": "false", "1": "true", "x": "true"}}),
    (field("far", "Number", maximum=90.0), {"scale": 0.1, "offset": -40.0}),
    (field("off", "Boolean", enum=["false"]), {}),
    (field("bit", "Boolean"), {}),
]
FITTING: dict[str, tuple[Any, ...]] = {
    "any": (1, 2.5), "paced": (1, 2), "scaled": (4, 6), "choice": (1, 2.5), "level": (1,), "text": ("x", "é"),
    "alternatives": ("ab",), "word": ("a", "x"), "at": ("2026-01-01T00:00:00Z",), "on": (0, "x"), "far": (3, 4.5), "off": (False,), "bit": (1, True, 0.0),
}  # fmt: skip
WITH_ODD = [
    CrossFieldRule(name="texts", expression="text != 'v0' || word == 'a'", on_violation="Quarantine"),
    CrossFieldRule(name="sum", expression="any + paced * 2 < 7.0 && paced % 2 != 5"),
    CrossFieldRule(name="part", expression="any / level >= 1.0 || size(text) == level"),
]
LONG = "x" * 70_000
RAWS = st.sampled_from([*STRANGE, LONG, "v0", "a", 1, 2, 2.5]) | st.integers() | st.floats() | st.text(max_size=5)


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(sorted(FITTING)), RAWS, max_size=2), min_size=3, max_size=8), st.data())
def test_odd_fields_are_judged_as_one_by_one(broken: list[dict[str, Any]], data: st.DataObject) -> None:
    twice = Twice(
        [Contract(name="c", version="1.0.0", fields=[each for each, _ in ODD], rules=WITH_ODD)],
        [signal(each.name, **more) for each, more in ODD],
    )
    for number, wrong in enumerate(broken):
        fitting = {name: data.draw(st.sampled_from(values)) for name, values in FITTING.items()}
        at = T0 + S * data.draw(st.integers(-1, 1)) + number * S
        twice.step(*[Sample(name, value, at) for name, value in (fitting | wrong).items()])


def test_odd_fields_are_fine_as_a_record() -> None:
    twice = Twice(
        [Contract(name="c", version="1.0.0", fields=[each for each, _ in ODD], rules=WITH_ODD)],
        [signal(each.name, **more) for each, more in ODD],
    )
    for number in range(SEEN_BEFORE + 3):
        twice.step(*[Sample(name, values[0], T0 + number * S) for name, values in FITTING.items()])
    assert twice.fine == 3


@pytest.mark.parametrize(("text", "refused"), [("x", ""), ("é", ""), (LONG, "TooLong"), ("\ud800", "WrongType")])
@pytest.mark.parametrize("pattern", [None, "x|é|."])
def test_a_text_that_nobody_can_carry_is_refused_in_a_record(text: str, refused: str, pattern: str | None) -> None:
    contract = Contract(name="c", version="1.0.0", fields=[field("text", "String", pattern=pattern)])
    twice = Twice([contract], [signal("text")])
    for number in range(SEEN_BEFORE):
        twice.step(Sample("text", "y", T0 + number))
    assert [each.refused for each in twice.step(Sample("text", text, T0 + S))] == [refused]
    assert twice.fine == (not refused)


class TestRules:
    """Rules see the last values wherever they came from."""

    state, power = field("state", "String"), field("power", "Number")
    rule = CrossFieldRule(name="idle", expression="state != 'Idle' || power < 5.0")

    def twice(self) -> Twice:
        contract = Contract(name="c", version="1.0.0", fields=[self.state, self.power], rules=[self.rule])
        twice = Twice([contract], [signal("state"), signal("power")])
        for number in range(SEEN_BEFORE):
            twice.step(Sample("power", 1.0, T0 + number), Sample("state", "Run", T0 + number))
            twice.step(Sample("power", 1.0, T0 + number))
            twice.step(Sample("state", "Run", T0 + number))
        return twice

    def test_the_last_values_of_a_fine_record_reach_another_kind_of_record(self) -> None:
        twice = self.twice()
        twice.step(Sample("power", 50.0, T0 + S), Sample("state", "Run", T0 + S))
        [verdict] = twice.step(Sample("state", "Idle", T0 + 2 * S))
        assert (twice.fine, verdict.flag) == (1, "RuleViolated:idle")

    def test_they_reach_what_is_judged_one_by_one(self) -> None:
        twice = self.twice()
        twice.step(Sample("power", 50.0, T0 + S))
        settled = twice.rules.settle([Sample("state", "Idle", T0)], [Verdict("Idle")])
        assert [each.flag for each in settled] == ["RuleViolated:idle"]

    def test_the_newest_of_two_kinds_counts(self) -> None:
        twice = self.twice()
        twice.step(Sample("power", 50.0, T0 + S), Sample("state", "Run", T0 + S))
        twice.step(Sample("power", 2.0, T0 + 2 * S))
        assert [each.flag for each in twice.step(Sample("state", "Idle", T0 + 3 * S))] == [""]
        assert twice.fine == 3

    def test_a_contract_that_is_blocked_has_no_fine_record(self) -> None:
        contract = Contract(
            name="c",
            version="1.0.0",
            fields=[self.power, field("serial", "String", pattern="^SN", actions={"Pattern": "Block"})],
        )
        twice = Twice([contract], [signal("power"), signal("serial")])
        for number in range(SEEN_BEFORE):
            twice.step(Sample("power", 1.0, T0 + number))
        twice.step(Sample("serial", "?", T0 + S))
        assert [each.refused for each in twice.step(Sample("power", 1.0, T0 + 2 * S))] == ["Blocked"]
        twice.step(Sample("serial", "SN1", T0 + 3 * S))
        assert [each.refused for each in twice.step(Sample("power", 1.0, T0 + 4 * S))] == [""]
        assert twice.fine == 1


class TestKinds:
    def twice(self, count: int) -> tuple[Twice, list[str]]:
        names = [f"f{number}" for number in range(count)]
        contract = Contract(name="c", version="1.0.0", fields=[field(name, "Number", minimum=0.0) for name in names])
        return Twice([contract], [signal(name) for name in names]), names

    def test_ever_new_groups_get_no_more_functions(self) -> None:
        twice, names = self.twice(MOST_KINDS + 20)
        for name in names:
            for number in range(SEEN_BEFORE + 1):
                twice.step(Sample(name, 1.0, T0 + number))
        assert twice.fine == MOST_KINDS

    def test_a_signal_that_comes_twice_is_judged_one_by_one(self) -> None:
        twice, _ = self.twice(1)
        for number in range(SEEN_BEFORE + 2):
            twice.step(Sample("f0", 1.0, T0 + number), Sample("f0", 2.0, T0 + number))
        assert twice.fine == 0

    @pytest.mark.parametrize(("count", "fine"), [(MOST_SIGNALS, 1), (MOST_SIGNALS + 1, 0)])
    def test_functions_over_many_signals_are_made_in_a_moment(self, count: int, fine: int) -> None:
        twice, names = self.twice(count)
        began = time.monotonic()
        for number in range(SEEN_BEFORE + 1):
            twice.step(*[Sample(name, 1.0, T0 + number) for name in names])
        assert twice.fine == fine
        assert time.monotonic() - began < 3


def machine(more: Sequence[Signal] = ()) -> Machine:
    return Machine(
        uid="u",
        name="m",
        namespace="n",
        plant="p",
        location=Location(enterprise="e", site="s", area="a", line="l"),
        source=ModbusSource(host="192.0.2.1"),
        contracts=[CONTRACT],
        signals=[*signals(), *more],
        sinks=[HttpSink(name="central", url="http://192.0.2.2")],
        buffer=Buffer(path="unused", max_bytes=1),
        state=StateModel(signal="state", values=dict.fromkeys(CODES, "Idle")),
        parts=PartCounters(good="good", rejected="rejected"),
    )


class OneByOne(Pipeline):
    def _judged(self, samples: Sequence[Sample]) -> list[Verdict]:
        for names in list(self.records._kinds):
            self.records._kinds.pop(names)
        self.records._last = None
        judged = super()._judged(samples)
        assert isinstance(judged, list)
        return judged


def outcomes(kind: type[Pipeline], of: Machine, batches: list[list[Sample]]) -> list[Any]:
    pipeline = kind(of, "0" * 16, "0")
    kpis, around = pipeline.kpis(Totals(at_ns=T0)), Situation()
    found: list[Outcome] = [pipeline.process(each, (), each[-1].source_ns, kpis, around) for each in batches]
    return [*[repr(each) for each in found], repr(kpis.totals)]


@pytest.mark.parametrize("twice", [False, True], ids=["each field once", "a field of two signals"])
def test_the_pipeline_makes_the_same_of_a_record(twice: bool) -> None:
    """Rows and their order, problems, counts, quality, source times: as value by value."""
    batches = []
    for number, (record, at) in enumerate(records(300, seed=3, bad=0.004)):
        samples = [Sample(name, value, at) for name, value in record.items()]
        if twice:
            samples.append(Sample("mode2", "Auto", at))
        if number % 5 == 1:
            samples[3:5] = [each._replace(source_ns=at - 7) for each in samples[3:5]]
        if number % 7 == 1:
            samples[4] = samples[4]._replace(quality="Uncertain", reason="UncertainValue")
        if number % 11 == 1:
            samples[5] = Sample("temperature", None, at, "Bad", "BadValue")
        batches.append(samples)
    of = machine([signal("mode2", "mode", CONTRACT.name)] if twice else [])
    assert outcomes(Pipeline, of, batches) == outcomes(OneByOne, of, batches)
