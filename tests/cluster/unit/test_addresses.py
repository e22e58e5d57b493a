"""Which network a cluster gets, and what its addresses are."""

import ipaddress

import pytest

from plantwright_cluster.commands import ClusterError
from plantwright_cluster.network import SLOTS, addresses, free_slot


@pytest.mark.parametrize(
    ("taken", "routed", "slot"),
    [
        pytest.param([], [], 0, id="the first"),
        pytest.param([0, 1], [], 2, id="those of other clusters are left out"),
        pytest.param([], ["10.208.4.0/24"], 1, id="a network this machine uses is left out"),
        pytest.param([0], ["10.208.0.0/15", "192.0.2.0/24"], 2, id="both"),
    ],
)
def test_the_first_free_slot_is_taken(taken: list[int], routed: list[str], slot: int) -> None:
    assert free_slot(taken, routed) == slot


def test_no_free_slot_is_an_error_that_names_the_verb() -> None:
    with pytest.raises(ClusterError, match="plantwright_cluster list"):
        free_slot(SLOTS, [])


def test_all_addresses_of_a_slot_are_in_its_network_and_slots_do_not_overlap() -> None:
    networks = [ipaddress.ip_network(addresses(slot).network) for slot in SLOTS]
    for slot, network in zip(SLOTS, networks, strict=True):
        place = addresses(slot)
        assert all(ipaddress.ip_network(part).subnet_of(network) for part in (place.pods, place.services))  # type: ignore[arg-type]
        assert all(ipaddress.ip_address(each) in network for each in (place.host, place.node, place.dns_service))
        assert ipaddress.ip_address(place.dns_service) in ipaddress.ip_network(place.services)
    assert len(set(networks)) == len(SLOTS)


def test_the_link_name_fits_the_kernel() -> None:
    assert all(len(addresses(slot).link) <= 15 for slot in SLOTS)
