"""Whether everything the contracts require arrives: judged over a window of time, from facts, with no clock.

All times are ns of one clock that the caller chooses; only their differences matter.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from plantwright_gateway.check import reasons

SHOWN_FIELDS = 3
"""A message names this many fields; the metrics name them all."""


class FieldState(NamedTuple):
    """What is known of one field: `seen_ns` None before its first value, `problem` "" while it is valid."""

    contract: str
    field: str
    window_ns: int
    seen_ns: int | None = None
    problem: str = ""
    message: str = ""
    required: bool = True


class Completeness(NamedTuple):
    """The verdict: status True, False or Unknown, a word of the catalogue, and a message that holds no values or ages."""

    status: str
    reason: str
    message: str = ""


def judge(fields: Iterable[FieldState], since_ns: int | None, alive_ns: int | None, now_ns: int) -> Completeness:
    """Judge the fields: a required one must arrive, and none that arrives or is read may be wrong.

    `since_ns` is when the session came up (None: it is down); `alive_ns` when the machine last confirmed that nothing
    changed. A field that was never seen is missing once its window has passed since then.
    """
    if since_ns is None:
        return Completeness("Unknown", reasons.NOT_YET_CHECKED, "no session with the machine")
    problems: dict[str, list[FieldState]] = {}
    waiting = False
    for field in fields:
        problem = _problem(field, since_ns, alive_ns, now_ns)
        if problem is None:
            waiting = True
        elif problem:
            problems.setdefault(problem, []).append(field)
    if problems:
        return _worst(problems)
    if waiting:
        return Completeness("Unknown", reasons.NOT_YET_CHECKED, "not every required field has arrived yet")
    return Completeness("True", reasons.ALL_FIELDS_VALID)


def _problem(field: FieldState, since_ns: int, alive_ns: int | None, now_ns: int) -> str | None:
    """The reason why a field does not meet its contract, "" when it does, None while it is too early to say."""
    if field.problem:
        return field.problem
    if not field.required:
        return ""
    if field.seen_ns is None:
        return reasons.REQUIRED_MISSING if now_ns - since_ns > field.window_ns else None
    confirmed = max(field.seen_ns, since_ns, alive_ns or field.seen_ns)
    return reasons.REQUIRED_MISSING if now_ns - confirmed > field.window_ns else ""


ORDER = (
    reasons.SIGNAL_UNREADABLE,
    reasons.WRONG_TYPE,
    reasons.NOT_A_NUMBER,
    reasons.REQUIRED_MISSING,
    reasons.OUT_OF_RANGE,
    reasons.NOT_IN_ENUM,
    reasons.TOO_LONG,
)
"""Where several fields fail, what lies nearest to the machine is named first: it often causes the rest."""


def _worst(problems: Mapping[str, list[FieldState]]) -> Completeness:
    reason = next((reason for reason in ORDER if reason in problems), next(iter(problems)))
    failing = problems[reason]
    names = ", ".join(f"{field.contract}.{field.field}" for field in failing[:SHOWN_FIELDS])
    more = f" and {len(failing) - SHOWN_FIELDS} more" if len(failing) > SHOWN_FIELDS else ""
    detail = next((f": {field.message}" for field in failing if field.message), "")
    return Completeness("False", reason, f"{names}{more}{detail}")
