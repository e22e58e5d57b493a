"""Addresses of a cluster, and its link to this machine.

Every cluster lives in a network namespace of its own: two kube-proxies in one namespace would overwrite each other's
rules. One pair of virtual interfaces joins it to this machine, and two routes let programs here reach pods and services
directly. When the namespace goes, the kernel takes the pair, the routes and all firewall rules with it.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterable
from dataclasses import dataclass

from plantwright_cluster.commands import ClusterError, run

__all__ = ["SLOTS", "Addresses", "addresses", "connect", "disconnect", "free_slot", "routed_networks"]

SLOTS = range(16)
_FIRST_SECOND_OCTET = 208


@dataclass(frozen=True)
class Addresses:
    """One /16 per slot, so that any address tells which cluster it belongs to."""

    slot: int

    @property
    def _prefix(self) -> str:
        return f"10.{_FIRST_SECOND_OCTET + self.slot}"

    @property
    def network(self) -> str:
        """Return the whole network of the slot."""
        return f"{self._prefix}.0.0/16"

    @property
    def link(self) -> str:
        """Return the name of this machine's end of the link."""
        return f"plantwright{self.slot}"

    @property
    def host(self) -> str:
        """Return this machine's address, where pods reach programs that run here."""
        return f"{self._prefix}.0.1"

    @property
    def node(self) -> str:
        """Return the node's address; kube-apiserver listens on it too."""
        return f"{self._prefix}.0.2"

    @property
    def pods(self) -> str:
        """Return the network pods get their addresses from."""
        return f"{self._prefix}.64.0/18"

    @property
    def services(self) -> str:
        """Return the network of services."""
        return f"{self._prefix}.128.0/18"

    @property
    def api_service(self) -> str:
        """Return the address of the `kubernetes` service: the first of the network, by Kubernetes' own rule."""
        return f"{self._prefix}.128.1"

    @property
    def dns_service(self) -> str:
        """Return the address of the `kube-dns` service."""
        return f"{self._prefix}.128.10"


def addresses(slot: int) -> Addresses:
    """Return the addresses of a slot."""
    return Addresses(slot)


def free_slot(taken: Iterable[int], routed: Iterable[str]) -> int:
    """Return the first slot that no cluster holds and whose network this machine does not use for something else."""
    used = set(taken)
    networks = [ipaddress.ip_network(text, strict=False) for text in routed]
    for slot in SLOTS:
        ours = ipaddress.ip_network(addresses(slot).network)
        if slot not in used and not any(network.overlaps(ours) for network in networks):
            return slot
    raise ClusterError(f"all {len(SLOTS)} slots are taken; see: python -m plantwright_cluster list")


def routed_networks() -> list[str]:
    """Return the networks this machine has routes to; the default route says nothing and is left out."""
    routes = json.loads(run(["ip", "-j", "-4", "route", "show"]) or "[]")
    return [route["dst"] for route in routes if route["dst"] != "default"]


def connect(place: Addresses, pid: int) -> None:
    """Join the network namespace of a process to this machine."""
    inside = ["nsenter", "--target", str(pid), "--net", "ip"]
    outside = ["ip"]
    pair = ["link", "add", place.link, "type", "veth", "peer", "name", "eth0", "netns", str(pid)]
    commands: list[list[str]] = [
        [*outside, *pair],
        [*inside, "address", "add", f"{place.node}/24", "dev", "eth0"],
        [*inside, "link", "set", "eth0", "up"],
        [*outside, "address", "add", f"{place.host}/24", "dev", place.link],
        [*outside, "link", "set", place.link, "up"],
        [*inside, "route", "add", "default", "via", place.host],
        [*outside, "route", "add", place.pods, "via", place.node],
        [*outside, "route", "add", place.services, "via", place.node],
    ]
    for command in commands:
        run(command)


def disconnect(place: Addresses) -> None:
    """Remove our end of the link if the kernel has not done so yet (it removes a namespace some time after its last process)."""
    links = {link["ifname"] for link in json.loads(run(["ip", "-j", "link", "show"]) or "[]")}
    if place.link in links:
        run(["ip", "link", "delete", place.link])
