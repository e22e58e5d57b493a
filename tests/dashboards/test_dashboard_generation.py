"""The chart's dashboards are those of the code, and are what Grafana's own types know."""

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from plantwright_dashboards import catalogue
from plantwright_dashboards.catalogue import FOLDER, texts


@pytest.mark.parametrize("name", catalogue.DASHBOARDS)
def test_committed_is_generated(name: str, golden: Callable[[Path, str], None]) -> None:
    golden(FOLDER / f"{name}.json", texts()[name])


def test_nothing_else_is_committed() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {f"{name}.json" for name in catalogue.DASHBOARDS}


@pytest.mark.parametrize("name", catalogue.DASHBOARDS)
def test_grafanas_types_know_every_field(name: str) -> None:
    assert unknown(json.loads((FOLDER / f"{name}.json").read_text())) == []


def test_a_field_that_the_types_do_not_know_is_noticed() -> None:
    dashboard = json.loads((FOLDER / "fleet.json").read_text())
    dashboard["panels"][1]["fieldConfig"]["defaults"]["units"] = "s"
    assert unknown(dashboard) == [".panels[1].fieldConfig.defaults.units"]


def unknown(dashboard: dict[str, Any]) -> list[str]:
    """What is lost, or becomes another, on the way through the types of Grafana's schema. Defaults may be added."""
    register_default_plugins()
    return list(lost(dashboard, json.loads(JSONEncoder().encode(Dashboard.from_json(copy.deepcopy(dashboard))))))


def lost(given: Any, found: Any, path: str = "") -> Iterator[str]:
    if isinstance(given, dict) and isinstance(found, dict):
        for key, value in given.items():
            yield from lost(value, found[key], f"{path}.{key}") if key in found else [f"{path}.{key}"]
    elif isinstance(given, list) and isinstance(found, list) and len(given) == len(found):
        for index, (one, other) in enumerate(zip(given, found, strict=True)):
            yield from lost(one, other, f"{path}[{index}]")
    elif given != found:
        yield path
