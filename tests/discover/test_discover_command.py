"""`plantwright discover` as a user runs it: what it writes passes our models and the operator's judgement."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from servers import HERE
from typer.testing import CliRunner

from plantwright_api.v1alpha1 import DataContract, MachineProfile
from plantwright_cli.discover.command import discover
from plantwright_cli.errors import UserError
from plantwright_operator.decide import catalog

CONTRACT = str(HERE / "contract.yaml")
MAP = """Address;Name;Type;Unit;Scale;Comment
40001;Status;uint16;;1;0=idle 1=running 2=setup 3=fault
40002;Good_parts;uint32;pcs;1;
40010;Oil_temp;int16;°F;0,1;
40011;Power;float;W;1;
40020;Glue_level;uint16;%;1;
"""
EVIL = "x\n    - {name: injected, modbus: {}}\u2028\x85- evil"


def _run(*args: str) -> tuple[int, str]:
    app = typer.Typer()
    app.command()(discover)
    result = CliRunner().invoke(app, list(args))
    if isinstance(result.exception, UserError):
        raise result.exception
    return result.exit_code, result.stdout


@pytest.fixture
def map_file(tmp_path: Path) -> str:
    file = tmp_path / "saw.csv"
    file.write_text(MAP, encoding="cp1252")
    return str(file)


def test_the_profile_is_one_that_the_operator_takes(map_file: str, tmp_path: Path) -> None:
    out = tmp_path / "saw.yaml"
    code, _ = _run(map_file, "--contract", CONTRACT, "-o", str(out))
    profile = MachineProfile.model_validate(yaml.safe_load(out.read_text()))
    contract = DataContract.model_validate(yaml.safe_load(Path(CONTRACT).read_text()))
    assert code == 0
    assert catalog.judge_profile(profile, [contract], ["plant-test"]) is None
    signals = {signal.name: signal for signal in profile.spec.signals}
    assert set(signals) == {"state", "goodParts", "oilTemperature", "power"}
    assert {v.value: v.name for v in signals["state"].values} == {
        "0": "Idle",
        "1": "Production",
        "2": "Setup",
        "3": "Delay",
    }
    assert (signals["oilTemperature"].unit, signals["oilTemperature"].scale) == ("[degF]", "0.1")


def test_what_is_unmatched_is_listed_on_both_sides(map_file: str) -> None:
    code, text = _run(map_file, "-c", CONTRACT, "--output", "json")
    told = json.loads(text)
    assert code == 0
    assert [left["place"] for left in told["leftOver"]] == ["Glue_level"]
    assert "spindleSpeed" in {f["field"] for f in told["fields"] if not f["proposed"]}


def test_a_required_field_without_a_signal_is_an_answer_of_one(tmp_path: Path) -> None:
    file = tmp_path / "map.csv"
    file.write_text("Address,Name,Unit\n1,Oil temp,°C\n")
    code, text = _run(str(file), "-c", CONTRACT, "--output", "json")
    told = json.loads(text)
    assert code == 1
    assert told["refusal"]["reason"] == "RequiredFieldMissing"


def test_codes_without_a_meaning_are_held_back_until_told(tmp_path: Path) -> None:
    file = tmp_path / "map.csv"
    file.write_text("Address,Name\n1,State\n2,Good parts\n")
    code, text = _run(str(file), "-c", CONTRACT)
    assert code == 1
    assert "Held back: what its codes mean is not known" in text
    code, text = _run(str(file), "-c", CONTRACT, "--codes", "state=7:Production,9:Idle")
    assert code == 0
    assert yaml.safe_load(text)["spec"]["signals"][0]["values"] == [
        {"value": "7", "name": "Production"},
        {"value": "9", "name": "Idle"},
    ]


def test_a_choice_by_hand_wins(map_file: str) -> None:
    _, text = _run(map_file, "-c", CONTRACT, "--pick", "power=", "--pick", "spindleLoad=Glue_level")
    signals = {s["name"]: s for s in yaml.safe_load(text)["spec"]["signals"]}
    assert "power" not in signals
    assert signals["spindleLoad"]["modbus"]["address"] == 19


def test_texts_of_a_machine_never_become_yaml(tmp_path: Path) -> None:
    file = tmp_path / "map.csv"
    file.write_text(f'Address,Name,Comment\n1,State,"{EVIL} 0=idle 1=running"\n2,Good parts,\n3,"{EVIL}",\n')
    _, text = _run(str(file), "-c", CONTRACT)
    assert [s["name"] for s in yaml.safe_load(text)["spec"]["signals"]] == ["state", "goodParts"]


def test_a_reviewed_file_is_not_written_over(map_file: str, tmp_path: Path) -> None:
    out = tmp_path / "saw.yaml"
    out.write_text("reviewed")
    with pytest.raises(UserError, match="--force"):
        _run(map_file, "-c", CONTRACT, "-o", str(out))
    assert out.read_text() == "reviewed"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["modbus+tcp://10.0.0.1:502"], "give its register map as a CSV file"),
        (["nowhere.csv"], "neither opc.tcp"),
        (["opc.tcp://10.0.0.1:4840"], "--certificate, --key and --trust, or say --insecure"),
        ([CONTRACT], "no header"),
    ],
)
def test_what_cannot_be_looked_at(args: list[str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        _run(*args, "-c", CONTRACT)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--pick", "nonsense=Power"], "no such field"),
        (["--pick", "power=Nonsense"], "no signal is called that"),
        (["--codes", "state"], "write it as"),
        (["--codes", "state=0"], "a code and a name"),
        (["--name", "My Saw"], "lower-case"),
    ],
)
def test_options_that_do_not_fit(map_file: str, args: list[str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        _run(map_file, "-c", CONTRACT, *args)


@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="module")
async def test_a_server_is_proposed_from(press: Any, tmp_path: Path) -> None:
    out = tmp_path / "press.yaml"
    code, text = await asyncio.to_thread(
        _run, press.url, "-c", CONTRACT, "--insecure", "-o", str(out), "--output", "json"
    )
    signals = {s["name"]: s for s in yaml.safe_load(out.read_text())["spec"]["signals"]}
    assert code == 0
    assert set(signals) == {"state", "goodParts", "power"}
    assert signals["state"]["values"][3] == {"value": "3", "name": "Delay"}
    assert json.loads(text)["companions"] == ["PackML (OPC 30050)"]
