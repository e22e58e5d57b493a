"""Whether everything the contracts require arrives: judged over a window of time, from facts, with no clock.

All times are ns of one clock that the caller chooses; only their differences matter.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from plantwright_gateway.check import reasons

SHOWN_FIELDS = 3
"""A message names this many fields; the metrics name them all."""


class FieldState(NamedTuple):
    """What is known of one field: `seen_ns` None before its first value, `problem` "" while it is valid.

    `ages`: the window is the field's own freshness, so that a value must not be older, required or not.
    """

    contract: str
    field: str
    window_ns: int
    seen_ns: int | None = None
    problem: str = ""
    message: str = ""
    required: bool = True
    ages: bool = False


class Completeness(NamedTuple):
    """The verdict: status True, False or Unknown, a word of the catalogue, and a message that holds no values or ages."""

    status: str
    reason: str
    message: str = ""


def complete_contracts(
    fields: Iterable[FieldState], since_ns: int | None, alive_ns: int | None, now_ns: int
) -> dict[str, bool]:
    """Per contract that requires a field, whether all required ones are there, fresh and within its terms."""
    found: dict[str, bool] = {}
    for field in fields:
        if field.required:
            good = (
                since_ns is not None and field.seen_ns is not None and not _problem(field, since_ns, alive_ns, now_ns)
            )
            found[field.contract] = found.get(field.contract, True) and good
    return found


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
            reason, _, rule = problem.partition(":")
            problems.setdefault(reason, []).append(field._replace(message=rule) if rule else field)
    if problems:
        return _worst(problems)
    if waiting:
        return Completeness("Unknown", reasons.NOT_YET_CHECKED, "not every required field has arrived yet")
    return Completeness("True", reasons.ALL_FIELDS_VALID)


def _problem(field: FieldState, since_ns: int, alive_ns: int | None, now_ns: int) -> str | None:
    """The reason why a field does not meet its contract, "" when it does, None while it is too early to say."""
    if field.problem:
        return field.problem
    if field.seen_ns is None:
        if not field.required:
            return ""
        return reasons.REQUIRED_MISSING if now_ns - since_ns > field.window_ns else None
    confirmed = max(field.seen_ns, since_ns, alive_ns or field.seen_ns)
    if now_ns - confirmed <= field.window_ns or not (field.required or field.ages):
        return ""
    return reasons.FIELD_STALE if field.ages else reasons.REQUIRED_MISSING


CURES = {
    reasons.SIGNAL_UNREADABLE: "mend the signal's address",
    reasons.WRONG_TYPE: "the machine sends another type; mend the signal's address or type, or the contract",
    reasons.NOT_COMPUTABLE: "the signal's expression has no value; check the machine or the expression",
    reasons.NOT_A_NUMBER: "the machine sends NaN or infinity; check the sensor",
    reasons.REQUIRED_MISSING: "nothing arrives; check the signal's address, and whether the machine gives it in this state",
    reasons.FIELD_STALE: "it arrives too rarely; check the machine, the signal's interval or the field's freshnessSeconds",
    reasons.OUT_OF_RANGE: "outside minimum and maximum; check the machine, the signal's scale or the contract",
    reasons.NOT_IN_ENUM: "none of the values allowed; name the code in signals[].values, or mend the contract",
    reasons.TOO_LONG: "longer than maxLength; check the signal's length or the contract",
    reasons.TOO_SHORT: "shorter than minLength; check the signal's address or the contract",
    reasons.PATTERN_MISMATCH: "does not match pattern; check the machine or the contract",
    reasons.CHANGES_TOO_FAST: "changes faster than maxChangePerSecond; check the sensor or the contract",
    reasons.RULE_VIOLATED: "check the machine or the contract's rules",
    reasons.NO_PSEUDONYM_KEY: "kept back until its pseudonym can be made: mount the Secret that the Plant's "
    "spec.pseudonymisation names, with a `key` of 32 bytes or more",
    reasons.INCOMPLETE: "required fields were missing or wrong for too long; check the machine and its network",
    reasons.BLOCKED: "kept back until the rule that blocks holds again",
}
"""What a person does about it, unless the field says more. Where several fields fail, the reason that stands first here is
told: what lies nearest to the machine often causes the rest. No text holds values or ages, which would make each a change."""


def _worst(problems: Mapping[str, list[FieldState]]) -> Completeness:
    reason = next((reason for reason in CURES if reason in problems), next(iter(problems)))
    failing = problems[reason]
    names = ", ".join(f"{field.contract}.{field.field}" for field in failing[:SHOWN_FIELDS])
    more = f" and {len(failing) - SHOWN_FIELDS} more" if len(failing) > SHOWN_FIELDS else ""
    detail = next((field.message for field in failing if field.message), CURES.get(reason, ""))
    return Completeness("False", reason, f"{names}{more}: {detail}" if detail else f"{names}{more}")
