"""Judge a Plant on its own: what admission cannot see."""

from collections.abc import Callable
from datetime import date
from zoneinfo import ZoneInfo

from plantwright_api.v1alpha1 import Plant
from plantwright_operator.decide.endpoints import address, service
from plantwright_operator.model import Refusal


def judge(plant: Plant) -> Refusal | None:
    """The first thing that keeps the plant from being used, or None."""
    for check in CHECKS:
        refusal = check(plant)
        if refusal is not None:
            return refusal
    return None


def service_urls(plant: Plant) -> list[tuple[str, str]]:
    """Field and URL of each service of the MES."""
    return [(f"spec.mes.{field}.url", service.url) for field, service in plant.spec.mes.services()]


def line_roles(plant: Plant) -> list[tuple[str, str, str, str, str]]:
    """Plant, area, line, machine and role ("bottleneck", "exit") for every serial line.

    A role that the Plant gives to no machine has the machine "": the line's KPIs are then unknown, never a wrong sum.
    """
    return [
        (plant.metadata.name, area.name, line.name, machine or "", role)
        for area in plant.spec.areas
        for line in area.lines
        if line.flow == "Serial"
        for role, machine in (("bottleneck", line.bottleneck), ("exit", line.exit))
    ]


def _time_zone(plant: Plant) -> Refusal | None:
    try:
        ZoneInfo(plant.spec.time_zone)
    except (KeyError, ValueError, OSError):
        zone = plant.spec.time_zone
        return Refusal("InvalidSpec", f"spec.timeZone: {zone} is no IANA time zone; write one such as Europe/Berlin")
    return None


def _closures(plant: Plant) -> Refusal | None:
    """The CRD lets every month have 31 days; gateways would refuse the whole configuration."""
    for place, closure in enumerate(plant.spec.calendar.closures):
        try:
            date.fromisoformat(closure)
        except ValueError:
            text = f"spec.calendar.closures[{place}]: there is no {closure}; write a date such as 2026-12-25"
            return Refusal("InvalidSpec", text)
    return None


def _sink_kinds(plant: Plant) -> Refusal | None:
    """The CRD says so too; an object may have been stored under an older one."""
    for sink in plant.spec.mes.sinks:
        if (sink.http is None) == (sink.mqtt is None):
            return Refusal("InvalidSpec", f"spec.mes.sinks[{sink.name}]: set either http or mqtt")
    return None


def _sinks(plant: Plant) -> Refusal | None:
    """A NetworkPolicy takes no names, so a named service needs networks that the plant declares."""
    for field, url in service_urls(plant):
        found = service(url, field)
        if isinstance(found, Refusal):
            return found
        if address(found[0]) is None and not plant.spec.network.egress_cidrs:
            return Refusal(
                "InvalidSpec",
                f"{field}: {found[0]} is a host name, and a NetworkPolicy takes only addresses; "
                "list its networks in spec.network.egressCidrs",
            )
    return None


CHECKS: tuple[Callable[[Plant], Refusal | None], ...] = (_time_zone, _closures, _sink_kinds, _sinks)
