"""Contracts that build on contracts: find the bases, lay the extension over them, refuse what loosens.

A corporate base says what holds everywhere; a site's extension adds fields and rules and narrows what is there. It can never
take back a promise, so whoever relies on the base may read data that keeps any of its extensions.

What an extension leaves out it inherits. Attributes for which the API has a default (required, onViolation, classification,
freshnessSeconds) cannot be left out, since the API server writes the default: there what stands in the object counts.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from pydantic import ValidationError

from plantwright_api.v1alpha1 import DataContract
from plantwright_api.v1alpha1.base import ContractRef
from plantwright_api.v1alpha1.datacontract import DataContractSpec
from plantwright_operator.decide import evolution, references
from plantwright_operator.decide.evolution import Change, Terms
from plantwright_operator.decide.versions import parse
from plantwright_operator.model import Refusal

MAX_BASES = 8
"""Longest chain of bases; a person has to be able to follow it."""

Resolve = Callable[[DataContract, ContractRef], DataContract | Refusal]
"""Finds the base that a contract's reference names, in the namespaces from which that contract may take it."""

_OWN = frozenset({"name", "version", "lifecycle", "extends"})
"""What an extension says of itself; it is neither inherited nor compared."""
_MERGED_BY = {"fields": "name", "rules": "name", "actions": "rule"}
_DEFAULTED = frozenset({"required", "onViolation", "pseudonymise", "classification", "freshnessSeconds", "type"})


def chain(contract: DataContract, resolve: Resolve) -> tuple[DataContract, ...] | Refusal:
    """The bases of a contract, the nearest first; empty where it extends nothing."""
    bases: list[DataContract] = []
    above, wanted = contract, contract.spec.extends
    while wanted is not None:
        base = resolve(above, wanted)
        if isinstance(base, Refusal):
            return base
        refusal = _misplaced(contract, bases, base) or _movable(above, wanted, base)
        if refusal is not None:
            return refusal
        bases.append(base)
        above, wanted = base, base.spec.extends
    return tuple(bases)


def find_base(
    contract: DataContract, wanted: ContractRef, candidates: Iterable[DataContract], within: Sequence[str]
) -> DataContract | Refusal:
    """The base that a reference names, or why there is none, as the extension's author reads it."""
    found = references.find(wanted, candidates, within)
    if isinstance(found, DataContract):
        return found
    own = f"contract {title(contract)} spec.extends"
    return Refusal(found.reason, found.message.replace("the profile's spec.contractRefs", own, 1), found.stalled)


def effective(contract: DataContract, bases: Sequence[DataContract]) -> DataContractSpec | Refusal:
    """The contract with everything it inherits, or the first place where it loosens what it builds on.

    Args:
        contract: the extension.
        bases: what it builds on, the nearest first, as `chain` gives them.
    """
    if not bases:
        return contract.spec
    *rest, root = bases
    merged, above = evolution.terms(root.spec), root
    for level in (*reversed(rest), contract):
        laid = _laid_over(merged, evolution.terms(level.spec))
        refusal = _loosened(level, above, evolution.compare(_comparable(merged), _comparable(laid)))
        if refusal is not None:
            return refusal
        merged, above = laid, level
    return _validated(contract, merged)


def inherited(
    contract: DataContract, candidates: Iterable[DataContract], within: Sequence[str]
) -> DataContract | Refusal:
    """The contract as machines are held to it: itself where it extends nothing, else with all that its bases say.

    Args:
        contract: the contract.
        candidates: contracts of any namespace.
        within: the namespaces from which a machine may take contracts, in order.
    """
    if contract.spec.extends is None:
        return contract
    known = list(candidates)
    bases = chain(contract, lambda above, wanted: find_base(above, wanted, known, within))
    merged = bases if isinstance(bases, Refusal) else effective(contract, bases)
    return merged if isinstance(merged, Refusal) else contract.model_copy(update={"spec": merged})


def title(contract: DataContract) -> str:
    """The contract as messages name it: family and version."""
    return f"{contract.family()} {contract.spec.version}"


def _validated(contract: DataContract, merged: Terms) -> DataContractSpec | Refusal:
    """Each part was valid; together they may be more than a contract holds."""
    try:
        return DataContractSpec.model_validate(merged)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        return Refusal(
            "InvalidSpec",
            f"contract {title(contract)} spec.{where}, as merged with its bases: {first['msg']}; mend it there",
        )


def _misplaced(contract: DataContract, bases: Sequence[DataContract], base: DataContract) -> Refusal | None:
    passed = [contract, *bases]
    path = " -> ".join(title(c) for c in (*passed, base))
    if any(_identity(base) == _identity(c) for c in passed):
        return Refusal(
            "InvalidSpec", f"spec.extends: the chain of bases comes back to itself: {path}; cut it somewhere"
        )
    if len(bases) >= MAX_BASES:
        return Refusal(
            "InvalidSpec",
            f"spec.extends: more than {MAX_BASES} bases: {path}; let {title(contract)} build on a later one",
        )
    return None


def _movable(above: DataContract, wanted: ContractRef, base: DataContract) -> Refusal | None:
    """A published contract is immutable, so what it inherits must not move either."""
    if above.spec.lifecycle == "Draft":
        return None
    where = f"contract {title(above)} spec.extends"
    if base.spec.lifecycle == "Draft":
        return Refusal(
            "InvalidSpec",
            f"{where}: {title(base)} is a draft and may change, and the extension is published; publish the base first",
            stalled=False,
        )
    if _exact(wanted.version) != base.spec.version:
        return Refusal(
            "InvalidSpec",
            f"{where}.version: {wanted.version or '(absent)'} may come to mean another version, and the extension is "
            f"published; write {base.spec.version}",
        )
    return None


def _exact(text: str | None) -> str | None:
    """The one version that a reference names, None for a range."""
    number = (text or "").strip().removeprefix("==").removeprefix("=").strip()
    try:
        return number if number.count(".") == 2 and len(parse(number)) == 3 else None
    except ValueError:
        return None


def _identity(contract: DataContract) -> tuple[str, str, str]:
    return contract.metadata.namespace, contract.metadata.name, contract.spec.version


def _laid_over(base: Terms, own: Terms) -> dict[str, Any]:
    """What the extension says, and what it does not say as the base says it; lists are joined by their keys."""
    merged = {**base, **own}
    for name, key in _MERGED_BY.items():
        if name in base and name in own:
            merged[name] = _joined(base[name], own[name], key)
    return merged


def _joined(base: Sequence[Terms], own: Sequence[Terms], key: str) -> list[Terms]:
    members = {member[key]: member for member in base}
    for member in own:
        members[member[key]] = _laid_over(members[member[key]], member) if member[key] in members else member
    return list(members.values())


def _comparable(terms: Terms) -> Terms:
    return {name: value for name, value in terms.items() if name not in _OWN}


def _loosened(level: DataContract, base: DataContract, changes: Iterable[Change]) -> Refusal | None:
    change = next((change for change in changes if change.judgement.loosens), None)
    if change is None:
        return None
    return Refusal(
        "InvalidSpec",
        f"contract {title(level)} spec.{change.path}: {_text(change.after)} loosens {title(base)}, which says "
        f"{_text(change.before)} ({change.judgement.why}); {_cure(change)}",
    )


def _cure(change: Change) -> str:
    if change.before is None:
        return "remove it"
    stay = f"write {_text(change.before)}"
    if change.path.rpartition(".")[2] in _DEFAULTED:
        return f"{stay} or what is stricter"
    return f"{stay} or what is stricter, or leave it out to inherit it"


def _text(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
