"""Holds what was read to the contracts, with the gateway's own check. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from plantwright_api.wire.config import ContractField, Machine, Signal
from plantwright_api.wire.delivery import Scalar
from plantwright_cli.commission.reading import Record
from plantwright_gateway.app.pipeline import judge
from plantwright_gateway.check import ContractRules, Verdict, compile_contracts
from plantwright_gateway.check.reasons import SIGNAL_UNREADABLE
from plantwright_gateway.derive import Derivation, RunningTotals
from plantwright_gateway.ports.source import Sample

NO_FIELD = ContractField(name="", type="String")
HIDDEN = "(not shown: pseudonymised)"
Outcome = Literal["Met", "Flagged", "Refused", "Unreadable", "Missing"]


@dataclass(frozen=True, slots=True)
class Row:
    """One signal. Where several values were read, the first that misses its field is shown, else the last.

    An internal signal has no contract and no field; that it was read is all that is asked of it.
    """

    signal: str
    contract: str
    field: str
    required: bool
    address: str
    unit: str
    outcome: Outcome
    reason: str = ""
    raw: Scalar = None
    value: Scalar = None
    source_ns: int | None = None
    quality: str = ""
    values_read: int = 0

    @property
    def met(self) -> bool:
        """The signal gives its field what the contract wants."""
        return self.outcome == "Met"


@dataclass(slots=True)
class _Seen:
    """The value to show of a signal, and how many there were."""

    sample: Sample
    verdict: Verdict
    count: int = 0


def rows(machine: Machine, record: Record) -> list[Row]:
    """A row per signal, in the order of the profile."""
    derivation = Derivation(machine.signals)
    seen = _judged(machine, record, derivation)
    fields = {(contract.name, field.name): field for contract in machine.contracts for field in contract.fields}
    secret = _secret(machine, fields, derivation)
    return [
        _row(
            signal,
            fields.get((signal.contract, signal.field), NO_FIELD),
            signal.name in secret,
            seen.get(signal.name),
            _problem(signal.name, record, derivation),
        )
        for signal in machine.signals
    ]


def _secret(machine: Machine, fields: Mapping[tuple[str, str], ContractField], derivation: Derivation) -> set[str]:
    """Signals that may leave the plant as pseudonyms only, and internal ones from which such are made.

    Reports are kept as evidence, so their values must not stand in one.
    """
    asked = {s.name for s in machine.signals if fields.get((s.contract, s.field), NO_FIELD).pseudonymise}
    internal = {s.name for s in machine.signals if s.internal}
    beneath = {origin for name in asked for origin in derivation.origins.get(name, ())}
    beside = {name for name in internal if not beneath.isdisjoint(derivation.origins.get(name, (name,)))}
    return asked | beside


def _problem(signal: str, record: Record, derivation: Derivation) -> tuple[str, str] | None:
    """What keeps a signal from being read, or one of those from which it is computed."""
    for origin in derivation.origins.get(signal, (signal,)):
        problem = record.problems.get(origin)
        if problem is not None:
            return problem if origin == signal else (problem[0], f"{origin}: {problem[1]}")
    return None


def unfilled(machine: Machine) -> list[str]:
    """Fields of the contracts that no signal fills, as contract.field; required ones cannot be among them."""
    filled = {(signal.contract, signal.field) for signal in machine.signals if not signal.internal}
    return [f"{c.name}.{f.name}" for c in machine.contracts for f in c.fields if (c.name, f.name) not in filled]


def _judged(machine: Machine, record: Record, derivation: Derivation) -> dict[str, _Seen]:
    """Every value judged as the pipeline judges it, batch by batch, computed signals and cross-field rules included.

    Totals of counters begin with the first value that was read here.
    """
    compiled = compile_contracts(machine.contracts, machine.signals)
    across = ContractRules(machine.contracts, machine.signals)
    internal = {signal.name for signal in machine.signals if signal.internal}
    seen: dict[str, _Seen] = {}
    totals = RunningTotals()
    for read in record.batches:
        for sample in (each for each in read if each.signal in internal):
            _note(
                seen,
                sample,
                Verdict(sample.value, "" if sample.quality != "Bad" else sample.reason or SIGNAL_UNREADABLE),
            )
        batch = derivation.extend(read, totals)
        verdicts = across.settle(batch, [judge(sample, compiled[sample.signal]) for sample in batch])
        for sample, verdict in zip(batch, verdicts, strict=True):
            _note(seen, sample, verdict)
    return seen


def _note(seen: dict[str, _Seen], sample: Sample, verdict: Verdict) -> None:
    before = seen.get(sample.signal)
    if before is None:
        seen[sample.signal] = _Seen(sample, verdict, 1)
        return
    before.count += 1
    if not (before.verdict.flag or before.verdict.refused):
        before.sample, before.verdict = sample, verdict


def _row(
    signal: Signal, field: ContractField, secret: bool, found: _Seen | None, problem: tuple[str, str] | None
) -> Row:
    outcome, reason = _outcome(found, problem)
    return Row(
        signal=signal.name,
        contract=signal.contract,
        field=signal.field,
        required=field.required,
        address=_address(signal),
        unit=(signal.unit if signal.internal else field.unit) or "",
        outcome=outcome,
        reason=reason,
        raw=_shown(secret, found.sample.value) if found else None,
        value=_shown(secret, found.verdict.value) if found else None,
        source_ns=found.sample.source_ns if found else None,
        quality=found.sample.quality if found else "",
        values_read=found.count if found else 0,
    )


def _shown(secret: bool, value: Scalar) -> Scalar:
    return HIDDEN if secret and value is not None else value


def _outcome(found: _Seen | None, problem: tuple[str, str] | None) -> tuple[Outcome, str]:
    if problem is not None:
        return "Unreadable", f"{problem[0]}: {problem[1]}"
    if found is None:
        return "Missing", "no value came"
    if found.verdict.refused:
        return "Refused", found.verdict.refused
    if found.verdict.flag:
        return ("Unreadable" if found.sample.value is None else "Flagged"), found.verdict.flag
    return "Met", found.sample.reason


def _address(signal: Signal) -> str:
    """Where the value comes from, as a person finds it again."""
    where = f"= {signal.expression}" if signal.expression is not None else _read_at(signal)
    return f"{where} (counted)" if signal.counter is not None else where


def _read_at(signal: Signal) -> str:
    if signal.opcua is not None:
        return signal.opcua.node_id
    if signal.modbus is None:
        return ""
    bit = f".{signal.modbus.bit}" if signal.modbus.bit is not None else ""
    return f"{signal.modbus.table} {signal.modbus.address}{bit}"
