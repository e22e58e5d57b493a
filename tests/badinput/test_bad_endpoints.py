"""B2: addresses that a machine's or a plant's object must not lead to, refused before a packet leaves.

Admission (the schema), the operator (which reads the URL) and the gateway (which alone resolves names) each refuse what they can
see. What no URL shows, a name that leads to a forbidden address, the gateway refuses at the connection itself.
"""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from plantwright_api.addresses import forbidden
from plantwright_api.v1alpha1 import Machine, Plant
from plantwright_operator.decide import endpoints, plants
from plantwright_operator.decide.policy import crds
from plantwright_operator.model import Refusal

Obj = dict[str, Any]
HOSTS = (
    *("169.254.169.254", "[::ffff:169.254.169.254]", "[::ffff:a9fe:a9fe]", "169.254.169.254.", "169.254.0.1"),
    *("[64:ff9b::a9fe:a9fe]", "[64:ff9b::7f00:1]", "[2002:a9fe:a9fe::1]", "[::a9fe:a9fe]", "[::127.0.0.1]"),
    *(
        "[fd00:ec2::254]",
        "100.100.100.200",
        "168.63.129.16",
        "metadata.google.internal",
        "metadata",
        "METADATA.google.internal.",
    ),
    *(
        "127.1",
        "127.0.0.1",
        "127.0.0.53",
        "0x7f000001",
        "0x7f.1",
        "2130706433",
        "017700000001",
        "0177.0.0.1",
        "127.0.0.1.",
    ),
    *("localhost", "localhost.", "LOCALHOST", "a.localhost", "localhost.localdomain", "[::1]", "[::ffff:127.0.0.1]"),
    *(
        "0.0.0.0",
        "0",
        "[::]",
        "255.255.255.255",
        "224.0.0.1",
        "[ff02::1]",
        "[fe80::1]",
        "[fe80::1%25eth0]",
        "240.0.0.1",
    ),
    *(
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
        "Kubernetes.Default",
    ),
    *(
        "user:pw@10.2.3.4",
        "user@10.2.3.4",
        "10.2.3.4@169.254.169.254",
        "10.2.3.4#@169.254.169.254",
        "10.2.3.4\\@127.0.0.1",
    ),
    *(
        "①②⑦.0.0.1",
        "127。0。0。1",
        "%31%32%37.0.0.1",
        "10.2.3.4%00",
        "10.2.3.4\n127.0.0.1",
        "10.2.3.4 127.0.0.1",
        "",
        ".",
        "-",
    ),
    *(
        "[10.2.3.4",
        "10.2.3.4]",
        "[::1",
        "10.2.3.4:0",
        "10.2.3.4:65536",
        "10.2.3.4:-1",
        "10.2.3.4:4840:4840",
        "10.2.3",
        "10..2",
    ),
)
SCHEMES = ("opc.tcp", "modbus+tcp")


def machine_refused(url: str, raw: Callable[..., Obj]) -> bool:
    body = raw("Machine", endpoint={"url": url})
    if crds.problems(body):
        return True
    return isinstance(endpoints.endpoint(Machine.model_validate(body).spec.endpoint.url), Refusal)


def sink_refused(kind: str, url: str, raw: Callable[..., Obj]) -> bool:
    body = raw("Plant", mes={"sinks": [{"name": "mes", kind: {"url": url}}]}, network={"egressCidrs": ["10.0.0.0/8"]})
    return bool(crds.problems(body)) or plants.judge(Plant.model_validate(body)) is not None


def schedule_refused(kind: str, url: str, raw: Callable[..., Obj]) -> bool:
    sink = {"name": "mes", "http": {"url": "https://mes.example.com"}}
    mes = {"sinks": [sink], "schedule": {kind: {"url": url}}}
    body = raw("Plant", mes=mes, network={"egressCidrs": ["10.0.0.0/8"]})
    return bool(crds.problems(body)) or plants.judge(Plant.model_validate(body)) is not None


@pytest.mark.slow
@pytest.mark.row("B2")
def test_no_object_leads_there(raw: Callable[..., Obj], measured: Callable[[str], None]) -> None:
    passed = [url for host in HOSTS for scheme in SCHEMES if not machine_refused(url := f"{scheme}://{host}", raw)]
    for kind, schemes in (("http", ("http", "https")), ("mqtt", ("mqtt", "mqtts"))):
        for refused in (sink_refused, schedule_refused):
            passed += [url for host in HOSTS for s in schemes if not refused(kind, url := f"{s}://{host}", raw)]
    assert passed == []
    assert not schedule_refused("http", "https://mes.example.com/v1", raw)
    assert not machine_refused("opc.tcp://10.2.3.4:4840", raw)
    assert not machine_refused("modbus+tcp://[2001:db8::1]:502", raw)
    assert not sink_refused("http", "https://mes.example.com/v1", raw)
    measured(
        f"{10 * len(HOSTS)}/{10 * len(HOSTS)} hostile URLs of machines, sinks and schedules refused by admission or operator"
    )


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "fe80::1",
        "::ffff:169.254.1.1",
        "64:ff9b::a9fe:a9fe",
        "0.0.0.0",
        "224.0.0.1",
        "127.0.0.1",
        "::1",
        "fd00:ec2::254",
    ],
)
def test_what_a_gateway_never_dials(address: str) -> None:
    assert forbidden(address)


@pytest.mark.parametrize("address", ["10.2.3.4", "192.168.1.1", "2001:db8::1", "fd12::1", "8.8.8.8", "10.96.0.2"])
def test_what_a_gateway_may_dial(address: str) -> None:
    assert not forbidden(address)


REBINDING = """
import asyncio, socket, sys
from plantwright_gateway import dialling
from plantwright_gateway.sources.faults import cannot_connect

listener = socket.create_server(("127.0.0.1", 0))
listener.settimeout(0.3)
port = listener.getsockname()[1]
dialling.guard({"KUBERNETES_SERVICE_HOST": "10.96.0.1"})
answers = iter(["10.255.255.1", "127.0.0.1", "169.254.169.254", "10.96.0.1"])

def resolve(host, port, *rest, **named):
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers, "127.0.0.1"), port))]

socket.getaddrinfo = resolve

async def dial():
    said = []
    for _ in range(4):
        try:
            await asyncio.wait_for(asyncio.open_connection("press.plant.example", port), 0.2)
        except (OSError, TimeoutError) as error:
            said.append(cannot_connect(error, "press.plant.example", port).reason)
    return said

print(asyncio.run(dial()))
try:
    socket.create_connection(("press.plant.example", port), 0.2)
except OSError as error:
    print(cannot_connect(error, "press.plant.example", port).reason)
try:
    listener.accept()
    print("somebody came")
except TimeoutError:
    print("nobody came")
"""


@pytest.mark.slow
@pytest.mark.row("B2")
def test_a_name_that_leads_elsewhere_at_the_second_look(measured: Callable[[str], None]) -> None:
    done = subprocess.run([sys.executable, "-c", REBINDING], capture_output=True, text=True, timeout=20, check=True)
    dialled, blocking, came = done.stdout.splitlines()
    assert dialled.count("AddressForbidden") == 3, "all but the first"
    assert (blocking, came) == ("AddressForbidden", "nobody came")
    measured(
        "a name that comes to mean 127.0.0.1 or 169.254.169.254: refused by the gateway, 0 connections at the target"
    )
