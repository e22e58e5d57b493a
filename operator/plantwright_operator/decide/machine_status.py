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
_PROBLEMS = ("Ready", "Connected", "DataFresh", "Buffered", "ContractMet")
"""Conditions whose failure is a problem, worst first. Durable and Secure tell of choices, not of trouble."""

SETTLE = 5.0
"""Seconds that a flip waits for its companions: Ready for the first stored value, Connected for fresh data."""
READY_REASON = 5.0
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
    for type_ in {**old, **new}:
        if type_ not in conditions.TRANSIENT:
            found.update(_difference(type_, old.get(type_), new))
    if set(old) ^ set(new):
        found["types"] = SETTLE
    if before.observed_generation != after.observed_generation:
        found[f"generation {after.observed_generation}"] = 0.0 if "Stalled" in new else SETTLE
    for name in ("gateway_uid", "config_hash", "profile", "contracts", "first_stored_time"):
        if getattr(before, name) != getattr(after, name):
            found[name] = SETTLE
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
    if old.reason != current.reason:
        quick = type_ == "Ready" or "Stalled" in new
        return {f"{type_} {current.reason}": READY_REASON if quick else OTHER_REASON}
    if old.message != current.message:
        return {f"{type_} message": READY_REASON if type_ == "Ready" else MESSAGE}
    return {}


def _flip(type_: str, new: Mapping[str, Condition]) -> float:
    """How long a flip waits. What a person waits for goes out at once when its companions are there too."""
    status = {t: c.status for t, c in new.items()}
    flowing = status.get("Connected") == "True" and status.get("DataFresh") == "True"
    complete = flowing and status.get("Ready") == "True" and status.get("Commissioned") == "True"
    if type_ in ("Ready", "Commissioned"):
        return 0.0 if complete or "Stalled" in status else SETTLE
    if type_ in ("Connected", "DataFresh"):
        return 0.0 if flowing or _is_lost(new.get("Connected")) else SETTLE
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
