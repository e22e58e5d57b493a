"""What a rule sees besides the object that it judges: the plant, the profile and the contracts that references lead to.

The operator and the command line find these in places of their own; what of them a rule sees is said here. A contract is
seen with all that it inherits, as machines are held to it.
"""

from collections.abc import Callable, Sequence

from plantwright_api.v1alpha1 import DataContract, KubernetesObject
from plantwright_operator.decide.policy.judging import Others
from plantwright_operator.decide.policy.shapes import canonical
from plantwright_operator.model import Obj, Refusal, Resolved

Body = Callable[[KubernetesObject], Obj]
"""The canonical form of an object; whoever judges many keeps them (`Bodies`)."""


class Bodies:
    """Canonical forms, made once per object, which is kept with its form."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[KubernetesObject, Obj]] = {}

    def __call__(self, model: KubernetesObject) -> Obj:
        """The object as rules see it."""
        if id(model) not in self._known:
            self._known[id(model)] = (model, canonical(model))
        return self._known[id(model)][1]

    def __len__(self) -> int:
        return len(self._known)

    def clear(self) -> None:
        """Forget all of them."""
        self._known.clear()


def of_machine(resolved: Resolved, body: Body) -> Others:
    """What a rule about a machine sees."""
    contracts = tuple(body(contract) for contract in resolved.contracts)
    return Others(body(resolved.plant), body(resolved.profile), contracts)


def of_profile(contracts: Sequence[DataContract | Refusal], body: Body) -> Others:
    """What a rule about a profile sees of the contracts that its references lead to: all of them, or none yet."""
    found = [contract for contract in contracts if isinstance(contract, DataContract)]
    return Others(contracts=tuple(map(body, found)) if len(found) == len(contracts) else None)
