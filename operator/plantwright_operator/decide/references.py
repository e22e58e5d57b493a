"""Find what a reference names: in the plant's namespace first, then in the one catalogue namespace of the plant."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from plantwright_api.v1alpha1 import DataContract, MachineProfile, Plant
from plantwright_api.v1alpha1.base import ContractRef, ProfileRef
from plantwright_operator.decide.versions import matches, parse, parse_range
from plantwright_operator.model import Refusal

Versioned = TypeVar("Versioned", MachineProfile, DataContract)

_PREFERENCE = {"Published": 2, "Deprecated": 1, "Draft": 0}
"""Which lifecycle is taken before which; a Retired version is not taken at all."""


def namespaces(plant_namespace: str, catalog_namespace: str | None) -> tuple[str, ...]:
    """Where references of a plant are looked for, in order."""
    return tuple(dict.fromkeys(n for n in (plant_namespace, catalog_namespace) if n))


def reachable(own: str, plants: Iterable[Plant]) -> tuple[str, ...]:
    """Where what a profile or contract of a namespace names may lie: there, and wherever plants that see it look."""
    found = [own]
    for plant in plants:
        within = namespaces(plant.metadata.namespace, plant.spec.catalog_namespace)
        if own in within:
            found += within
    return tuple(dict.fromkeys(found))


def find(
    reference: ProfileRef | ContractRef, candidates: Iterable[Versioned], within: Sequence[str]
) -> Versioned | Refusal:
    """The object a reference names, or why there is none.

    Args:
        reference: a family name and perhaps a version range.
        candidates: the objects of that kind, of any namespace.
        within: the namespaces to look in; the first that has a match wins.
    """
    family = [c for c in candidates if c.metadata.namespace in within and c.family() == reference.name]
    wanted = parse_range(reference.version) if reference.version else []
    usable = [c for c in family if c.spec.lifecycle in _PREFERENCE and matches(parse(c.spec.version), wanted)]
    for namespace in within:
        here = [c for c in usable if c.metadata.namespace == namespace]
        if here:
            return max(here, key=_rank)
    return _missing(reference, family, within)


def _rank(candidate: MachineProfile | DataContract) -> tuple[int, tuple[int, int, int], str]:
    """Published before draft, then the highest version; the name decides between equals, so that the answer is stable."""
    return _PREFERENCE[candidate.spec.lifecycle], parse(candidate.spec.version), candidate.metadata.name


def _missing(
    reference: ProfileRef | ContractRef, family: Sequence[MachineProfile | DataContract], within: Sequence[str]
) -> Refusal:
    profile = isinstance(reference, ProfileRef)
    field = "spec.profileRef" if profile else "the profile's spec.contractRefs"
    places = " or ".join(within)
    found = ", ".join(sorted({f"{c.spec.version} ({c.spec.lifecycle})" for c in family}))
    asked = f"{reference.name} {reference.version}" if reference.version else reference.name
    cure = f"there is {found}: widen the range or publish that version" if found else "apply it or mend the name"
    return Refusal(
        reason="ProfileNotFound" if profile else "ContractNotFound",
        message=f"{field}: no {reference.kind} {asked} in namespace {places}; {cure}",
        stalled=False,
    )
