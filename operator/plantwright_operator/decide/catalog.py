"""Status of the kinds that machines refer to: Plant, MachineProfile, DataContract."""

from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation

from plantwright_api.v1alpha1 import DataContract, MachineProfile, Plant
from plantwright_api.v1alpha1.base import Condition, ContractRef
from plantwright_api.v1alpha1.datacontract import ContractField
from plantwright_operator.decide import plants, references, signals
from plantwright_operator.decide.conditions import Judgement, merge
from plantwright_operator.model import Refusal, ResolvedSignal

NOTHING_WRONG = Judgement("True", "Valid")


def plant_conditions(plant: Plant, now: str, conflict: Refusal | None = None) -> list[Condition]:
    """Conditions of a Plant, `conflict` being what keeps its children from being made. `now` is RFC 3339 UTC."""
    refusal = plants.judge(plant) or conflict
    ready = NOTHING_WRONG
    if plant.spec.suspend:
        ready = Judgement("True", "Suspended", "spec.suspend is true; gateways run on unchanged")
    return _conditions(refusal, ready, plant.status.conditions, plant.metadata.generation, now)


def profile_conditions(
    profile: MachineProfile, contracts: Iterable[DataContract], within: Sequence[str], now: str
) -> list[Condition]:
    """Conditions of a profile, held to the contracts of the namespaces from which machines may use it."""
    refusal = judge_profile(profile, contracts, within)
    return _conditions(refusal, NOTHING_WRONG, profile.status.conditions, profile.metadata.generation, now)


def contract_conditions(contract: DataContract, now: str) -> list[Condition]:
    """Conditions of a contract."""
    refusal = judge_contract(contract)
    return _conditions(refusal, NOTHING_WRONG, contract.status.conditions, contract.metadata.generation, now)


def judge_profile(profile: MachineProfile, contracts: Iterable[DataContract], within: Sequence[str]) -> Refusal | None:
    """The first thing that keeps a machine from using the profile, or None."""
    candidates = list(contracts)
    found: list[DataContract] = []
    for ref in profile.spec.contract_refs:
        contract = references.find(ref, candidates, within)
        if isinstance(contract, Refusal):
            return _own(contract, ref)
        found.append(contract)
    first = profile.spec.contract_refs[0].name
    resolved = [
        ResolvedSignal(s, s.contract or first, s.field or s.name, s.opcua, s.modbus) for s in profile.spec.signals
    ]
    return signals.check(resolved, profile, found)


def judge_contract(contract: DataContract) -> Refusal | None:
    """The first thing that keeps the contract from being met by anyone, or None."""
    for field in contract.spec.fields:
        refusal = _field(field)
        if refusal is not None:
            return refusal
    return None


def _field(field: ContractField) -> Refusal | None:
    where = f"spec.fields[{field.name}]"
    low, high = _decimal(field.minimum), _decimal(field.maximum)
    if low is not None and high is not None and low > high:
        return Refusal("InvalidSpec", f"{where}.minimum: {field.minimum} is above maximum {field.maximum}; mend either")
    numeric = field.type in ("Integer", "Number")
    strange = [value for value in field.enum or [] if numeric and _decimal(value) is None]
    if strange:
        return Refusal("InvalidSpec", f"{where}.enum: {strange[0]!r} is no number, and the type is {field.type}")
    return None


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
    ready = otherwise if refusal is None else Judgement("False", refusal.reason, refusal.message)
    judged = {"Ready": ready}
    if refusal is not None and refusal.stalled:
        judged["Stalled"] = Judgement("True", refusal.reason, refusal.message)
    return merge(judged, previous, generation, now)
