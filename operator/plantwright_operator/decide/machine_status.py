"""A machine's status as it should read, and when a difference is worth a write.

etcd is no historian: values and counts never enter here. What flips together is held back a few seconds so that it goes
out in one write, and a mere change of reason waits until it has lasted.
"""

from collections.abc import Iterable, Mapping

from plantwright_api.v1alpha1.base import Condition
from plantwright_api.v1alpha1.machine import MachineStatus
from plantwright_operator.decide import conditions
from plantwright_operator.decide.conditions import Observed
from plantwright_operator.model import Resolved

PROBLEM_LENGTH = 256
_PROBLEMS = ("Ready", "Connected", "DataFresh", "Buffered", "ContractMet", "ScheduleCurrent")
"""Conditions whose failure is a problem, worst first. Durable and Secure tell of choices, not of trouble."""

_COMPLETE = ("Ready", "Commissioned", "Connected", "DataFresh", "ContractMet", "Buffered")

SETTLE = 5.0
"""Seconds that a flip waits for its companions: Connected for fresh data, say."""
FIRST_VALUE = 10.0
"""Seconds that Ready waits for the first stored value, so that both go out in one write."""
STARTING = 60.0
"""Seconds that anything else waits while a gateway starts: it goes out with Ready."""
READY_REASON = 5.0
NOT_SCHEDULED = 30.0
"""A claim that is being made keeps its pod unscheduled for a while; that is no news yet."""
OTHER_REASON = 120.0
MESSAGE = 300.0


def compose(observed: Observed, now: str) -> MachineStatus:
    """The status the machine should have. `now` is RFC 3339 UTC."""
    judged = conditions.judge(observed)
    merged = conditions.merge(judged, observed.previous.conditions, observed.generation, now)
    before, gateway = observed.previous, conditions.gateway_machine(observed.report)
    in_force = judged["Ready"].status == "True" and observed.resolved is not None and not observed.suspended
    return MachineStatus(
        observed_generation=observed.generation,
        conditions=merged,
        gateway_uid=(gateway.uid if gateway else None) or before.gateway_uid,
        config_hash=conditions.reported_hash(observed) or before.config_hash,
        profile=_profile(observed.resolved) if in_force and observed.resolved else before.profile,
        contracts=_contracts(observed.resolved) if in_force and observed.resolved else before.contracts,
        first_stored_time=before.first_stored_time or (gateway.first_stored_time if gateway else None),
        problem=problem(merged),
    )


def problem(found: Iterable[Condition]) -> str | None:
    """The most important thing that is wrong, as one line; None where nothing is."""
    by_type = {condition.type: condition for condition in found}
    for type_ in _PROBLEMS:
        condition = by_type.get(type_)
        if condition is not None and _is_problem(condition):
            return f"{condition.reason}: {condition.message}".removesuffix(": ")[:PROBLEM_LENGTH]
    return None


def differences(before: MachineStatus, after: MachineStatus) -> dict[str, float]:
    """Each difference by name, and for how many seconds it must have lasted before it is written."""
    if not before.conditions:
        return {"new": 0.0}
    found: dict[str, float] = {}
    old = {c.type: c for c in before.conditions}
    new = {c.type: c for c in after.conditions}
    if _becomes_ready(old, new):
        return {"Ready True": _flip("Ready", new)}
    at_least = STARTING if _is_starting(old, new) else 0.0
    for type_ in {**old, **new}:
        if type_ not in conditions.TRANSIENT:
            least = 0.0 if type_ == "Ready" else at_least
            found |= {name: max(lasting, least) for name, lasting in _difference(type_, old.get(type_), new).items()}
    if set(old) ^ set(new):
        found["types"] = max(SETTLE, at_least)
    if before.observed_generation != after.observed_generation:
        found[f"generation {after.observed_generation}"] = 0.0 if "Stalled" in new else SETTLE
    for name in ("gateway_uid", "config_hash", "profile", "contracts", "first_stored_time"):
        if getattr(before, name) != getattr(after, name):
            found[name] = max(SETTLE, at_least)
    return found


def due_in(pending: Mapping[str, float], since: Mapping[str, float], now: float) -> float | None:
    """Seconds until the earliest difference has lasted long enough; 0 or less: write; None: there is none.

    Args:
        pending: differences and how long each must last.
        since: when each was seen first, on the same clock as `now`.
    """
    return min((since[name] + lasting - now for name, lasting in pending.items()), default=None)


def _difference(type_: str, old: Condition | None, new: Mapping[str, Condition]) -> dict[str, float]:
    current = new.get(type_)
    if old is None or current is None:
        return {f"{type_} appears or goes": SETTLE}
    if old.status != current.status:
        return {f"{type_} {current.status}": _flip(type_, new)}
    settled = "Reconciling" not in new
    if old.reason != current.reason:
        return {f"{type_} {current.reason}": _reason(type_, current.reason, settled)}
    if old.message != current.message:
        return {f"{type_} message": READY_REASON if type_ == "Ready" and settled else MESSAGE}
    return {}


def _reason(type_: str, reason: str, settled: bool) -> float:
    """A mere change of reason: quick where a person waits for it, slow where machines come and go."""
    if reason == "PodNotScheduled":
        return NOT_SCHEDULED
    return READY_REASON if type_ == "Ready" or not settled else OTHER_REASON


def _becomes_ready(old: Mapping[str, Condition], new: Mapping[str, Condition]) -> bool:
    """Its write carries all that differs; what began to differ earlier must not hasten it."""
    return new["Ready"].status == "True" and ("Ready" not in old or old["Ready"].status != "True")


def _is_starting(old: Mapping[str, Condition], new: Mapping[str, Condition]) -> bool:
    was = old["Ready"].status if "Ready" in old else ""
    return was != "True" and new["Ready"].status != "True" and "Reconciling" in new


def _flip(type_: str, new: Mapping[str, Condition]) -> float:
    """How long a flip waits. What a person waits for goes out at once when its companions are there too."""
    status = {t: c.status for t, c in new.items()}
    flowing = status.get("Connected") == "True" and status.get("DataFresh") == "True"
    lost = _is_lost(new.get("Connected"))
    if type_ in ("Ready", "Commissioned"):
        complete = all(status.get(t) == "True" for t in _COMPLETE)
        return 0.0 if complete or lost or "Stalled" in status else FIRST_VALUE
    if type_ in ("Connected", "DataFresh"):
        return 0.0 if flowing or lost else SETTLE
    return SETTLE


def _is_lost(connected: Condition | None) -> bool:
    """The session is gone for certain; one that is being made may be there in a moment."""
    return connected is not None and connected.status != "True" and connected.reason != "Connecting"


def _is_problem(condition: Condition) -> bool:
    if condition.status == "False":
        return condition.reason != "Suspended"
    return condition.status == "Unknown" and condition.reason == "GatewaySilent"


def _profile(resolved: Resolved) -> str:
    return f"{resolved.profile.family()} {resolved.profile.spec.version}"


def _contracts(resolved: Resolved) -> list[str]:
    return [f"{c.family()} {c.spec.version}" for c in resolved.contracts]
