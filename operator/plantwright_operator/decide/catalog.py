"""Status of the kinds that machines refer to: Plant, MachineProfile, DataContract."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from itertools import chain

from plantwright_api.expression import ExpressionError, compile_expression
from plantwright_api.pattern import PatternError, compile_pattern
from plantwright_api.v1alpha1 import DataContract, GovernancePolicy, MachineProfile, Plant
from plantwright_api.v1alpha1.base import Condition, ContractRef
from plantwright_api.v1alpha1.datacontract import ContractField, CrossFieldRule
from plantwright_operator.decide import calendars, extension, plants, references, signals, units
from plantwright_operator.decide.conditions import Judgement, merge
from plantwright_operator.model import Refusal

NOTHING_WRONG = Judgement("True", "Valid")


def plant_conditions(plant: Plant, now: str, conflict: Refusal | None = None) -> list[Condition]:
    """Conditions of a Plant, `conflict` being what keeps its children from being made. `now` is RFC 3339 UTC."""
    refusal = plants.judge(plant) or conflict
    ready = NOTHING_WRONG
    if plant.spec.suspend:
        ready = Judgement("True", "Suspended", "spec.suspend is true; gateways run on unchanged")
    judged = {**_judged(refusal, ready), "CalendarConsistent": calendars.judge(plant.spec.calendar)}
    return merge(judged, plant.status.conditions, plant.metadata.generation, now)


def profile_conditions(
    profile: MachineProfile,
    contracts: Iterable[DataContract],
    within: Sequence[str],
    now: str,
    violation: Refusal | None = None,
) -> list[Condition]:
    """Conditions of a profile, held to the contracts of the namespaces from which machines may use it.

    `violation` is the policy's rule that it breaks.
    """
    refusal = judge_profile(profile, contracts, within) or violation
    return _conditions(refusal, NOTHING_WRONG, profile.status.conditions, profile.metadata.generation, now)


def contract_conditions(
    contract: DataContract,
    contracts: Iterable[DataContract],
    within: Sequence[str],
    now: str,
    violation: Refusal | None = None,
) -> list[Condition]:
    """Conditions of a contract, with what it inherits; `violation` is the policy's rule that it breaks."""
    refusal = judge_contract(contract, contracts, within) or violation
    return _conditions(refusal, NOTHING_WRONG, contract.status.conditions, contract.metadata.generation, now)


def policy_conditions(policy: GovernancePolicy, broken: Refusal | None, now: str) -> list[Condition]:
    """Conditions of a policy, `broken` being why it cannot judge."""
    return _conditions(broken, NOTHING_WRONG, policy.status.conditions, policy.metadata.generation, now)


def judge_profile(profile: MachineProfile, contracts: Iterable[DataContract], within: Sequence[str]) -> Refusal | None:
    """The first thing that keeps a machine from using the profile, or None."""
    candidates = list(contracts)
    found: list[DataContract] = []
    for ref in profile.spec.contract_refs:
        contract = references.find(ref, candidates, within)
        if isinstance(contract, Refusal):
            return _own(contract, ref)
        merged = extension.inherited(contract, candidates, within)
        if isinstance(merged, Refusal):
            return merged
        found.append(merged)
    return signals.check(signals.of_profile(profile), profile, found)


def judge_contract(
    contract: DataContract, contracts: Iterable[DataContract] = (), within: Sequence[str] = ()
) -> Refusal | None:
    """The first thing that keeps the contract, with what it inherits, from being met by anyone, or None.

    Args:
        contract: the contract.
        contracts: those among which its bases are looked for.
        within: the namespaces in which its bases may lie, in order.
    """
    merged = extension.inherited(contract, contracts, within)
    return merged if isinstance(merged, Refusal) else _judge_terms(merged)


def _judge_terms(contract: DataContract) -> Refusal | None:
    fields = contract.spec.fields
    wrong = (
        f"spec.fields[{field.name}].{text}" for field in fields for judge in _FIELD_JUDGES if (text := judge(field))
    )
    types = {field.name: field.type for field in fields}
    broken = (
        f"spec.rules[{rule.name}].expression: {text}" for rule in contract.spec.rules if (text := _rule(rule, types))
    )
    message = next(chain(wrong, broken), None)
    return Refusal("InvalidSpec", message) if message else None


def _range(field: ContractField) -> str:
    low, high = _decimal(field.minimum), _decimal(field.maximum)
    if low is None or high is None or low <= high:
        return ""
    return f"minimum: {field.minimum} is above maximum {field.maximum}; mend either"


def _enum(field: ContractField) -> str:
    numeric = field.type in ("Integer", "Number")
    strange = next((value for value in field.enum or [] if numeric and _decimal(value) is None), None)
    return f"enum: {strange!r} is no number, and the type is {field.type}" if strange is not None else ""


def _pattern(field: ContractField) -> str:
    if field.pattern is None:
        return ""
    try:
        compile_pattern(field.pattern)
    except PatternError as error:
        return f"pattern: {error}"
    return ""


def _rate(field: ContractField) -> str:
    rate = _decimal(field.max_change_per_second)
    if rate is None or rate > 0:
        return ""
    return f"maxChangePerSecond: {field.max_change_per_second} allows no change at all; give a number above 0 or leave it out"


def _unit(field: ContractField) -> str:
    unknown = units.judge(field.unit) if field.unit else None
    return f"unit: {unknown}" if unknown else ""


_FIELD_JUDGES: tuple[Callable[[ContractField], str], ...] = (_range, _enum, _pattern, _rate, _unit)
"""Each gives what is wrong behind the field's path, or nothing."""


def _rule(rule: CrossFieldRule, types: Mapping[str, str]) -> str:
    try:
        compile_expression(rule.expression, types, "Boolean")
    except ExpressionError as error:
        return str(error)
    return ""


def _decimal(text: str | None) -> Decimal | None:
    try:
        return None if text is None else Decimal(text)
    except InvalidOperation:
        return None


def _own(refusal: Refusal, ref: ContractRef) -> Refusal:
    """The message as the profile's author reads it: the field is the profile's own."""
    message = refusal.message.replace("the profile's spec.contractRefs", f"spec.contractRefs[{ref.name}]", 1)
    return Refusal(refusal.reason, message, refusal.stalled)


def _conditions(
    refusal: Refusal | None, otherwise: Judgement, previous: Iterable[Condition], generation: int, now: str
) -> list[Condition]:
    return merge(_judged(refusal, otherwise), previous, generation, now)


def _judged(refusal: Refusal | None, otherwise: Judgement) -> dict[str, Judgement]:
    ready = otherwise if refusal is None else Judgement("False", refusal.reason, refusal.message)
    judged = {"Ready": ready}
    if refusal is not None and refusal.stalled:
        judged["Stalled"] = Judgement("True", refusal.reason, refusal.message)
    return judged
