"""Judge a machine: resolve its references, then run named checks in order; the first violation is the verdict.

`resolve` fills one input from what was gathered; each check looks at the input and returns a refusal or None. The order
is that in which a person would mend things: what is missing before what does not fit.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from plantwright_api.v1alpha1 import DataContract, Machine, MachineProfile, Plant
from plantwright_operator.decide import endpoints, plants, references
from plantwright_operator.decide.shared import Shared
from plantwright_operator.model import Endpoint, Refusal, Resolved, ResolvedSignal


@dataclass(frozen=True, slots=True)
class Input:
    """A machine and what its references lead to; a refusal stands where one leads nowhere."""

    machine: Machine
    plant: Plant | Refusal
    profile: MachineProfile | Refusal
    contracts: tuple[DataContract | Refusal, ...]
    endpoint: Endpoint | Refusal
    shared: Shared


def judge(
    machine: Machine,
    plant: Plant | None,
    profiles: Iterable[MachineProfile],
    contracts: Iterable[DataContract],
    shared: Shared | None = None,
) -> Resolved | Refusal:
    """The machine with its references resolved, or the first reason not to act on it.

    Args:
        machine: the machine.
        plant: the Plant that its plantRef names, if there is one.
        profiles: candidates, of any namespace.
        contracts: candidates, of any namespace.
        shared: what machines judged before had in common with it.
    """
    given = resolve(machine, plant, profiles, contracts, shared or Shared())
    for check in CHECKS:
        refusal = check(given)
        if refusal is not None:
            return refusal
    resolved = _resolved(given)
    return _pseudonyms_possible(resolved) or resolved


def resolve(
    machine: Machine,
    plant: Plant | None,
    profiles: Iterable[MachineProfile],
    contracts: Iterable[DataContract],
    shared: Shared,
) -> Input:
    """Follow the machine's references."""
    found_plant = plant or _no_plant(machine)
    catalog = plant.spec.catalog_namespace if plant else None
    within = references.namespaces(machine.metadata.namespace, catalog)
    profile = references.find(machine.spec.profile_ref, profiles, within)
    found: tuple[DataContract | Refusal, ...] = ()
    if isinstance(profile, MachineProfile):
        candidates = list(contracts)
        named = [references.find(ref, candidates, within) for ref in profile.spec.contract_refs]
        found = tuple(c if isinstance(c, Refusal) else shared.contract(c, candidates, within) for c in named)
    return Input(
        machine=machine,
        plant=found_plant,
        profile=profile,
        contracts=found,
        endpoint=endpoints.endpoint(machine.spec.endpoint.url),
        shared=shared,
    )


def _no_plant(machine: Machine) -> Refusal:
    return Refusal(
        "PlantNotFound",
        f"spec.plantRef: there is no Plant {machine.spec.plant_ref.name} in namespace {machine.metadata.namespace}; "
        "apply it or mend the name",
        stalled=False,
    )


def _plant_found(given: Input) -> Refusal | None:
    return given.plant if isinstance(given.plant, Refusal) else None


def _plant_usable(given: Input) -> Refusal | None:
    assert isinstance(given.plant, Plant)  # noqa: S101  (an earlier check of the chain)
    refusal = plants.judge(given.plant)
    if refusal is None:
        return None
    return Refusal(refusal.reason, f"Plant {given.plant.metadata.name}: {refusal.message}")


def _profile_found(given: Input) -> Refusal | None:
    return given.profile if isinstance(given.profile, Refusal) else None


def _contracts_found(given: Input) -> Refusal | None:
    return next((c for c in given.contracts if isinstance(c, Refusal)), None)


def _location_known(given: Input) -> Refusal | None:
    assert isinstance(given.plant, Plant)  # noqa: S101
    location = given.machine.spec.location
    areas = {area.name: area for area in given.plant.spec.areas}
    area = areas.get(location.area)
    if area is None:
        return Refusal(
            "LocationNotFound",
            f"spec.location.area: Plant {given.plant.metadata.name} has no area {location.area}; "
            f"add it to the Plant's spec.areas or use {_either(areas)}",
        )
    lines = [line.name for line in area.lines]
    if location.line in lines:
        return None
    return Refusal(
        "LocationNotFound",
        f"spec.location.line: area {location.area} has no line {location.line}; "
        f"add it to the Plant's spec.areas[{location.area}].lines or use {_either(lines)}",
    )


def _endpoint_readable(given: Input) -> Refusal | None:
    return given.endpoint if isinstance(given.endpoint, Refusal) else None


def _protocol_matches(given: Input) -> Refusal | None:
    assert isinstance(given.endpoint, Endpoint)  # noqa: S101
    assert isinstance(given.profile, MachineProfile)  # noqa: S101
    wanted = given.profile.spec.protocol
    if given.endpoint.protocol == wanted:
        return None
    scheme = {"OPCUA": "opc.tcp://", "ModbusTCP": "modbus+tcp://"}[wanted]
    return Refusal(
        "ProtocolMismatch",
        f"spec.endpoint.url: profile {given.profile.family()} reads {wanted}, so the URL begins with {scheme}",
    )


def _egress_declared(given: Input) -> Refusal | None:
    assert isinstance(given.endpoint, Endpoint)  # noqa: S101
    assert isinstance(given.plant, Plant)  # noqa: S101
    if given.endpoint.address is not None or given.plant.spec.network.egress_cidrs:
        return None
    return Refusal(
        "InvalidSpec",
        f"spec.endpoint.url: {given.endpoint.host} is a host name, and a NetworkPolicy takes only addresses; write the "
        f"IP, or list its networks in Plant {given.plant.metadata.name} spec.network.egressCidrs",
    )


def _signals_fit(given: Input) -> Refusal | None:
    fitted = _fitted(given)
    return fitted if isinstance(fitted, Refusal) else None


def _fitted(given: Input) -> tuple[ResolvedSignal, ...] | Refusal:
    assert isinstance(given.profile, MachineProfile)  # noqa: S101
    contracts = [c for c in given.contracts if isinstance(c, DataContract)]
    return given.shared.signals(given.machine, given.profile, contracts)


def _pseudonyms_possible(resolved: Resolved) -> Refusal | None:
    """Refused here rather than left to the gateway: what is not to leave must not be collected in vain."""
    asking, plant = resolved.pseudonymised, resolved.plant
    if not asking or plant.spec.pseudonymisation is not None:
        return None
    return Refusal(
        "PseudonymKeyNotNamed",
        f"spec.profileRef: {_some(asking)} may leave as pseudonyms only, and Plant {plant.metadata.name} names no key to make "
        "them with; set its spec.pseudonymisation.secretRef to a Secret with key `key` of 32 bytes or more",
    )


CHECKS: tuple[Callable[[Input], Refusal | None], ...] = (
    _plant_found,
    _plant_usable,
    _profile_found,
    _contracts_found,
    _location_known,
    _endpoint_readable,
    _protocol_matches,
    _egress_declared,
    _signals_fit,
)


def _resolved(given: Input) -> Resolved:
    """All checks have passed, so nothing in the input is a refusal."""
    assert isinstance(given.plant, Plant)  # noqa: S101
    assert isinstance(given.profile, MachineProfile)  # noqa: S101
    assert isinstance(given.endpoint, Endpoint)  # noqa: S101
    fitted = _fitted(given)
    assert not isinstance(fitted, Refusal)  # noqa: S101
    return Resolved(
        machine=given.machine,
        plant=given.plant,
        profile=given.profile,
        contracts=tuple(c for c in given.contracts if isinstance(c, DataContract)),
        signals=fitted,
        endpoint=given.endpoint,
    )


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _either(names: Iterable[str]) -> str:
    listed = sorted(names)
    return ", ".join(listed[:8]) if listed else "another (there is none yet)"
