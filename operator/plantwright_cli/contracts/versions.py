"""Pick one contract out of several, and compare two versions as consumers meet them: merged with their bases."""

from collections.abc import Sequence
from typing import NamedTuple

from plantwright_api.v1alpha1 import DataContract
from plantwright_cli.errors import UserError
from plantwright_operator.decide.evolution import Change, StepVerdict, compare, step, terms
from plantwright_operator.decide.extension import chain, effective, find_base, title
from plantwright_operator.model import Refusal


class Difference(NamedTuple):
    """Two versions of a contract and what lies between them; `new` carries its terms merged with its bases."""

    old: DataContract
    new: DataContract
    changes: tuple[Change, ...]
    step: StepVerdict


def pick(contracts: Sequence[DataContract], name: str | None, where: str) -> DataContract:
    """The contract of this family or object name, or the only one.

    Raises:
        UserError: none, or several and no name that tells them apart.
    """
    found = [c for c in contracts if name in (None, c.metadata.name, c.family())]
    if len(found) == 1:
        return found[0]
    if not contracts:
        raise UserError(f"{where}: there is no DataContract in it")
    names = ", ".join(sorted(c.metadata.name for c in contracts))
    raise UserError(f"{where}: holds {names}; name one of them with --name")


def difference(old: DataContract, new: DataContract, known: Sequence[DataContract]) -> Difference:
    """Compare two versions.

    Args:
        old: the earlier version.
        new: the later version.
        known: contracts among which their bases are looked for.

    Raises:
        UserError: a base is missing or loosened.
    """
    was, is_ = merged(old, known), merged(new, known)
    changes = compare(_named(was), _named(is_))
    verdict = step(old.spec.version, new.spec.version, changes, draft=old.spec.lifecycle == "Draft")
    return Difference(old, is_, changes, verdict)


def merged(contract: DataContract, known: Sequence[DataContract]) -> DataContract:
    """The contract with all that it inherits.

    Raises:
        UserError: a base is missing or loosened.
    """
    bases = chain(contract, lambda above, wanted: find_base(above, wanted, known, namespaces(known)))
    spec = bases if isinstance(bases, Refusal) else effective(contract, bases)
    if isinstance(spec, Refusal):
        raise UserError(f"contract {title(contract)}: {spec.message}")
    return contract.model_copy(update={"spec": spec})


def namespaces(known: Sequence[DataContract]) -> tuple[str, ...]:
    """In files a base may lie in any namespace; which a plant may use is the cluster's matter."""
    return tuple(dict.fromkeys(c.metadata.namespace for c in known))


def _named(contract: DataContract) -> dict[str, object]:
    """The terms under the family's name, so that writing the object's name out is no change."""
    return {**terms(contract.spec), "name": contract.family()}
