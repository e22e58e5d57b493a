"""What the chart's endpoint policy refuses, on a real API server: allow-lists, and always what is the node's or the cloud's."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from kubernetes import client, config

from plantwright_cluster import control_plane

pytestmark = [pytest.mark.apiserver, pytest.mark.slow]

Obj = dict[str, Any]
Raw = Callable[..., Obj]
ROOT = Path(__file__).parents[2]
GUARDED, OPEN = "plant-stuttgart", "plant-ulm"
"""Under the case `guarded`, and under a policy that is enabled without lists."""
SECONDS = 30.0
OTHERS_NAME = "zz"


class Server:
    """Tries objects without keeping them."""

    def __init__(self, api: client.CustomObjectsApi) -> None:
        self._api = api

    def refusal(self, obj: Obj, namespace: str) -> str:
        """What the server says to an object; empty where it takes it."""
        obj["metadata"] = {"name": obj["metadata"]["name"]}
        try:
            self._api.create_namespaced_custom_object(
                "plantwright.io", "v1alpha1", namespace, f"{obj['kind'].lower()}s", obj, dry_run="All"
            )
        except client.ApiException as error:
            if error.status not in (403, 422):
                raise
            return yaml.safe_load(error.body)["message"]  # type: ignore[no-any-return]
        return ""


@pytest.fixture(scope="module")
def server(render: Callable[..., list[Obj]]) -> Iterator[Server]:
    with control_plane() as cluster:
        for path in sorted((ROOT / "crds").glob("*.yaml")):
            cluster.kubectl("apply", "--server-side", "-f", str(path))
        cluster.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
        for namespace in (GUARDED, OPEN):
            cluster.kubectl("create", "namespace", namespace)
        listed = policies(render("guarded"))
        plain = policies(render("defaults", "endpointPolicy.enabled=true", f"watchNamespaces={{{OPEN}}}"))
        for each in plain:
            each["metadata"]["name"] += f"-{OTHERS_NAME}"
            if "policyName" in each["spec"]:
                each["spec"]["policyName"] += f"-{OTHERS_NAME}"
        cluster.kubectl("apply", "--server-side", "-f", "-", stdin=yaml.safe_dump_all([*listed, *plain]))
        with config.new_client_from_config(str(cluster.kubeconfig)) as api:
            found = Server(client.CustomObjectsApi(api))
            wait_until_in_force(found)
            yield found


def policies(objects: list[Obj]) -> list[Obj]:
    return [each for each in objects if each["kind"].startswith("ValidatingAdmissionPolicy")]


def wait_until_in_force(server: Server) -> None:
    """A policy is in force some moments after it was taken; each of the four by its own witness."""
    deadline = time.monotonic() + SECONDS
    for namespace in (GUARDED, OPEN):
        for build in (at, sending_to):
            while "no gateway" not in server.refusal(build("http://127.0.0.1:502"), namespace):
                assert time.monotonic() < deadline, f"no policy refuses in {namespace}"
                time.sleep(0.1)


def at(url: str, **_: Any) -> Obj:
    spec = {
        "plantRef": {"name": "stuttgart"},
        "profileRef": {"name": "press"},
        "location": {"area": "machining", "line": "line-1"},
        "endpoint": {"url": url.replace("http://", "modbus+tcp://")},
    }
    return {"apiVersion": "plantwright.io/v1alpha1", "kind": "Machine", "metadata": {"name": "press-1"}, "spec": spec}


def sending_to(url: str, **spec: Any) -> Obj:
    """A Plant whose second sink is the one in question."""
    scheme = "mqtt" if url.startswith("mqtt") else "http"
    sinks = [{"name": "first", "http": {"url": "https://mes.example.com/v1"}}, {"name": "mes", scheme: {"url": url}}]
    whole = {"enterprise": "acme", "site": "stuttgart", "mes": {"sinks": sinks}, **spec}
    return {
        "apiVersion": "plantwright.io/v1alpha1",
        "kind": "Plant",
        "metadata": {"name": "stuttgart"},
        "spec": whole,
    }


HOSTILE = [
    "127.0.0.1",
    "127.1",
    "127.0.0.1.",
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "010.2.3.4",
    "0",
    "0.0.0.0",
    "0.0.0.1",
    "169.254.169.254",
    "169.254.43518",
    "2852039166",
    "0xA9FEA9FE",
    "224.0.0.1",
    "255.255.255.255",
    "168.63.129.16",
    "100.100.100.200",
    "192.0.0.192",
    "[::]",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::127.0.0.1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]",
    "[0:0:0:0:0:ffff:a9fe:a9fe]",
    "[64:ff9b::a9fe:a9fe]",
    "[2002:a9fe:a9fe::1]",
    "[fe80::1]",
    "[ff02::1]",
    "[fd00:ec2::254]",
    "localhost",
    "LocalHost",
    "localhost.localdomain",
    "api.localhost",
    "localhost.",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "Kubernetes.Default.SVC.cluster.local",
    "metadata",
    "metadata.google.internal",
    "instance-data",
]


@pytest.mark.row("B2")
def test_what_is_the_nodes_or_the_clouds_is_refused_always(server: Server, measured: Callable[[str], None]) -> None:
    words = ("no gateway may reach it", "neither a host name nor an address")
    tried = [
        (build, host, namespace) for build in (at, sending_to) for host in HOSTILE for namespace in (GUARDED, OPEN)
    ]
    taken = []
    for build, host, namespace in tried:
        said = server.refusal(build(f"http://{host}:502/x"), namespace)
        named = "spec.endpoint.url" in said or "spec.mes.sinks" in said
        if not named or not any(each in said for each in words):
            taken.append((build.__name__, host, namespace, said))
    assert taken == []
    measured(f"{len(HOSTILE)} hosts, as machine and as service: refused at admission with field and cure")


class Case(NamedTuple):
    """An endpoint, and what is said of it: nothing where it is taken."""

    build: Callable[..., Obj]
    url: str
    said: str


MACHINES = {
    "an address within": Case(at, "modbus+tcp://10.2.3.4:502", ""),
    "the protocol's own port": Case(at, "modbus+tcp://10.2.3.4", ""),
    "OPC UA with its own port and a path": Case(at, "opc.tcp://10.2.3.4/UA/Server", ""),
    "IPv6 within": Case(at, "opc.tcp://[fd12:3456::7]:4840", ""),
    "IPv6 without a port": Case(at, "opc.tcp://[fd12:3456::7]", ""),
    "a name": Case(at, "opc.tcp://press.example.com:4840", ""),
    "a name in capitals": Case(at, "opc.tcp://Press.Example.COM:4840", ""),
    "a name below a domain": Case(at, "opc.tcp://a.shopfloor.example.com:4840", ""),
    "an address outside": Case(at, "modbus+tcp://10.3.0.1:502", "lies outside of the networks"),
    "IPv6 outside": Case(at, "opc.tcp://[fd12:3457::7]:4840", "lies outside of the networks"),
    "another name": Case(at, "opc.tcp://press.example.com.evil.org:4840", "none that the platform team allows"),
    "the domain itself": Case(at, "opc.tcp://shopfloor.example.com:4840", "none that the platform team allows"),
    "a name that ends alike": Case(at, "opc.tcp://evilshopfloor.example.com:4840", "none that the platform team"),
    "another port": Case(at, "modbus+tcp://10.2.3.4:6443", "a port of 6443"),
    "a network that is denied": Case(at, "modbus+tcp://10.2.96.1:502", "no gateway may reach it"),
}
SERVICES = {
    "a service within": Case(sending_to, "http://10.9.0.1:8090/v1", ""),
    "a service without a path": Case(sending_to, "http://10.9.0.1", ""),
    "a broker": Case(sending_to, "mqtts://broker.example.com:8883", ""),
    "a service where only machines may be": Case(sending_to, "http://10.2.3.4/v1", "lies outside of the networks"),
    "a query that looks like a host": Case(sending_to, "http://10.3.0.1?x=10.9.0.1", "lies outside of the networks"),
    "a fragment that looks like a host": Case(sending_to, "http://10.3.0.1#10.9.0.1", "lies outside of the networks"),
    "a broker elsewhere": Case(sending_to, "mqtt://10.3.0.1", "lies outside of the networks"),
    "a backslash": Case(sending_to, "http://10.3.0.1\\.example.com/", "neither a host name nor an address"),
    "two ports": Case(sending_to, "http://10.9.0.1:80:80/", "neither a host name nor an address"),
    "wide digits": Case(sending_to, "http://１０.9.0.1/", "neither a host name nor an address"),
}
CASES = MACHINES | SERVICES


@pytest.mark.parametrize("case", CASES)
def test_lists_are_held_and_everything_in_them_is_taken(server: Server, case: str) -> None:
    build, url, said = CASES[case]
    answer = server.refusal(build(url), GUARDED)
    assert said in answer if said else answer == ""


@pytest.mark.parametrize("case", [name for name in CASES if "platform team" in CASES[name].said])
def test_without_lists_anything_of_the_plant_is_taken(server: Server, case: str) -> None:
    assert server.refusal(CASES[case].build(CASES[case].url), OPEN) == ""


PLANTS = {
    "networks within": ({"network": {"egressCidrs": ["10.2.4.0/24", "10.9.0.0/16"]}}, ""),
    "a network that is too wide": ({"network": {"egressCidrs": ["10.0.0.0/8"]}}, "spec.network.egressCidrs"),
    "everything": ({"network": {"egressCidrs": ["0.0.0.0/0"]}}, "spec.network.egressCidrs"),
    "no network at all": ({"network": {"egressCidrs": ["10.2.4.0/99"]}}, "spec.network.egressCidrs"),
    "a catalogue that is offered": ({"catalogNamespace": "plant-catalogue"}, ""),
    "another plant as catalogue": ({"catalogNamespace": "plant-ulm"}, "spec.catalogNamespace"),
}


@pytest.mark.parametrize("case", PLANTS)
def test_what_a_plant_may_declare(server: Server, case: str) -> None:
    spec, said = PLANTS[case]
    answer = server.refusal(sending_to("http://10.9.0.1/v1", **spec), GUARDED)
    assert said in answer if said else answer == ""
