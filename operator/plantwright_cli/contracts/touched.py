"""Which plants, machines and fields a new version of a contract touches. Pure: objects in, rows out."""

from collections.abc import Sequence
from typing import NamedTuple

from plantwright_api.v1alpha1 import DataContract, Machine, MachineProfile
from plantwright_api.v1alpha1.base import ContractRef
from plantwright_cli.tree import Tree
from plantwright_operator.decide import signals
from plantwright_operator.decide.evolution import Change
from plantwright_operator.decide.versions import matches, parse, parse_range
from plantwright_operator.model import Refusal, ResolvedSignal


class Touched(NamedTuple):
    """One machine and the contract's change.

    `takes` says that the reference of its profile admits the new version. `fields` are those of the changed fields that
    the machine fills or would have to fill. `refused` says why it cannot run under the new version, empty where it can.
    """

    plant: str
    namespace: str
    machine: str
    profile: str
    reference: str
    takes: bool
    fields: tuple[str, ...]
    refused: str


def touched(tree: Tree, new: DataContract, changes: Sequence[Change]) -> list[Touched]:
    """Machines whose profile refers to the contract's family, by plant and name; `new` carries what it inherits."""
    rows = []
    for machine in tree.machines.values():
        within, profile = tree.within(machine), tree.profile_of(machine)
        if isinstance(profile, MachineProfile) and (new.metadata.namespace or within[0]) in within:
            rows += _machine(machine, profile, tree, new, changes)
    return sorted(rows)


def _machine(
    machine: Machine,
    profile: MachineProfile,
    tree: Tree,
    new: DataContract,
    changes: Sequence[Change],
) -> list[Touched]:
    wanted = next((ref for ref in profile.spec.contract_refs if ref.name == new.family()), None)
    if wanted is None:
        return []
    takes = matches(parse(new.spec.version), parse_range(wanted.version) if wanted.version else [])
    filled = signals.merge(machine, profile)
    others = [tree.contract(ref, tree.within(machine)) for ref in profile.spec.contract_refs if ref is not wanted]
    held = [new, *(other for other in others if isinstance(other, DataContract))]
    return [
        Touched(
            plant=machine.spec.plant_ref.name,
            namespace=machine.metadata.namespace,
            machine=machine.metadata.name,
            profile=f"{profile.family()} {profile.spec.version}",
            reference=wanted.version or "(any)",
            takes=takes,
            fields=_fields(filled, wanted, changes),
            refused=_refused(filled, profile, held),
        )
    ]


def _fields(
    filled: tuple[ResolvedSignal, ...] | Refusal, wanted: ContractRef, changes: Sequence[Change]
) -> tuple[str, ...]:
    """Changed fields that the machine fills, and those that it has to fill from now on."""
    own = set() if isinstance(filled, Refusal) else {s.field for s in filled if s.contract == wanted.name}
    named = {_field(change): change for change in changes if change.path.startswith("fields[")}
    return tuple(sorted(name for name, change in named.items() if name in own or _demanded(change)))


def _field(change: Change) -> str:
    return change.path.removeprefix("fields[").partition("]")[0]


def _demanded(change: Change) -> bool:
    return change.judgement.producer == "Breaking" and not change.judgement.loosens


def _refused(
    filled: tuple[ResolvedSignal, ...] | Refusal, profile: MachineProfile, held: Sequence[DataContract]
) -> str:
    refusal = filled if isinstance(filled, Refusal) else signals.check(filled, profile, held)
    return "" if refusal is None else refusal.message
