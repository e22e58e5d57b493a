"""Lay a machine's overrides over its profile's signals, and hold each signal to its contract field."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction

from plantwright_api.v1alpha1 import DataContract, Machine, MachineProfile, codetables
from plantwright_api.v1alpha1.datacontract import ContractField
from plantwright_api.v1alpha1.signals import Signal
from plantwright_operator.decide import derived, units
from plantwright_operator.decide.derived import INTEGERS
from plantwright_operator.decide.units import Conversion
from plantwright_operator.model import Refusal, ResolvedSignal

_FLOATS = frozenset({"Float32", "Float64"})
_FILLS: dict[str, frozenset[str]] = {
    "Boolean": frozenset({"Bool"}) | INTEGERS,
    "Integer": INTEGERS | {"Bool"},
    "Number": INTEGERS | _FLOATS | {"Bool"},
    "String": frozenset({"String"}),
    "Timestamp": frozenset({"String"}) | INTEGERS,
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
    merged = []
    for resolved in of_profile(profile):
        override = overrides.get(resolved.signal.name)
        if override is None:
            merged.append(resolved)
            continue
        if resolved.signal.expression is not None and (override.opcua or override.modbus):
            return Refusal(
                "InvalidSpec",
                f"spec.signalOverrides[{override.name}]: profile {profile.family()} computes this signal, so it has no address; "
                "override those that its expression names, or disable it",
            )
        if not override.disabled:
            opcua, modbus = override.opcua or resolved.opcua, override.modbus or resolved.modbus
            merged.append(replace(resolved, opcua=opcua, modbus=modbus))
    return tuple(merged)


def of_profile(profile: MachineProfile) -> tuple[ResolvedSignal, ...]:
    """The profile's signals and the fields they fill, without any machine's overrides."""
    first = profile.spec.contract_refs[0].name
    return tuple(
        ResolvedSignal(
            signal=signal,
            contract="" if signal.internal else signal.contract or first,
            field="" if signal.internal else signal.field or signal.name,
            opcua=signal.opcua,
            modbus=signal.modbus,
        )
        for signal in profile.spec.signals
    )


def check(
    signals: Sequence[ResolvedSignal], profile: MachineProfile, contracts: Sequence[DataContract]
) -> Refusal | None:
    """The first thing wrong between the signals and the contracts they fill, or None."""
    fields = {c.family(): {f.name: f for f in c.spec.fields} for c in contracts}
    for index, resolved in enumerate(signals):
        refusal = _check_one(resolved, profile, fields, signals[:index])
        if refusal is not None:
            return refusal
    return derived.check(signals, profile, _by_place(contracts)) or _missing_required(signals, contracts)


def settle(
    signals: Sequence[ResolvedSignal], profile: MachineProfile, contracts: Sequence[DataContract]
) -> tuple[ResolvedSignal, ...]:
    """The signals with what follows from them and the fields they fill: one exact scale and offset into the field's unit,
    the names of all codes, and what expressions need.

    Only for signals that `check` found well.
    """
    fields = _by_place(contracts)
    operands, origins = derived.operands(signals, profile, fields), derived.origins(signals)
    settled = [_settled(resolved, fields.get((resolved.contract, resolved.field))) for resolved in signals]
    return tuple(
        replace(each, operand=operands.get(each.signal.name), origins=origins.get(each.signal.name, ()))
        for each in settled
    )


def _by_place(contracts: Sequence[DataContract]) -> dict[tuple[str, str], ContractField]:
    return {(c.family(), f.name): f for c in contracts for f in c.spec.fields}


def _settled(resolved: ResolvedSignal, field: ContractField | None) -> ResolvedSignal:
    conversion = _composed(resolved.signal, field)
    return replace(
        resolved,
        scale=conversion.scale,
        offset=conversion.offset,
        unit=field.unit if field else resolved.signal.unit,
        values=_names(resolved.signal, field),
    )


def _names(signal: Signal, field: ContractField | None) -> dict[str, str]:
    """What codes are called: the table's names as the contract spells them, under the profile's own entries."""
    enum = field.enum if field else None
    ready = codetables.names(signal.values_from, enum) if signal.values_from else {}
    return {**ready, **{value.value: value.name for value in signal.values}}


def _check_one(
    resolved: ResolvedSignal,
    profile: MachineProfile,
    fields: dict[str, dict[str, ContractField]],
    before: Sequence[ResolvedSignal],
) -> Refusal | None:
    where = f"profile {profile.family()} spec.signals[{resolved.signal.name}]"
    if resolved.signal.internal:
        return _internal(where, resolved, profile.spec.protocol)
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


def _internal(where: str, resolved: ResolvedSignal, protocol: str) -> Refusal | None:
    """A signal that fills no field is held to nothing, but it must be one that can be read."""
    unknown = units.judge(resolved.signal.unit) if resolved.signal.unit else None
    if unknown is not None:
        return Refusal("UnitUnknown", f"{where}.unit: {unknown}")
    return _address(where, resolved, None, protocol) or _number(where, resolved, None, protocol)


def _address(where: str, resolved: ResolvedSignal, _field: ContractField | None, protocol: str) -> Refusal | None:
    if resolved.signal.expression is not None:
        return None
    missing = resolved.opcua is None if protocol == "OPCUA" else resolved.modbus is None
    name = "opcua" if protocol == "OPCUA" else "modbus"
    return Refusal("AddressMissing", f"{where}.{name}: protocol {protocol} needs an address") if missing else None


def _unit(where: str, resolved: ResolvedSignal, field: ContractField, _protocol: str) -> Refusal | None:
    """A signal that names no unit is taken to give the contract's."""
    unit = resolved.signal.unit
    if unit is None:
        return None
    unknown = units.judge(unit)
    if unknown is not None:
        return Refusal("UnitUnknown", f"{where}.unit: {unknown}")
    if field.unit is None:
        return Refusal(
            "UnitMismatch",
            f"{where}.unit: field {field.name} of contract {resolved.contract} has no unit; "
            f"leave {unit} out, or name a unit in the contract",
        )
    unknown = units.judge(field.unit)
    if unknown is not None:
        return Refusal("UnitUnknown", f"contract {resolved.contract} spec.fields[{field.name}].unit: {unknown}")
    return _convertible(where, unit, field, field.unit)


def _convertible(where: str, unit: str, field: ContractField, wanted: str) -> Refusal | None:
    try:
        conversion = units.conversion(unit, wanted)
    except units.IncompatibleUnitsError as error:
        return Refusal(
            "UnitMismatch",
            f"{where}.unit: {unit} does not become {wanted}, the unit of field {field.name}: {error}; "
            "name the unit that the machine gives after scale and offset, or fill another field",
        )
    if conversion.nothing or field.type in ("Integer", "Number"):
        return None
    return Refusal(
        "TypeMismatch",
        f"{where}.unit: {unit} to {wanted} needs a number, and {field.name} is {field.type}; name {wanted}",
    )


def _number(where: str, resolved: ResolvedSignal, field: ContractField | None, _protocol: str) -> Refusal | None:
    """The gateway calculates in 64-bit floats, so the composed scale and offset must be some."""
    composed = _composed(resolved.signal, field)
    if _fits_float(composed.scale) and _fits_float(composed.offset):
        return None
    return Refusal(
        "InvalidSpec",
        f"{where}.scale: scale and offset, with the conversion into the contract's unit, lie outside of what a 64-bit "
        "float holds; mend either",
    )


def _fits_float(number: Fraction) -> bool:
    try:
        return bool(float(number)) == bool(number)
    except OverflowError:
        return False


def _type(where: str, resolved: ResolvedSignal, field: ContractField, protocol: str) -> Refusal | None:
    """OPC UA types show at run time only; a Modbus type is known now."""
    signal = resolved.signal
    if protocol != "ModbusTCP" or resolved.modbus is None or signal.values or signal.values_from:
        return None
    raw = resolved.modbus.type
    if raw in _FILLS[field.type]:
        return None
    return Refusal(
        "TypeMismatch", f"{where}.modbus.type: {raw} cannot fill {field.name}, which is {field.type}; mend either"
    )


def _whole(where: str, resolved: ResolvedSignal, field: ContractField, protocol: str) -> Refusal | None:
    """Whole numbers stay whole: judged where whole ones are known to come (Modbus), or a conversion would part them."""
    signal = resolved.signal
    if field.type != "Integer" or signal.values or signal.values_from:
        return None
    converted = _converted(signal, field)
    if converted.nothing and protocol != "ModbusTCP":
        return None
    composed = _composed(signal, field)
    if composed.scale.denominator == composed.offset.denominator == 1:
        return None
    cause = "scale:" if converted.nothing else f"unit: {signal.unit} to {field.unit}"
    return Refusal("TypeMismatch", f"{where}.{cause} gives fractions, and {field.name} is Integer; mend either")


def _enum(where: str, resolved: ResolvedSignal, field: ContractField, _protocol: str) -> Refusal | None:
    """A name that the contract does not know would be a violation each time it is sent."""
    strange = [v.name for v in resolved.signal.values if field.enum is not None and v.name not in field.enum]
    if not strange:
        return None
    return Refusal("TypeMismatch", f"{where}.values: {strange[0]} is none of {field.name}'s enum; mend either")


def _table(where: str, resolved: ResolvedSignal, field: ContractField, _protocol: str) -> Refusal | None:
    """A table of codes gives names, so the field takes text, and at least one of the names must be the contract's."""
    table = resolved.signal.values_from
    if table is None:
        return None
    if field.type != "String":
        return Refusal(
            "TypeMismatch",
            f"{where}.valuesFrom: {table} gives names, and {field.name} is {field.type}; make the field a String, or leave "
            "valuesFrom out and name the table in spec.state alone",
        )
    if codetables.names(table, field.enum):
        return None
    return Refusal(
        "TypeMismatch",
        f"{where}.valuesFrom: no name of {table} is in {field.name}'s enum; take the standard's names into the contract, or "
        "list values",
    )


_JUDGES: tuple[Callable[[str, ResolvedSignal, ContractField, str], Refusal | None], ...] = (
    _address,
    _unit,
    _number,
    _type,
    _whole,
    _enum,
    _table,
)


def _converted(signal: Signal, field: ContractField | None) -> Conversion:
    """From the unit that the signal gives into the field's; nothing where either names none."""
    if signal.unit is None or field is None or field.unit is None:
        return Conversion()
    return units.conversion(signal.unit, field.unit)


def _composed(signal: Signal, field: ContractField | None) -> Conversion:
    """From the raw value into the field's unit."""
    return _converted(signal, field).after(Fraction(signal.scale or "1"), Fraction(signal.offset or "0"))


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
