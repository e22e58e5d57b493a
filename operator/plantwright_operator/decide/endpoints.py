"""Read the URLs of machines and MES services, and say which may never be dialled.

The operator itself dials none of them; gateways do, from the tenant's namespace. What is refused here would let a
machine's object reach the node, the cloud's metadata service or the API server.
"""

import ipaddress
import re
import unicodedata
from typing import Literal
from urllib.parse import urlsplit

from plantwright_api.addresses import forbidden
from plantwright_operator.model import Endpoint, Refusal

_PROTOCOLS: dict[str, tuple[Literal["OPCUA", "ModbusTCP"], int]] = {
    "opc.tcp": ("OPCUA", 4840),
    "modbus+tcp": ("ModbusTCP", 502),
}
_DEFAULT_PORTS = {"http": 80, "https": 443, "mqtt": 1883, "mqtts": 8883}
_NUMERIC_HOST = re.compile(r"^(0[xX][0-9a-fA-F]*|[0-9]+)(\.(0[xX][0-9a-fA-F]*|[0-9]+))*\.?$")
_API_SERVER = re.compile(r"^kubernetes(\.default(\.svc(\..*)?)?)?\.?$", re.IGNORECASE)
_LOCAL_NAME = re.compile(r"^((.*\.)?localhost(\.localdomain)?|metadata(\.google\.internal)?)\.?$", re.IGNORECASE)
_NAME = re.compile(r"^\w([\w-]*\w)?(\.\w([\w-]*\w)?)*\.?$")
"""Letters of any script, as an MES may have; forms that stand for others, such as ① for 1, are sorted out beside it."""


def endpoint(url: str) -> Endpoint | Refusal:
    """Read a machine's `spec.endpoint.url`."""
    scheme, _, rest = url.partition("://")
    known = _PROTOCOLS.get(scheme.lower())
    if known is None:
        return Refusal("ProtocolMismatch", f"spec.endpoint.url: {scheme}:// is no machine protocol; {_SCHEMES}")
    host_port = _split(f"tcp://{rest}", known[1], "spec.endpoint.url")
    if isinstance(host_port, Refusal):
        return host_port
    host, port = host_port
    return Endpoint(protocol=known[0], host=host.lower(), port=port, address=address(host))


_SCHEMES = "use opc.tcp://host:4840 or modbus+tcp://host:502"


def service(url: str, field: str) -> tuple[str, int] | Refusal:
    """Host and port of a MES service's URL; `field` names where the URL stands."""
    return _split(url, _DEFAULT_PORTS.get(url.partition("://")[0], 443), field)


def address(host: str) -> str | None:
    """The canonical form of an IP address, IPv4 in IPv6 unwrapped; None for a name."""
    try:
        parsed = ipaddress.ip_address(host)
    except ValueError:
        return None
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return str(mapped or parsed)


def _split(url: str, default_port: int, field: str) -> tuple[str, int] | Refusal:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", default_port if parts.port is None else parts.port
    except ValueError as error:
        return Refusal("InvalidSpec", f"{field}: {error}; write scheme://host:port")
    problem = "there is no port 0" if port == 0 else _forbidden(host)
    return Refusal("InvalidSpec", f"{field}: {problem}") if problem else (host, port)


def _forbidden(host: str) -> str:
    """Why a host may not be dialled; empty where it may."""
    canonical = address(host)
    if canonical is None:
        if not host or _NUMERIC_HOST.match(host):
            return f"{host!r} is no address; write all four numbers in decimal"
        if _API_SERVER.match(host) or _LOCAL_NAME.match(host):
            return f"{host} is the cluster's own; name the machine's host"
        if not _NAME.match(host) or unicodedata.normalize("NFKC", host) != host:
            return f"{host!r} is no host name; write the IP address or a name of letters, digits, '-' and '.'"
        return ""
    if forbidden(canonical):
        return (
            f"{canonical} is a loopback, link-local, metadata, multicast or reserved address; name the machine's host"
        )
    return ""
