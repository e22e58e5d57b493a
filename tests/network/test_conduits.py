"""Each machine's NetworkPolicy is its conduit (IEC 62443): what passes and what does not, judged by an evaluator of our own.

The local cluster stores NetworkPolicies and does not enforce them, so no packet is sent here.
"""

from collections.abc import Callable
from typing import Any

import pytest
from evaluator import Cluster, End, Outside, Pod

from plantwright_api.v1alpha1 import DataContract, Machine, MachineProfile, Plant
from plantwright_operator.decide import machines
from plantwright_operator.desired import children
from plantwright_operator.model import Facts, Resolved

Obj = dict[str, Any]
Raw = Callable[..., Obj]
FACTS = Facts(
    gateway_uid="u", default_image="gateway:1", pull_policy="IfNotPresent", operator_namespace="plantwright-system"
)
NAMESPACES = ("plant-stuttgart", "plant-ulm", "kube-system", "monitoring", "plantwright-system", "other-team")


def gateway(raw: Raw, namespace: str, name: str, address: str, endpoint: str, **plant: Any) -> tuple[Pod, Obj]:
    """A machine's pod and its NetworkPolicy, as the operator makes them of the objects."""
    objects = {kind: raw(kind) for kind in ("DataContract", "MachineProfile")}
    objects["Plant"] = raw("Plant", **plant)
    objects["Machine"] = raw("Machine", name, endpoint={"url": endpoint})
    for each in objects.values():
        each["metadata"]["namespace"] = namespace
    judged = machines.judge(
        Machine.model_validate(objects["Machine"]),
        Plant.model_validate(objects["Plant"]),
        [MachineProfile.model_validate(objects["MachineProfile"])],
        [DataContract.model_validate(objects["DataContract"])],
    )
    assert isinstance(judged, Resolved), judged
    made = children.build(judged, FACTS).objects
    template = made["StatefulSet"]["spec"]["template"]
    ports = {
        port["name"]: (port["protocol"], port["containerPort"]) for port in template["spec"]["containers"][0]["ports"]
    }
    return Pod(namespace, template["metadata"]["labels"], address, ports), made["NetworkPolicy"]


def mes(url: str) -> Obj:
    return {"sinks": [{"name": "mes", "http": {"url": url}}]}


def others(**policies: Obj) -> Cluster:
    namespaces = {name: {"kubernetes.io/metadata.name": name} for name in NAMESPACES}
    return Cluster(list(policies.values()), namespaces)


def pod(namespace: str, address: str, **labels: str) -> Pod:
    return Pod(namespace, labels, address)


MONITORED = {"monitoringNamespace": "monitoring"}
ENDS: dict[str, End] = {
    "its machine": Outside("10.2.3.4"),
    "another machine": Outside("10.2.3.5"),
    "a machine of another plant": Outside("10.3.3.4"),
    "its MES": Outside("10.9.0.1"),
    "another MES": Outside("10.9.0.2"),
    "the API server": Outside("10.96.0.1"),
    "the metadata service": Outside("169.254.169.254"),
    "the metadata service by IPv6": Outside("fd00:ec2::254"),
    "Azure's host": Outside("168.63.129.16"),
    "the node": Outside("192.168.7.7"),
    "the internet": Outside("203.0.113.9"),
    "the internet by IPv6": Outside("2001:db8::9"),
    "the cluster's DNS": pod("kube-system", "10.244.0.2", **{"k8s-app": "kube-dns"}),
    "the node's DNS cache": Outside("169.254.20.10"),
    "a resolver that the plant names": Outside("10.8.0.53"),
    "Prometheus": pod("monitoring", "10.244.0.3", app="prometheus"),
    "the operator": pod("plantwright-system", "10.244.0.4", app="operator"),
    "a pod of others": pod("other-team", "10.244.0.5", app="x"),
    "its plant's board": pod("plant-stuttgart", "10.244.0.6", **{"plantwright.io/board": "stuttgart"}),
    "another plant's board": pod("plant-stuttgart", "10.244.0.7", **{"plantwright.io/board": "ulm"}),
    "a board of that name elsewhere": pod("other-team", "10.244.0.8", **{"plantwright.io/board": "stuttgart"}),
}
# What a gateway opens, for a machine and an MES that are given by address, by name, and by name within far too wide networks.
OUT = [
    ("its machine", 502, "TCP", True, True, True),
    ("its machine", 503, "TCP", False, False, False),
    ("its machine", 502, "UDP", False, False, False),
    ("its machine", 8090, "TCP", False, True, True),
    ("another machine", 502, "TCP", False, True, True),
    ("a machine of another plant", 502, "TCP", False, False, True),
    ("its MES", 8090, "TCP", True, True, True),
    ("its MES", 22, "TCP", False, False, False),
    ("another MES", 8090, "TCP", False, False, True),
    ("the API server", 443, "TCP", False, False, False),
    ("the API server", 6443, "TCP", False, False, False),
    ("the metadata service", 80, "TCP", False, False, False),
    ("the metadata service", 502, "TCP", False, False, False),
    ("the metadata service", 53, "UDP", False, False, False),
    ("the metadata service by IPv6", 502, "TCP", False, False, False),
    ("Azure's host", 8090, "TCP", False, False, False),
    ("the node", 10250, "TCP", False, False, False),
    ("the internet", 443, "TCP", False, False, False),
    ("the internet", 53, "UDP", False, False, False),
    ("the internet", 502, "TCP", False, False, True),
    ("the internet by IPv6", 53, "UDP", False, False, False),
    ("the cluster's DNS", 53, "UDP", False, True, True),
    ("the cluster's DNS", 53, "TCP", False, True, True),
    ("the cluster's DNS", 9153, "TCP", False, False, False),
    ("the node's DNS cache", 53, "UDP", False, True, True),
    ("a resolver that the plant names", 53, "UDP", False, True, False),
    ("Prometheus", 9090, "TCP", False, False, False),
    ("the operator", 8081, "TCP", False, False, False),
    ("a pod of others", 8080, "TCP", False, False, False),
]
BY_ADDRESS = {"network": MONITORED, "endpoint": "modbus+tcp://10.2.3.4:502", "mes": mes("http://10.9.0.1:8090/v1")}
BY_NAME = {
    "network": {"egressCidrs": ["10.2.3.0/24", "10.9.0.1/32"], "dnsCidrs": ["10.8.0.53/32"]},
    "endpoint": "modbus+tcp://press-1.example.com:502",
    "mes": mes("http://mes.example.com:8090/v1"),
}
TOO_WIDE = {**BY_NAME, "network": {"egressCidrs": ["0.0.0.0/0", "::/0", "169.254.0.0/16"]}}
SETTINGS: dict[str, dict[str, Any]] = {"by address": BY_ADDRESS, "by name": BY_NAME, "far too wide": TOO_WIDE}


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("row", OUT, ids=lambda row: f"{row[0]}:{row[1]}/{row[2]}")
def test_what_a_gateway_may_open(raw: Raw, setting: str, row: tuple[str, int, str, bool, bool, bool]) -> None:
    plant = dict(SETTINGS[setting])
    own, policy = gateway(raw, "plant-stuttgart", "press-1", "10.244.1.1", plant.pop("endpoint"), **plant)
    name, port, protocol, *passes = row
    asked = others(policy=policy).passes(own, ENDS[name], port, protocol)
    assert asked is dict(zip(SETTINGS, passes, strict=True))[setting]


# Who reaches a gateway's metrics and status: where the plant names its monitoring namespace, and where it does not.
IN = [
    ("Prometheus", 8080, True, True),
    ("Prometheus", 22, False, False),
    ("the operator", 8080, True, True),
    ("a pod of others", 8080, False, True),
    ("a pod of others", 8081, False, False),
    ("its plant's board", 8080, True, True),
    ("its plant's board", 22, False, False),
    ("another plant's board", 8080, False, True),
    ("a board of that name elsewhere", 8080, False, True),
    ("its machine", 8080, False, False),
    ("the internet", 8080, False, False),
]


@pytest.mark.parametrize("row", IN, ids=lambda row: f"{row[0]}:{row[1]}")
@pytest.mark.parametrize("named", [True, False], ids=["named", "anyone"])
def test_who_reaches_a_gateway(raw: Raw, named: bool, row: tuple[str, int, bool, bool]) -> None:
    network = MONITORED if named else {}
    own, policy = gateway(raw, "plant-stuttgart", "press-1", "10.244.1.1", BY_ADDRESS["endpoint"], network=network)
    name, port, with_name, without = row
    assert others(policy=policy).passes(ENDS[name], own, port) is (with_name if named else without)


@pytest.mark.parametrize("network", [MONITORED, {}, {"egressCidrs": ["0.0.0.0/0"]}], ids=["named", "anyone", "wide"])
def test_gateways_do_not_reach_each_other(raw: Raw, network: Obj) -> None:
    """Not within a plant, and not from one plant to another, even where a plant's networks hold the pods' own."""
    host = "a.example.com:8080" if "egressCidrs" in network else "10.2.3.4:502"
    first, policy = gateway(raw, "plant-stuttgart", "press-1", "10.244.1.1", f"modbus+tcp://{host}", network=network)
    neighbour, second = gateway(raw, "plant-stuttgart", "press-2", "10.244.1.2", "modbus+tcp://10.2.3.5:502")
    far, third = gateway(raw, "plant-ulm", "press-1", "10.244.1.3", "modbus+tcp://10.3.3.4:502")
    cluster = others(a=policy, b=second, c=third)
    for source in (first, neighbour, far):
        for destination in (first, neighbour, far):
            if source != destination:
                assert not cluster.passes(source, destination, 8080), (source.address, destination.address)


def test_a_network_that_may_never_be_reached_leaves_no_rule_that_means_everywhere(raw: Raw) -> None:
    network = {"egressCidrs": ["169.254.169.254/32"]}
    own, policy = gateway(
        raw, "plant-stuttgart", "press-1", "10.244.1.1", "modbus+tcp://a.example.com:502", network=network
    )
    assert not others(policy=policy).passes(own, ENDS["the internet"], 502)
    assert not others(policy=policy).passes(own, ENDS["the metadata service"], 502)
