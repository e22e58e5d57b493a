"""What machines refer to, parsed once: plants, profiles, contracts; and who refers to what."""

import logging
from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeVar

import pydantic

from plantwright_api.v1alpha1 import (
    MODELS,
    DataContract,
    GovernancePolicy,
    KubernetesObject,
    Machine,
    MachineProfile,
    Plant,
)
from plantwright_operator.decide import machines, references
from plantwright_operator.decide.policy import compiling, scope
from plantwright_operator.decide.policy.judging import Policy
from plantwright_operator.decide.shared import Shared
from plantwright_operator.model import Key, Obj, Refusal, Resolved
from plantwright_operator.reconcile.observed import Observed

logger = logging.getLogger(__name__)

Model = TypeVar("Model", bound=KubernetesObject)
CATALOGUED = frozenset(MODELS) - {"Machine"}
"""Kinds that are kept as models."""


class Usage(NamedTuple):
    """The versions a machine resolves to."""

    profile: Key
    contracts: tuple[Key, ...]


class Catalog:
    """Plants, profiles and contracts as models. `version` grows when any of them changes in what a person wrote."""

    def __init__(self, observed: Observed, governance_namespaces: Iterable[str] = ()) -> None:
        self._observed = observed
        self._everywhere = frozenset(governance_namespaces)
        self._models: dict[Key, KubernetesObject] = {}
        self._usage: dict[Key, Usage] = {}
        self._users: dict[Key, set[Key]] = {}
        self._families: dict[Key, set[str]] = {}
        self._shared = Shared()
        self._policies: dict[Key, Policy] = {}
        self._effective: dict[str, list[Policy]] = {}
        self.version = 0
        self.on_usage: Callable[[Key], None] = lambda _: None
        """Called with every profile and contract of which a machine more or less makes use."""

    def changed(self, key: Key, spec_changed: bool) -> None:
        """An object of these kinds came, changed or went."""
        body = self._observed.get(key)
        parsed = None if body is None else parse(MODELS[key.kind], body)
        if isinstance(parsed, KubernetesObject):
            self._models[key] = parsed
        else:
            self._models.pop(key, None)
        if isinstance(parsed, MachineProfile | DataContract):
            self._families.setdefault(key, set()).add(parsed.family())
        self._compile(key, parsed, spec_changed)
        self.version += spec_changed
        self._shared = Shared()
        self._effective.clear()

    def policies(self) -> dict[Key, Policy]:
        """All policies, ready to judge or known to be broken."""
        return self._policies

    def policies_for(self, namespace: str) -> list[Policy]:
        """The policies that hold in a namespace."""
        if namespace not in self._effective:
            reached = self._reached()
            found = scope.effective(
                [policy.policy for policy in self._policies.values()], namespace, reached, self._everywhere
            )
            self._effective[namespace] = [self._policies[_key(policy)] for policy in found]
        return self._effective[namespace]

    def governed(self, policy: Key) -> set[str]:
        """Namespaces of objects for which a policy of this name holds, whether or not it is still there."""
        if policy.namespace in self._everywhere:
            return {key.namespace for kind in CATALOGUED | {"Machine"} for key in self._observed.keys(kind)}
        own = {policy.namespace}
        return own | {where for where, within in self._reached().items() if policy.namespace in within}

    def _reached(self) -> dict[str, tuple[str, ...]]:
        return scope.reach(m for m in self._models.values() if isinstance(m, Plant))

    def _compile(self, key: Key, parsed: KubernetesObject | Refusal | None, spec_changed: bool) -> None:
        if not isinstance(parsed, GovernancePolicy):
            self._policies.pop(key, None)
        elif spec_changed or key not in self._policies:
            self._policies[key] = compiling.compile_policy(parsed)

    def families(self, key: Key) -> set[str]:
        """Family names that this object has had, so that those who knew it by a former one look again too."""
        return self._families.get(key, {key.name})

    def plant(self, namespace: str, name: str) -> Plant | None:
        """The Plant of that name."""
        found = self._models.get(Key("Plant", namespace, name))
        return found if isinstance(found, Plant) else None

    def profile(self, key: Key) -> MachineProfile | None:
        """The profile of that name."""
        found = self._models.get(key)
        return found if isinstance(found, MachineProfile) else None

    def contract(self, key: Key) -> DataContract | None:
        """The contract of that name."""
        found = self._models.get(key)
        return found if isinstance(found, DataContract) else None

    def contracts(self) -> list[DataContract]:
        """All contracts."""
        return [m for m in self._models.values() if isinstance(m, DataContract)]

    def profiles(self) -> list[MachineProfile]:
        """All profiles."""
        return [m for m in self._models.values() if isinstance(m, MachineProfile)]

    def contracts_of(self, profile: MachineProfile) -> list[DataContract | Refusal]:
        """The contracts that a profile names, each with what it inherits, or why there is none."""
        candidates, within = self.contracts(), self.namespaces_of(profile)
        found = [references.find(ref, candidates, within) for ref in profile.spec.contract_refs]
        return [c if isinstance(c, Refusal) else self._shared.contract(c, candidates, within) for c in found]

    def judge(self, machine: Machine) -> Resolved | Refusal:
        """The machine resolved, or why not; notes what it uses."""
        meta = machine.metadata
        plant = self.plant(meta.namespace, machine.spec.plant_ref.name)
        judged = machines.judge(machine, plant, self.profiles(), self.contracts(), self._shared)
        self._note(Key("Machine", meta.namespace, meta.name), judged)
        return judged

    def forget(self, machine: Key) -> None:
        """The machine is gone."""
        self._replace_usage(machine, None)

    def used_by(self, key: Key) -> set[Key]:
        """Machines that resolve to this profile or contract."""
        return self._users.get(key, set())

    def uses(self, machine: Key) -> set[Key]:
        """What a machine resolves to."""
        usage = self._usage.get(machine)
        return {usage.profile, *usage.contracts} if usage else set()

    def namespaces_of(self, user: MachineProfile | DataContract) -> tuple[str, ...]:
        """Where the contracts that a profile or contract names may lie: its own namespace, and those that its plants and
        catalogue users add."""
        plants = (m for m in self._models.values() if isinstance(m, Plant))
        return references.reachable(user.metadata.namespace, plants)

    def _note(self, machine: Key, judged: Resolved | Refusal) -> None:
        usage = None
        if isinstance(judged, Resolved):
            contracts = tuple(_key(contract) for contract in judged.contracts)
            usage = Usage(_key(judged.profile), contracts)
        self._replace_usage(machine, usage)

    def _replace_usage(self, machine: Key, usage: Usage | None) -> None:
        if self._usage.get(machine) == usage:
            return
        before = self.uses(machine)
        for key in before:
            self._users[key].discard(machine)
        self._usage.pop(machine, None)
        if usage is not None:
            self._usage[machine] = usage
        after = self.uses(machine)
        for key in after:
            self._users.setdefault(key, set()).add(machine)
        for key in before ^ after:
            self.on_usage(key)


def parse(model: type[Model], body: Obj) -> Model | Refusal:
    """The object as a model; a refusal where admission let something through that no program of ours can read."""
    try:
        return model.model_validate(body)
    except pydantic.ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        logger.warning("%s %s: %s: %s", body.get("kind"), body["metadata"].get("name"), field, first["msg"])
        return Refusal("InvalidSpec", f"{field}: {first['msg']}")


def _key(obj: KubernetesObject) -> Key:
    return Key(obj.kind, obj.metadata.namespace, obj.metadata.name)


def _with_extensions(families: set[str], contracts: list[DataContract]) -> set[str]:
    """Those families, and the families of all contracts that build on them."""
    found, grown = set[str](), set(families)
    while found != grown:
        found = set(grown)
        grown |= {c.family() for c in contracts if c.spec.extends is not None and c.spec.extends.name in found}
    return found


def refer_to(observed: Observed, catalog: Catalog, kind: str, families: Iterable[str]) -> set[Key]:
    """Machines that may refer to a profile or contract of these families, now or once it is there."""
    names = set(families)
    if kind == "DataContract":
        names = _with_extensions(names, catalog.contracts())
        profiles = [p for p in catalog.profiles() if any(ref.name in names for ref in p.spec.contract_refs)]
        names = {profile.family() for profile in profiles}
    return {key for key, summary in observed.summaries() if summary.profile in names}
