"""Rules over several values, Block, the rate of change and patterns: what each promises, told as small stories."""

import re
import time
from typing import Any, NamedTuple

import pytest

from plantwright_api.pattern import PatternError
from plantwright_api.wire.config import Contract, ContractField, CrossFieldRule, Signal
from plantwright_gateway.check import UNTIMED, ContractRules, Verdict, compile_contracts, compile_signal
from plantwright_gateway.check.fast import matcher
from plantwright_gateway.check.rules import RuleError

S = 10**9


class Reading(NamedTuple):
    signal: str
    value: Any
    source_ns: int = 0


class Machine:
    """A machine under one contract, whose signals are called as its fields."""

    def __init__(self, *fields: ContractField, rules: list[CrossFieldRule] | None = None) -> None:
        contract = Contract(name="c", version="1.0.0", fields=list(fields), rules=rules or [])
        signals = [Signal(name=field.name, contract="c", field=field.name, interval_ms=1000) for field in fields]
        self.signals = compile_contracts([contract], signals)
        self.rules = ContractRules([contract], signals)

    def reads(self, *readings: tuple[Any, ...]) -> list[str]:
        """Why each value is flagged or refused, "" for a fine one."""
        found = [Reading(*each) for each in readings]
        verdicts = [self.signals[each.signal].check(each.value, each.source_ns) for each in found]
        settled = self.rules.settle(found, verdicts)
        return [verdict.flag or (verdict.refused and f"!{verdict.refused}") for verdict in settled]


STATE = ContractField(name="state", type="String")
POWER = ContractField(name="power", type="Number", maximum=100.0)
SERIAL = ContractField(name="serial", type="String", pattern="^SN", actions={"Pattern": "Block"})


def idle(on_violation: Any = "Flag") -> CrossFieldRule:
    return CrossFieldRule(name="idle", expression="state != 'Idle' || power < 5.0", on_violation=on_violation)


class TestCrossField:
    def test_a_rule_waits_for_all_its_fields(self) -> None:
        machine = Machine(STATE, POWER, rules=[idle()])
        assert machine.reads(("power", 50.0)) == [""]
        assert machine.reads(("state", "Idle")) == ["RuleViolated:idle"]

    def test_the_value_that_arrives_answers_for_the_rule(self) -> None:
        machine = Machine(STATE, POWER, rules=[idle()])
        assert machine.reads(("state", "Idle"), ("power", 1.0)) == ["", ""]
        assert machine.reads(("power", 50.0, S)) == ["RuleViolated:idle"]
        assert machine.reads(("state", "Production", 2 * S)) == [""]

    def test_what_changed_at_once_is_judged_at_once(self) -> None:
        machine = Machine(STATE, POWER, rules=[idle("Quarantine")])
        assert machine.reads(("state", "Production"), ("power", 50.0)) == ["", ""]
        assert machine.reads(("state", "Idle", S), ("power", 1.0, S + 3)) == ["", ""]
        assert machine.reads(("state", "Idle", S), ("power", 9.0, S)) == ["!RuleViolated:idle"] * 2

    def test_nothing_between_is_passed_over_however_a_server_groups_it(self) -> None:
        machine = Machine(STATE, POWER, rules=[idle()])
        by_item = [("state", "Idle", 1), ("state", "Run", 2), ("power", 9.0, 1), ("power", 50.0, 2)]
        assert machine.reads(*by_item) == ["RuleViolated:idle", "", "RuleViolated:idle", ""]

    def test_what_is_refused_or_unreadable_is_not_known(self) -> None:
        machine = Machine(STATE, POWER, rules=[idle()])
        assert machine.reads(("state", "Idle"), ("power", 1.0)) == ["", ""]
        assert machine.reads(("power", "fifty", S)) == ["!WrongType"]
        assert machine.reads(("state", "Idle", 2 * S)) == [""]

    def test_what_is_flagged_already_keeps_its_flag_and_counts(self) -> None:
        machine = Machine(STATE, POWER, rules=[idle()])
        assert machine.reads(("state", "Idle"), ("power", 101.0)) == ["RuleViolated:idle", "OutOfRange"]

    def test_a_rule_without_a_value_says_nothing(self) -> None:
        ratio = CrossFieldRule(name="ratio", expression="power / load < 2.0")
        machine = Machine(POWER, ContractField(name="load", type="Number"), rules=[ratio])
        assert machine.reads(("power", 5.0), ("load", 0.0)) == ["", ""]
        assert machine.reads(("load", 1.0, S)) == ["RuleViolated:ratio"]

    def test_a_rule_that_cannot_be_used_is_named(self) -> None:
        with pytest.raises(RuleError, match="contract c rule idle: position 1: there is no field state"):
            Machine(POWER, rules=[idle()])


class TestBlock:
    def test_it_keeps_back_the_others_of_the_same_reading_until_the_rule_holds(self) -> None:
        machine = Machine(SERIAL, POWER)
        assert machine.reads(("power", 1.0), ("serial", "SN1")) == ["", ""]
        assert machine.reads(("power", 2.0, S), ("serial", "?", S)) == ["!Blocked", "!PatternMismatch"]
        assert machine.reads(("power", 3.0, 2 * S)) == ["!Blocked"]
        assert machine.reads(("power", 4.0, 3 * S), ("serial", "SN2", 3 * S)) == ["", ""]

    def test_values_before_it_and_nulls_go_on(self) -> None:
        machine = Machine(SERIAL, POWER)
        assert machine.reads(("serial", "?", S), ("power", 1.0, 0)) == ["!PatternMismatch", ""]
        null = [Reading("power", None, 2 * S)]
        assert machine.rules.settle(null, [Verdict(None, "SignalUnreadable")]) == [Verdict(None, "SignalUnreadable")]

    def test_what_is_kept_back_is_the_raw_value(self) -> None:
        machine = Machine(SERIAL, POWER)
        machine.reads(("serial", "?"))
        [kept] = machine.rules.settle([Reading("power", 21, S)], [Verdict(2.1)])
        assert kept == Verdict(21, "", "Blocked")

    def test_another_contract_goes_on(self) -> None:
        contracts = [Contract(name=n, version="1.0.0", fields=[SERIAL, POWER]) for n in "ab"]
        signals = [
            Signal(name=f"{n}{f}", contract=n, field=f, interval_ms=9) for n in "ab" for f in ("serial", "power")
        ]
        rules = ContractRules(contracts, signals)
        readings = [Reading("aserial", "?"), Reading("apower", 1.0), Reading("bpower", 1.0)]
        settled = rules.settle(readings, [Verdict("?", "", "PatternMismatch", True), Verdict(1.0), Verdict(1.0)])
        assert [each.refused for each in settled] == ["PatternMismatch", "Blocked", ""]


class TestRateOfChange:
    field = ContractField(name="f", type="Number", maximum=1000.0, max_change_per_second=2.0)

    @pytest.mark.parametrize(
        ("values", "flags"),
        [
            ([(20.0, 0), (22.0, 1), (24.0, 2)], ["", "", ""]),
            ([(20.0, 0), (500.0, 1), (20.0, 2)], ["", "ChangesTooFast", ""]),
            ([(20.0, 0), (27.0, 1), (27.0, 2), (27.0, 4)], ["", "ChangesTooFast", "ChangesTooFast", ""]),
            ([(20.0, 0), (2000.0, 1), (21.0, 2)], ["", "OutOfRange", ""]),
            ([(20.0, 5), (90.0, 5), (21.0, 6)], ["", "", ""]),
            ([(20.0, 5), (90.0, 1), (91.0, 2)], ["", "", ""]),
            ([(0, 0), (2, 1), (5, 2)], ["", "", "ChangesTooFast"]),
            ([(20.0, 0), (18.0, 1), (15.0, 2)], ["", "", "ChangesTooFast"]),
        ],
        ids=[
            "steady",
            "a spike",
            "a step",
            "out of range",
            "one time twice",
            "the clock steps back",
            "integers",
            "a fall",
        ],
    )
    def test_against_the_last_good_value(self, values: list[tuple[Any, int]], flags: list[str]) -> None:
        signal = Signal(name="f", contract="c", field="f", interval_ms=1000)
        check = compile_signal(signal, self.field)
        assert [check(value, second * S).flag for value, second in values] == flags

    def test_exactly_the_allowed_change_is_allowed(self) -> None:
        signal = Signal(name="f", contract="c", field="f", interval_ms=1000, scale=0.1)
        check = compile_signal(signal, ContractField(name="f", type="Number", max_change_per_second=3.0))
        assert [check(raw, at * S // 10).flag for raw, at in ((1, 0), (4, 1), (7, 2), (11, 3))] == [
            "",
            "",
            "",
            "ChangesTooFast",
        ]

    def test_a_value_without_a_time_of_its_own_is_no_beginning(self) -> None:
        signal = Signal(name="f", contract="c", field="f", interval_ms=1000)
        check = compile_signal(signal, self.field)
        times = [(20.0, UNTIMED), (20.0, 0), (900.0, UNTIMED), (900.0, S), (21.0, 2 * S)]
        assert [check(value, at).flag for value, at in times] == ["", "", "", "ChangesTooFast", ""]


class TestPattern:
    @pytest.mark.parametrize(
        ("pattern", "fine", "wrong"),
        [
            ("^[A-Z]{2}-[0-9]+$", "AB-1", "xAB-1"),
            ("^[A-Z]{2}-[0-9]+$", "AB-1", "AB-1\n"),
            (r"^\d+$", "12", "١٢"),
            ("NC", "xNCx", "nc"),
            ("^(a|b)+$", "abab", "abc"),
            ("ß$", "Fuß", "ßx"),
        ],
    )
    def test_it_is_found_or_not(self, pattern: str, fine: str, wrong: str) -> None:
        signal = Signal(name="f", contract="c", field="f", interval_ms=1000)
        check = compile_signal(signal, ContractField(name="f", type="String", pattern=pattern))
        assert [check(text) for text in (fine, wrong, fine)] == [
            Verdict(fine),
            Verdict(wrong, "PatternMismatch"),
            Verdict(fine),
        ]

    @pytest.mark.parametrize(
        ("pattern", "words"),
        [
            (r"(a)\1", "RE2 knows no back references"),
            ("(?=a)b", "RE2 knows no look-around"),
            ("((a{1,100}){1,100}){1,100}", "at most 1000 repetitions"),
            ("(((a?){30}){30}){1000}", "repetition"),
            (r"\p{L}{100}", "more than 1024 KiB compiled"),
            ("[a", "missing ]"),
            ("\ud800", "surrogates not allowed"),
        ],
    )
    def test_what_re2_refuses_is_refused_in_its_words(self, pattern: str, words: str) -> None:
        signal = Signal(name="f", contract="c", field="f", interval_ms=1000)
        with pytest.raises(PatternError, match=re.escape(words)):
            compile_signal(signal, ContractField(name="f", type="String", pattern=pattern))

    @pytest.mark.parametrize("pattern", ["^(a+)+$", "^(a|a)*$", "^a*a*a*a*a*a*$", "(x+x+)+y", "^([a-zA-Z]+)*$"])
    def test_one_built_to_hang_does_not(self, pattern: str) -> None:
        signal = Signal(name="f", contract="c", field="f", interval_ms=1000)
        check = compile_signal(signal, ContractField(name="f", type="String", pattern=pattern))
        began = time.monotonic()
        assert check("a" * 60_000 + "!").flag == "PatternMismatch"
        assert check("x" * 60_000 + "!").flag == "PatternMismatch"
        assert time.monotonic() - began < 1

    @pytest.mark.parametrize(
        ("pattern", "simple"),
        [
            ("^[A-Z]{2}-[0-9]{4,8}$", True),
            (r"^NC_\d+\.[a-z]*$", True),
            ("^a*b*c*$", False),
            ("^(ab)+$", False),
            ("[0-9]+$", False),
            ("^a|b$", False),
            ("^[^a]$", False),
            ("^a.b$", False),
            ("^a+?$", False),
            ("^[a--b]$", False),
            ("^[A-Z]{2}-$", True),
        ],
    )
    def test_pythons_re_is_trusted_with_simple_ones_only(self, pattern: str, simple: bool) -> None:
        assert (matcher(pattern) is not None) is simple

    def test_the_slowest_that_it_is_trusted_with_is_quick(self) -> None:
        signal = Signal(name="f", contract="c", field="f", interval_ms=1000)
        check = compile_signal(signal, ContractField(name="f", type="String", pattern="^[a-z]*[a-z]*0$"))
        began = time.monotonic()
        for length in range(400):
            assert check("a" * length).flag == "PatternMismatch"
        assert time.monotonic() - began < 0.5


@pytest.mark.parametrize("rule", ["Range", "Enum", "Length", "RateOfChange"])
def test_an_action_is_for_its_rule_alone(rule: Any) -> None:
    signal = Signal(name="f", contract="c", field="f", interval_ms=1000)
    broken: dict[str, tuple[dict[str, Any], list[Any]]] = {
        "Range": ({"type": "Number", "maximum": 5.0}, [6.0]),
        "Enum": ({"type": "Integer", "enum": ["1"]}, [2]),
        "Length": ({"type": "String", "min_length": 3}, ["ab"]),
        "RateOfChange": ({"type": "Number", "max_change_per_second": 1.0}, [0.0, 9.0]),
    }
    field, raws = broken[rule]
    for action, expected in (("Flag", (False, False)), ("Quarantine", (True, False)), ("Block", (True, True))):
        for actions, default in (({rule: action}, "Flag"), ({rule: action, "Pattern": "Block"}, "Quarantine")):
            check = compile_signal(signal, ContractField(name="f", on_violation=default, actions=actions, **field))
            verdict = [check(raw, index * S) for index, raw in enumerate(raws)][-1]
            assert (bool(verdict.refused), verdict.blocks) == expected
            assert verdict.flag or verdict.refused


@pytest.mark.slow
def test_ten_thousand_fields_are_compiled_within_seconds() -> None:
    fields = [ContractField(name=f"f{n}", type="Number", minimum=0.0, max_change_per_second=1.0) for n in range(10_000)]
    began = time.monotonic()
    Machine(*fields)
    assert time.monotonic() - began < 8
