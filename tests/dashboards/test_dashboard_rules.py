"""What each dashboard promises whoever looks at it: words, units, limits with a meaning, ways on, queries that parse."""

import itertools
import json
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from plantwright_dashboards import queries
from plantwright_dashboards.queries import EVERYTHING, VARIABLE, Target, every_target, filled, panels

ROOT = Path(__file__).parents[2]
ALL = queries.dashboards()
PANELS = [(name, panel) for name, dashboard in ALL.items() for panel in panels(dashboard)]
BLOB = "https://github.com/plantwright/plantwright/blob/main/"
every_dashboard = pytest.mark.parametrize("name", ALL)
every_panel = pytest.mark.parametrize(
    ("name", "panel"), PANELS, ids=[f"{name}-{panel['title']}" for name, panel in PANELS]
)


def test_there_are_five() -> None:
    assert set(ALL) == {"fleet", "plant", "machine", "data-quality", "rollout"}
    assert {dashboard["uid"] for dashboard in ALL.values()} == {f"plantwright-{name}" for name in ALL}


@every_dashboard
def test_ids_are_unique_and_titles_too(name: str) -> None:
    assert max(Counter(panel["id"] for panel in ALL[name]["panels"]).values()) == 1
    assert max(Counter(panel["title"] for panel in panels(ALL[name])).values()) == 1


@every_dashboard
def test_no_panel_lies_on_another_or_beyond_the_edge(name: str) -> None:
    taken = [set(cells(panel["gridPos"])) for panel in ALL[name]["panels"]]
    assert all(not one & other for one, other in itertools.combinations(taken, 2))
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in ALL[name]["panels"])


def cells(place: dict[str, int]) -> Iterator[tuple[int, int]]:
    columns = range(place["x"], place["x"] + place["w"])
    return itertools.product(columns, range(place["y"], place["y"] + place["h"]))


@every_panel
def test_a_panel_says_what_it_means_in_which_unit(name: str, panel: dict[str, Any]) -> None:
    assert panel["title"]
    assert len(panel["description"]) > 20
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    if panel["type"] == "table":
        columns = [override for override in panel["fieldConfig"]["overrides"] if "unit" in properties(override)]
        assert len(columns) == len(panel["targets"])


def properties(override: dict[str, Any]) -> dict[str, Any]:
    return {each["id"]: each["value"] for each in override["properties"]}


@every_panel
def test_every_colour_has_a_meaning_in_words(name: str, panel: dict[str, Any]) -> None:
    limits = [panel["fieldConfig"]["defaults"]["thresholds"]]
    limits += [
        found["thresholds"] for found in map(properties, panel["fieldConfig"]["overrides"]) if "thresholds" in found
    ]
    for steps in (each["steps"] for each in limits):
        values = [step["value"] for step in steps]
        assert values[0] is None, "the first step is where it begins"
        assert values[1:] == sorted(values[1:])
        assert len(steps) == 1 or all(f"{step['color']}: " in panel["description"] for step in steps)


@every_panel
def test_links_lead_somewhere(name: str, panel: dict[str, Any]) -> None:
    for link in panel["links"]:
        assert (ROOT / link["url"].removeprefix(BLOB)).is_file(), link
    for override in panel["fieldConfig"]["overrides"]:
        for link in properties(override).get("links", []):
            target = re.match(r"/d/plantwright-([\w-]+)\?", link["url"])
            assert target, link
            assert target[1] in ALL, link
            known = {variable["name"] for variable in ALL[target[1]]["templating"]["list"]}
            assert set(re.findall(r"var-(\w+)=", link["url"])) <= known


@every_dashboard
def test_dashboards_lead_to_each_other_and_to_the_guide(name: str) -> None:
    others, guide = ALL[name]["links"]
    assert (others["type"], others["tags"], others["includeVars"]) == ("dashboards", ALL[name]["tags"], True)
    assert (ROOT / guide["url"].removeprefix(BLOB)).is_file()


@every_dashboard
def test_variables_are_used_and_known(name: str) -> None:
    declared = [variable["name"] for variable in ALL[name]["templating"]["list"]]
    text = json.dumps([ALL[name]["panels"], ALL[name]["annotations"]])
    asked = json.dumps([variable.get("query", "") for variable in ALL[name]["templating"]["list"]])
    used = {one or other for one, other in VARIABLE.findall(text + asked)} - {"__rate_interval", "__url_time_range"}
    assert declared[0] == "datasource"
    assert used - {"__data"} <= set(declared)
    assert set(declared) - {"window"} <= used


def test_the_levels_of_the_plant_can_be_chosen() -> None:
    offered = {variable["name"] for dashboard in ALL.values() for variable in dashboard["templating"]["list"]}
    assert offered == {"datasource", "plant", "area", "line", "machine", "window"}


def test_no_hole_is_filled() -> None:
    assert not [
        str(target) for target in every_target() if re.search(r"\bor\s+(on\s*\(\)\s*)?vector\b|absent", target.expr)
    ]


@pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed (Debian: apt-get install prometheus)"
)
def test_every_query_parses(tmp_path: Path) -> None:
    assert refused(list(every_target()), tmp_path) == ""


@pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed (Debian: apt-get install prometheus)"
)
def test_a_query_that_does_not_parse_is_noticed(tmp_path: Path) -> None:
    target = next(every_target())
    assert "parse error" in refused([target._replace(expr=target.expr + ")")], tmp_path)


def refused(asked: list[Target], folder: Path) -> str:
    """What promtool has against the queries, given as the rules of a group."""
    rules = [{"record": f"query:{number}", "expr": filled(each.expr, EVERYTHING)} for number, each in enumerate(asked)]
    path = folder / "queries.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))
    done = subprocess.run(["promtool", "check", "rules", path], capture_output=True, text=True, check=False, timeout=60)
    return done.stdout + done.stderr if done.returncode else ""
