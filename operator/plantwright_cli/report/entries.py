"""What needs someone, and whom: from the objects of a cluster with their statuses. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Literal, NamedTuple

from plantwright_api.v1alpha1 import GovernancePolicy, KubernetesObject, Machine, Plant
from plantwright_api.v1alpha1.base import Condition, Owner, Status
from plantwright_cli.tree import Name, name_of
from plantwright_operator.decide import owners

State = Literal["Broken", "Violates", "Due", "Waived"]
"""Broken: not in force, not connected or not up to its contract. Violates: breaks a policy's rule. Due: an exception has ended or
ends soon. Waived: an exception is in force."""
STATES: tuple[State, ...] = ("Broken", "Violates", "Due", "Waived")
NOBODY = Owner(team="(no owner)")


class Entry(NamedTuple):
    """One thing that needs its owner. `since` is RFC 3339 or a date, empty where it is not known."""

    owner: Owner
    state: State
    kind: str
    name: Name
    since: str
    message: str


def entries(objects: Sequence[KubernetesObject], today: date, soon: timedelta) -> list[Entry]:
    """All of them, by team, worst first.

    Args:
        objects: as a cluster has them, with their statuses.
        today: decides which exceptions have ended.
        soon: how long before its end an exception is due.
    """
    plants = {name_of(obj): obj for obj in objects if isinstance(obj, Plant)}
    found = [entry for obj in objects for entry in _of(obj, plants)]
    found += [
        entry for obj in objects if isinstance(obj, GovernancePolicy) for entry in _exceptions(obj, today, today + soon)
    ]
    return sorted(
        found, key=lambda e: (e.owner.team == NOBODY.team, e.owner.team, STATES.index(e.state), e.kind, e.name)
    )


def owner_of(obj: KubernetesObject, plants: Mapping[Name, Plant]) -> Owner:
    """Who answers for an object, by the rule that metrics and Events follow too."""
    plant = None
    if isinstance(obj, Machine):
        plant = plants.get(Name(obj.metadata.namespace, obj.spec.plant_ref.name))
    return owners.of(obj, plant) or NOBODY


def _of(obj: KubernetesObject, plants: Mapping[Name, Plant]) -> Iterator[Entry]:
    status = getattr(obj, "status", None)
    if not isinstance(status, Status):
        return
    conditions = {condition.type: condition for condition in status.conditions}
    owner = owner_of(obj, plants)
    failing = _failing(obj, conditions)
    if failing is not None:
        message = f"{failing.reason}: {failing.message}".removesuffix(": ")
        yield Entry(owner, "Broken", obj.kind, name_of(obj), failing.last_transition_time, message)
    policy = conditions.get("PolicyMet")
    if policy is not None and policy.status == "False" and (failing is None or failing.reason != "PolicyViolated"):
        yield Entry(owner, "Violates", obj.kind, name_of(obj), policy.last_transition_time, policy.message)


_TELLING = ("Ready", "Connected", "DataFresh", "Buffered", "ContractMet")
"""Conditions that tell of trouble, worst first."""


def _failing(obj: KubernetesObject, conditions: Mapping[str, Condition]) -> Condition | None:
    types = _TELLING if isinstance(obj, Machine) else _TELLING[:1]
    return next((c for type_ in types if (c := conditions.get(type_)) is not None and c.status == "False"), None)


def _exceptions(policy: GovernancePolicy, today: date, soon: date) -> Iterable[Entry]:
    for exception in policy.spec.exceptions:
        try:
            ends = date.fromisoformat(exception.expires)
        except ValueError:  # no date: the policy is refused for it, and says so itself
            continue
        state: State = "Due" if ends < soon else "Waived"
        objects = ", ".join(exception.names)
        tense = "ended" if ends < today else "ends"
        message = f"{exception.rule} is waived for {exception.kind} {objects}; it {tense} on {exception.expires}: {exception.reason}"
        yield Entry(exception.owner, state, policy.kind, name_of(policy), exception.expires, message)
