"""What one plant's namespace names stays within it, but for the one catalogue that its Plant chooses."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from plantwright_api.v1alpha1 import DataContract, Machine, MachineProfile, Plant
from plantwright_operator.decide import machines
from plantwright_operator.model import Refusal, Resolved

ROOT = Path(__file__).parents[2]
Raw = Callable[..., dict[str, Any]]
MODELS: dict[str, Any] = {"Plant": Plant, "MachineProfile": MachineProfile, "DataContract": DataContract}
MISSING = {"MachineProfile": "ProfileNotFound", "DataContract": "ContractNotFound"}


def judged(raw: Raw, elsewhere: str, namespace: str, **plant: Any) -> Resolved | Refusal:
    """The machine of plant-stuttgart, with one of the objects that it needs in another namespace."""
    objects = {kind: raw(kind) for kind in MODELS}
    objects["Plant"]["spec"].update(plant)
    objects[elsewhere]["metadata"]["namespace"] = namespace
    made = {kind: MODELS[kind].model_validate(each) for kind, each in objects.items()}
    return machines.judge(
        Machine.model_validate(raw("Machine")), made["Plant"], [made["MachineProfile"]], [made["DataContract"]]
    )


@pytest.mark.parametrize("kind", MISSING)
def test_another_plants_profiles_and_contracts_are_not_found(raw: Raw, kind: str) -> None:
    found = judged(raw, kind, "plant-ulm", catalogNamespace="catalogue")
    assert isinstance(found, Refusal)
    assert found.reason == MISSING[kind]


@pytest.mark.parametrize("kind", MISSING)
def test_those_of_the_catalogue_are(raw: Raw, kind: str) -> None:
    assert isinstance(judged(raw, kind, "catalogue", catalogNamespace="catalogue"), Resolved)


def references(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every field of a schema that refers to another object, with its schema."""
    for name, child in schema.get("properties", {}).items():
        if name.endswith(("Ref", "Refs")):
            yield f"{path}.{name}", child.get("items", child)
        yield from references(child, f"{path}.{name}")
    if "items" in schema:
        yield from references(schema["items"], f"{path}[]")


@pytest.mark.parametrize("path", sorted((ROOT / "crds").glob("*.yaml")), ids=lambda path: str(path.stem))
def test_no_reference_can_name_a_namespace(path: Path) -> None:
    """The API server prunes or refuses what a schema does not have, and a name holds no slash."""
    schema = yaml.safe_load(path.read_text())["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    for where, reference in references(schema):
        assert set(reference["properties"]) <= {"kind", "name", "version"}, where
        assert "/" not in reference["properties"]["name"]["pattern"], where
        assert "x-kubernetes-preserve-unknown-fields" not in reference, where


def test_there_are_references_to_judge() -> None:
    schema = yaml.safe_load((ROOT / "crds/plants.yaml").read_text())["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    assert len([where for where, _ in references(schema["properties"]["spec"]) if "ecret" in where]) >= 5
