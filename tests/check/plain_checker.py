"""A contract checker that is obviously right and slow: decided anew for every value, no state but what the rules name.

It shares no code with the gateway's: own readings of types, Fractions where the gateway has floats' shortcuts, `re` for RE2.
"""

import math
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any, NamedTuple

from plantwright_api.wire.config import Contract, ContractField, Signal

INTEGERS = range(-(2**63), 2**64)
Result = tuple[Any, str, str]
"""Value, flag, refused."""


class Reading(NamedTuple):
    signal: str
    value: Any
    source_ns: int


def code(raw: Any) -> str:
    if raw is True or raw is False:
        return str(raw).lower()
    return str(int(raw)) if isinstance(raw, float) and raw.is_integer() else str(raw)


def interpreted(raw: Any, kind: str, scale: float, offset: float) -> tuple[Any, str]:
    """The value, or None and the reason why there is none."""
    number = isinstance(raw, (int, float)) and not isinstance(raw, bool)
    if scale != 1 or offset != 0:
        if not number:
            return None, "WrongType"
        if not abs(raw) <= sys.float_info.max:
            return None, "NotANumber"
        exact = Fraction(1, round(1 / scale)) if scale < 1 else Fraction(scale)
        try:
            raw = float(Fraction(float(raw)) * exact) + offset
        except OverflowError:
            return None, "NotANumber"
    if kind == "Boolean":
        fits = isinstance(raw, bool) or (number and raw in (0, 1))
        return (bool(raw), "") if fits else (None, "WrongType")
    if kind in ("Integer", "Number"):
        return as_number(raw, kind) if number else (None, "WrongType")
    return as_text(raw, kind)


def as_number(raw: Any, kind: str) -> tuple[Any, str]:
    if isinstance(raw, float) and not math.isfinite(raw):
        return None, "NotANumber"
    if kind == "Integer" and isinstance(raw, float):
        if abs(raw - round(raw)) > 1e-9 * max(1.0, abs(raw)):
            return None, "WrongType"
        raw = round(raw)
    return (raw, "") if isinstance(raw, float) or raw in INTEGERS else (None, "WrongType")


def as_text(raw: Any, kind: str) -> tuple[Any, str]:
    if not isinstance(raw, str) or any("\ud800" <= c <= "\udfff" for c in raw):
        return None, "WrongType"
    if kind == "Timestamp":
        try:
            zoned = datetime.fromisoformat(raw).tzinfo is not None
        except ValueError:
            zoned = False
        return (raw, "") if zoned else (None, "WrongType")
    return raw, ""


def broken_rule(value: Any, field: ContractField) -> tuple[str, str]:
    """Rule and reason of the first rule that the value alone breaks, or two empty texts."""
    if field.minimum is not None and value < field.minimum:
        return "Range", "OutOfRange"
    if field.maximum is not None and value > field.maximum:
        return "Range", "OutOfRange"
    if field.enum and code(value) not in field.enum:
        return "Enum", "NotInEnum"
    if field.min_length is not None and len(value) < field.min_length:
        return "Length", "TooShort"
    if field.max_length is not None and len(value) > field.max_length:
        return "Length", "TooLong"
    if field.pattern is not None and not re.search(field.pattern.replace("$", r"\Z"), value):
        return "Pattern", "PatternMismatch"
    return "", ""


class PlainChecker:
    """One machine. `rules` gives per rule of the contract the same condition as a Python function of its fields."""

    def __init__(self, contract: Contract, signals: Sequence[Signal], rules: Mapping[str, Callable[..., Any]]) -> None:
        self.contract, self.rules = contract, rules
        self.signals = {signal.name: signal for signal in signals}
        self.fields = {field.name: field for field in contract.fields}
        self.history: dict[str, list[tuple[int, Any]]] = {name: [] for name in self.fields}
        self.known: dict[str, Any] = {}
        self.blocking: set[str] = set()

    def step(self, readings: Sequence[Reading]) -> list[Result]:
        """Verdicts on readings that hold each signal once."""
        results = []
        for reading in readings:
            signal = self.signals[reading.signal]
            value, rule, reason = self.judge(reading, signal)
            results.append(self.follow(reading, signal.field, value, rule, reason))
        results = self.across(readings, results)
        if self.blocking:
            results = [
                r if r[2] or r[0] is None else (m.value, "", "Blocked") for m, r in zip(readings, results, strict=True)
            ]
        return results

    def judge(self, reading: Reading, signal: Signal) -> tuple[Any, str, str]:
        field, raw = self.fields[signal.field], reading.value
        scale, offset = signal.scale, signal.offset
        if code(raw) in signal.values:
            raw, scale, offset = self.named(signal.values[code(raw)], field), 1.0, 0.0
        elif signal.values and field.type == "String" and isinstance(raw, int):
            return code(raw), "Enum", "NotInEnum"
        value, reason = interpreted(raw, field.type, scale, offset)
        if reason:
            return None, "Type", reason
        rule, reason = broken_rule(value, field)
        if not rule and field.max_change_per_second is not None and raw is reading.value:
            if self.too_fast(field, value, reading.source_ns):
                return value, "RateOfChange", "ChangesTooFast"
            self.history[field.name].append((reading.source_ns, value))
        return value, rule, reason

    def named(self, name: str, field: ContractField) -> Any:
        return {"Boolean": lambda: name == "true", "Integer": lambda: int(name)}.get(field.type, lambda: name)()

    def too_fast(self, field: ContractField, value: Any, time_ns: int) -> bool:
        if not self.history[field.name]:
            return False
        before_ns, before = self.history[field.name][-1]
        most = Fraction(field.max_change_per_second or 0) * Fraction(time_ns - before_ns, 10**9)
        return abs(Fraction(value) - Fraction(before)) > most * (1 + Fraction(1, 10**9))

    def follow(self, reading: Reading, field: str, value: Any, rule: str, reason: str) -> Result:
        """The verdict by the rule's action; the last values and what blocks are brought up to date."""
        declared = self.fields[field]
        action = declared.actions.get(rule, "Quarantine" if rule == "Type" else declared.on_violation) if rule else ""
        (self.blocking.add if action == "Block" else self.blocking.discard)(reading.signal)
        refused = action in ("Quarantine", "Block")
        self.known[field] = None if refused else value
        if refused:
            return reading.value, "", reason
        return value, reason, ""

    def across(self, readings: Sequence[Reading], results: list[Result]) -> list[Result]:
        arrived = {self.signals[reading.signal].field: index for index, reading in enumerate(readings)}
        for rule in self.contract.rules:
            names = self.rules[rule.name].__code__.co_varnames[: self.rules[rule.name].__code__.co_argcount]
            values = [self.known.get(name) for name in names]
            if None in values or not set(names) & set(arrived) or self.rules[rule.name](*values) is not False:
                continue
            for index in (arrived[name] for name in names if name in arrived):
                value, flag, refused = results[index]
                if refused:
                    continue
                if rule.on_violation == "Quarantine":
                    results[index] = (readings[index].value, "", f"RuleViolated:{rule.name}")
                elif not flag:
                    results[index] = (value, f"RuleViolated:{rule.name}", "")
        return results
