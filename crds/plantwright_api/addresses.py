"""IP addresses that no machine and no MES has. Operator and gateway refuse the same ones."""

import ipaddress
from typing import Final

METADATA: Final = frozenset({"fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "168.63.129.16", "192.0.0.192"})
"""Metadata and host services of clouds that are not link-local."""
_TRANSLATED: Final = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("::/96"))
"""IPv6 that stands for IPv4: NAT64 (RFC 6052) and the old compatible form."""


def forbidden(address: str) -> bool:
    """Whether an IP address is the node's own, a cloud's metadata service, or nobody's, in whichever form it is written.

    Raises:
        ValueError: it is no IP address.
    """
    parsed = _meant(address)
    nobody = parsed.is_multicast or parsed.is_unspecified or parsed.is_reserved
    return nobody or parsed.is_loopback or parsed.is_link_local or str(parsed) in METADATA


def _meant(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The IPv4 address that an IPv6 one stands for, else itself."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv4Address):
        return parsed
    inner = parsed.ipv4_mapped or parsed.sixtofour
    if inner is None and int(parsed) > 1 and any(parsed in network for network in _TRANSLATED):
        inner = ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)
    return inner or parsed
