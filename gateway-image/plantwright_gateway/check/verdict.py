"""What a check says of a value, and what follows from a broken rule."""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from plantwright_api.wire.config import Action, ContractField, FieldRule
from plantwright_api.wire.delivery import Scalar


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """What a check makes of a raw value.

    `flag` says why a delivered value does not meet its field; `refused` why it is kept out of the stream: then `value` is
    the raw one. `blocks`: the contract's other values are kept out too, until one of this signal comes that does not.
    """

    value: Scalar
    flag: str = ""
    refused: str = ""
    blocks: bool = False


Outcome = Callable[[Scalar, Scalar, str], Verdict]
"""The raw value, what was read of it, and the reason; made once per rule."""

OUTCOMES: Final[Mapping[Action, Outcome]] = {
    "Flag": lambda _raw, value, reason: Verdict(value, reason),
    "Quarantine": lambda raw, _value, reason: Verdict(raw, "", reason),
    "Block": lambda raw, _value, reason: Verdict(raw, "", reason, True),
}


def action_of(field: ContractField, rule: FieldRule) -> Action:
    """What follows from a broken rule of this field; what cannot be interpreted is quarantined unless it says Block."""
    return field.actions.get(rule, "Quarantine" if rule == "Type" else field.on_violation)


def outcome_of(field: ContractField, rule: FieldRule) -> Outcome:
    """The verdict that follows from a broken rule of this field."""
    return OUTCOMES[action_of(field, rule)]


def may_block(field: ContractField) -> bool:
    """Whether a value of this field can keep back the others of its contract."""
    return "Block" in field.actions.values()
