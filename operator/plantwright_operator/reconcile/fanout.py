"""Whom a change concerns: from one changed object to the keys that must be looked at again."""

from collections.abc import Iterator
from typing import NamedTuple

from plantwright_operator.model import Key
from plantwright_operator.reconcile.catalog import Catalog, refer_to
from plantwright_operator.reconcile.kinds import COUNT_SECONDS
from plantwright_operator.reconcile.observed import Change, Observed


class Concern(NamedTuple):
    """A key to look at again, after so many seconds."""

    key: Key
    delay: float = 0.0


def concerns(change: Change, observed: Observed, catalog: Catalog) -> Iterator[Concern]:
    """Everything that a change may alter. Called after cache and catalogue have taken it in."""
    key = change.key
    if key.kind == "Machine":
        yield from _of_machine(change, observed)
    elif key.kind == "Plant":
        yield from _of_plant(change, observed, catalog)
    elif key.kind in ("MachineProfile", "DataContract"):
        yield from _of_catalog(change, observed, catalog)
    elif key.kind == "GovernancePolicy":
        yield from _of_policy(change, observed, catalog)
    else:
        yield from _of_child(change, observed)


def _of_machine(change: Change, observed: Observed) -> Iterator[Concern]:
    yield Concern(change.key)
    for summary in filter(None, {change.before, change.after}):
        yield Concern(Key("Plant", change.key.namespace, summary.plant), COUNT_SECONDS)
    if not change.spec_changed:
        return
    for summary in filter(None, {change.before, change.after}):
        for peer in observed.machines_at(summary.device) - {change.key}:
            yield Concern(peer)


def _of_plant(change: Change, observed: Observed, catalog: Catalog) -> Iterator[Concern]:
    yield Concern(change.key)
    if not change.spec_changed:
        return
    for machine in observed.machines_of(change.key.namespace, change.key.name):
        yield Concern(machine)
    for profile in catalog.profiles():
        yield Concern(Key("MachineProfile", profile.metadata.namespace, profile.metadata.name), 1.0)


def _of_catalog(change: Change, observed: Observed, catalog: Catalog) -> Iterator[Concern]:
    yield Concern(change.key)
    if not change.spec_changed:
        return
    families = catalog.families(change.key)
    for machine in refer_to(observed, catalog, change.key.kind, families):
        yield Concern(machine)
    if change.key.kind == "DataContract":
        for contract in catalog.contracts():
            if contract.spec.extends is not None:
                yield Concern(Key("DataContract", contract.metadata.namespace, contract.metadata.name))
        for profile in catalog.profiles():
            if any(ref.name in families for ref in profile.spec.contract_refs):
                yield Concern(Key("MachineProfile", profile.metadata.namespace, profile.metadata.name))


def _of_policy(change: Change, observed: Observed, catalog: Catalog) -> Iterator[Concern]:
    """All that the policy may speak of. Machines first: they are what must not start."""
    yield Concern(change.key)
    if not change.spec_changed:
        return
    namespaces = catalog.governed(change.key)
    for kind in ("Machine", "Plant", "MachineProfile", "DataContract"):
        for key in observed.keys(kind):
            # Machines of a governed plant may take profiles and contracts from a catalogue.
            if key.namespace in namespaces:
                yield Concern(key)
    for key in observed.keys("Machine"):
        if {used.namespace for used in catalog.uses(key)} & namespaces:
            yield Concern(key)


def _of_child(change: Change, observed: Observed) -> Iterator[Concern]:
    namespace = change.key.namespace
    if change.machine:
        yield Concern(Key("Machine", namespace, change.machine))
    if change.plant and (change.key.kind == "ServiceAccount" or change.key.kind == "PersistentVolumeClaim"):
        yield Concern(Key("Plant", namespace, change.plant), 1.0)
    if change.key.kind == "ConfigMap" and change.device:
        for peer in observed.machines_at(change.device):
            yield Concern(peer)
