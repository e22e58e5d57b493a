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
from plantwright_gateway.check.values import LARGEST_INTEGER, LONGEST_TEXT, SMALLEST_INTEGER, code_of, divisor_of
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


class Glance(NamedTuple):
    """How a function that sees a raw value knows that it is fine: by any of the guards, or not at all where there is none.

    `names` is what the guards need besides `raw`; all guards deliver the same. A value that passes one must keep the pace.
    """

    guards: tuple[Guard, ...]
    names: Namespace
    pace: Pace | None = None


def glance_of(signal: Signal, field: ContractField, pace: Pace | None, plain: Check) -> Glance:
    """What the short ways past the plain check know of a signal."""
    if signal.values:
        by_int, by_text = _fine_codes(signal, plain)
        return Glance(_BY_CODE, {"by_int": by_int, "by_text": by_text})
    if field.type == "String" and field.pattern and not field.enum:
        matches = matcher(field.pattern)
        return Glance(tuple(_matching(signal, field)) if matches else (), {"matches": matches})
    allowed = frozenset(_fine_choices(field, plain))
    bits = [bit for bit in (False, True) if not field.enum or bit in allowed]
    names: Namespace = {
        "allowed": allowed,
        "by_bit": {bit: bit for bit in bits},
        "is_time": is_time,
        "is_text": is_text,
    }
    return Glance(tuple(_GUARDS[field.type](signal, field)), names, pace)


def specialised(field: ContractField, glance: Glance, plain: Check) -> Check:
    """The plain check with a short way before it; the plain one itself where there is none."""
    if glance.guards:
        return _made(glance, plain)
    return _remembering(plain) if "matches" in glance.names and field.pattern else plain


_BY_CODE: Final = (
    Guard("raw.__class__ is int and (value := by_int.get(raw)) is not None", "value"),
    Guard("(value := by_text.get(raw)) is not None", "value"),
)


def _made(glance: Glance, plain: Check) -> Check:
    lines = ["def check(raw, time_ns=0):", "    try:"]
    for guard in glance.guards:
        lines.append(f"        if {guard.condition}:")
        lines += _paced(guard) if glance.pace else [f"            return Verdict({guard.delivers})"]
    lines += ["    except OverflowError:", "        pass", "    return plain(raw, time_ns)"]
    names = {"Verdict": Verdict, "plain": plain, "pace": glance.pace, **glance.names}
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


def _boolean(signal: Signal, _field: ContractField) -> Iterator[Guard]:
    if signal.scale == 1 and signal.offset == 0:
        yield Guard("(value := by_bit.get(raw)) is not None", "value")


def _string(signal: Signal, field: ContractField) -> Iterator[Guard]:
    if signal.scale != 1 or signal.offset != 0:
        return
    if field.enum:
        yield Guard("raw in allowed")
        return
    yield Guard(f"raw.__class__ is str and {_length(field, LONGEST_TEXT)} and (raw.isascii() or is_text(raw))")


def _matching(signal: Signal, field: ContractField) -> Iterator[Guard]:
    if signal.scale == 1 and signal.offset == 0:
        yield Guard(f"raw.__class__ is str and {_length(field, LONGEST_REMEMBERED)} and matches(raw)")


def _length(field: ContractField, most: int) -> str:
    """The condition that a text is as long as it may be, and no longer than this."""
    high = most if field.max_length is None else min(field.max_length, most)
    return f"{field.min_length} <= len(raw) <= {high}" if field.min_length else f"len(raw) <= {high}"


_ATOM: Final = r"(?:[A-Za-z0-9 _/:]|-|\\[.d-]|\[(?:[A-Za-z0-9_](?:-[A-Za-z0-9_])?)+-?\])"
_SIMPLE: Final = re.compile(rf"\^(?:{_ATOM}(?:[+*?]|\{{[0-9]{{1,3}}(?:,[0-9]{{1,3}})?\}})?)+\$")
_VARIABLE: Final = re.compile(r"[+*?]|,[0-9]+\}")


def matcher(pattern: str) -> Callable[[str], object] | None:
    """Python's own matcher for patterns that cannot make it slow; for all others there is RE2 alone.

    Those are one character class after the other between `^` and `$`, at most two of them repeated a varying number of times:
    over the short texts it is asked for, its steps are bounded by their length squared. Both read such a pattern alike, and
    Python's `re` takes a tenth of the time of RE2's wrapper. What it matches is ASCII.
    """
    if not _SIMPLE.fullmatch(pattern) or len(_VARIABLE.findall(pattern)) > 2:
        return None
    return re.compile(pattern[:-1] + r"\Z", re.ASCII).match


def _timestamp(signal: Signal, field: ContractField) -> Iterator[Guard]:
    if signal.scale == 1 and signal.offset == 0 and not field.enum:
        yield Guard(f"raw.__class__ is str and len(raw) <= {LONGEST_REMEMBERED} and is_time(raw)")


_GUARDS: Final[dict[str, Callable[[Signal, ContractField], Iterator[Guard]]]] = {
    "Boolean": _boolean,
    "Integer": _integer,
    "Number": _number,
    "String": _string,
    "Timestamp": _timestamp,
}


def is_text(text: str) -> bool:
    """Whether a text can be written as UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


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
