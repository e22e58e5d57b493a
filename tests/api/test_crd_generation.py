"""The CRDs are what the models say, bounded, explained and current."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import Field

from plantwright_api.schema.crd import custom_resource_definition
from plantwright_api.schema.files import generated_files
from plantwright_api.schema.structural import NotStructuralError, structural
from plantwright_api.v1alpha1 import KINDS
from plantwright_api.v1alpha1.base import ApiModel, KubernetesObject

ROOT = Path(__file__).parents[2]
kinds = pytest.mark.parametrize("model", KINDS, ids=lambda model: model.__name__)


@pytest.mark.parametrize("path", sorted(generated_files()))
def test_generated_file_is_current(path: str) -> None:
    assert (ROOT / path).read_text() == generated_files()[path], f"{path} is stale: run `make crds`"


def nodes(schema: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    if "items" in schema:
        yield from nodes(schema["items"], f"{path}[]")


def spec_and_status(model: type[KubernetesObject]) -> Iterator[tuple[str, dict[str, Any]]]:
    schema = custom_resource_definition(model)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    for part in ("spec", "status"):
        yield from nodes(schema["properties"][part], part)


@kinds
def test_kubectl_explain_teaches_every_field(model: type[KubernetesObject]) -> None:
    silent = [path for path, node in spec_and_status(model) if "description" not in node and not path.endswith("[]")]
    assert silent == []


@kinds
def test_no_float_reaches_a_spec(model: type[KubernetesObject]) -> None:
    assert [path for path, node in spec_and_status(model) if node["type"] == "number"] == []


@kinds
def test_an_object_without_status_counts_as_not_observed(model: type[KubernetesObject]) -> None:
    status = dict(spec_and_status(model))["status"]
    assert status["default"] == {"observedGeneration": -1}


@kinds
def test_list_map_keys_are_fields_of_their_entries(model: type[KubernetesObject]) -> None:
    for path, node in spec_and_status(model):
        for key in node.get("x-kubernetes-list-map-keys", ()):
            assert key in node["items"]["properties"], path


@kinds
def test_every_list_says_how_it_merges(model: type[KubernetesObject]) -> None:
    silent = [p for p, n in spec_and_status(model) if n["type"] == "array" and "x-kubernetes-list-type" not in n]
    assert silent == []


class Unbounded(ApiModel):
    text: str = Field(description="no bound")


class Floating(ApiModel):
    ratio: float = Field(description="a float")


class TwoTypes(ApiModel):
    either: Annotated[str, Field(max_length=3)] | int = Field(description="a union")


@pytest.mark.parametrize(
    ("model", "message"),
    [
        pytest.param(Unbounded, r"\.text: a string needs one of maxLength", id="string-without-bound"),
        pytest.param(Floating, r"\.ratio: no floats", id="float"),
        pytest.param(TwoTypes, r"\.either: a union of types", id="union"),
    ],
)
def test_what_a_crd_cannot_say_is_refused(model: type[ApiModel], message: str) -> None:
    schema = model.model_json_schema(by_alias=True)
    with pytest.raises(NotStructuralError, match=message):
        structural(schema, schema.get("$defs", {}))
