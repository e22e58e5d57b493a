"""Computed and internal signals and counters of a profile: what the gateway gets, and what is refused with which words."""

from collections.abc import Callable
from typing import Any

import pytest

from plantwright_api.v1alpha1 import DataContract, Machine, MachineProfile, Plant
from plantwright_api.v1alpha1.reasons import REASON_NAMES
from plantwright_api.wire.config import Counter, Operand, Signal
from plantwright_gateway.derive import Derivation
from plantwright_operator.decide.catalog import judge_profile
from plantwright_operator.decide.machines import judge
from plantwright_operator.desired import config
from plantwright_operator.model import Facts, Refusal, Resolved

Raw = Callable[..., dict[str, Any]]
FACTS = Facts(
    gateway_uid="uid", default_image="gateway:1", pull_policy="IfNotPresent", operator_namespace="plantwright"
)
FIELDS = [
    {"name": "power", "type": "Number", "unit": "kW"},
    {"name": "tool", "type": "Integer"},
    {"name": "program", "type": "String"},
    {"name": "running", "type": "Boolean"},
    {"name": "began", "type": "Timestamp"},
    {"name": "mode", "type": "String", "enum": ["Auto", "Hand"]},
    {"name": "badge", "type": "String", "pseudonymise": True},
    {"name": "holder", "type": "String", "pseudonymise": True},
]
VOLTS = {"name": "volts", "modbus": {"address": 1}, "scale": "0.1", "unit": "V", "internal": True}
WORD = {"name": "word", "modbus": {"address": 2}, "internal": True}
TEXT = {"name": "telegram", "modbus": {"address": 3, "type": "String", "length": 40}, "internal": True}
KILO = {"name": "power", "modbus": {"address": 9, "type": "Float32"}, "unit": "W"}


def computed(name: str, expression: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "expression": expression, **more}


def judged(raw: Raw, signals: list[dict[str, Any]], overrides: Any = (), **profile: Any) -> Resolved | Refusal:
    opcua = profile.get("protocol") == "OPCUA"
    url = "opc.tcp://10.2.3.4" if opcua else "modbus+tcp://10.2.3.4"
    plant = raw("Plant", pseudonymisation={"secretRef": {"name": "key"}})
    profile = {"state": None, "acquisition": {"intervalMilliseconds": 1000}, **profile}
    return judge(
        Machine.model_validate(raw("Machine", endpoint={"url": url}, signalOverrides=list(overrides))),
        Plant.model_validate(plant),
        [MachineProfile.model_validate(raw("MachineProfile", signals=signals, **profile))],
        [DataContract.model_validate(raw("DataContract", fields=FIELDS))],
    )


def wired(raw: Raw, *signals: dict[str, Any], **profile: Any) -> dict[str, Signal]:
    found = judged(raw, list(signals), **profile)
    assert isinstance(found, Resolved), found
    machine = config.build(found, FACTS).machines[0]
    Derivation(machine.signals)
    return {signal.name: signal for signal in machine.signals}


def test_operands_go_to_the_gateway_as_expressions_see_them(raw: Raw) -> None:
    names = [{"value": "1", "name": "Auto"}, {"value": "2", "name": "Hand"}]
    mode = {"name": "mode", "modbus": {"address": 5}, "values": names}
    found = wired(raw, VOLTS, KILO, mode, computed("running", "volts > 1.5 && power > 10.0 && mode == 'Auto'"), WORD)
    assert found["volts"].operand == Operand(type="Number", scale=0.1)
    assert (found["volts"].internal, found["volts"].contract, found["volts"].field) == (True, "", "")
    assert found["power"].scale == 0.001, "the field is in kW"
    assert found["power"].operand == Operand(type="Number"), "the expression sees W, as the signal gives it"
    assert found["mode"].operand == Operand(type="String")
    assert found["word"].operand is None
    assert (found["running"].modbus, found["running"].expression) == (
        None,
        "volts > 1.5 && power > 10.0 && mode == 'Auto'",
    )


def test_a_computed_signal_comes_as_often_as_the_rarest_on_which_it_rests(raw: Raw) -> None:
    slow = {**WORD, "intervalMilliseconds": 5000}
    found = wired(raw, VOLTS, slow, computed("sum", "volts + word", internal=True), computed("power", "sum * 2.0"))
    assert [found[name].interval_ms for name in ("volts", "word", "sum", "power")] == [1000, 5000, 5000, 5000]


def test_counters_go_to_the_gateway(raw: Raw) -> None:
    count = {"name": "tool", "modbus": {"address": 2}, "counter": {"rollover": 65536}}
    assert wired(raw, count)["tool"].counter == Counter(rollover=65536)
    assert wired(raw, {**count, "counter": {}})["tool"].counter == Counter()


@pytest.mark.parametrize(
    "signals",
    [
        pytest.param([WORD, computed("power", "bits(word, 0, 4)")], id="an Integer fills a Number"),
        pytest.param([TEXT, computed("began", "split(telegram, ';', 0)")], id="text fills a Timestamp"),
        pytest.param(
            [WORD, computed("mode", "bits(word, 4, 2)", values=[{"value": "1", "name": "Auto"}])],
            id="names for a result",
        ),
        pytest.param([TEXT, computed("tool", "integer(telegram)", counter={})], id="a counter in a telegram"),
        pytest.param(
            [{"name": "began", "modbus": TEXT["modbus"]}, computed("program", "began")], id="a time is a text"
        ),
        pytest.param([VOLTS, computed("power", "volts * 2.0 / 1000.0")], id="a product has any unit"),
        pytest.param([KILO, computed("x", "power", internal=True)], id="the unit of a signal is its own"),
        pytest.param([VOLTS, computed("power", "volts + 0.5")], id="a number added may be a conversion"),
        pytest.param([TEXT, computed("badge", "split(telegram, ';', 3)")], id="a pseudonym from an internal signal"),
        pytest.param(
            [{"name": "badge", "modbus": TEXT["modbus"]}, computed("holder", "trim(badge)")],
            id="a pseudonym from another",
        ),
    ],
)
def test_what_fits_is_taken(raw: Raw, signals: list[dict[str, Any]]) -> None:
    wired(raw, *signals)


NODE = {"nodeId": "ns=2;i=1"}


@pytest.mark.parametrize(
    ("signals", "expected"),
    [
        pytest.param([{"name": "n", "opcua": NODE, "internal": True, "type": "Integer"}], "Integer", id="as it says"),
        pytest.param([{"name": "n", "opcua": NODE, "field": "tool"}], "Integer", id="as its field"),
        pytest.param([{"name": "n", "opcua": NODE, "field": "tool", "scale": "10"}], "Integer", id="whole by its scale"),
        pytest.param([{"name": "n", "opcua": NODE, "internal": True, "scale": "0.5"}], "Number", id="scaled"),
        pytest.param([{"name": "n", "opcua": NODE, "field": "tool", "modbus": {"address": 1, "type": "Float32"}}], "Integer", id="two addresses"),
    ],
)  # fmt: skip
def test_the_type_of_a_node_is_known(raw: Raw, signals: list[dict[str, Any]], expected: str) -> None:
    found = wired(raw, *signals, computed("power", "n * 2"), protocol="OPCUA")
    operand = found["n"].operand
    assert operand is not None
    assert operand.type == expected


REFUSED = [
    ("unknown", [WORD, computed("power", "wort * 2")], "ExpressionInvalid", "there is no signal wort; is word meant?"),
    ("no expression", [WORD, computed("power", "word *")], "ExpressionInvalid", "spec.signals[power].expression: position 7"),
    ("itself", [computed("power", "power + 1.0")], "ExpressionInvalid", "power needs power; let one of them be read"),
    ("a circle", [computed("power", "tool * 1.0"), computed("tool", "round(power)")], "ExpressionInvalid", "needs"),
    ("a type", [TEXT, computed("power", "telegram")], "ExpressionInvalid", "the whole gives String, and Number is needed"),
    ("not whole", [WORD, computed("tool", "word / 2")], "ExpressionInvalid", "the whole gives Number, and Integer is needed"),
    ("constant", [computed("power", "1.5")], "ExpressionInvalid", "no signal is named"),
    ("hostile", [TEXT, computed("running", "matches(telegram, 'a{1000}{1000}')")], "ExpressionInvalid", "the pattern of matches"),
    ("another unit", [VOLTS, computed("power", "volts")], "UnitMismatch", "it gives V, and the signal is taken for kW"),
    ("another scale of unit", [KILO, computed("x", "round(power)", unit="kW", internal=True)], "UnitMismatch", "it gives W, and the signal is taken for kW"),
    ("mixed", [VOLTS, KILO, computed("running", "volts > power")], "UnitMismatch", "V and W are not one unit; convert one of them"),
    ("mixed in min", [VOLTS, KILO, computed("running", "min(volts, power) > 1.0")], "UnitMismatch", "V and W are not one unit"),
    ("no such unit", [{**VOLTS, "unit": "Volt"}], "UnitUnknown", "spec.signals[volts].unit"),
    ("a count of halves", [{"name": "power", "modbus": {"address": 1, "type": "Float32"}, "counter": {}}], "TypeMismatch",
     "spec.signals[power].counter: a counter counts whole things, and Float32 does not"),
    ("a count of texts", [TEXT, computed("program", "trim(telegram)", counter={})], "TypeMismatch", "a counter gives a number, and String is none"),
    ("a computed half", [WORD, computed("power", "word / 2", counter={})], "TypeMismatch", "the expression gives Number"),
    ("in clear", [{"name": "badge", "modbus": TEXT["modbus"]}, computed("program", "trim(badge)")], "ExpressionInvalid",
     "badge may leave as a pseudonym only, and field program would carry"),
    ("in clear by a detour", [{"name": "badge", "modbus": TEXT["modbus"]}, computed("inner", "trim(badge)", internal=True),
     computed("running", "inner == 'x'")], "ExpressionInvalid", "badge may leave as a pseudonym only"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("signals", "reason", "words"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
def test_what_does_not_fit_is_refused(raw: Raw, signals: list[dict[str, Any]], reason: str, words: str) -> None:
    found = judged(raw, signals)
    assert isinstance(found, Refusal)
    assert (found.reason, words in found.message) == (reason, True), found.message
    assert found.reason in REASON_NAMES
    assert "spec.signals[" in found.message
    profile = MachineProfile.model_validate(raw("MachineProfile", signals=signals, state=None))
    contract = DataContract.model_validate(raw("DataContract", fields=FIELDS))
    assert judge_profile(profile, [contract], [contract.metadata.namespace]) == found, "the profile itself says so too"


def test_a_node_whose_type_nobody_says(raw: Raw) -> None:
    node = {"name": "n", "opcua": NODE, "internal": True}
    found = judged(raw, [node, computed("power", "n * 2.0")], protocol="OPCUA")
    assert isinstance(found, Refusal)
    assert "spec.signals[n].type: power is computed from it, and what the node gives is not known" in found.message


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ([{"name": "word", "disabled": True}], "word is disabled in the machine's spec.signalOverrides"),
        (
            [{"name": "power", "modbus": {"address": 7}}],
            "spec.signalOverrides[power]: profile lathe computes this signal",
        ),
    ],
)
def test_overrides_that_do_not_fit_what_is_computed(raw: Raw, overrides: list[dict[str, Any]], words: str) -> None:
    found = judged(raw, [WORD, computed("power", "word * 2")], overrides)
    assert isinstance(found, Refusal)
    assert words.replace("lathe", found.message.partition("profile ")[2].partition(" ")[0]) in found.message


def test_what_is_computed_may_be_disabled_and_its_operand_moved(raw: Raw) -> None:
    signals = [WORD, computed("power", "word * 2")]
    assert isinstance(judged(raw, signals, [{"name": "power", "disabled": True}]), Resolved)
    moved = judged(raw, signals, [{"name": "word", "modbus": {"address": 77}}])
    assert isinstance(moved, Resolved)
    assert moved.signals[0].modbus is not None
    assert moved.signals[0].modbus.address == 77


@pytest.mark.parametrize(
    ("profile", "words"),
    [
        (
            {"state": {"signal": "word", "values": [{"value": "1", "state": "Idle"}]}},
            "spec.state.signal: word is internal",
        ),
        ({"parts": {"good": "word"}}, "spec.parts.good: word is internal"),
        ({"parts": {"good": "tool", "rollover": 65536}}, "spec.parts.rollover: tool has a counter of its own"),
    ],
)
def test_state_and_parts_are_taken_from_what_is_delivered(raw: Raw, profile: dict[str, Any], words: str) -> None:
    found = judged(raw, [WORD, {"name": "tool", "modbus": {"address": 4}, "counter": {}}], **profile)
    assert isinstance(found, Refusal)
    assert words in found.message
