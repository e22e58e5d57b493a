"""The example objects are valid, name each other rightly, and describe the shop floor as it is."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from plantwright_api.v1alpha1 import KINDS, DataContract, Machine, MachineProfile, Plant
from plantwright_shopfloor.config import FloorConfig, check, load
from plantwright_shopfloor.modbus.layouts import LAYOUTS
from plantwright_shopfloor.opcua import NAMESPACE, VARIABLES

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
FILES = sorted(EXAMPLES.glob("0*/*.yaml")) + sorted(EXAMPLES.glob("foreign/*.yaml"))
MODELS = {kind.__name__: kind for kind in KINDS}
NUMBERED = EXAMPLES.glob("0[1-6]-*")


def documents(*paths: Path) -> Iterator[dict[str, Any]]:
    for path in paths:
        yield from (document for document in yaml.safe_load_all(path.read_text()) if document)


OURS = [document for document in documents(*FILES) if document["apiVersion"].startswith("plantwright.io")]
OTHERS = [document for document in documents(*FILES) if not document["apiVersion"].startswith("plantwright.io")]


def names(documents: list[dict[str, Any]]) -> list[str]:
    return [f"{document['kind']}/{document['metadata']['name']}" for document in documents]


def schema(kind: str) -> dict[str, Any]:
    path = ROOT / "crds" / f"{MODELS[kind].crd.plural}.yaml"
    crd = yaml.safe_load(path.read_text())
    found: dict[str, Any] = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return found


def unknown(value: Any, structure: dict[str, Any], path: str = "") -> list[str]:
    """Fields that the API server would prune."""
    if isinstance(value, dict) and "properties" in structure:
        found = [f"{path}.{key}" for key in value if key not in structure["properties"]]
        for key, part in value.items():
            found += unknown(part, structure["properties"].get(key, {}), f"{path}.{key}")
        return found
    if isinstance(value, list):
        return [entry for part in value for entry in unknown(part, structure.get("items", {}), f"{path}[]")]
    return []


@pytest.mark.parametrize("document", OURS, ids=names(OURS))
def test_objects_are_valid(document: dict[str, Any]) -> None:
    MODELS[document["kind"]].model_validate(document)
    structure = schema(document["kind"])
    jsonschema.validate(document, structure)
    assert unknown(document["spec"], structure["properties"]["spec"]) == []


def test_there_are_objects_of_every_kind() -> None:
    kinds = [document["kind"] for document in OURS]
    assert {kind: kinds.count(kind) > 0 for kind in MODELS} == dict.fromkeys(MODELS, True)
    machines = [document for document in OURS if document["kind"] == "Machine"]
    assert len(machines) >= 6


def of(kind: str) -> list[Any]:
    return [MODELS[kind].model_validate(document) for document in OURS if document["kind"] == kind]


PLANTS: list[Plant] = of("Plant")
PROFILES: dict[str, MachineProfile] = {profile.family(): profile for profile in of("MachineProfile")}
CONTRACTS: dict[str, DataContract] = {contract.family(): contract for contract in of("DataContract")}
MACHINES: list[Machine] = of("Machine")


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: str(machine.metadata.name))
def test_machines_name_what_there_is(machine: Machine) -> None:
    (plant,) = [plant for plant in PLANTS if plant.metadata.name == machine.spec.plant_ref.name]
    lines = {(area.name, line.name) for area in plant.spec.areas for line in area.lines}
    assert (machine.spec.location.area, machine.spec.location.line) in lines
    profile = PROFILES[machine.spec.profile_ref.name]
    scheme = {"OPCUA": "opc.tcp", "ModbusTCP": "modbus+tcp"}[profile.spec.protocol]
    assert machine.spec.endpoint.url.startswith(f"{scheme}://")


@pytest.mark.parametrize("profile", PROFILES.values(), ids=list(PROFILES))
def test_profiles_fulfil_their_contracts(profile: MachineProfile) -> None:
    refs = [ref.name for ref in profile.spec.contract_refs]
    fields = {name: {field.name: field for field in CONTRACTS[name].spec.fields} for name in refs}
    filled: dict[str, set[str]] = {name: set() for name in refs}
    for signal in profile.spec.signals:
        contract, name = signal.contract or refs[0], signal.field or signal.name
        assert signal.unit == fields[contract][name].unit, signal.name
        filled[contract].add(name)
    for contract, known in fields.items():
        assert {name for name, field in known.items() if field.required} <= filled[contract]


def test_serial_lines_name_their_machines() -> None:
    machines = {machine.metadata.name for machine in MACHINES}
    for line in (line for plant in PLANTS for area in plant.spec.areas for line in area.lines):
        assert {line.bottleneck, line.exit} - {None} <= machines


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("04-machines/*.yaml")), ids=lambda path: str(path.stem))
def test_a_machine_is_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 12


@pytest.mark.parametrize("folder", sorted(NUMBERED), ids=lambda folder: str(folder.name))
def test_every_step_has_a_readme(folder: Path) -> None:
    assert (folder / "README.md").read_text().startswith(f"# {folder.name[:2]} · ")


@pytest.mark.parametrize(("family", "layout"), [("cnc-lathe", "lathe"), ("hydraulic-press", "press")])
def test_modbus_profiles_describe_the_simulated_maps(family: str, layout: str) -> None:
    profile, points = PROFILES[family].spec, {point.signal: point for point in LAYOUTS[layout].points}
    assert profile.modbus.word_order == LAYOUTS[layout].word_order
    for signal in profile.signals:
        point, address = points[signal.field or signal.name], signal.modbus
        assert address is not None
        described = (address.table, address.address, address.type, float(signal.scale or 1), address.length or 0)
        assert described == (point.table, point.address, point.type, point.scale, point.length), signal.name


def test_the_opcua_profile_describes_the_simulated_cell() -> None:
    for signal in PROFILES["robot-cell"].spec.signals:
        assert signal.opcua is not None
        assert signal.opcua.node_id == f"nsu={NAMESPACE};s=Cell.{signal.name}"
        assert signal.name in VARIABLES


@pytest.fixture
def floor(tmp_path: Path) -> FloorConfig:
    (config,) = [d for d in OTHERS if d["kind"] == "ConfigMap" and d["metadata"]["name"] == "shopfloor"]
    path = tmp_path / "shopfloor.yaml"
    path.write_text(config["data"]["shopfloor.yaml"])
    return load(path)


def test_every_machine_has_its_simulator_and_its_service(floor: FloorConfig) -> None:
    check(floor)
    simulators = {machine.name: machine for machine in floor.machines}
    (deployment,) = [d for d in OTHERS if d["kind"] == "Deployment" and d["metadata"]["name"] == "shopfloor"]
    ports = {p["name"]: p["containerPort"] for p in deployment["spec"]["template"]["spec"]["containers"][0]["ports"]}
    services = {d["metadata"]["name"]: d["spec"]["ports"][0] for d in OTHERS if d["kind"] == "Service"}
    for machine in [machine for machine in MACHINES if machine.metadata.name in simulators]:
        host, port = machine.spec.endpoint.url.split("://")[1].split(":")
        name, namespace, svc = host.split(".")
        assert (namespace, svc) == ("shopfloor", "svc")
        service = services[name]
        simulator = simulators[machine.metadata.name]
        assert (service["port"], ports[service["targetPort"]]) == (int(port), simulator.port)
        assert simulator.unit_id == (machine.spec.endpoint.unit_id or 1)
    assert simulators.keys() - {machine.metadata.name for machine in MACHINES} == {"lathe-03"}


def pods() -> Iterator[tuple[str, dict[str, Any]]]:
    for document in OTHERS:
        if "template" in document.get("spec", {}):
            yield document["metadata"]["name"], document["spec"]["template"]["spec"]


@pytest.mark.parametrize(("name", "pod"), list(pods()), ids=[name for name, _ in pods()])
def test_pods_are_restricted(name: str, pod: dict[str, Any]) -> None:
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in pod["containers"]:
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["readOnlyRootFilesystem"] is True
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert container["image"].startswith("localhost/plantwright-")
        assert container["imagePullPolicy"] == "IfNotPresent"
        assert container["resources"]["limits"]["memory"]


def test_namespaces_enforce_what_pods_keep() -> None:
    for document in OTHERS:
        if document["kind"] == "Namespace":
            assert document["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_no_key_is_committed() -> None:
    text = "PRIVATE" + " KEY"
    held = [p for p in EXAMPLES.rglob("*") if p.is_file() and "node_modules" not in p.parts and p.suffix != ".pyc"]
    assert [path.name for path in held if text in path.read_text(errors="ignore")] == []
