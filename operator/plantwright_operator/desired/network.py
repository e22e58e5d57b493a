"""Where a gateway may go and who may come: the content of its NetworkPolicy."""

from typing import Any, NamedTuple
from urllib.parse import urlsplit

from plantwright_operator.model import Resolved

_DEFAULT_PORTS = {"http": 80, "https": 443, "mqtt": 1883, "mqtts": 8883}


class Destination(NamedTuple):
    """One egress rule: networks and a TCP port."""

    cidrs: tuple[str, ...]
    port: int


def destinations(resolved: Resolved) -> list[Destination]:
    """The machine and every MES service: an address as /32 or /128, a name only through the plant's networks."""
    declared = tuple(sorted(resolved.plant.spec.network.egress_cidrs))
    endpoint = resolved.endpoint
    found = [Destination(_cidrs(endpoint.address, declared), endpoint.port)]
    found += [Destination(_cidrs(_literal(host), declared), port) for host, port in services(resolved)]
    return sorted(set(found))


def needs_names(resolved: Resolved) -> bool:
    """Whether anything is given by name, so that the gateway must reach DNS."""
    return resolved.endpoint.address is None or any(_literal(host) is None for host, _ in services(resolved))


def services(resolved: Resolved) -> list[tuple[str, int]]:
    """Host and port of each sink."""
    urls = [sink.http.url for sink in resolved.plant.spec.mes.sinks if sink.http]
    urls += [sink.mqtt.url for sink in resolved.plant.spec.mes.sinks if sink.mqtt]
    split = [urlsplit(url) for url in urls]
    return [(parts.hostname or "", parts.port or _DEFAULT_PORTS[parts.scheme]) for parts in split]


def scrapers(resolved: Resolved, operator_namespace: str) -> list[str]:
    """Namespaces whose pods may read metrics and status; an empty name stands for all of them."""
    monitoring = resolved.plant.spec.network.monitoring_namespace
    return sorted({monitoring, operator_namespace}) if monitoring else [""]


def values(resolved: Resolved, operator_namespace: str) -> dict[str, Any]:
    """What the NetworkPolicy's template takes."""
    return {
        "destinations": [d._asdict() for d in destinations(resolved)],
        "dns": needs_names(resolved),
        "scrapers": scrapers(resolved, operator_namespace),
    }


def _cidrs(address: str | None, declared: tuple[str, ...]) -> tuple[str, ...]:
    if address is None:
        return declared
    return (f"{address}/{128 if ':' in address else 32}",)


def _literal(host: str) -> str | None:
    """The address a host stands for, or None for a name. Hosts have been judged, so an address is in decimal form."""
    return host if ":" in host or host.replace(".", "").isdecimal() else None
