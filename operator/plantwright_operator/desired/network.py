"""Where a gateway may go and who may come: the content of its NetworkPolicy."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from plantwright_api.addresses import METADATA
from plantwright_operator.desired import names
from plantwright_operator.model import Resolved

_DEFAULT_PORTS = {"http": 80, "https": 443, "mqtt": 1883, "mqtts": 8883}
NEVER: Final = tuple(ip_network(text) for text in ("169.254.0.0/16", "fe80::/10", *sorted(METADATA)))
"""Link-local addresses and metadata services: what no gateway may reach, however wide the networks that a plant declares."""


BOARD_LABEL: Final = "plantwright.io/board"
"""The chart gives it to a plant's shop-floor board; its value is the plant."""


class Block(NamedTuple):
    """A network, without the parts of it that no gateway may reach."""

    cidr: str
    excluded: tuple[str, ...]


class Destination(NamedTuple):
    """One egress rule: networks and a TCP port. At least one network: a rule without any would mean every address."""

    blocks: tuple[Block, ...]
    port: int


def destinations(resolved: Resolved) -> list[Destination]:
    """The machine and every MES service: an address as /32 or /128, a name only through the plant's networks."""
    declared = tuple(sorted(resolved.plant.spec.network.egress_cidrs))
    endpoint = resolved.endpoint
    found = [Destination(_blocks(endpoint.address, declared), endpoint.port)]
    found += [Destination(_blocks(_literal(host), declared), port) for host, port in services(resolved)]
    return sorted({each for each in found if each.blocks})


def needs_names(resolved: Resolved) -> bool:
    """Whether anything is given by name, so that the gateway must reach DNS."""
    return resolved.endpoint.address is None or any(_literal(host) is None for host, _ in services(resolved))


def services(resolved: Resolved) -> list[tuple[str, int]]:
    """Host and port of each service of the MES: sinks, and where orders come from."""
    split = [urlsplit(service.url) for _, service in resolved.plant.spec.mes.services()]
    return [(parts.hostname or "", parts.port or _DEFAULT_PORTS[parts.scheme]) for parts in split]


def scrapers(resolved: Resolved, operator_namespace: str) -> list[str]:
    """Namespaces whose pods may read metrics and status; an empty name stands for all of them."""
    monitoring = resolved.plant.spec.network.monitoring_namespace
    return sorted({monitoring, operator_namespace}) if monitoring else [""]


def boards(resolved: Resolved) -> dict[str, str]:
    """Labels of the plant's shop-floor board, in the machine's own namespace; none where any pod may come anyway."""
    if resolved.plant.spec.network.monitoring_namespace is None:
        return {}
    return {BOARD_LABEL: names.label_value(resolved.plant.metadata.name)}


def values(resolved: Resolved, operator_namespace: str) -> dict[str, Any]:
    """What the NetworkPolicy's template takes."""
    return {
        "destinations": destinations(resolved),
        "dns": needs_names(resolved),
        "dns_cidrs": sorted(resolved.plant.spec.network.dns_cidrs),
        "scrapers": scrapers(resolved, operator_namespace),
        "boards": boards(resolved),
    }


def _blocks(address: str | None, declared: tuple[str, ...]) -> tuple[Block, ...]:
    cidrs = declared if address is None else (f"{address}/{128 if ':' in address else 32}",)
    return tuple(block for block in map(_block, cidrs) if block)


def _block(cidr: str) -> Block | None:
    """The network with its exceptions; None where nothing of it may be reached. What is no network the API server refuses."""
    try:
        network = ip_network(cidr, strict=False)
    except ValueError:
        return Block(cidr, ())
    if any(_lies_in(network, never) for never in NEVER):
        return None
    return Block(cidr, tuple(str(never) for never in NEVER if _lies_in(never, network)))


def _lies_in(inner: IPv4Network | IPv6Network, outer: IPv4Network | IPv6Network) -> bool:
    if isinstance(inner, IPv4Network):
        return isinstance(outer, IPv4Network) and inner.subnet_of(outer)
    return isinstance(outer, IPv6Network) and inner.subnet_of(outer)


def _literal(host: str) -> str | None:
    """The address a host stands for, or None for a name. Hosts have been judged, so an address is in decimal form."""
    return host if ":" in host or host.replace(".", "").isdecimal() else None
