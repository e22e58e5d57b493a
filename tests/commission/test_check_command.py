"""`plantwright check` against the shop floor's own simulators: the verdicts, the exit status and the evidence."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from plantwright_cli.commission.command import check
from plantwright_cli.commission.verdicts import HIDDEN
from plantwright_cli.errors import UserError
from plantwright_shopfloor.config import FloorConfig, MachineConfig
from plantwright_shopfloor.floor import running

OBJECTS = """
apiVersion: plantwright.io/v1alpha1
kind: DataContract
metadata: {{name: lathe-data}}
spec:
  version: 1.2.0
  fields:
    - {{name: state, type: String, enum: [Idle, Production, Setup, Delay], required: true, pseudonymise: {hide}}}
    - {{name: power, type: Number, unit: kW, minimum: "0", maximum: "{highest}"}}
    - {{name: torque, type: Number, unit: N.m}}
---
apiVersion: plantwright.io/v1alpha1
kind: MachineProfile
metadata: {{name: lathe}}
spec:
  version: 0.1.0
  protocol: ModbusTCP
  contractRefs: [{{name: lathe-data}}]
  signals:
    - name: state
      modbus: {{address: {state}}}
      values: [{{value: "0", name: Idle}}, {{value: "1", name: Production}}, {{value: "2", name: Setup}}, {{value: "3", name: Delay}}]
    - {{name: power, unit: kW, modbus: {{address: 14, type: Float32}}}}
---
apiVersion: plantwright.io/v1alpha1
kind: Machine
metadata: {{name: lathe-07}}
spec:
  plantRef: {{name: stuttgart}}
  profileRef: {{name: {profile}}}
  location: {{area: machining, line: line-1}}
  endpoint: {{url: "modbus+tcp://10.2.3.4:502"}}
"""


@pytest.fixture
async def lathe(tmp_path: Path) -> AsyncIterator[str]:
    machine = MachineConfig(name="lathe-07", protocol="ModbusTCP", port=0)
    config = FloorConfig(machines=[machine], host="127.0.0.1", ledger_dir=str(tmp_path / "ledger"))
    async with running(config) as floor:
        port = floor.machines["lathe-07"].station.describe()["port"]
        yield f"modbus+tcp://127.0.0.1:{port}"


def _objects(folder: Path, **changes: object) -> str:
    file = folder / "objects.yaml"
    file.write_text(OBJECTS.format(**{"highest": 250, "state": 2, "profile": "lathe", "hide": "false", **changes}))
    return str(file)


def _with_signals(file: str, *signals: str) -> str:
    """The objects with more signals in their profile."""
    before, machine, after = (
        Path(file).read_text().partition("---\napiVersion: plantwright.io/v1alpha1\nkind: Machine\n")
    )
    Path(file).write_text(before + "".join(f"    - {signal}\n" for signal in signals) + machine + after)
    return file


def _digest(file: str) -> str:
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()


def _invoke(*args: str) -> tuple[int, str]:
    app = typer.Typer()
    app.command()(check)
    result = CliRunner().invoke(app, list(args))
    if isinstance(result.exception, UserError):
        raise result.exception
    return result.exit_code, result.stdout


async def _check(*args: str) -> tuple[int, str]:
    return await asyncio.to_thread(_invoke, *args, "--seconds", "0.7")


async def test_a_machine_that_meets_its_contract(lathe: str, tmp_path: Path) -> None:
    report = tmp_path / "evidence.json"
    file = _objects(tmp_path)
    code, text = await _check("-f", file, "--endpoint", lathe, "--report", str(report))
    kept = json.loads(report.read_text())
    assert code == 0, text
    assert "2 of 2 signals meet their contract" in text
    assert kept["inputs"] == [{"path": file, "sha256": _digest(file)}]
    assert kept["contracts"] == {"lathe-data": "1.2.0"}
    assert kept["unfilledFields"] == ["lathe-data.torque"]
    assert [signal["outcome"] for signal in kept["signals"]] == ["Met", "Met"]
    assert kept["signals"][0]["value"] in ("Idle", "Production", "Setup", "Delay")
    assert any("no Plant was given" in said for said in kept["assumed"])


async def test_a_report_does_not_show_what_leaves_as_a_pseudonym(lathe: str, tmp_path: Path) -> None:
    code, text = await _check("-f", _objects(tmp_path, hide="true"), "--endpoint", lathe, "--output", "json")
    state, power = json.loads(text)["signals"]
    assert (code, state["outcome"], state["raw"], state["value"]) == (0, "Met", HIDDEN, HIDDEN)
    assert isinstance(power["value"], float)


async def test_computed_and_internal_signals_and_counters(lathe: str, tmp_path: Path) -> None:
    file = _with_signals(
        _objects(tmp_path),
        "{name: raw, internal: true, modbus: {address: 32, type: String, length: 16}}",
        "{name: torque, expression: \"power / 2.0 + number(size(raw) >= 0 ? '1.5' : '0')\"}",
        "{name: strokes, internal: true, modbus: {address: 3}, counter: {rollover: 65536}}",
    )
    code, text = await _check("-f", file, "--endpoint", lathe, "--output", "json")
    found = {signal["signal"]: signal for signal in json.loads(text)["signals"]}
    assert code == 0, text
    assert found["torque"]["value"] == pytest.approx(found["power"]["raw"] / 2 + 1.5)
    assert found["torque"]["address"].startswith("= power / 2.0")
    assert (found["raw"]["contract"], found["raw"]["outcome"]) == ("", "Met")
    assert found["strokes"]["address"] == "HoldingRegister 3 (counted)"
    assert json.loads(text)["unfilledFields"] == []


async def test_what_is_computed_misses_with_its_operand(lathe: str, tmp_path: Path) -> None:
    file = _with_signals(_objects(tmp_path, state=9000), "{name: torque, expression: \"state == 'Idle' ? 0.0 : 1.0\"}")
    code, text = await _check("-f", file, "--endpoint", lathe, "--output", "json")
    torque = next(each for each in json.loads(text)["signals"] if each["signal"] == "torque")
    assert code == 1
    assert (torque["outcome"], torque["reason"].startswith("SignalUnreadable: state: ")) == ("Unreadable", True)


async def test_a_value_out_of_range_is_a_miss(lathe: str, tmp_path: Path) -> None:
    code, text = await _check("-f", _objects(tmp_path, highest="0.01"), "--endpoint", lathe, "--output", "json")
    assert code == 1
    assert json.loads(text)["signals"][1] | {"raw": 0, "value": 0, "sourceTime": "", "valuesRead": 0} == {
        "signal": "power", "contract": "lathe-data", "field": "power", "required": False, "unit": "kW", "quality": "Good",
        "address": "HoldingRegister 14", "outcome": "Flagged", "reason": "OutOfRange", "raw": 0, "value": 0,
        "sourceTime": "", "valuesRead": 0,
    }  # fmt: skip


async def test_an_address_that_the_machine_refuses_is_a_miss(lathe: str, tmp_path: Path) -> None:
    code, text = await _check("-f", _objects(tmp_path, state=9000), "--endpoint", lathe, "--output", "json")
    state, power = json.loads(text)["signals"]
    assert code == 1
    assert state["outcome"] == "Unreadable"
    assert power["outcome"] == "Met", "one bad address never stops the others"


async def test_nobody_there(tmp_path: Path) -> None:
    code, text = await _check("-f", _objects(tmp_path), "--endpoint", "modbus+tcp://127.0.0.1:1")
    assert code == 2
    assert "not connected: ConnectionRefused" in text


async def test_what_the_operator_would_refuse_is_not_read(tmp_path: Path) -> None:
    code, text = await _check("-f", _objects(tmp_path, profile="mill"), "--output", "json")
    assert code == 1
    assert json.loads(text)["reason"] == "ProfileNotFound"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--machine", "other"], "hold no Machine other; they hold lathe-07"),
        (["--endpoint", "opc.tcp://10.0.0.1"], "reached by modbus\\+tcp"),
    ],
)
def test_what_cannot_be_looked_at(tmp_path: Path, args: list[str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        _invoke("-f", _objects(tmp_path), *args)
