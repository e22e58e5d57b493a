"""Which node each signal is in this server: namespace URIs are looked up at every connect, since indexes move."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from asyncua import ua

from plantwright_api.wire.config import Signal
from plantwright_gateway.sources.opcua.address import AddressError, index_of, parse


class Node(NamedTuple):
    """A signal's node."""

    signal: str
    interval_ms: int
    node_id: ua.NodeId


def resolve(signals: Iterable[Signal], namespaces: Sequence[str]) -> tuple[list[Node], Mapping[str, str]]:
    """The nodes of the signals; what cannot be one comes back as signal -> message with the cure."""
    nodes: list[Node] = []
    problems: dict[str, str] = {}
    for signal in signals:
        if signal.opcua is None:
            problems[signal.name] = "the signal has no OPC UA address; set signals[].opcua"
            continue
        try:
            address = parse(signal.opcua.node_id)
            index = index_of(address, namespaces)
        except AddressError as error:
            problems[signal.name] = f"signal {signal.name}: {error}; mend signals[].opcua.nodeId"
            continue
        node_id = ua.NodeId(address.identifier, ua.Int16(index))  # type: ignore[arg-type]
        nodes.append(Node(signal.name, signal.interval_ms, node_id))
    return nodes, problems
