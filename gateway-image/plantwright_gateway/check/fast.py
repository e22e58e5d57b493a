"""The short way of a check: one generated function per signal that knows at a glance that a value is fine.

Whatever it does not know it leaves to the plain check, so it can only be wrong by calling something fine that is not; a test
holds both against each other. Its source holds numbers through `repr` and nothing that a user wrote.
"""

import math
import re
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Final, NamedTuple, Protocol

from plantwright_api.wire.config import ContractField, Signal
from plantwright_api.wire.delivery import Scalar
from plantwright_gateway.check.pace import Pace
from plantwright_gateway.check.values import LARGEST_INTEGER, SMALLEST_INTEGER, code_of, divisor_of
from plantwright_gateway.check.verdict import Verdict


class Check(Protocol):
    """The check of one signal: a raw value and its source time in ns in, a verdict out."""

    def __call__(self, raw: Scalar, time_ns: int = 0, /) -> Verdict:
        """Judge one value."""
        ...


class Guard(NamedTuple):
    """When a raw value is fine: a condition over `raw` that may set `value`, and which of both is delivered."""

    condition: str
    delivers: str = "raw"


Namespace = dict[str, Any]
REMEMBERED: Final = 256
"""Texts of a field with a pattern that are known to be fine: machines send the same few again and again."""
LONGEST_REMEMBERED: Final = 64
_LARGEST_FLOAT: Final = sys.float_info.max


def specialised(signal: Signal, field: ContractField, pace: Pace | None, plain: Check) -> Check:
    """The plain check with a short way before it; the plain one itself where there is none."""
    names: Namespace = {"Verdict": Verdict, "plain": plain, "pace": pace, "is_time": is_time}
    if signal.values:
        names["by_int"], names["by_text"] = _fine_codes(signal, plain)
        guards = [
            Guard(f"raw.__class__ is {kind} and (value := {table}.get(raw)) is not None", "value")
            for kind, table in _BY_CODE
        ]
    elif field.type == "String" and field.pattern and not field.enum:
        names["matches"] = matcher(field.pattern)
        if names["matches"] is None:
            return _remembering(plain)
        guards = list(_matching(signal, field))
    else:
        names["allowed"] = frozenset(_fine_choices(field, plain))
        guards = list(_GUARDS[field.type](signal, field))
    return _made(guards, pace is not None and not signal.values, names) if guards else plain


_BY_CODE: Final = (("int", "by_int"), ("str", "by_text"))


def _made(guards: list[Guard], paced: bool, names: Namespace) -> Check:
    lines = ["def check(raw, time_ns=0):", "    try:"]
    for guard in guards:
        lines.append(f"        if {guard.condition}:")
        lines += _paced(guard) if paced else [f"            return Verdict({guard.delivers})"]
    lines += ["    except OverflowError:", "        pass", "    return plain(raw, time_ns)"]
    exec(compile("\n".join(lines), "<check>", "exec"), names)  # noqa: S102  made of this file's own pieces
    check: Check = names["check"]
    return check


def _paced(guard: Guard) -> list[str]:
    value = guard.delivers
    return [
        "            passed = time_ns - pace.time_ns",
        "            most = pace.limit * passed",
        f"            if passed > 0 and -most <= {value} - pace.value <= most:",
        f"                pace.value, pace.time_ns = {value}, time_ns",
        f"                return Verdict({value})",
    ]


def _number(signal: Signal, field: ContractField) -> Iterator[Guard]:
    if field.enum:
        return
    low, high = _bounds(field, _LARGEST_FLOAT)
    if signal.scale == 1 and signal.offset == 0:
        yield Guard(f"raw.__class__ is float and {low!r} <= raw <= {high!r}")
        yield from _whole(signal, field)
        return
    divisor = divisor_of(signal.scale)
    scaled = f"raw / {divisor!r}" if divisor else f"raw * {signal.scale!r}"
    for kind in ("int", "float"):
        yield Guard(
            f"raw.__class__ is {kind} and {low!r} <= (value := {scaled} + {signal.offset!r}) <= {high!r}", "value"
        )


def _bounds(field: ContractField, most: float) -> tuple[float, float]:
    """The field's range within what a float can be; beyond it, and for NaN, the comparison fails."""
    low = -most if field.minimum is None else max(field.minimum, -most)
    high = most if field.maximum is None else min(field.maximum, most)
    return low, high


def _whole(_signal: Signal, field: ContractField) -> Iterator[Guard]:
    low, high = _bounds(field, _LARGEST_FLOAT)
    least, most = max(math.ceil(low), SMALLEST_INTEGER), min(math.floor(high), LARGEST_INTEGER)
    yield Guard(f"raw.__class__ is int and {least!r} <= raw <= {most!r}")


def _integer(signal: Signal, field: ContractField) -> Iterator[Guard]:
    if signal.scale != 1 or signal.offset != 0:
        return
    if field.enum:
        yield Guard("raw.__class__ is int and raw in allowed")
    else:
        yield from _whole(signal, field)


def _boolean(signal: Signal, field: ContractField) -> Iterator[Guard]:
    if signal.scale == 1 and signal.offset == 0:
        yield Guard("raw is True or raw is False" if not field.enum else "raw.__class__ is bool and raw in allowed")


def _string(signal: Signal, field: ContractField) -> Iterator[Guard]:
    if signal.scale != 1 or signal.offset != 0:
        return
    if field.enum:
        yield Guard("raw.__class__ is str and raw in allowed")
        return
    low, high = field.min_length or 0, LARGEST_INTEGER if field.max_length is None else field.max_length
    yield Guard(f"raw.__class__ is str and {low!r} <= len(raw) <= {high!r} and raw.isascii()")


def _matching(signal: Signal, field: ContractField) -> Iterator[Guard]:
    for guard in _string(signal, field):
        yield Guard(f"{guard.condition} and len(raw) <= {LONGEST_REMEMBERED} and matches(raw)")


_ATOM: Final = r"(?:[A-Za-z0-9 _/:]|-|\\[.d-]|\[(?:[A-Za-z0-9_](?:-[A-Za-z0-9_])?)+-?\])"
_SIMPLE: Final = re.compile(rf"\^(?:{_ATOM}(?:[+*?]|\{{[0-9]{{1,3}}(?:,[0-9]{{1,3}})?\}})?)+\$")
_VARIABLE: Final = re.compile(r"[+*?]|,[0-9]+\}")


def matcher(pattern: str) -> Callable[[str], object] | None:
    """Python's own matcher for patterns that cannot make it slow; for all others there is RE2 alone.

    Those are one character class after the other between `^` and `$`, at most two of them repeated a varying number of times:
    over the short texts it is asked for, its steps are bounded by their length squared. Both read such a pattern alike, and
    Python's `re` takes a tenth of the time of RE2's wrapper.
    """
    if not _SIMPLE.fullmatch(pattern) or len(_VARIABLE.findall(pattern)) > 2:
        return None
    return re.compile(pattern[:-1] + r"\Z", re.ASCII).match


def _timestamp(signal: Signal, field: ContractField) -> Iterator[Guard]:
    if signal.scale == 1 and signal.offset == 0 and not field.enum:
        yield Guard("raw.__class__ is str and is_time(raw)")


_GUARDS: Final[dict[str, Callable[[Signal, ContractField], Iterator[Guard]]]] = {
    "Boolean": _boolean,
    "Integer": _integer,
    "Number": _number,
    "String": _string,
    "Timestamp": _timestamp,
}


def is_time(text: str) -> bool:
    """Whether a text is a time with its offset."""
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _fine_choices(field: ContractField, plain: Check) -> Iterator[Scalar]:
    """The values of the field's enum that meet all its other rules as well."""
    read = _CHOICES.get(field.type)
    for code in field.enum if read else ():
        try:
            value = read(code) if read else code
        except (ValueError, KeyError):
            continue
        if code_of(value) == code and plain(value) == Verdict(value):
            yield value


_CHOICES: Final[dict[str, Callable[[str], Scalar]]] = {
    "Boolean": {"true": True, "false": False}.__getitem__,
    "Integer": int,
    "String": str,
}


def _fine_codes(signal: Signal, plain: Check) -> tuple[dict[int, Scalar], dict[str, Scalar]]:
    """What a machine's codes stand for, as it sends them, where that meets the field."""
    texts = {code: verdict.value for code in signal.values if not ((verdict := plain(code)).flag or verdict.refused)}
    numbers = {
        int(code): value for code, value in texts.items() if code.lstrip("-").isdecimal() and str(int(code)) == code
    }
    return numbers, texts


def _remembering(plain: Check) -> Check:
    """A pattern is searched once per text, as long as the few texts that come back are remembered."""
    fine: dict[Scalar, Verdict] = {}
    known = fine.get

    def check(raw: Scalar, time_ns: int = 0) -> Verdict:
        verdict = known(raw)
        if verdict is not None:
            return verdict
        verdict = plain(raw, time_ns)
        if not verdict.flag and not verdict.refused and len(verdict.value) <= LONGEST_REMEMBERED:  # type: ignore[arg-type]
            if len(fine) >= REMEMBERED:
                fine.clear()
            fine[verdict.value] = verdict
        return verdict

    return check
