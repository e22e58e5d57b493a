"""Node addresses: as users write them, and where they are in a server."""

import uuid

import pytest
from asyncua import ua

from plantwright_api.wire.config import OpcUaAddress, Signal
from plantwright_gateway.sources.opcua.address import Address, AddressError, index_of, parse
from plantwright_gateway.sources.opcua.nodes import resolve

SERVER = ["http://opcfoundation.org/UA/", "urn:server", "http://acme.example/press", "urn:odd;name"]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("i=2258", Address(0, 2258)),
        ("ns=2;s=a;b=c", Address(2, "a;b=c")),
        ("nsu=http://acme.example/press;s=Temperature", Address("http://acme.example/press", "Temperature")),
        ("nsu=urn:odd%3Bname;i=1", Address("urn:odd;name", 1)),
        (f"ns=3;g={uuid.UUID(int=5)}", Address(3, uuid.UUID(int=5))),
        ("ns=1;b=AQI=", Address(1, b"\x01\x02")),
    ],
)
def test_node_ids(text, address):
    assert parse(text) == address


@pytest.mark.parametrize("text", ["", "s", "ns=x;i=1", "nsu=;i=1", "i=abc", "b=%%%", "g=123", "x=1"])
def test_what_is_no_node_id(text):
    with pytest.raises(AddressError, match=r"NodeId|identifier"):
        parse(text)


def test_a_namespace_is_looked_up_by_uri_and_its_absence_explained():
    assert index_of(parse("nsu=http://acme.example/press;s=a"), SERVER) == 2
    assert index_of(parse("ns=7;s=a"), SERVER) == 7
    with pytest.raises(AddressError, match="urn:server"):
        index_of(parse("nsu=http://gone;s=a"), SERVER)


def test_signals_become_nodes_and_the_others_say_why():
    def signal(name: str, node_id: str | None) -> Signal:
        place = OpcUaAddress(node_id=node_id) if node_id else None
        return Signal(name=name, contract="c", field="f", interval_ms=100, opcua=place)

    nodes, problems = resolve(
        [signal("a", "nsu=http://acme.example/press;s=a"), signal("b", "nsu=gone;i=1"), signal("c", None)], SERVER
    )
    assert [(node.signal, node.node_id) for node in nodes] == [("a", ua.NodeId("a", 2))]
    assert set(problems) == {"b", "c"}
