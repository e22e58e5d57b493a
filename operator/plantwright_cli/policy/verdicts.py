"""What the policies of a tree say of its objects, as the operator would judge them. Pure; each thing is worked out once."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from plantwright_api.v1alpha1 import GovernancePolicy, KubernetesObject, Machine, MachineProfile
from plantwright_cli.tree import Tree
from plantwright_operator.decide.policy import compiling, judging, scope, seen
from plantwright_operator.decide.policy.judging import Others, Policy, Verdict
from plantwright_operator.model import Refusal, Resolved


class Compiler:
    """Compiles each policy once, however many trees hold it."""

    def __init__(self) -> None:
        self._known: dict[int, Policy] = {}

    def __call__(self, policy: GovernancePolicy) -> Policy:
        """The policy ready to judge, or known to be broken."""
        if id(policy) not in self._known:
            self._known[id(policy)] = compiling.compile_policy(policy)
        return self._known[id(policy)]


class Governed:
    """A tree with its policies compiled.

    Args:
        tree: the objects.
        now: decides which exceptions are in force; aware.
        everywhere: namespaces whose policies hold in all others.
        compiler: shared by trees that have policies in common.
        body: shared by trees that have objects in common.

    Attributes:
        tree: the objects.
        body: gives an object as rules see it.
    """

    def __init__(
        self,
        tree: Tree,
        now: datetime,
        everywhere: Iterable[str] = (),
        compiler: Compiler | None = None,
        body: seen.Bodies | None = None,
    ) -> None:
        self.tree = tree
        self._now = now
        self._everywhere = tuple(everywhere)
        self._compiler = compiler or Compiler()
        self.body = body or seen.Bodies()
        self._reached = scope.reach(tree.plants.values())
        self._holding: dict[str, tuple[Policy, ...]] = {}
        self._memory: judging.Memory = {}

    def verdicts(self, obj: KubernetesObject, policies: Sequence[Policy] | None = None) -> list[Verdict]:
        """What these policies say of an object, or all that hold; policies themselves are under none."""
        policies = self.holding(obj) if policies is None else policies
        return judging.evaluate(policies, self.body(obj), self.others(obj), self._now, self._memory) if policies else []

    def holding(self, obj: KubernetesObject) -> tuple[Policy, ...]:
        """The policies that hold for an object."""
        if isinstance(obj, GovernancePolicy):
            return ()
        namespace = scope.namespace(obj)
        if namespace not in self._holding:
            found = scope.effective(self.tree.policies, namespace, self._reached, self._everywhere)
            self._holding[namespace] = tuple(self._compiler(policy) for policy in found)
        return self._holding[namespace]

    def broken(self, policy: GovernancePolicy) -> Refusal | None:
        """Why a policy cannot be used."""
        return self._compiler(policy).broken

    def others(self, obj: KubernetesObject) -> Others:
        """What the object's references lead to; of a machine that the operator refuses only its plant is seen."""
        if isinstance(obj, MachineProfile):
            within = self.tree.within(obj)
            return seen.of_profile([self.tree.contract(ref, within) for ref in obj.spec.contract_refs], self.body)
        if not isinstance(obj, Machine):
            return Others()
        judged = self.tree.verdict(obj)
        if isinstance(judged, Resolved):
            return seen.of_machine(judged, self.body)
        plant = self.tree.plant_of(obj)
        return Others(plant=self.body(plant) if plant is not None else None)
