"""Ties the steps of `values` to one signal of one configuration."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from plantwright_api.wire.config import Contract, ContractField, Signal
from plantwright_api.wire.delivery import Scalar
from plantwright_gateway.check import reasons
from plantwright_gateway.check.fast import Check, Glance, glance_of, specialised
from plantwright_gateway.check.pace import SECOND, Pace
from plantwright_gateway.check.values import (
    LONGEST_TEXT,
    NUMERIC,
    READERS,
    RefusedError,
    Step,
    code_of,
    named,
    rules_of,
    scaler,
)
from plantwright_gateway.check.verdict import Verdict, outcome_of


class CompiledSignal(NamedTuple):
    """All that the hot path needs to know of one signal. `freshness_ns` is the field's own, 0 where it has none."""

    name: str
    contract: str
    contract_version: str
    field: str
    required: bool
    check: Check
    glance: Glance
    freshness_ns: int = 0


class UnknownReferenceError(ValueError):
    """A signal names a contract or field that the configuration does not hold."""


def compile_contracts(contracts: Sequence[Contract], signals: Sequence[Signal]) -> dict[str, CompiledSignal]:
    """Compile every signal that fills a field, by name.

    Raises:
        UnknownReferenceError: naming the signal and what it refers to.
        PatternError: a field's pattern is none of RE2's.
    """
    fields = {contract.name: {field.name: field for field in contract.fields} for contract in contracts}
    versions = {contract.name: contract.version for contract in contracts}
    return {signal.name: _compiled(signal, fields, versions) for signal in signals if not signal.internal}


def _compiled(
    signal: Signal, contracts: Mapping[str, Mapping[str, ContractField]], versions: Mapping[str, str]
) -> CompiledSignal:
    fields = contracts.get(signal.contract)
    if fields is None:
        raise UnknownReferenceError(f"signal {signal.name}: there is no contract {signal.contract!r}")
    field = fields.get(signal.field)
    if field is None:
        raise UnknownReferenceError(f"signal {signal.name}: contract {signal.contract} has no field {signal.field!r}")
    check, glance = _parts(signal, field)
    fresh = (field.freshness_seconds or 0) * SECOND
    return CompiledSignal(
        signal.name, signal.contract, versions[signal.contract], field.name, field.required, check, glance, fresh
    )


def compile_signal(signal: Signal, field: ContractField) -> Check:
    """Make the check of one signal; what can be decided now is not decided per value.

    The check takes a raw value and its source time in ns. A field with a rate of change remembers its last value.

    Raises:
        PatternError: the field's pattern is none of RE2's.
    """
    return _parts(signal, field)[0]


def _parts(signal: Signal, field: ContractField) -> tuple[Check, Glance]:
    paced = field.type in NUMERIC and field.max_change_per_second is not None
    pace = Pace(field.max_change_per_second or 0.0) if paced else None
    plain = _plain(signal, field, pace)
    named_or_plain = _with_names(signal, field, plain) if signal.values else plain
    glance = glance_of(signal, field, pace, named_or_plain)
    return specialised(field, glance, named_or_plain), glance


def _plain(signal: Signal, field: ContractField, pace: Pace | None) -> Check:
    """The steps one after the other, for any raw value."""
    read = _reader(signal, field)
    steps = tuple((rule, outcome_of(field, name)) for name, rule in rules_of(field).items())
    uninterpretable, too_fast = outcome_of(field, "Type"), outcome_of(field, "RateOfChange")

    def check(raw: Scalar, time_ns: int = 0) -> Verdict:
        if isinstance(raw, str) and len(raw) > LONGEST_TEXT:
            return Verdict(raw, "", reasons.TOO_LONG)
        try:
            value = read(raw)
        except RefusedError as refused:
            return uninterpretable(raw, raw, refused.reason)
        for rule, follows in steps:
            reason = rule(value)
            if reason:
                return follows(raw, value, reason)
        if pace is not None and pace.exceeded(value, time_ns):  # type: ignore[arg-type]  # of a numeric field
            return too_fast(raw, value, reasons.CHANGES_TOO_FAST)
        return Verdict(value)

    return check


def _reader(signal: Signal, field: ContractField) -> Step:
    typed = READERS[field.type]
    if signal.scale == 1 and signal.offset == 0:
        return typed
    scale = scaler(signal.scale, signal.offset)
    return lambda raw: typed(scale(raw))


def _with_names(signal: Signal, field: ContractField, unnamed: Check) -> Check:
    """Names come before scaling; a code without a name fills a String as itself and breaks rule Enum.

    How fast names follow each other says nothing, so they are judged without a rate of change.
    """
    plain = _plain(_without_conversion(signal), field, None)
    verdicts = {code: plain(named(name, field.type)) for code, name in signal.values.items()}
    nameless = outcome_of(field, "Enum")

    def check(raw: Scalar, time_ns: int = 0) -> Verdict:
        verdict = verdicts.get(code_of(raw))
        if verdict is not None:
            return verdict if not verdict.refused else Verdict(raw, "", verdict.refused, verdict.blocks)
        if field.type == "String" and isinstance(raw, (bool, int)):
            return nameless(raw, code_of(raw), reasons.NOT_IN_ENUM)
        return unnamed(raw, time_ns)

    return check


def _without_conversion(signal: Signal) -> Signal:
    return Signal(
        name=signal.name, contract=signal.contract, field=signal.field, interval_ms=signal.interval_ms, unit=signal.unit
    )
