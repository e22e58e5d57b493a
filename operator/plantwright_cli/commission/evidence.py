"""The result of a check as evidence: what was read, when, with which versions, under which objects, and the verdict."""

import hashlib
import importlib.metadata
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.markup import escape

from plantwright_cli.commission.reading import Record
from plantwright_cli.commission.resolving import Prepared
from plantwright_cli.commission.verdicts import Row, unfilled
from plantwright_cli.tables import table
from plantwright_operator.model import Refusal

SHOWN_VALUE = 40


class Times(NamedTuple):
    """When the check began, in RFC 3339 UTC, and how long it read, in seconds."""

    began: str
    seconds: float


def result(rows: Sequence[Row], record: Record) -> str:
    """Met, NotMet, or NotConnected where nothing could be read."""
    if not record.connected:
        return "NotConnected"
    return "Met" if rows and all(row.met for row in rows) else "NotMet"


def build(
    prepared: Prepared, rows: Sequence[Row], record: Record, inputs: Iterable[str], times: Times
) -> dict[str, Any]:
    """The evidence as JSON would have it."""
    machine = prepared.machine
    return {
        **_head(inputs, times),
        "result": result(rows, record),
        "machine": machine.name,
        "namespace": machine.namespace,
        "plant": machine.plant,
        "asset": asdict_without_none(machine.asset),
        "endpoint": prepared.resolved.machine.spec.endpoint.url,
        "profile": machine.profile,
        "contracts": {contract.name: contract.version for contract in machine.contracts},
        "configHash": prepared.config_hash,
        "assumed": list(prepared.assumed),
        "connection": {"connected": record.connected, "reason": record.reason, "message": record.message},
        "signals": [_signal(row) for row in rows],
        "unfilledFields": unfilled(machine),
    }


def refused(refusal: Refusal, inputs: Iterable[str], times: Times) -> dict[str, Any]:
    """The evidence of a machine that the operator would not run."""
    return {**_head(inputs, times), "result": "NotUsable", "reason": refusal.reason, "message": refusal.message}


def asdict_without_none(struct: Any) -> dict[str, Any]:
    """Fields of a wire struct that are set."""
    names = struct.__struct_fields__
    return {name: value for name in names if (value := getattr(struct, name)) is not None}


def show(console: Console, evidence: dict[str, Any]) -> None:
    """Print the evidence for people."""
    if evidence["result"] == "NotUsable":
        console.print(escape(f"not usable: {evidence['reason']}: {evidence['message']}"), highlight=False)
        return
    title = f"{evidence['machine']} at {evidence['endpoint']}, {evidence['time']}"
    made = table("signal", "address", "raw", "value", "unit", "verdict", title=title)
    for signal in evidence["signals"]:
        made.add_row(*(escape(cell) for cell in _cells(signal)))
    console.print(made)
    for line in _summary(evidence):
        console.print(escape(line), highlight=False)


def _head(inputs: Iterable[str], times: Times) -> dict[str, Any]:
    return {
        "tool": "plantwright check",
        "version": importlib.metadata.version("plantwright"),
        "python": platform.python_version(),
        "time": times.began,
        "seconds": times.seconds,
        "inputs": [{"path": path, "sha256": _digest(path)} for path in inputs],
    }


def _digest(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def _signal(row: Row) -> dict[str, Any]:
    given = asdict(row)
    source_ns = given.pop("source_ns")
    time = None if source_ns is None else datetime.fromtimestamp(source_ns / 1e9, UTC).isoformat()
    renamed = {"values_read": "valuesRead"}
    return {renamed.get(name, name): value for name, value in given.items()} | {"sourceTime": time}


def _cells(signal: dict[str, Any]) -> tuple[str, ...]:
    raw, value = (_shown(signal[name]) for name in ("raw", "value"))
    verdict = signal["outcome"] + (f": {signal['reason']}" if signal["reason"] else "")
    name = signal["signal"] + (" *" if signal["required"] else "")
    return name, _place(signal["address"]), raw, value, signal["unit"], verdict


def _place(address: str) -> str:
    """A node without its namespace; an expression whole."""
    return address if address.startswith("= ") else address.rpartition(";")[2]


def _shown(value: Any) -> str:
    text = "" if value is None else str(value)
    plain = "".join(character if character.isprintable() else "?" for character in text)
    return plain if len(plain) <= SHOWN_VALUE else plain[: SHOWN_VALUE - 1] + "…"


def _summary(evidence: dict[str, Any]) -> list[str]:
    signals = evidence["signals"]
    met = sum(signal["outcome"] == "Met" for signal in signals)
    lines = [f"{evidence['result']}: {met} of {len(signals)} signals meet their contract (* required)"]
    if not evidence["connection"]["connected"]:
        connection = evidence["connection"]
        lines.append(f"not connected: {connection['reason']}: {connection['message']}")
    if evidence["unfilledFields"]:
        lines.append(f"fields without a signal: {', '.join(evidence['unfilledFields'])}")
    return lines + list(evidence["assumed"])
