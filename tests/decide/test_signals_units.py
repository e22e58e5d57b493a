"""Units and tables of codes between a profile and its contract: what is composed, and what is refused with which words."""

from collections.abc import Callable
from typing import Any

import pytest

from plantwright_api.v1alpha1 import DataContract, Machine, MachineProfile, Plant
from plantwright_api.v1alpha1.reasons import REASON_NAMES
from plantwright_api.wire.config import Signal, StateModel
from plantwright_gateway.check import compile_signal
from plantwright_operator.decide.machines import judge
from plantwright_operator.desired import config
from plantwright_operator.model import Facts, Refusal, Resolved

Raw = Callable[..., dict[str, Any]]
FACTS = Facts(
    gateway_uid="uid", default_image="gateway:1", pull_policy="IfNotPresent", operator_namespace="plantwright"
)
STATE = {"name": "state", "modbus": {"address": 0}}


def judged(raw: Raw, field: dict[str, Any], signal: dict[str, Any], **profile: Any) -> Resolved | Refusal:
    """A machine with one signal `value`, its contract field of that name laid over a Number."""
    value = {"name": "value", **signal}
    if profile.get("protocol") != "OPCUA":
        value = {"modbus": {"address": 1, "type": "Int16"}, **value}
    contract = raw("DataContract", fields=[{"name": "value", "type": "Number", **field}])
    opcua = profile.get("protocol") == "OPCUA"
    machine = raw("Machine", endpoint={"url": "opc.tcp://10.2.3.4" if opcua else "modbus+tcp://10.2.3.4"})
    return judge(
        Machine.model_validate(machine),
        Plant.model_validate(raw("Plant")),
        [MachineProfile.model_validate(raw("MachineProfile", signals=[value], **profile))],
        [DataContract.model_validate(contract)],
    )


def wired(
    raw: Raw, field: dict[str, Any], signal: dict[str, Any], **profile: Any
) -> tuple[Signal, StateModel | None, Any]:
    """What the gateway gets, and the field it is checked against."""
    found = judged(raw, field, signal, **profile)
    assert isinstance(found, Resolved), found
    machine = config.build(found, FACTS).machines[0]
    return machine.signals[0], machine.state, machine.contracts[0].fields[0]


COMPOSED = [
    pytest.param({"unit": "bar"}, {"unit": "mbar"}, 1013, 1.013, id="mbar to bar"),
    pytest.param({"unit": "bar"}, {"unit": "mbar", "scale": "0.1"}, 10130, 1.013, id="scaled first"),
    pytest.param({"unit": "Cel"}, {"unit": "[degF]"}, 212, 100.0, id="offset"),
    pytest.param(
        {"unit": "Cel"}, {"unit": "[degF]", "scale": "0.1", "offset": "-40"}, 720, 0.0, id="offset of an offset"
    ),
    pytest.param({"unit": "Cel"}, {"unit": "K", "scale": "0.01"}, 29815, 25.0, id="kelvin"),
    pytest.param({"unit": "1/min"}, {"unit": "Hz"}, 25, 1500.0, id="hertz to revolutions"),
    pytest.param({"unit": "%"}, {"unit": "1", "scale": "0.001"}, 875, 87.5, id="ratio to percent"),
    pytest.param({"unit": "s", "type": "Integer"}, {"unit": "min"}, 3, 180, id="whole stays whole"),
    pytest.param({"unit": "s", "type": "Integer"}, {"unit": "ms", "scale": "1000"}, 7, 7, id="whole by the scale"),
    pytest.param({"unit": "L/min"}, {"unit": "l/min"}, 12, 12, id="two spellings of one unit"),
    pytest.param({"unit": "Cel"}, {"scale": "0.1"}, 215, 21.5, id="no unit is the contract's"),
    pytest.param({}, {"scale": "0.1"}, 215, 21.5, id="no unit anywhere"),
]


@pytest.mark.parametrize(("field", "signal", "raw_value", "expected"), COMPOSED)
def test_the_gateway_reads_the_contracts_unit(
    raw: Raw, field: dict[str, Any], signal: dict[str, Any], raw_value: int, expected: float
) -> None:
    wire, _, wire_field = wired(raw, field, signal)
    verdict = compile_signal(wire, wire_field)(raw_value)
    assert verdict.value == pytest.approx(expected, rel=1e-12, abs=1e-12)
    assert verdict.refused == ""
    assert wire.unit == field.get("unit")


def test_the_last_step_alone_rounds(raw: Raw) -> None:
    wire, _, _ = wired(raw, {"unit": "bar"}, {"unit": "mbar", "scale": "0.1", "offset": "-1013.25"})
    assert (wire.scale, wire.offset) == (0.0001, -1.01325)


REFUSED = [
    pytest.param(
        {"unit": "Cel"},
        {"unit": "1/min"},
        "UnitMismatch",
        "unit: 1/min does not become Cel, the unit of field value: 1/min measures frequency, Cel measures temperature; "
        "name the unit that the machine gives after scale and offset, or fill another field",
        id="rpm into Celsius",
    ),
    pytest.param(
        {"unit": "%"},
        {"unit": "{part}"},
        "UnitMismatch",
        "unit: {part} does not become %, the unit of field value: {part} measures a count, % measures a share of a whole, "
        "and how many make up the whole nobody says; name the unit that the machine gives after scale and offset, or fill "
        "another field",
        id="count into percent",
    ),
    pytest.param(
        {"unit": "Cel"},
        {"unit": "C"},
        "UnitMismatch",
        "unit: C does not become Cel, the unit of field value: C measures electric charge, Cel measures temperature (UCUM "
        "reads C as coulomb; did you mean Cel?); name the unit that the machine gives after scale and offset, or fill "
        "another field",
        id="coulomb",
    ),
    pytest.param(
        {},
        {"unit": "bar"},
        "UnitMismatch",
        "unit: field value of contract machine-state has no unit; leave bar out, or name a unit in the contract",
        id="contract without unit",
    ),
    pytest.param(
        {"unit": "1/min"},
        {"unit": "rpm"},
        "UnitUnknown",
        "unit: rpm is no known UCUM unit; did you mean 1/min?",
        id="unknown unit",
    ),
    pytest.param(
        {"unit": "s", "type": "Integer"},
        {"unit": "ms"},
        "TypeMismatch",
        "unit: ms to s gives fractions, and value is Integer; mend either",
        id="fractions by the conversion",
    ),
    pytest.param(
        {"type": "Integer"},
        {"scale": "0.5"},
        "TypeMismatch",
        "scale: gives fractions, and value is Integer; mend either",
        id="fractions by the scale",
    ),
    pytest.param(
        {"unit": "s", "type": "String"},
        {"unit": "ms", "modbus": {"address": 1, "type": "String", "length": 4}},
        "TypeMismatch",
        "unit: ms to s needs a number, and value is String; name s",
        id="text is not converted",
    ),
    pytest.param(
        {"unit": "km"},
        {"unit": "nm", "scale": "1e-315"},
        "InvalidSpec",
        "scale: scale and offset, with the conversion into the contract's unit, lie outside of what a 64-bit float holds; "
        "mend either",
        id="underflow",
    ),
    pytest.param(
        {},
        {"scale": "1e400"},
        "InvalidSpec",
        "scale: scale and offset, with the conversion into the contract's unit, lie outside of what a 64-bit float holds; "
        "mend either",
        id="overflow",
    ),
    pytest.param(
        {"type": "Integer"},
        {"valuesFrom": "PackML"},
        "TypeMismatch",
        "valuesFrom: PackML gives names, and value is Integer; make the field a String, or leave valuesFrom out and name "
        "the table in spec.state alone",
        id="names for a number",
    ),
    pytest.param(
        {"type": "String", "enum": ["on", "off"]},
        {"valuesFrom": "PackML"},
        "TypeMismatch",
        "valuesFrom: no name of PackML is in value's enum; take the standard's names into the contract, or list values",
        id="no name agrees",
    ),
]


@pytest.mark.parametrize(("field", "signal", "reason", "words"), REFUSED)
def test_refused(raw: Raw, field: dict[str, Any], signal: dict[str, Any], reason: str, words: str) -> None:
    found = judged(raw, field, signal)
    assert isinstance(found, Refusal)
    assert (found.reason, found.message) == (reason, f"profile press spec.signals[value].{words}")
    assert reason in REASON_NAMES


def test_a_contracts_unknown_unit_is_named_as_the_contracts(raw: Raw) -> None:
    found = judged(raw, {"unit": "kWh"}, {"unit": "kW.h"})
    assert isinstance(found, Refusal)
    assert found.message == (
        "contract machine-state spec.fields[value].unit: kWh is no known UCUM unit; did you mean kW.h?"
    )


def test_opcua_is_held_to_units_as_well(raw: Raw) -> None:
    signal = {"opcua": {"nodeId": "ns=1;i=1"}}
    found = judged(raw, {"unit": "s", "type": "Integer"}, {**signal, "unit": "ms"}, protocol="OPCUA")
    assert isinstance(found, Refusal)
    assert found.reason == "TypeMismatch"
    assert isinstance(judged(raw, {"type": "Integer"}, {**signal, "scale": "0.5"}, protocol="OPCUA"), Resolved)


def test_a_table_names_codes_and_explicit_entries_win(raw: Raw) -> None:
    field = {"type": "String", "enum": ["IDLE", "EXECUTE", "Broken"]}
    signal = {"valuesFrom": "PackML", "values": [{"value": "9", "name": "Broken"}, {"value": "4", "name": "EXECUTE"}]}
    wire, _, wire_field = wired(raw, field, signal)
    check = compile_signal(wire, wire_field)
    assert [check(code).value for code in (4, 6, 9)] == ["EXECUTE", "EXECUTE", "Broken"]
    assert check("Execute").value == "EXECUTE", "a server that sends names is understood too"
    assert check(11).flag == "NotInEnum", "Held is not in the contract"


def test_a_state_model_takes_its_table(raw: Raw) -> None:
    state = {"signal": "value", "valuesFrom": "PackMLTMC", "values": [{"value": "0", "state": "PlannedDown"}]}
    _, model, _ = wired(raw, {"type": "Integer"}, {}, state=state)
    assert model is not None
    assert (model.values["0"], model.values["4"], model.values["Execute"]) == (
        "PlannedDown",
        "Production",
        "Production",
    )
