"""Which kinds of violation people have not been told of, and what they are told. Pure."""

from collections.abc import Iterable, Iterator, Set
from datetime import datetime
from typing import Final

from plantwright_api.v1alpha1.base import Owner
from plantwright_api.v1alpha1.reasons import REASONS
from plantwright_api.wire.status import Violation
from plantwright_operator.decide import owners

CURES: Final = {reason.name: reason.cure for reason in REASONS if reason.condition == "ContractMet"}
_BECOMES: Final = {
    "Quarantined": "is kept out of the stream and held in quarantine",
    "Flagged": "is delivered with a flag",
}

Kind = tuple[str, str, str, str]
"""Contract, version, field and reason."""


def kind_of(violation: Violation) -> Kind:
    """What makes it the same kind as another."""
    return violation.contract, violation.version, violation.field, violation.reason


def new(violations: Iterable[Violation], known: Set[Kind], since: datetime) -> Iterator[Violation]:
    """Those of a kind that is not known and was first seen at `since` or later; one without a readable time is not new."""
    for violation in violations:
        first = _time(violation.first_time)
        if kind_of(violation) not in known and first is not None and first >= since:
            yield violation


def word(violation: Violation) -> str:
    """The word of the catalogue, without the name of a rule."""
    return violation.reason.partition(":")[0]


def note(violation: Violation, machines: Owner | None, contracts: Owner | None) -> str:
    """What an Event says of it: contract and version, field, what becomes of such values, whom it concerns, the cure.

    It holds no value: what a machine sends may be confidential.

    Args:
        violation: the kind.
        machines: who answers for the machine.
        contracts: who answers for the contract.
    """
    rule = violation.reason.partition(":")[2]
    subject = f"contract {violation.contract} {violation.version}, field {violation.field}"
    broken = f"{subject}, rule {rule}" if rule else subject
    cure = CURES.get(word(violation), "")
    whom = f"Machine's owner: {owners.told(machines)}; contract's owner: {owners.told(contracts)}."
    return " ".join(filter(None, (f"{broken}: such a value {_BECOMES[violation.action]}.", cure, whom)))


def _time(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
