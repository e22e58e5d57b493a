"""Ties the steps of `values` to one signal of one configuration."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from plantwright_api.wire.config import Contract, ContractField, Signal
from plantwright_api.wire.delivery import Scalar
from plantwright_gateway.check import reasons
from plantwright_gateway.check.values import READERS, RefusedError, Step, code_of, named, rules_of, scaler


class Verdict(NamedTuple):
    """What a check makes of a raw value.

    `flag` says why a delivered value does not meet its field; `refused` why it is kept out of the stream: then `value` is
    the raw one.
    """

    value: Scalar
    flag: str = ""
    refused: str = ""


Check = Callable[[Scalar], Verdict]


class CompiledSignal(NamedTuple):
    """All that the hot path needs to know of one signal."""

    name: str
    contract: str
    contract_version: str
    field: str
    required: bool
    check: Check


class UnknownReferenceError(ValueError):
    """A signal names a contract or field that the configuration does not hold."""


def compile_contracts(contracts: Sequence[Contract], signals: Sequence[Signal]) -> dict[str, CompiledSignal]:
    """Compile every signal, by name.

    Raises:
        UnknownReferenceError: naming the signal and what it refers to.
    """
    by_name = {contract.name: contract for contract in contracts}
    return {signal.name: _compiled(signal, by_name) for signal in signals}


def _compiled(signal: Signal, contracts: Mapping[str, Contract]) -> CompiledSignal:
    contract = contracts.get(signal.contract)
    if contract is None:
        raise UnknownReferenceError(f"signal {signal.name}: there is no contract {signal.contract!r}")
    field = next((field for field in contract.fields if field.name == signal.field), None)
    if field is None:
        raise UnknownReferenceError(f"signal {signal.name}: contract {contract.name} has no field {signal.field!r}")
    check = compile_signal(signal, field)
    return CompiledSignal(signal.name, contract.name, contract.version, field.name, field.required, check)


def compile_signal(signal: Signal, field: ContractField) -> Check:
    """Make the check of one signal; what can be decided now is not decided per value."""
    read, rules = _reader(signal, field), rules_of(field)
    judge = _quarantining if field.on_violation == "Quarantine" else _flagging

    def check(raw: Scalar) -> Verdict:
        try:
            value = read(raw)
        except RefusedError as refused:
            return Verdict(raw, refused=refused.reason)
        for rule in rules:
            reason = rule(value)
            if reason:
                return judge(raw, value, reason)
        return Verdict(value)

    return _with_names(signal, field, check) if signal.values else check


def _reader(signal: Signal, field: ContractField) -> Step:
    typed = READERS[field.type]
    if signal.scale == 1 and signal.offset == 0:
        return typed
    scale = scaler(signal.scale, signal.offset)
    return lambda raw: typed(scale(raw))


def _with_names(signal: Signal, field: ContractField, unnamed: Check) -> Check:
    """Names come before scaling; a code without a name fills a String as itself and is flagged."""
    names = {code: named(name, field.type) for code, name in signal.values.items()}
    plain = compile_signal(_without_conversion(signal), field)
    judge = _quarantining if field.on_violation == "Quarantine" else _flagging
    verdicts = {code: plain(value) for code, value in names.items()}

    def check(raw: Scalar) -> Verdict:
        verdict = verdicts.get(code_of(raw))
        if verdict is not None:
            return verdict if not verdict.refused else Verdict(raw, refused=verdict.refused)
        if field.type == "String" and isinstance(raw, (bool, int)):
            return judge(raw, code_of(raw), reasons.NOT_IN_ENUM)
        return unnamed(raw)

    return check


def _without_conversion(signal: Signal) -> Signal:
    return Signal(
        name=signal.name, contract=signal.contract, field=signal.field, interval_ms=signal.interval_ms, unit=signal.unit
    )


def _flagging(_raw: Scalar, value: Scalar, reason: str) -> Verdict:
    return Verdict(value, flag=reason)


def _quarantining(raw: Scalar, _value: Scalar, reason: str) -> Verdict:
    return Verdict(raw, refused=reason)
