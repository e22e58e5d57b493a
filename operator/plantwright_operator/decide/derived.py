"""Signals that are computed from others, internal signals and counters: what can be wrong with them, and what follows from them.

`check` is for signals of which each has been found well by itself; the rest only for signals that `check` found well.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from graphlib import CycleError, TopologicalSorter
from typing import Final, NamedTuple

from plantwright_api.expression import Expression, ExpressionError, Type, compile_expression, names_in
from plantwright_api.v1alpha1 import MachineProfile
from plantwright_api.v1alpha1.datacontract import ContractField
from plantwright_api.wire.config import Operand
from plantwright_operator.decide import derived_units
from plantwright_operator.model import Refusal, ResolvedSignal

Fields = Mapping[tuple[str, str], ContractField]
"""Contract fields by contract and name."""

INTEGERS: Final = frozenset({"Int16", "UInt16", "Int32", "UInt32", "Int64", "UInt64"})
_WANTED: Final[Mapping[str, Type]] = {
    "Boolean": "Boolean",
    "Integer": "Integer",
    "Number": "Number",
    "String": "String",
    "Timestamp": "String",
}
"""The type that an expression must have to fill a field."""


class _Found(NamedTuple):
    """The computed signals' expressions in the order in which they can be computed, and what each signal is taken for."""

    expressions: dict[str, Expression]
    types: dict[str, str]


def check(signals: Sequence[ResolvedSignal], profile: MachineProfile, fields: Fields) -> Refusal | None:
    """The first thing wrong between signals, or None."""
    where = f"profile {profile.family()} spec"
    for resolved in signals:
        refusal = _counter(f"{where}.signals[{resolved.signal.name}]", resolved, _registers(resolved, profile), fields)
        if refusal is not None:
            return refusal
    found = _compiled(signals, profile, fields)
    if isinstance(found, Refusal):
        return found
    by_name = {resolved.signal.name: resolved for resolved in signals}
    for name in found.expressions:
        refusal = _result(f"{where}.signals[{name}]", by_name[name], found, by_name, fields)
        if refusal is not None:
            return refusal
    return _roles(where, signals, profile)


def operands(signals: Sequence[ResolvedSignal], profile: MachineProfile, fields: Fields) -> dict[str, Operand]:
    """How expressions see those signals that they name."""
    found = _compiled(signals, profile, fields)
    assert not isinstance(found, Refusal)  # noqa: S101  (checked before)
    named = {name for expression in found.expressions.values() for name in expression.fields}
    by_name = {resolved.signal.name: resolved.signal for resolved in signals}
    return {
        name: Operand(
            type=found.types[name],  # type: ignore[arg-type]  # one of the four types of expressions
            scale=float(Fraction(by_name[name].scale or "1")),
            offset=float(Fraction(by_name[name].offset or "0")),
        )
        for name in sorted(named)
    }


def origins(signals: Sequence[ResolvedSignal]) -> dict[str, tuple[str, ...]]:
    """Per computed signal the signals on which it rests in the end, which are read."""
    texts = {s.signal.name: s.signal.expression for s in signals if s.signal.expression is not None}
    found: dict[str, tuple[str, ...]] = {}
    for name in _order(texts):
        rests = [origin for operand in names_in(texts[name]) for origin in found.get(operand, (operand,))]
        found[name] = tuple(dict.fromkeys(rests))
    return found


def _order(texts: Mapping[str, str]) -> list[str]:
    """Names of computed signals, operands first.

    Raises:
        CycleError: there is no such order.
        ExpressionError: a text is no expression.
    """
    graph = {name: [other for other in names_in(text) if other in texts] for name, text in texts.items()}
    return list(TopologicalSorter(graph).static_order())


def _compiled(signals: Sequence[ResolvedSignal], profile: MachineProfile, fields: Fields) -> _Found | Refusal:
    where = f"profile {profile.family()} spec.signals"
    texts = {s.signal.name: s.signal.expression for s in signals if s.signal.expression is not None}
    for name, text in texts.items():
        refusal = _readable(f"{where}[{name}].expression", text, signals, profile)
        if refusal is not None:
            return refusal
    try:
        order = _order(texts)
    except CycleError as error:
        circle = " needs ".join(reversed(error.args[1]))
        return _invalid(f"{where}[{error.args[1][0]}].expression: {circle}; let one of them be read, or leave it out")
    read = [resolved for resolved in signals if resolved.signal.expression is None]
    found = _Found({}, {r.signal.name: seen for r in read if (seen := _seen(r, profile, fields)) is not None})
    by_name = {resolved.signal.name: resolved for resolved in signals}
    for name in order:
        refusal = _add(f"{where}[{name}].expression", by_name[name], found, by_name, fields)
        if refusal is not None:
            return refusal
    return found


def _readable(where: str, text: str, signals: Sequence[ResolvedSignal], profile: MachineProfile) -> Refusal | None:
    """Whether it is an expression, over signals that this machine has."""
    try:
        named = names_in(text)
    except ExpressionError as error:
        return _invalid(f"{where}: {error}")
    kept = {resolved.signal.name for resolved in signals}
    disabled = [each.name for each in profile.spec.signals if each.name in named and each.name not in kept]
    if not disabled:
        return None
    return _invalid(
        f"{where}: {disabled[0]} is disabled in the machine's spec.signalOverrides; disable what is computed from it too, or "
        "neither"
    )


def _add(
    where: str, resolved: ResolvedSignal, found: _Found, by_name: Mapping[str, ResolvedSignal], fields: Fields
) -> Refusal | None:
    """Compile one expression over the types found so far, and note what it gives."""
    signal, text = resolved.signal, resolved.signal.expression or ""
    untyped = next((name for name in names_in(text) if name in by_name and name not in found.types), None)
    if untyped is not None:
        path = where.replace(f"[{signal.name}].expression", f"[{untyped}].type")
        return _invalid(
            f"{path}: {signal.name} is computed from it, and what the node gives is not known; name its type"
        )
    named, field = bool(signal.values or signal.values_from), fields.get((resolved.contract, resolved.field))
    wanted = None if named or field is None or signal.counter else _WANTED[field.type]
    try:
        expression = compile_expression(text, found.types, wanted, noun="signal")
    except ExpressionError as error:
        return _invalid(f"{where}: {error}")
    found.expressions[signal.name] = expression
    found.types[signal.name] = "String" if named else expression.type
    return None


def _seen(resolved: ResolvedSignal, profile: MachineProfile, fields: Fields) -> str | None:
    """What expressions take a signal for that is read, None where nothing says it."""
    signal, field = resolved.signal, fields.get((resolved.contract, resolved.field))
    if signal.values or signal.values_from:
        return "String"
    whole = all(Fraction(number or "1").denominator == 1 for number in (signal.scale, signal.offset))
    declared: str | None = signal.type or (field.type if field is not None else None)
    registers = _registers(resolved, profile)
    if registers is not None:
        declared = _of_registers(registers)
    if signal.scale is None and signal.offset is None:
        return declared
    return "Integer" if declared == "Integer" and whole else "Number"


def _registers(resolved: ResolvedSignal, profile: MachineProfile) -> str | None:
    """The Modbus type that is read, None for OPC UA, whose types show at run time only."""
    return resolved.modbus.type if resolved.modbus and profile.spec.protocol == "ModbusTCP" else None


def _of_registers(raw: str) -> str:
    if raw in INTEGERS:
        return "Integer"
    return {"Bool": "Boolean", "String": "String"}.get(raw, "Number")


def _counter(where: str, resolved: ResolvedSignal, raw: str | None, fields: Fields) -> Refusal | None:
    """A counter counts whole things; what an expression gives is judged with the expression."""
    signal, field = resolved.signal, fields.get((resolved.contract, resolved.field))
    if signal.counter is None:
        return None
    if signal.values or signal.values_from:
        return Refusal("InvalidSpec", f"{where}.counter: a counter counts; leave out values and valuesFrom")
    if raw is not None and raw not in INTEGERS:
        return Refusal(
            "TypeMismatch", f"{where}.counter: a counter counts whole things, and {raw} does not; leave it out"
        )
    kind = field.type if field is not None else signal.type or "Integer"
    if kind in ("Integer", "Number"):
        return None
    return Refusal("TypeMismatch", f"{where}.counter: a counter gives a number, and {kind} is none; leave it out")


def _result(
    where: str,
    resolved: ResolvedSignal,
    found: _Found,
    by_name: Mapping[str, ResolvedSignal],
    fields: Fields,
) -> Refusal | None:
    """What fits by its type may still be no count, of another unit, or nothing that may leave the plant."""
    expression = found.expressions[resolved.signal.name]
    if resolved.signal.counter is not None and expression.type != "Integer":
        said = f"a counter counts whole things, and the expression gives {expression.type}; leave it out"
        return Refusal("TypeMismatch", f"{where}.counter: {said}")
    wrong = derived_units.judge(resolved, by_name, fields)
    if wrong is not None:
        return Refusal("UnitMismatch", f"{where}.expression: {wrong}")
    field = fields.get((resolved.contract, resolved.field))
    if field is None or field.pseudonymise:
        return None
    secret = next((name for name in _beneath(expression, found) if _is_secret(by_name[name], fields)), None)
    if secret is None:
        return None
    return _invalid(
        f"{where}.expression: {secret} may leave as a pseudonym only, and field {field.name} would carry what is made of it in "
        f"clear; set pseudonymise for {field.name} in the contract, or compute it without {secret}"
    )


def _beneath(expression: Expression, found: _Found) -> list[str]:
    """Every signal on which an expression rests, at any depth."""
    names = list(expression.fields)
    for name in names:
        if name in found.expressions:
            names += [each for each in found.expressions[name].fields if each not in names]
    return names


def _is_secret(resolved: ResolvedSignal, fields: Fields) -> bool:
    field = fields.get((resolved.contract, resolved.field))
    return field is not None and field.pseudonymise


def _roles(where: str, signals: Sequence[ResolvedSignal], profile: MachineProfile) -> Refusal | None:
    """State and parts are taken from signals that are delivered; one that counts by itself has no rollover any more."""
    state, parts = profile.spec.state, profile.spec.parts
    roles = {"state.signal": state.signal if state else None}
    if parts is not None:
        roles |= {f"parts.{name}": getattr(parts, name) for name in ("good", "rejected", "reworked")}
    if profile.spec.context is not None:
        told = profile.spec.context.model_dump(by_alias=True)
        roles |= {f"context.{name}": signal for name, signal in told.items()}
    by_name = {resolved.signal.name: resolved.signal for resolved in signals}
    for path, name in roles.items():
        signal = by_name.get(name or "")
        if signal is not None and signal.internal:
            return Refusal("InvalidSpec", f"{where}.{path}: {name} is internal; let it fill a field, or name another")
        if signal is not None and signal.counter and parts and parts.rollover and path.startswith("parts."):
            return Refusal(
                "InvalidSpec",
                f"{where}.parts.rollover: {name} has a counter of its own, whose total never falls; leave rollover out here",
            )
    return None


def _invalid(message: str) -> Refusal:
    return Refusal("ExpressionInvalid", message)
