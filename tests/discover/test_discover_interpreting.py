"""Tables of codes, `spec.state` and `spec.parts`: proposed where something shows them, with the reason, and never else."""

from typing import Any

import pytest
import yaml
from servers import HERE, servers

from plantwright_api.v1alpha1 import DataContract, MachineProfile
from plantwright_api.v1alpha1.codetables import TABLES, CodeTable
from plantwright_api.v1alpha1.signals import ModbusAddress
from plantwright_cli.discover.candidates import Candidate, Companion, Offer
from plantwright_cli.discover.interpreting import table_of
from plantwright_cli.discover.profile import Draft, draft
from plantwright_cli.discover.proposals import propose
from plantwright_cli.discover.rendering import render
from plantwright_cli.discover.report import as_data

PACKML = "http://opcfoundation.org/UA/PackML/"
MACHINERY = "http://opcfoundation.org/UA/Machinery/"
BASE = yaml.safe_load((HERE / "contract.yaml").read_text())
ELEMENTS = ["Idle", "Production", "Setup", "Delay"]


def contract(**enums: list[str] | None) -> DataContract:
    """The test contract's state and counters; `state` is the enum of its state."""
    fields = [
        dict(field) for field in BASE["spec"]["fields"] if field["name"] in ("state", "goodParts", "rejectedParts")
    ]
    if "state" in enums:
        fields[0]["enum"] = enums["state"]
        fields[0] = {key: value for key, value in fields[0].items() if value is not None}
    return DataContract.model_validate({**BASE, "spec": {**BASE["spec"], "fields": fields}})


def table(name: CodeTable) -> tuple[tuple[str, str], ...]:
    return tuple((row.code, row.name) for row in TABLES[name].rows)


def at(number: int, name: str, **known: Any) -> Candidate:
    return Candidate(name=name, modbus=ModbusAddress(address=number), **{"kind": "Integer", **known})


COUNTERS = (at(10, "Good_parts", unit="pcs"), at(12, "Rejected_parts", unit="pcs"))


def made(state: Candidate, enum: list[str] | None, *others: Candidate) -> tuple[Draft, Offer, Any]:
    held = contract(state=enum)
    offer = Offer("ModbusTCP", "map.csv", (state, *(others or COUNTERS)))
    proposals = propose([held], offer.candidates)
    return draft("m", offer, [held], proposals, {}), offer, proposals


def spec(draft: Draft) -> dict[str, Any]:
    assert draft.body is not None
    assert draft.refusal is None
    found: dict[str, Any] = draft.body["spec"]
    return found


@pytest.mark.parametrize(
    ("candidate", "expected", "says"),
    [
        (at(1, "StateCurrent", companion=Companion(PACKML, "StateCurrent")), "PackML", "companion specification"),
        (
            at(1, "CurrentState", kind="String", companion=Companion(MACHINERY, "MachineryItemState")),
            "MachineryItemState",
            "companion specification",
        ),
        (at(1, "Zustand", codes=table("PackMLTMC")), "PackMLTMC", "lists 17 codes"),
        (at(1, "Zustand", codes=table("PackML")[2:7]), "PackML", "lists 5 codes"),
        (at(1, "Execution", kind="String", sample="ACTIVE"), "MTConnectExecution", "its value ACTIVE"),
    ],
)
def test_what_shows_a_table(candidate: Candidate, expected: str, says: str) -> None:
    named = table_of(candidate)
    assert named is not None
    assert named.table == expected
    assert says in named.reason


@pytest.mark.parametrize(
    "candidate",
    [
        pytest.param(at(1, "State"), id="a-name"),
        pytest.param(at(1, "StateCurrent"), id="a-name-without-its-specification"),
        pytest.param(
            at(1, "CurrentState", kind="String", companion=Companion(PACKML, "StateCurrent")), id="upper-level"
        ),
        pytest.param(at(1, "Execution", kind="String"), id="no-value"),
        pytest.param(at(1, "Execution", kind="String", sample="RUNNING"), id="another-value"),
        pytest.param(at(1, "Programm", kind="String", sample="ACTIVE"), id="another-name"),
        pytest.param(at(1, "State", codes=(("0", "Stopped"), ("1", "Resetting"))), id="few-codes"),
        pytest.param(
            at(1, "StateCurrent", companion=Companion(PACKML, "StateCurrent"), codes=(("0", "idle"), ("1", "run"))),
            id="its-own-list",
        ),
        pytest.param(at(1, "State", codes=(*table("PackML"), ("99", "Washing"))), id="one-code-more"),
        pytest.param(at(1, "State", codes=(("1", "Idle"), ("2", "Execute"), ("3", "Held"))), id="other-numbers"),
    ],
)
def test_what_shows_none(candidate: Candidate) -> None:
    assert table_of(candidate) is None


STATE = at(1, "State", companion=Companion(PACKML, "StateCurrent"))


def test_a_contract_in_the_standard_s_words_takes_the_table_by_name() -> None:
    found, offer, proposals = made(STATE, [name for _, name in table("PackML")])
    written = spec(found)
    assert written["signals"][0]["valuesFrom"] == "PackML"
    assert written["state"] == {"signal": "state", "valuesFrom": "PackML"}
    text = render(found, offer, proposals)
    assert "# Codes of PackML: OPC 30050" in text
    assert yaml.safe_load(text)["spec"] == written
    MachineProfile.model_validate(yaml.safe_load(text))


def test_a_contract_of_time_elements_takes_what_the_table_counts_them_as() -> None:
    written = spec(made(STATE, ELEMENTS)[0])
    signal = written["signals"][0]
    assert "valuesFrom" not in signal
    names = {value["value"]: value["name"] for value in signal["values"]}
    assert (names["6"], names["4"], names["Aborted"]) == ("Production", "Idle", "Delay")
    assert written["state"] == {"signal": "state", "valuesFrom": "PackML"}


def test_a_contract_in_other_words_takes_nothing_of_it() -> None:
    found = made(STATE, ["Running", "Standing"])[0]
    assert found.entries[0].held_back
    assert found.body is not None
    assert "state" not in found.body["spec"]


def test_names_that_are_time_elements_make_the_state() -> None:
    listed = at(1, "State", description="0=idle 1=running 2=setup 3=fault")
    written = spec(made(listed, ELEMENTS)[0])
    assert written["state"] == {
        "signal": "state",
        "values": [{"value": n, "state": n} for n in ("Idle", "Production", "Setup", "Delay")],
    }


def test_counters_of_parts_are_named_and_each_says_why() -> None:
    found, offer, proposals = made(STATE, ELEMENTS)
    assert spec(found)["parts"] == {"good": "goodParts", "rejected": "rejectedParts"}
    told = {model["name"]: model["reason"] for model in as_data(found, offer, proposals)["models"]}
    assert "goodParts counts good parts and rejectedParts counts rejected parts" in told["parts"]
    assert "OPC 30050" in told["state"]


def test_a_counter_that_is_not_there_is_not_named() -> None:
    found = made(STATE, ELEMENTS, COUNTERS[0])[0]
    assert spec(found)["parts"] == {"good": "goodParts"}


def test_of_foreign_servers_only_the_one_that_speaks_a_standard_gets_its_table() -> None:
    candidates = [candidate for server in servers("evaluation") for candidate in server.candidates]
    assert len(candidates) > 100
    found = [(candidate.place, named.table) for candidate in candidates if (named := table_of(candidate))]
    assert found == [("Mazak/Controller/execution", "MTConnectExecution")]
