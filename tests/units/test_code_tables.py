"""Tables of codes: the numbers are the standards', the two PackML ones are told apart, explicit entries win."""

from pathlib import Path
from typing import get_args

import pytest

from plantwright_api.v1alpha1 import codetables
from plantwright_api.v1alpha1.machineprofile import MachineState

PACKML_NAMES = """Clearing Stopped Starting Idle Suspended Execute Stopping Aborting Aborted Holding Held Unholding Suspending
Unsuspending Resetting Completing Complete""".split()  # noqa: SIM905  (as the nodeset lists them, from 1)
TMC_NAMES = """Stopped Resetting Idle Starting Execute Completing Complete Aborting Aborted Stopping Clearing Suspending
Suspended Unsuspending Holding Held Unholding""".split()  # noqa: SIM905  (as the schema lists them, from 0)


def codes(table: codetables.CodeTable) -> dict[str, str]:
    return {row.code: row.name for row in codetables.TABLES[table].rows}


def test_every_name_of_a_table_has_one() -> None:
    assert set(get_args(codetables.CodeTable)) == set(codetables.TABLES)


def test_states_are_those_of_the_profile() -> None:
    rows = [row for table in codetables.TABLES.values() for row in table.rows]
    assert {row.state for row in rows} <= {*get_args(MachineState), None}


def test_packml_is_numbered_as_in_its_nodeset() -> None:
    assert codes("PackML") == {str(code): name for code, name in enumerate(PACKML_NAMES, 1)}


def test_the_tobacco_industry_numbers_the_same_names_otherwise() -> None:
    assert codes("PackMLTMC") == {str(code): name for code, name in enumerate(TMC_NAMES)}
    assert codes("PackML")["6"] == codes("PackMLTMC")["4"] == "Execute"
    assert set(PACKML_NAMES) == set(TMC_NAMES)
    assert [c for c, name in codes("PackML").items() if codes("PackMLTMC").get(c) == name] == ["3"], (
        "only Starting is the same"
    )


def test_the_same_name_is_the_same_state_in_both() -> None:
    packml, tmc = codetables.states("PackML"), codetables.states("PackMLTMC")
    assert all(packml[name] == tmc[name] for name in PACKML_NAMES)


@pytest.mark.parametrize(
    ("table", "key", "state"),
    [
        ("PackML", "6", "Production"),
        ("PackML", "Execute", "Production"),
        ("PackML", "4", "Idle"),
        ("PackMLTMC", "4", "Production"),
        ("PackML", "5", "Delay"),
        ("PackML", "9", "Delay"),
        ("PackML", "15", "Setup"),
        ("MTConnectExecution", "ACTIVE", "Production"),
        ("MTConnectExecution", "FEED_HOLD", "Delay"),
        ("MTConnectExecution", "READY", "Idle"),
        ("MachineryItemState", "3", "Production"),
        ("MachineryItemState", "OutOfService", "Delay"),
    ],
)
def test_time_elements(table: codetables.CodeTable, key: str, state: str) -> None:
    assert codetables.states(table)[key] == state


@pytest.mark.parametrize(
    ("table", "key"), [("MTConnectExecution", "UNAVAILABLE"), ("MachineryItemState", "0"), ("PackML", "0")]
)
def test_what_tells_nothing_is_unknown_and_no_downtime(table: codetables.CodeTable, key: str) -> None:
    assert key not in codetables.states(table)


def test_names_follow_the_contract_where_they_agree() -> None:
    found = codetables.names("PackML", ["EXECUTE", "Un-Holding", "idle"])
    assert found == {
        "4": "idle",
        "Idle": "idle",
        "6": "EXECUTE",
        "Execute": "EXECUTE",
        "12": "Un-Holding",
        "Unholding": "Un-Holding",
    }


def test_without_an_enum_names_are_the_standards() -> None:
    assert codetables.names("MachineryItemState")["2"] == "NotExecuting"
    assert len(codetables.names("PackML")) == 2 * len(PACKML_NAMES)


@pytest.mark.parametrize("name", get_args(codetables.CodeTable))
def test_the_guide_lists_every_row(name: codetables.CodeTable) -> None:
    guide = (Path(__file__).parents[2] / "docs" / "guide-units.md").read_text(encoding="utf-8")
    section = guide.partition(f"### {name}\n")[2].partition("\n#")[0]
    listed = [
        tuple(cell.strip() for cell in line.strip("|").split("|")) for line in section.splitlines() if "|" in line
    ]
    assert listed[2:] == [(row.code, row.name, row.state or "–") for row in codetables.TABLES[name].rows]
