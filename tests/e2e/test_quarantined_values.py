"""A contract that was wrong keeps values out; they are looked at, and delivered once it is mended: with two commands."""

import copy
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from plantwright_demo.stage import PLANT_NAMESPACE

pytestmark = pytest.mark.e2e

NAME = "too-strict"
SPARE = "modbus+tcp://lathe-03.shopfloor.svc:502"


def plantwright(world: Any, *words: str) -> tuple[int, Any]:
    """The command line as a person runs it, with kubectl on the path; its exit status, and what it printed as JSON."""
    kubectl = world.kubectl
    path = f"{Path(kubectl.binary).parent}:{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "KUBECONFIG": kubectl.kubeconfig}
    command = [sys.executable, "-m", "plantwright_cli", *words, "-n", PLANT_NAMESPACE, "--output", "json"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=120)
    world.say(f"plantwright {' '.join(words)}: {done.stdout or done.stderr}")
    return done.returncode, json.loads(done.stdout) if done.returncode < 2 else done.stderr


def contract(maximum: str) -> dict[str, Any]:
    """A draft in which every power counts as wrong, or none."""
    fields = [
        {"name": "sequence", "type": "Integer"},
        {"name": "power", "type": "Number", "unit": "kW", "maximum": maximum, "onViolation": "Quarantine"},
    ]
    meta = {"name": NAME, "namespace": PLANT_NAMESPACE}
    spec = {"version": "0.1.0", "lifecycle": "Draft", "fields": fields}
    return {"apiVersion": "plantwright.io/v1alpha1", "kind": "DataContract", "metadata": meta, "spec": spec}


@pytest.fixture
def too_strict(world: Any) -> Any:
    """A machine held to that contract."""
    profile = copy.deepcopy(world.kubectl.get("machineprofiles.plantwright.io", PLANT_NAMESPACE, "cnc-lathe-1.0.0"))
    signals = [signal for signal in profile["spec"]["signals"] if signal["name"] in ("sequence", "power")]
    for signal in signals:
        signal.pop("contract", None)
    kept = {key: profile["spec"][key] for key in ("protocol", "acquisition", "modbus") if key in profile["spec"]}
    spec = {**kept, "version": "0.1.0", "lifecycle": "Draft", "signals": signals, "contractRefs": [{"name": NAME}]}
    meta = {"name": NAME, "namespace": PLANT_NAMESPACE}
    head = {"apiVersion": "plantwright.io/v1alpha1", "kind": "MachineProfile", "metadata": meta}
    items = [contract("-1"), {**head, "spec": spec}]
    world.kubectl.apply_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    world.apply(NAME, profileRef={"name": NAME}, endpoint={"url": SPARE})
    yield
    world.remove(NAME)
    world.kubectl.run("wait", "--for=delete", "-n", PLANT_NAMESPACE, f"pod/gw-{NAME}-0", "--timeout=60s")
    world.kubectl.run("delete", "machineprofile,datacontract", "-n", PLANT_NAMESPACE, NAME)


def test_what_a_wrong_contract_kept_out_comes_after_the_mend(world: Any, too_strict: None) -> None:
    world.wait_condition(NAME, "ContractMet", "False", 90, "OutOfRange")
    code, held = plantwright(world, "quarantine", "list", NAME)
    assert code == 1
    (kind,) = held["kinds"]
    assert (kind["contract"], kind["field"], kind["reason"]) == (NAME, "power", "OutOfRange")
    assert kind["count"] == kind["replayable"] > 0

    world.kubectl.apply_text(json.dumps(contract("1000")))
    world.wait_condition(NAME, "ContractMet", "True", 60)
    code, replay = plantwright(world, "quarantine", "replay", NAME)
    assert (code, replay["kept"]) == (0, {})
    assert replay["released"] >= kind["count"]
    assert plantwright(world, "quarantine", "list", NAME)[0] == 0
