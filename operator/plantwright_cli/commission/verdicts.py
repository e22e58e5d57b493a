"""Holds what was read to the contracts, with the gateway's own check. Pure."""

from dataclasses import dataclass
from typing import Literal

from plantwright_api.wire.config import ContractField, Machine, Signal
from plantwright_api.wire.delivery import Scalar
from plantwright_cli.commission.reading import Record
from plantwright_gateway.app.pipeline import judge
from plantwright_gateway.check import ContractRules, Verdict, compile_contracts
from plantwright_gateway.ports.source import Sample

Outcome = Literal["Met", "Flagged", "Refused", "Unreadable", "Missing"]


@dataclass(frozen=True, slots=True)
class Row:
    """One signal. Where several values were read, the first that misses its field is shown, else the last."""

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
    seen = _judged(machine, record)
    fields = {(contract.name, field.name): field for contract in machine.contracts for field in contract.fields}
    return [_row(signal, fields[signal.contract, signal.field], seen, record) for signal in machine.signals]


def unfilled(machine: Machine) -> list[str]:
    """Fields of the contracts that no signal fills, as contract.field; required ones cannot be among them."""
    filled = {(signal.contract, signal.field) for signal in machine.signals}
    return [f"{c.name}.{f.name}" for c in machine.contracts for f in c.fields if (c.name, f.name) not in filled]


def _judged(machine: Machine, record: Record) -> dict[str, _Seen]:
    """Every value judged as the pipeline judges it, batch by batch, cross-field rules included."""
    compiled = compile_contracts(machine.contracts, machine.signals)
    across = ContractRules(machine.contracts, machine.signals)
    seen: dict[str, _Seen] = {}
    for batch in record.batches:
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


def _row(signal: Signal, field: ContractField, seen: dict[str, _Seen], record: Record) -> Row:
    found, problem = seen.get(signal.name), record.problems.get(signal.name)
    outcome, reason = _outcome(found, problem)
    return Row(
        signal=signal.name,
        contract=signal.contract,
        field=signal.field,
        required=field.required,
        address=_address(signal),
        unit=field.unit or "",
        outcome=outcome,
        reason=reason,
        raw=found.sample.value if found else None,
        value=found.verdict.value if found else None,
        source_ns=found.sample.source_ns if found else None,
        quality=found.sample.quality if found else "",
        values_read=found.count if found else 0,
    )


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
    if signal.opcua is not None:
        return signal.opcua.node_id
    if signal.modbus is None:
        return ""
    bit = f".{signal.modbus.bit}" if signal.modbus.bit is not None else ""
    return f"{signal.modbus.table} {signal.modbus.address}{bit}"
