"""Every panel of every dashboard has its series, from what the tests before have done to the plant."""

import copy
import json
import time
from typing import Any

import pytest

from plantwright_dashboards import queries
from plantwright_dashboards.queries import Span
from plantwright_demo.stage import PLANT_NAMESPACE, PROMETHEUS

pytestmark = pytest.mark.e2e

NAME = "doubtful"
SPARE = "modbus+tcp://lathe-03.shopfloor.svc:502"
KEPT_OUT, FLAGGED = "power", "spindleLoad"


@pytest.fixture
def doubtful(world: Any) -> Any:
    """A machine of which one field's values are kept out and another's delivered with a flag; no other breaks a contract."""
    profile = copy.deepcopy(world.kubectl.get("machineprofiles.plantwright.io", PLANT_NAMESPACE, "cnc-lathe-1.0.0"))
    signals = [each for each in profile["spec"]["signals"] if each["name"] in ("sequence", KEPT_OUT, FLAGGED)]
    for signal in signals:
        signal.pop("contract", None)
    actions = {KEPT_OUT: ("kW", "Quarantine"), FLAGGED: ("%", "Flag")}
    strict = [
        {"name": name, "type": "Number", "unit": unit, "maximum": "-1", "onViolation": action}
        for name, (unit, action) in actions.items()
    ]
    fields = [{"name": "sequence", "type": "Integer"}, *strict]
    kept = {key: profile["spec"][key] for key in ("protocol", "acquisition", "modbus") if key in profile["spec"]}
    draft = {"version": "0.1.0", "lifecycle": "Draft"}
    specs = {
        "DataContract": {**draft, "fields": fields},
        "MachineProfile": {**draft, **kept, "signals": signals, "contractRefs": [{"name": NAME}]},
    }
    meta = {"name": NAME, "namespace": PLANT_NAMESPACE}
    items = [
        {"apiVersion": "plantwright.io/v1alpha1", "kind": kind, "metadata": meta, "spec": spec}
        for kind, spec in specs.items()
    ]
    world.kubectl.apply_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    world.apply(NAME, profileRef={"name": NAME}, endpoint={"url": SPARE})
    yield
    world.remove(NAME)
    world.kubectl.run("wait", "--for=delete", "-n", PLANT_NAMESPACE, f"pod/gw-{NAME}-0", "--timeout=60s")
    world.kubectl.run("delete", "machineprofile,datacontract", "-n", PLANT_NAMESPACE, NAME)


def test_every_panel_shows_the_series_it_is_for(world: Any, doubtful: None) -> None:
    def ask(path: str) -> Any:
        return world.stage.ask(PROMETHEUS, path)

    def missing() -> str:
        now = time.time()
        left = queries.unanswered(ask, Span(now - 1800, now, 15))
        return "; ".join(f"{each.target}: {each.problem}" for each in left)

    world.wait_condition(NAME, "ContractMet", "False", 90)
    world.wait_for("all panels", missing, 180)
    asked = list(queries.every_target())
    world.say(f"{len(asked)} queries of {len({each[:2] for each in asked})} panels return their series")
