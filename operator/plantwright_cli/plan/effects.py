"""Compare two states of a tree: which machines, fields and consumers a change touches, and whether it breaks them. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from plantwright_api.v1alpha1 import DataContract, Machine
from plantwright_cli.plan import policies
from plantwright_cli.plan.policies import PolicyEffect, Turned
from plantwright_cli.policy.verdicts import Compiler, Governed
from plantwright_cli.tree import Name, Tree, name_of
from plantwright_operator.decide import evolution
from plantwright_operator.decide.policy.seen import Bodies
from plantwright_operator.desired import children, config
from plantwright_operator.model import Facts, Refusal, Resolved

_FACTS = Facts("plan", "default", "IfNotPresent", "plantwright-system")
"""What does not come from the tree is the same on both sides."""


class Effect(StrEnum):
    """What becomes of a machine."""

    ADDED = "Added"
    REMOVED = "Removed"
    RESTARTED = "Restarted"
    RELOADED = "Reloaded"
    STALLED = "Stalled"
    MENDED = "Mended"


class MachineEffect(NamedTuple):
    """One machine that the change touches. `detail` says what refers to which version now, or why it stalls."""

    machine: str
    effect: Effect
    detail: str = ""


class ContractEffect(NamedTuple):
    """A contract that machines of a plant are held to in another version than before. `consumers` are those it breaks, each
    with its team."""

    contract: str
    before: str
    after: str
    changes: tuple[evolution.Change, ...]
    machines: tuple[str, ...]
    consumers: tuple[str, ...]

    @property
    def breaking(self) -> bool:
        """Whether one of its changes breaks consumers or producers."""
        return any(change.breaking for change in self.changes)


class PlantPlan(NamedTuple):
    """What a change means for one plant."""

    plant: str
    machines: tuple[MachineEffect, ...]
    contracts: tuple[ContractEffect, ...]
    verdicts: tuple[Turned, ...] = ()

    @property
    def breaking(self) -> bool:
        """Whether a machine would stall, a contract breaks someone, or a policy would refuse what it did not refuse."""
        return (
            any(m.effect is Effect.STALLED for m in self.machines)
            or any(c.breaking for c in self.contracts)
            or any(v.breaking for v in self.verdicts)
        )


class Plan(NamedTuple):
    """The plants that a change touches, and how many it leaves alone. `shared` are verdicts on what several plants use."""

    plants: tuple[PlantPlan, ...]
    untouched: int
    policies: tuple[PolicyEffect, ...] = ()
    shared: tuple[Turned, ...] = ()

    @property
    def breaking(self) -> bool:
        """Whether any plant is broken, or a policy."""
        return (
            any(plant.breaking for plant in self.plants)
            or any(v.breaking for v in self.shared)
            or any(p.broken for p in self.policies)
        )

    def verdicts(self) -> list[Turned]:
        """All verdicts that the change turns."""
        return [*self.shared, *(verdict for plant in self.plants for verdict in plant.verdicts)]

    def tally(self) -> dict[Effect, int]:
        """Machines by effect."""
        found = [machine.effect for plant in self.plants for machine in plant.machines]
        return {effect: found.count(effect) for effect in Effect if effect in found}


def compare(before: Tree, after: Tree, now: datetime, everywhere: Iterable[str] = ()) -> Plan:
    """What changes on the way from one state to the other.

    Args:
        before: the state that is.
        after: the state that is to come.
        now: decides which exceptions are in force; aware.
        everywhere: namespaces whose policies hold in all others.
    """
    governed = _governed(before, after, now, tuple(everywhere))
    verdicts: dict[str, list[Turned]] = defaultdict(list)
    for verdict in policies.turned(*governed):
        verdicts[verdict.plant].append(verdict)
    shared = tuple(verdicts.pop("", ()))
    found = _plants(before, after, verdicts)
    listed = tuple(plan for plan in found if plan.machines or plan.contracts or plan.verdicts)
    return Plan(listed, len(found) - len(listed), policies.changed(*governed), shared)


def _governed(before: Tree, after: Tree, now: datetime, everywhere: tuple[str, ...]) -> tuple[Governed, Governed]:
    """Both states; what they have in common is compiled and brought into form once."""
    compiler, body = Compiler(), Bodies()
    return Governed(before, now, everywhere, compiler, body), Governed(after, now, everywhere, compiler, body)


def _plants(before: Tree, after: Tree, verdicts: Mapping[str, list[Turned]]) -> list[PlantPlan]:
    """All plants of either state, touched or not."""
    touched: dict[str, list[MachineEffect]] = defaultdict(list)
    moved: dict[str, dict[tuple[Name, Name], _Move]] = defaultdict(dict)
    running = _Running()
    plants = {*verdicts, *(str(name) for name in (*before.plants, *after.plants))}
    for name in sorted({*before.machines, *after.machines}):
        old, new = before.machines.get(name), after.machines.get(name)
        plant = _plant(new or old)
        plants.add(plant)
        effect = _effect(name, old, new, before, after, running)
        if effect is not None:
            touched[plant].append(effect)
        for earlier, later in _contracts(old, new, before, after):
            move = moved[plant].setdefault((name_of(earlier), name_of(later)), _Move(earlier, later, []))
            move.machines.append(name.name)
    return [
        PlantPlan(
            plant,
            tuple(touched[plant]),
            tuple(map(_contract_effect, moved[plant].values())),
            tuple(verdicts.get(plant, ())),
        )
        for plant in sorted(plants)
    ]


def _plant(machine: Machine | None) -> str:
    return str(Name(machine.metadata.namespace, machine.spec.plant_ref.name)) if machine else ""


class _Move(NamedTuple):
    """Machines that go from one version of a contract to another."""

    before: DataContract
    after: DataContract
    machines: list[str]


def _contract_effect(move: _Move) -> ContractEffect:
    old, new = move.before.spec, move.after.spec
    changes = evolution.compare(evolution.terms(old), evolution.terms(new))
    broken = tuple(f"{c.name} ({c.owner.team})" for c in evolution.broken_consumers(old, changes))
    return ContractEffect(move.after.family(), old.version, new.version, changes, tuple(move.machines), broken)


def _contracts(
    old: Machine | None, new: Machine | None, before: Tree, after: Tree
) -> Iterator[tuple[DataContract, DataContract]]:
    """Pairs of a contract's versions that a machine moves between."""
    if old is None or new is None:
        return
    was, now = before.verdict(old), after.verdict(new)
    if not isinstance(was, Resolved) or not isinstance(now, Resolved):
        return
    former = {contract.family(): contract for contract in was.contracts}
    for contract in now.contracts:
        earlier = former.get(contract.family())
        if earlier is not None and earlier is not contract and earlier.spec != contract.spec:
            yield earlier, contract


def _effect(
    name: Name, old: Machine | None, new: Machine | None, before: Tree, after: Tree, running: "_Running"
) -> MachineEffect | None:
    if new is None:
        return MachineEffect(name.name, Effect.REMOVED)
    now = after.verdict(new)
    was = before.verdict(old) if old is not None else None
    if isinstance(now, Refusal):
        known = isinstance(was, Refusal) and was == now
        return None if known else MachineEffect(name.name, Effect.STALLED, f"{now.reason}: {now.message}")
    if was is None:
        return MachineEffect(name.name, Effect.ADDED, _versions(now))
    if isinstance(was, Refusal):
        return MachineEffect(name.name, Effect.MENDED, f"was {was.reason}")
    if _inputs(was) == _inputs(now):
        return None
    effect = running.of(was, now)
    return MachineEffect(name.name, effect, _moves(was, now)) if effect is not None else None


class _Running:
    """What becomes of a gateway that runs on: it is started anew, reads its configuration anew, or does not notice.

    Where nothing but contracts changed, machines of one plant and profile that override nothing fare alike.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[int, ...], Effect | None] = {}

    def of(self, was: Resolved, now: Resolved) -> Effect | None:
        """The effect on one machine."""
        same = (was.machine is now.machine, was.plant is now.plant, was.profile is now.profile)
        if not all(same) or now.machine.spec.signal_overrides:
            return _effect_on_gateway(was, now)
        key = (id(now.plant), id(now.profile), *map(id, was.contracts), 0, *map(id, now.contracts))
        if key not in self._known:
            self._known[key] = _effect_on_gateway(was, now)
        return self._known[key]


def _effect_on_gateway(was: Resolved, now: Resolved) -> Effect | None:
    if children.pod_inputs(was, _FACTS) != children.pod_inputs(now, _FACTS):
        return Effect.RESTARTED
    return Effect.RELOADED if config.build(was, _FACTS) != config.build(now, _FACTS) else None


def _inputs(resolved: Resolved) -> tuple[object, ...]:
    """All that a gateway's children are made of."""
    specs = (resolved.machine.spec, resolved.plant.spec, resolved.profile.spec)
    return (name_of(resolved.machine), *specs, *(contract.spec for contract in resolved.contracts))


def _named(resolved: Resolved) -> dict[str, str]:
    found = {f"profile {resolved.profile.family()}": resolved.profile.spec.version}
    return found | {f"contract {c.family()}": c.spec.version for c in resolved.contracts}


def _versions(resolved: Resolved) -> str:
    return ", ".join(f"{what} {version}" for what, version in _named(resolved).items())


def _moves(was: Resolved, now: Resolved) -> str:
    """Which versions the machine moves between; empty where the change lies elsewhere."""
    old, new = _named(was), _named(now)
    moves = [f"{what} {old.get(what, 'none')} → {version}" for what, version in new.items() if old.get(what) != version]
    return ", ".join([*moves, *(f"{what} no more" for what in old if what not in new)])
