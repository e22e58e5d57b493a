"""Lay a machine's overrides over its profile's signals, and hold each signal to its contract field."""

from collections.abc import Callable, Sequence
from decimal import Decimal

from plantwright_api.v1alpha1 import DataContract, Machine, MachineProfile
from plantwright_api.v1alpha1.datacontract import ContractField
from plantwright_api.v1alpha1.machineprofile import Signal
from plantwright_operator.model import Refusal, ResolvedSignal

_INTEGERS = frozenset({"Int16", "UInt16", "Int32", "UInt32", "Int64", "UInt64"})
_FLOATS = frozenset({"Float32", "Float64"})
_FILLS: dict[str, frozenset[str]] = {
    "Boolean": frozenset({"Bool"}) | _INTEGERS,
    "Integer": _INTEGERS | {"Bool"},
    "Number": _INTEGERS | _FLOATS | {"Bool"},
    "String": frozenset({"String"}),
    "Timestamp": frozenset({"String"}) | _INTEGERS,
}
"""Which Modbus types can fill a contract type without names for their codes."""


def merge(machine: Machine, profile: MachineProfile) -> tuple[ResolvedSignal, ...] | Refusal:
    """The signals of this machine: the profile's, without the disabled, with other addresses where overridden."""
    overrides = {override.name: override for override in machine.spec.signal_overrides}
    unknown = sorted(set(overrides) - {signal.name for signal in profile.spec.signals})
    if unknown:
        return Refusal(
            "InvalidSpec",
            f"spec.signalOverrides: profile {profile.family()} has no signal {unknown[0]}; mend the name or remove it",
        )
    first = profile.spec.contract_refs[0].name
    merged = []
    for signal in profile.spec.signals:
        override = overrides.get(signal.name)
        if override is not None and override.disabled:
            continue
        merged.append(
            ResolvedSignal(
                signal=signal,
                contract=signal.contract or first,
                field=signal.field or signal.name,
                opcua=(override.opcua if override else None) or signal.opcua,
                modbus=(override.modbus if override else None) or signal.modbus,
            )
        )
    return tuple(merged)


def check(
    signals: Sequence[ResolvedSignal], profile: MachineProfile, contracts: Sequence[DataContract]
) -> Refusal | None:
    """The first thing wrong between the signals and the contracts they fill, or None."""
    fields = {c.family(): {f.name: f for f in c.spec.fields} for c in contracts}
    for index, resolved in enumerate(signals):
        refusal = _check_one(resolved, profile, fields, signals[:index])
        if refusal is not None:
            return refusal
    return _missing_required(signals, contracts)


def _check_one(
    resolved: ResolvedSignal,
    profile: MachineProfile,
    fields: dict[str, dict[str, ContractField]],
    before: Sequence[ResolvedSignal],
) -> Refusal | None:
    where = f"profile {profile.family()} spec.signals[{resolved.signal.name}]"
    contract = fields.get(resolved.contract)
    if contract is None:
        named = ", ".join(sorted(fields))
        return Refusal("ContractNotFound", f"{where}.contract: {resolved.contract} is none of contractRefs ({named})")
    field = contract.get(resolved.field)
    if field is None:
        return Refusal(
            "FieldNotFound",
            f"{where}.field: contract {resolved.contract} has no field {resolved.field}; it has {_some(contract)}",
        )
    if any(b.contract == resolved.contract and b.field == resolved.field for b in before):
        return Refusal("InvalidSpec", f"{where}.field: {resolved.field} is filled by another signal already")
    for judge in _JUDGES:
        refusal = judge(where, resolved, field, profile.spec.protocol)
        if refusal is not None:
            return refusal
    return None


def _address(where: str, resolved: ResolvedSignal, _field: ContractField, protocol: str) -> Refusal | None:
    missing = resolved.opcua is None if protocol == "OPCUA" else resolved.modbus is None
    name = "opcua" if protocol == "OPCUA" else "modbus"
    return Refusal("AddressMissing", f"{where}.{name}: protocol {protocol} needs an address") if missing else None


def _unit(where: str, resolved: ResolvedSignal, field: ContractField, _protocol: str) -> Refusal | None:
    """A signal that names no unit is taken to give the contract's."""
    if resolved.signal.unit is None or resolved.signal.unit == field.unit:
        return None
    return Refusal(
        "UnitMismatch",
        f"{where}.unit: {resolved.signal.unit} is not the contract's {field.unit or '(no unit)'}; "
        "give scale and offset and name the contract's unit",
    )


def _type(where: str, resolved: ResolvedSignal, field: ContractField, protocol: str) -> Refusal | None:
    """OPC UA types show at run time only; a Modbus type is known now."""
    signal = resolved.signal
    if protocol != "ModbusTCP" or resolved.modbus is None or signal.values:
        return None
    raw = resolved.modbus.type
    if raw not in _FILLS[field.type]:
        return Refusal(
            "TypeMismatch", f"{where}.modbus.type: {raw} cannot fill {field.name}, which is {field.type}; mend either"
        )
    if field.type == "Integer" and not _whole(signal):
        return Refusal("TypeMismatch", f"{where}.scale: gives fractions, and {field.name} is Integer; mend either")
    return None


def _enum(where: str, resolved: ResolvedSignal, field: ContractField, _protocol: str) -> Refusal | None:
    """A name that the contract does not know would be a violation each time it is sent."""
    strange = [v.name for v in resolved.signal.values if field.enum is not None and v.name not in field.enum]
    if not strange:
        return None
    return Refusal("TypeMismatch", f"{where}.values: {strange[0]} is none of {field.name}'s enum; mend either")


_JUDGES: tuple[Callable[[str, ResolvedSignal, ContractField, str], Refusal | None], ...] = (
    _address,
    _unit,
    _type,
    _enum,
)


def _whole(signal: Signal) -> bool:
    parts = (Decimal(signal.scale or "1"), Decimal(signal.offset or "0"))
    return all(part == part.to_integral_value() for part in parts)


def _missing_required(signals: Sequence[ResolvedSignal], contracts: Sequence[DataContract]) -> Refusal | None:
    filled = {(s.contract, s.field) for s in signals}
    for contract in contracts:
        missing = [f.name for f in contract.spec.fields if f.required and (contract.family(), f.name) not in filled]
        if missing:
            return Refusal(
                "RequiredFieldMissing",
                f"contract {contract.family()} {contract.spec.version} requires {', '.join(missing[:5])}; "
                "add a signal for it to the profile, or do not disable it in spec.signalOverrides",
            )
    return None


def _some(fields: dict[str, ContractField]) -> str:
    names = sorted(fields)
    return ", ".join(names[:8]) + (" …" if len(names) > 8 else "")
