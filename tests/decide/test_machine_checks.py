"""Each check by what breaks it: the reason is the catalogue's, the message names the field and the cure."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plantwright_api.v1alpha1 import DataContract, Machine, MachineProfile, Plant
from plantwright_api.v1alpha1.reasons import REASON_NAMES
from plantwright_operator.decide.machines import judge
from plantwright_operator.model import Refusal, Resolved

Objects = dict[str, list[dict[str, Any]]]
Change = Callable[[Objects], None]
STATE = {"name": "state", "modbus": {"address": 0}}


@pytest.fixture
def objects(raw: Callable[..., dict[str, Any]]) -> Objects:
    return {kind: [raw(kind)] for kind in ("Machine", "Plant", "MachineProfile", "DataContract")}


def judged(objects: Objects) -> Resolved | Refusal:
    plants = [Plant.model_validate(p) for p in objects["Plant"]]
    return judge(
        Machine.model_validate(objects["Machine"][0]),
        plants[0] if plants else None,
        [MachineProfile.model_validate(p) for p in objects["MachineProfile"]],
        [DataContract.model_validate(c) for c in objects["DataContract"]],
    )


def test_the_base_is_accepted(objects: Objects) -> None:
    found = judged(objects)
    assert isinstance(found, Resolved)
    assert [s.field for s in found.signals] == ["state", "temperature"]


def spec(kind: str, **fields: Any) -> Change:
    return lambda objects: objects[kind][0]["spec"].update(fields)


def signals(*found: dict[str, Any]) -> Change:
    return spec("MachineProfile", signals=list(found))


def opcua(*found: dict[str, Any]) -> Change:
    def change(objects: Objects) -> None:
        spec("MachineProfile", protocol="OPCUA", signals=list(found))(objects)
        spec("Machine", endpoint={"url": "opc.tcp://10.2.3.4"})(objects)

    return change


def named(pseudonymisation: dict[str, Any] | None = None, signal: bool = True) -> Change:
    """A field that leaves as a pseudonym, filled or not, and where the plant's key is."""
    text = {"name": "operator", "modbus": {"address": 5, "type": "String", "length": 8}}
    field = {"name": "operator", "type": "String", "classification": "Personal", "pseudonymise": True}

    def change(objects: Objects) -> None:
        objects["DataContract"][0]["spec"]["fields"].append(field)
        objects["Plant"][0]["spec"]["pseudonymisation"] = pseudonymisation
        if signal:
            objects["MachineProfile"][0]["spec"]["signals"].append(text)

    return change


def without(kind: str) -> Change:
    return lambda objects: objects[kind].clear()


CASES = [
    pytest.param(without("Plant"), "PlantNotFound", "spec.plantRef: there is no Plant stuttgart", id="no plant"),
    pytest.param(
        spec("Plant", timeZone="Mars/Olympus"), "InvalidSpec", "Plant stuttgart: spec.timeZone", id="no such time zone"
    ),
    pytest.param(
        spec("Plant", mes={"sinks": [{"name": "mes", "http": {"url": "http://mes.example"}}]}),
        "InvalidSpec",
        "spec.network.egressCidrs",
        id="named service without networks",
    ),
    pytest.param(
        without("MachineProfile"), "ProfileNotFound", "spec.profileRef: no MachineProfile press", id="no profile"
    ),
    pytest.param(
        spec("Machine", profileRef={"name": "press", "version": "^2"}),
        "ProfileNotFound",
        "there is 1.0.0 (Draft): widen the range",
        id="no profile in range",
    ),
    pytest.param(spec("MachineProfile", lifecycle="Retired"), "ProfileNotFound", "1.0.0 (Retired)", id="retired"),
    pytest.param(without("DataContract"), "ContractNotFound", "contractRefs", id="no contract"),
    pytest.param(
        spec("Machine", location={"area": "paint", "line": "line-1"}),
        "LocationNotFound",
        "spec.location.area: Plant stuttgart has no area paint; add it to the Plant's spec.areas or use machining",
        id="no area",
    ),
    pytest.param(
        spec("Machine", location={"area": "machining", "line": "line-9"}),
        "LocationNotFound",
        "spec.location.line",
        id="no line",
    ),
    pytest.param(
        spec("Machine", endpoint={"url": "opc.tcp://10.2.3.4"}),
        "ProtocolMismatch",
        "modbus+tcp://",
        id="other protocol",
    ),
    pytest.param(
        spec("Machine", endpoint={"url": "modbus+tcp://press.example"}),
        "InvalidSpec",
        "spec.network.egressCidrs",
        id="named machine without networks",
    ),
    pytest.param(
        spec("Machine", endpoint={"url": "modbus+tcp://169.254.169.254"}), "InvalidSpec", "link-local", id="metadata"
    ),
    pytest.param(
        spec("Machine", signalOverrides=[{"name": "nope"}]),
        "InvalidSpec",
        "has no signal nope",
        id="override of nothing",
    ),
    pytest.param(
        signals(STATE, {**STATE, "name": "other"}),
        "FieldNotFound",
        "spec.signals[other].field: contract machine-state has no field other; it has state, temperature",
        id="no field",
    ),
    pytest.param(
        signals({**STATE, "contract": "energy"}), "ContractNotFound", "energy is none of contractRefs", id="no such ref"
    ),
    pytest.param(
        signals(STATE, {"name": "again", "field": "state", "modbus": {"address": 1}}),
        "InvalidSpec",
        "filled by another signal",
        id="field filled twice",
    ),
    pytest.param(signals({"name": "state"}), "AddressMissing", "spec.signals[state].modbus", id="no modbus address"),
    pytest.param(
        opcua({"name": "state"}), "AddressMissing", "spec.signals[state].opcua: protocol OPCUA", id="no node id"
    ),
    pytest.param(
        signals(STATE, {"name": "temperature", "modbus": {"address": 1}, "unit": "1/min"}),
        "UnitMismatch",
        "1/min measures frequency, Cel measures temperature",
        id="unit of another dimension",
    ),
    pytest.param(
        signals(STATE, {"name": "temperature", "modbus": {"address": 1}, "unit": "°C"}),
        "UnitUnknown",
        "°C is no known UCUM unit; did you mean Cel?",
        id="no unit",
    ),
    pytest.param(
        signals({"name": "state", "modbus": {"address": 0, "type": "Float32"}}),
        "TypeMismatch",
        "Float32 cannot fill state, which is Integer",
        id="float for integer",
    ),
    pytest.param(
        signals({**STATE, "scale": "0.5"}), "TypeMismatch", "spec.signals[state].scale: gives fractions", id="fractions"
    ),
    pytest.param(
        signals({"name": "temperature", "modbus": {"address": 1}}),
        "RequiredFieldMissing",
        "contract machine-state 1.0.0 requires state",
        id="required field",
    ),
    pytest.param(
        spec("Machine", signalOverrides=[{"name": "state", "disabled": True}]),
        "RequiredFieldMissing",
        "do not disable it",
        id="required field disabled",
    ),
    pytest.param(
        named(),
        "PseudonymKeyNotNamed",
        "machine-state.operator may leave as pseudonyms only, and Plant stuttgart names no key to make them with; set its "
        "spec.pseudonymisation.secretRef",
        id="pseudonyms without a key",
    ),
]


@pytest.mark.parametrize(("change", "reason", "words"), CASES)
def test_refused(objects: Objects, change: Change, reason: str, words: str) -> None:
    change(objects)
    found = judged(objects)
    assert isinstance(found, Refusal)
    assert found.reason == reason
    assert reason in REASON_NAMES
    assert words in found.message
    waits = reason in ("PlantNotFound", "ProfileNotFound") or words == "contractRefs"
    assert found.stalled is not waits, "what may be applied a moment later is not stalled"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(
            signals(STATE, {"name": "temperature", "modbus": {"address": 1}}), id="a unit left out is the contract's"
        ),
        pytest.param(signals({**STATE, "scale": "2.0", "offset": "1"}), id="whole scale"),
        pytest.param(
            signals(
                {
                    "name": "state",
                    "modbus": {"address": 0, "type": "String", "length": 2},
                    "values": [{"value": "A", "name": "1"}],
                }
            ),
            id="names bridge types",
        ),
        pytest.param(opcua({"name": "state", "opcua": {"nodeId": "i=1"}}), id="OPC UA types show at run time"),
        pytest.param(spec("Plant", network={"egressCidrs": ["10.0.0.0/8"]}), id="networks"),
        pytest.param(named({"secretRef": {"name": "pseudonyms"}}), id="pseudonyms with a key"),
        pytest.param(named(signal=False), id="pseudonyms of a field that the machine does not fill"),
    ],
)
def test_accepted(objects: Objects, change: Change) -> None:
    change(objects)
    assert isinstance(judged(objects), Resolved)


def test_published_wins_over_a_higher_draft(objects: Objects, raw: Callable[..., dict[str, Any]]) -> None:
    for name, version, lifecycle in (("a", "1.1.0", "Published"), ("b", "1.0.0", "Published"), ("c", "2.0.0", "Draft")):
        objects["MachineProfile"].append(
            raw("MachineProfile", name, name="press", version=version, lifecycle=lifecycle)
        )
    found = judged(objects)
    assert isinstance(found, Resolved)
    assert found.profile.metadata.name == "a"


def test_the_plants_own_namespace_wins_over_its_catalogue(objects: Objects, raw: Callable[..., dict[str, Any]]) -> None:
    newer = raw("MachineProfile", "elsewhere", name="press", version="9.0.0", lifecycle="Published")
    newer["metadata"]["namespace"] = "catalog"
    objects["MachineProfile"].append(newer)
    own = judged(objects)
    assert isinstance(own, Resolved)
    assert own.profile.metadata.namespace == "plant-stuttgart"
    del objects["MachineProfile"][0]
    assert isinstance(judged(objects), Refusal), "no catalogue is named"
    objects["Plant"][0]["spec"]["catalogNamespace"] = "catalog"
    from_catalog = judged(objects)
    assert isinstance(from_catalog, Resolved)
    assert from_catalog.profile.metadata.namespace == "catalog"


text = st.text(min_size=1, max_size=20)
odd_urls = st.sampled_from(["opc.tcp://[", "modbus+tcp://1.2.3.4:99999", "opc.tcp://%", "modbus+tcp://\u0661.2.3.4"])


@pytest.mark.slow
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(url=text | odd_urls, area=text)
def test_whatever_got_past_admission_ends_in_a_verdict(raw: Callable[..., dict[str, Any]], url: str, area: str) -> None:
    """The models are changed without validation, as if the CRD's rules had been looser."""
    machine = Machine.model_validate(raw("Machine"))
    endpoint = machine.spec.endpoint.model_copy(update={"url": url})
    location = machine.spec.location.model_copy(update={"area": area})
    changed = machine.spec.model_copy(update={"endpoint": endpoint, "location": location})
    found = judge(
        machine.model_copy(update={"spec": changed}),
        Plant.model_validate(raw("Plant")),
        [MachineProfile.model_validate(raw("MachineProfile"))],
        [DataContract.model_validate(raw("DataContract"))],
    )
    assert isinstance(found, Refusal)
    assert found.reason in REASON_NAMES
    assert found.message
