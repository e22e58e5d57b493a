"""Values: each is described, has a default, is checked by the schema and listed in the README."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

CHART = Path(__file__).parents[2] / "charts/plantwright"
Schema = dict[str, Any]
BEGIN, END = "<!-- values: begin -->", "<!-- values: end -->"


def schema() -> Schema:
    found: Schema = json.loads((CHART / "values.schema.json").read_text())
    return found


def resolved(node: Schema) -> Schema:
    if "$ref" not in node:
        return node
    target = schema()["definitions"][node["$ref"].rsplit("/", 1)[-1]]
    return {**target, **node}


def leaves(node: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    """Every value that a user sets, by its path."""
    for name, child in node["properties"].items():
        found = resolved(child)
        if "properties" in found:
            yield from leaves(found, f"{path}{name}.")
        else:
            yield f"{path}{name}", found


def defaults(values: dict[str, Any], known: set[str], path: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict) and f"{path}{name}" not in known:
            yield from defaults(value, known, f"{path}{name}.")
        else:
            yield f"{path}{name}", value


def documented() -> dict[str, Schema]:
    return {path: node for path, node in leaves(schema()) if path != "global"}


def default_values() -> dict[str, Any]:
    return dict(defaults(yaml.safe_load((CHART / "values.yaml").read_text()), set(documented())))


def test_every_value_has_a_default_and_a_description() -> None:
    assert list(default_values()) == sorted(default_values(), key=list(default_values()).index)
    assert set(documented()) == set(default_values())
    assert [path for path, node in documented().items() if "description" not in node] == []


def test_every_object_of_ours_refuses_unknown_values() -> None:
    def closed(node: Schema) -> Iterator[bool]:
        if "properties" in node:
            yield node.get("additionalProperties") is False
            for child in node["properties"].values():
                yield from closed(resolved(child))

    assert all(closed(schema()))


def table() -> str:
    """The README's table: path, default, description, in the order of values.yaml."""
    rows = ["| value | default | meaning |", "|---|---|---|"]
    for path, value in default_values().items():
        text = str(documented()[path]["description"]).replace("|", "\\|")
        rows.append(f"| `{path}` | `{json.dumps(value)}` | {text} |")
    return "\n".join(rows)


def test_the_readme_lists_every_value(request: pytest.FixtureRequest) -> None:
    path = CHART / "README.md"
    before, rest = path.read_text().split(BEGIN)
    listed, after = rest.split(END)
    if request.config.getoption("--update-golden"):
        path.write_text(f"{before}{BEGIN}\n{table()}\n{END}{after}")
        listed = f"\n{table()}\n"
    assert listed.strip() == table(), "run pytest --update-golden"


WRONG = {
    "a value that does not exist": ("replicas=3", "replicas"),
    "a nested value that does not exist": ("image.repo=x", "repo"),
    "too few replicas": ("replicaCount=-1", "replicaCount"),
    "replicas as text": ("replicaCount=two", "replicaCount"),
    "a digest that is none": ("image.digest=latest", "digest"),
    "a tag in the repository's place": ("image.repository=a@b", "repository"),
    "a pull policy that does not exist": ("gateway.image.pullPolicy=Sometimes", "pullPolicy"),
    "a namespace that cannot exist": ("watchNamespaces[0]=Plant_1", "watchNamespaces"),
    "an interval without a unit": ("monitoring.podMonitor.interval=30", "interval"),
    "an empty interval": ("monitoring.podMonitor.interval=", "interval"),
    "a name that leaves no room for suffixes": (f"fullnameOverride={'a' * 53}", "fullnameOverride"),
    "a network that is none": ("endpointPolicy.deniedCIDRs[0]=10.0.0.1", "deniedCIDRs"),
    "a host with a port": ("endpointPolicy.machines.allowedHosts[0]=a.example.com:502", "allowedHosts"),
    "a board for no plant": ("board.enabled=true", "board.plants"),
    "a board for a plant without a namespace": ("board.plants[0].name=stuttgart", "namespace"),
    "a board for a plant whose name is too long": (f"board.plants[0].name={'a' * 58}", "name"),
    "a label that cannot exist": ("commonLabels.team=a/b", "commonLabels"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_values_are_refused_by_name(helm: Callable[..., Any], case: str) -> None:
    word, named = WRONG[case]
    done = helm("template", "plantwright", CHART, "--set", word)
    assert done.returncode != 0
    assert named in done.stderr
