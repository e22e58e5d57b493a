"""The example of the guide is one: the operator takes it, and its expressions give what the text says."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from plantwright_api.v1alpha1 import DataContract, MachineProfile
from plantwright_operator.decide.catalog import judge_profile

GUIDE = Path(__file__).parents[2] / "docs" / "guide-mapping.md"
FIELDS = {
    "power": "Number",
    "energy": "Number",
    "tool": "Integer",
    "parts": "Integer",
    "program": "String",
    "mode": "String",
}
UNITS = {"power": "kW", "energy": "kW.h"}


def test_the_profile_of_the_guide_fits_its_contract(raw: Callable[..., dict[str, Any]]) -> None:
    section = GUIDE.read_text().partition("## Signals that are computed")[2]
    signals = yaml.safe_load(section.partition("```yaml")[2].partition("```")[0])["signals"]
    fields = [{"name": name, "type": kind, "unit": UNITS.get(name)} for name, kind in FIELDS.items()]
    contract = DataContract.model_validate(raw("DataContract", fields=fields))
    profile = MachineProfile.model_validate(raw("MachineProfile", signals=signals, state=None))
    assert judge_profile(profile, [contract], [contract.metadata.namespace]) is None
    delivered = {signal["name"] for signal in signals if not signal.get("internal")}
    assert delivered == set(FIELDS)
