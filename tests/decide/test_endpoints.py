"""URLs of machines and services: what is read, and what may never be dialled."""

import pytest

from plantwright_operator.decide.endpoints import endpoint, service
from plantwright_operator.model import Endpoint, Refusal


@pytest.mark.parametrize(
    ("url", "protocol", "host", "port", "device"),
    [
        ("opc.tcp://10.2.3.4", "OPCUA", "10.2.3.4", 4840, "10.2.3.4:4840"),
        (
            "opc.tcp://Lathe-7.Plant.example:4841/path",
            "OPCUA",
            "lathe-7.plant.example",
            4841,
            "lathe-7.plant.example:4841",
        ),
        ("modbus+tcp://10.2.3.4:1502", "ModbusTCP", "10.2.3.4", 1502, "10.2.3.4:1502"),
        ("modbus+tcp://[2001:DB8::1]", "ModbusTCP", "2001:db8::1", 502, "[2001:db8::1]:502"),
        ("modbus+tcp://[::ffff:10.2.3.4]:502", "ModbusTCP", "::ffff:10.2.3.4", 502, "10.2.3.4:502"),
        ("opc.tcp://sim.shopfloor.svc:4840", "OPCUA", "sim.shopfloor.svc", 4840, "sim.shopfloor.svc:4840"),
    ],
)
def test_machine_url(url: str, protocol: str, host: str, port: int, device: str) -> None:
    found = endpoint(url)
    assert isinstance(found, Endpoint)
    assert (found.protocol, found.host, found.port, found.device) == (protocol, host, port, device)


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "[::ffff:169.254.169.254]",
        "127.0.0.1",
        "127.1",
        "0x7f000001",
        "2130706433",
        "0177.0.0.1",
        "10.2.3",
        "0.0.0.0",
        "224.0.0.1",
        "[::1]",
        "[::]",
        "[fe80::1]",
        "localhost",
        "a.localhost",
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "KUBERNETES.default.svc.cluster.local",
    ],
)
@pytest.mark.parametrize("scheme", ["opc.tcp", "modbus+tcp"])
def test_what_is_not_the_plants_is_refused(scheme: str, host: str) -> None:
    found = endpoint(f"{scheme}://{host}:4840")
    assert isinstance(found, Refusal)
    assert found.reason == "InvalidSpec"
    assert found.message.startswith("spec.endpoint.url: ")


@pytest.mark.parametrize("url", ["opc.tcp://10.2.3.4:70000", "opc.tcp://[10.2.3.4", "opc.tcp://"])
def test_what_cannot_be_read_is_refused(url: str) -> None:
    assert isinstance(endpoint(url), Refusal)


def test_a_foreign_scheme_is_a_protocol_mismatch() -> None:
    found = endpoint("http://10.2.3.4")
    assert isinstance(found, Refusal)
    assert found.reason == "ProtocolMismatch"


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("http://mes.example", "mes.example", 80),
        ("https://10.0.0.1/v1", "10.0.0.1", 443),
        ("mqtt://broker", "broker", 1883),
        ("mqtts://broker:18883", "broker", 18883),
    ],
)
def test_service_url(url: str, host: str, port: int) -> None:
    assert service(url, "spec.x") == (host, port)


def test_a_service_on_the_metadata_address_is_refused_by_its_field() -> None:
    found = service("http://169.254.169.254/latest", "spec.mes.sinks[a].http.url")
    assert isinstance(found, Refusal)
    assert found.message.startswith("spec.mes.sinks[a].http.url: ")
