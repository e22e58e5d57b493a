"""One state of a Git tree, ready to be judged as the operator would judge it in the cluster."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, TypeVar

from plantwright_api.v1alpha1 import DataContract, KubernetesObject, Machine, MachineProfile, Plant
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

    def plant_of(self, machine: Machine) -> Plant | None:
        """The Plant that the machine names, if there is one."""
        return self.plants.get(Name(machine.metadata.namespace, machine.spec.plant_ref.name))

    def verdict(self, machine: Machine) -> Resolved | Refusal:
        """What the operator would make of the machine; judged once."""
        name = name_of(machine)
        if name not in self._verdicts:
            self._verdicts[name] = self._judge(machine)
        return self._verdicts[name]

    def _judge(self, machine: Machine) -> Resolved | Refusal:
        """Only objects in reach are offered, so that ten thousand machines do not look at each other's profiles."""
        plant = self.plant_of(machine)
        within = references.namespaces(machine.metadata.namespace, plant.spec.catalog_namespace if plant else None)
        profiles = _taken(self.profiles, within, [machine.spec.profile_ref.name])
        contracts = [
            contract for namespace in within for c in self.contracts.get(namespace, {}).values() for contract in c
        ]
        return machines.judge(machine, plant, profiles, contracts, self._shared)


def _shelved(objects: Iterable[Model]) -> dict[str, dict[str, list[Model]]]:
    shelf: dict[str, dict[str, list[Model]]] = defaultdict(lambda: defaultdict(list))
    for obj in objects:
        shelf[obj.metadata.namespace][_family(obj)].append(obj)
    return shelf


def _family(obj: KubernetesObject) -> str:
    return obj.family() if isinstance(obj, MachineProfile | DataContract) else obj.metadata.name


def _taken(shelf: Shelf[Model], within: Iterable[str], families: Iterable[str]) -> list[Model]:
    return [obj for namespace in within for family in families for obj in shelf.get(namespace, {}).get(family, [])]
