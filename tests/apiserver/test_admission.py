"""A real API server takes our CRDs, cost of their rules included, and says no with a sentence where an object is wrong."""

import copy
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client, config

from plantwright_api.v1alpha1 import KINDS
from plantwright_cluster import Cluster, control_plane

pytestmark = pytest.mark.apiserver

Obj = dict[str, Any]
Change = Callable[[Obj], None]
HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PLURALS = {kind.__name__: kind.crd.plural for kind in KINDS}
SERVED = [f"{plural}.plantwright.io" for plural in PLURALS.values()]
NAMESPACE = "default"

OBJECTS: dict[str, Obj] = {
    found["kind"]: found for found in yaml.safe_load_all((HERE / "admission-objects.yaml").read_text())
}


def at(path: str, value: Any) -> Change:
    """Set a field below spec, such as `signals.0.modbus.bit`; None removes it."""

    def change(obj: Obj) -> None:
        *parents, last = path.split(".")
        node: Any = obj["spec"]
        for step in parents:
            node = node[int(step)] if step.isdigit() else node.setdefault(step, {})
        key: Any = int(last) if last.isdigit() else last
        if value is None:
            del node[key]
        elif isinstance(node, list) and key == len(node):
            node.append(value)
        else:
            node[key] = value

    return change


def laid_over(values: dict[str, Any]) -> Change:
    """Set several fields, in their order."""

    def change(obj: Obj) -> None:
        for path, value in values.items():
            at(path, value)(obj)

    return change


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with control_plane() as running:
        for path in sorted((ROOT / "crds").glob("*.yaml")):
            running.kubectl("apply", "--server-side", "-f", str(path))
        wait_for_kinds(running)
        yield running


def wait_for_kinds(cluster: Cluster) -> None:
    """Wait until every kind is served; asking for all resources also tells kubectl's cache of them."""
    deadline = time.monotonic() + 30
    while cluster.kubectl("api-resources", "--api-group=plantwright.io", "-o", "name").split() != sorted(SERVED):
        assert time.monotonic() < deadline
        time.sleep(0.1)


class Server:
    """Creates and replaces our objects as any client does, unknown fields refused."""

    def __init__(self, api: client.CustomObjectsApi) -> None:
        self._api = api

    def _where(self, obj: Obj) -> dict[str, str]:
        group, version = obj["apiVersion"].split("/")
        return {"group": group, "version": version, "namespace": NAMESPACE, "plural": PLURALS[obj["kind"]]}

    def create(self, obj: Obj, *, dry_run: bool = False) -> Obj:
        words = {"dry_run": "All"} if dry_run else {}
        created: Obj = self._api.create_namespaced_custom_object(
            **self._where(obj), body=obj, field_validation="Strict", **words
        )
        return created

    def replace(self, obj: Obj) -> Obj:
        name = obj["metadata"]["name"]
        replaced: Obj = self._api.replace_namespaced_custom_object(
            **self._where(obj), name=name, body=obj, field_validation="Strict"
        )
        return replaced

    def refusal(self, action: Callable[[Obj], Obj], obj: Obj) -> str:
        """What the server says to an object that it must refuse as invalid."""
        with pytest.raises(client.ApiException) as refused:
            action(obj)
        assert refused.value.status in (400, 422), refused.value.body
        message: str = json.loads(refused.value.body)["message"]
        return message


@pytest.fixture(scope="module")
def server(cluster: Cluster) -> Iterator[Server]:
    with config.new_client_from_config(str(cluster.kubeconfig)) as api:
        yield Server(client.CustomObjectsApi(api))


def a(kind: str, change: Change | None = None, **metadata: str) -> Obj:
    obj = copy.deepcopy(OBJECTS[kind])
    obj["metadata"].update(metadata)
    if change:
        change(obj)
    return obj


@pytest.mark.parametrize("folder", ["crds", "charts/plantwright/files/crds"])
def test_every_crd_is_accepted_with_the_cost_of_its_rules(cluster: Cluster, folder: str) -> None:
    for path in sorted((ROOT / folder).glob("*.yaml")):
        cluster.kubectl("apply", "--server-side", "--dry-run=server", "-f", str(path))
    found = json.loads(cluster.kubectl("get", "crd", "-o", "json"))["items"]
    assert {crd["spec"]["names"]["plural"] for crd in found} == set(PLURALS.values())
    for crd in found:
        conditions = {each["type"]: each for each in crd["status"]["conditions"]}
        assert conditions["Established"]["status"] == "True"
        assert "NonStructuralSchema" not in conditions


def test_kubectl_lists_all_kinds_by_their_category_and_short_names(cluster: Cluster) -> None:
    cluster.kubectl("get", "plantwright")
    for kind in KINDS:
        for short in kind.crd.short_names:
            cluster.kubectl("get", short)


@pytest.mark.parametrize("kind", OBJECTS)
def test_a_new_object_counts_as_not_observed(server: Server, kind: str) -> None:
    assert server.create(a(kind), dry_run=True)["status"]["observedGeneration"] == -1


CASES = yaml.safe_load((HERE / "admission-cases.yaml").read_text())


def case_name(case: Any) -> str:
    return str(case["case"])


@pytest.mark.parametrize("case", CASES["accepted"], ids=case_name)
def test_what_is_right_is_accepted(server: Server, case: Obj) -> None:
    server.create(a(case["kind"], laid_over(case["set"])), dry_run=True)


def test_opcua_security_without_a_mode_is_sign_and_encrypt(server: Server) -> None:
    obj = server.create(a("Machine", at("endpoint.security", {})), dry_run=True)
    assert obj["spec"]["endpoint"]["security"] == {
        "mode": "SignAndEncrypt",
        "policy": "Basic256Sha256",
        "allowInsecure": False,
    }


@pytest.mark.parametrize("case", CASES["refused"], ids=case_name)
def test_what_is_wrong_is_refused_with_field_and_sentence(server: Server, case: Obj) -> None:
    obj = a(case["kind"], laid_over(case["set"]))
    message = server.refusal(lambda each: server.create(each, dry_run=True), obj)
    assert case["field"] in message
    assert case["says"] in message


ON_UPDATE = ("a published version is immutable", "cannot change its medium")


def rule_messages(node: Any) -> Iterator[str]:
    """The message of every CEL rule below a schema node."""
    if isinstance(node, dict):
        yield from (rule["message"] for rule in node.get("x-kubernetes-validations", ()))
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from rule_messages(child)


def test_every_rule_of_the_crds_is_tried_here() -> None:
    sentences = [*(case["says"] for case in CASES["refused"]), *ON_UPDATE]
    crds = [yaml.safe_load(path.read_text()) for path in (ROOT / "crds").glob("*.yaml")]
    messages = set(rule_messages(crds))
    assert len(messages) > 10
    assert [message for message in messages if not any(sentence in message for sentence in sentences)] == []


OTHER: dict[str, dict[str, Any]] = {
    # Another valid value for each field of a version.
    "DataContract": {
        "name": "another",
        "version": "1.0.1",
        "description": "another",
        "owner": {"team": "another"},
        "classification": "Public",
        "freshnessSeconds": 31,
        "retentionDays": 30,
        "completenessPercent": 95,
        "completenessWindowSeconds": 600,
        "extends": {"name": "another"},
        "rules": [{"name": "another", "expression": "temperature < 5", "message": "another"}],
        "fields": [{"name": "state", "type": "String", "maxLength": 21, "enum": ["1", "2"]}],
    },
    "MachineProfile": {
        "name": "another",
        "version": "1.0.1",
        "description": "another",
        "owner": {"team": "another"},
        "protocol": "OPCUA",
        "contractRefs": [{"name": "another"}],
        "acquisition": {"intervalMilliseconds": 2000},
        "modbus": {"unitId": 7},
        "signals": [
            {"name": "state", "modbus": {"address": 1}, "opcua": {"nodeId": "ns=1;i=1"}},
            {"name": "temperature", "modbus": {"address": 10}, "opcua": {"nodeId": "ns=1;i=1"}},
        ],
        "state": {"signal": "state", "values": [{"value": "2", "state": "Idle"}]},
        "parts": {"good": "state"},
        "context": {"person": "state"},
    },
}
MUTABLE = {"lifecycle", "consumers"}
"""Fields that are no term of a version."""
VERSIONED = sorted(OTHER)
IMMUTABLE = [(kind, field) for kind in VERSIONED for field in OTHER[kind]]


@pytest.mark.parametrize("kind", VERSIONED)
def test_no_field_of_a_version_is_forgotten_here(kind: str) -> None:
    model = next(each for each in KINDS if each.__name__ == kind).model_fields["spec"].annotation
    assert model is not None
    fields = set(model.model_json_schema(by_alias=True)["properties"])
    assert set(OTHER[kind]) == fields - MUTABLE


@pytest.fixture(scope="module")
def published(server: Server) -> dict[str, Obj]:
    """One published object of each kind that has versions, with an address for either protocol."""
    published = {"lifecycle": "Published"}
    address = {"nodeId": "ns=1;i=1"}
    addresses = {f"signals.{n}.opcua": address for n in range(2)}
    changes = {"DataContract": laid_over(published), "MachineProfile": laid_over(published | addresses)}
    return {kind: server.create(a(kind, changes[kind], name="published")) for kind in VERSIONED}


@pytest.mark.parametrize(("kind", "field"), IMMUTABLE)
def test_a_published_version_is_immutable(server: Server, published: dict[str, Obj], kind: str, field: str) -> None:
    obj = copy.deepcopy(published[kind])
    assert obj["spec"].get(field) != OTHER[kind][field]
    obj["spec"][field] = OTHER[kind][field]
    assert "a published version is immutable" in server.refusal(server.replace, obj)


@pytest.mark.parametrize("kind", VERSIONED)
def test_a_published_version_does_not_lose_a_field(server: Server, published: dict[str, Obj], kind: str) -> None:
    obj = server.create(a(kind, laid_over({"description": "what it is", "lifecycle": "Published"}), name="described"))
    del obj["spec"]["description"]
    assert "a published version is immutable" in server.refusal(server.replace, obj)


def test_a_published_contract_may_gain_consumers(server: Server) -> None:
    obj = server.create(a("DataContract", at("lifecycle", "Published"), name="relied-on"))
    obj["spec"]["consumers"] = [{"name": "oee-board", "owner": {"team": "Shop Floor IT"}}]
    assert server.replace(obj)["spec"]["consumers"][0]["name"] == "oee-board"


@pytest.mark.parametrize("kind", VERSIONED)
def test_the_lifecycle_moves_on_and_never_back_to_draft(server: Server, kind: str) -> None:
    obj = server.create(a(kind, at("description", "draft"), name="lives"))
    obj["spec"]["description"] = "drafts may change"
    for lifecycle in ("Draft", "Published", "Deprecated", "Retired"):
        obj["spec"]["lifecycle"] = lifecycle
        obj = server.replace(obj)
    obj["spec"]["lifecycle"] = "Draft"
    assert "never back to Draft" in server.refusal(server.replace, obj)


def test_a_buffer_does_not_change_its_medium(server: Server) -> None:
    obj = server.create(a("Machine", at("buffer", {"medium": "PersistentVolumeClaim"}), name="buffered"))
    obj["spec"]["buffer"]["size"] = "2Gi"
    obj = server.replace(obj)
    obj["spec"]["buffer"]["medium"] = "EmptyDir"
    message = server.refusal(server.replace, obj)
    assert "spec.buffer" in message
    assert "cannot change its medium" in message


def test_the_largest_profile_stays_within_the_budget_at_run_time(server: Server) -> None:
    """What the server estimates from the bounds it also has to spend on an object that reaches them."""
    obj = a("MachineProfile", name="largest")
    text = "x" * 1000
    obj["spec"]["signals"] = [
        {"name": f"s{n}", "modbus": {"address": n}, "description": text, "opcua": {"nodeId": "ns=1;s=" + text}}
        for n in range(500)
    ]
    obj["spec"]["state"]["signal"] = obj["spec"]["parts"]["good"] = obj["spec"]["parts"]["rejected"] = "s499"
    obj["spec"]["lifecycle"] = "Published"
    obj = server.create(obj)
    obj["spec"]["lifecycle"] = "Deprecated"
    obj = server.replace(obj)
    obj["spec"]["signals"][499]["description"] = "y"
    assert "immutable" in server.refusal(server.replace, obj)


def test_writing_status_leaves_the_generation_alone(cluster: Cluster, server: Server) -> None:
    obj = server.create(a("Plant", name="observed"))
    patch = json.dumps({"status": {"observedGeneration": 1, "machines": 3}})
    cluster.kubectl("patch", "plant", "observed", "--subresource=status", "--type=merge", "-p", patch)
    found = json.loads(cluster.kubectl("get", "plant", "observed", "-o", "json"))
    assert found["metadata"]["generation"] == obj["metadata"]["generation"] == 1
    assert found["status"]["machines"] == 3
