"""One state of a Git tree, ready to be judged as the operator would judge it in the cluster."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, TypeVar

from plantwright_api.v1alpha1 import (
    DataContract,
    GovernancePolicy,
    KubernetesObject,
    Machine,
    MachineProfile,
    Plant,
)
from plantwright_api.v1alpha1.base import ContractRef
from plantwright_operator.decide import machines, references
from plantwright_operator.decide.shared import Shared
from plantwright_operator.model import Refusal, Resolved

Model = TypeVar("Model", bound=KubernetesObject)
Shelf = Mapping[str, Mapping[str, list[Model]]]
"""Objects by namespace and family."""


class Name(NamedTuple):
    """Names an object within its kind."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


def name_of(obj: KubernetesObject) -> Name:
    """The object's name."""
    return Name(obj.metadata.namespace, obj.metadata.name)


@dataclass(frozen=True)
class Tree:
    """All our objects of one state."""

    objects: tuple[KubernetesObject, ...]
    _verdicts: dict[Name, Resolved | Refusal] = field(default_factory=dict)
    _shared: Shared = field(default_factory=Shared)

    @cached_property
    def plants(self) -> dict[Name, Plant]:
        """Plants by name."""
        return {name_of(obj): obj for obj in self.objects if isinstance(obj, Plant)}

    @cached_property
    def machines(self) -> dict[Name, Machine]:
        """Machines by name."""
        return {name_of(obj): obj for obj in self.objects if isinstance(obj, Machine)}

    @cached_property
    def profiles(self) -> Shelf[MachineProfile]:
        """Profiles by namespace and family."""
        return _shelved(obj for obj in self.objects if isinstance(obj, MachineProfile))

    @cached_property
    def contracts(self) -> Shelf[DataContract]:
        """Contracts by namespace and family."""
        return _shelved(obj for obj in self.objects if isinstance(obj, DataContract))

    @cached_property
    def policies(self) -> list[GovernancePolicy]:
        """All policies."""
        return [obj for obj in self.objects if isinstance(obj, GovernancePolicy)]

    def plant_of(self, machine: Machine) -> Plant | None:
        """The Plant that the machine names, if there is one."""
        return self.plants.get(Name(machine.metadata.namespace, machine.spec.plant_ref.name))

    def verdict(self, machine: Machine) -> Resolved | Refusal:
        """What the operator would make of the machine; judged once."""
        name = name_of(machine)
        if name not in self._verdicts:
            self._verdicts[name] = self._judge(machine)
        return self._verdicts[name]

    def within(self, obj: KubernetesObject) -> tuple[str, ...]:
        """The namespaces in which an object's references are looked for, in order."""
        if not isinstance(obj, Machine):
            return references.reachable(obj.metadata.namespace, self.plants.values())
        plant = self.plant_of(obj)
        return references.namespaces(obj.metadata.namespace, plant.spec.catalog_namespace if plant else None)

    def profile_of(self, machine: Machine) -> MachineProfile | Refusal:
        """The profile that the machine names, or why there is none."""
        wanted, within = machine.spec.profile_ref, self.within(machine)
        return references.find(wanted, _taken(self.profiles, within, [wanted.name]), within)

    def contract(self, wanted: ContractRef, within: Sequence[str]) -> DataContract | Refusal:
        """The contract that a reference names, with what it inherits, or why there is none."""
        candidates = self.contracts_in(within)
        found = references.find(wanted, candidates, within)
        return found if isinstance(found, Refusal) else self._shared.contract(found, candidates, within)

    def contracts_in(self, within: Iterable[str]) -> list[DataContract]:
        """All contracts of these namespaces."""
        return [contract for namespace in within for c in self.contracts.get(namespace, {}).values() for contract in c]

    def _judge(self, machine: Machine) -> Resolved | Refusal:
        """Only objects in reach are offered, so that ten thousand machines do not look at each other's profiles."""
        within = self.within(machine)
        profiles = _taken(self.profiles, within, [machine.spec.profile_ref.name])
        return machines.judge(machine, self.plant_of(machine), profiles, self.contracts_in(within), self._shared)


def _shelved(objects: Iterable[Model]) -> dict[str, dict[str, list[Model]]]:
    shelf: dict[str, dict[str, list[Model]]] = defaultdict(lambda: defaultdict(list))
    for obj in objects:
        shelf[obj.metadata.namespace][_family(obj)].append(obj)
    return shelf


def _family(obj: KubernetesObject) -> str:
    return obj.family() if isinstance(obj, MachineProfile | DataContract) else obj.metadata.name


def _taken(shelf: Shelf[Model], within: Iterable[str], families: Iterable[str]) -> list[Model]:
    return [obj for namespace in within for family in families for obj in shelf.get(namespace, {}).get(family, [])]
