"""Who answers for an object: one rule for metrics, Events and `plantwright report`.

An object's own owner answers for it. A machine without one is its plant's: team, contact and steward go together, so that a
machine's team is never shown with another team's steward.
"""

from functools import lru_cache
from typing import NamedTuple

from plantwright_api.v1alpha1 import DataContract, GovernancePolicy, KubernetesObject, Machine, MachineProfile, Plant
from plantwright_api.v1alpha1.base import Owner


class Labels(NamedTuple):
    """An owner as metric labels; empty where nobody is named, which Prometheus takes for a label that is not there."""

    owner: str = ""
    steward: str = ""
    contact: str = ""


def of_machine(own: Owner | None, plant: Plant | None) -> Owner | None:
    """Who answers for a machine: `own` is what it says itself; None where its plant names nobody either."""
    return own or (plant.spec.owner if plant is not None else None)


def of(obj: KubernetesObject, plant: Plant | None = None) -> Owner | None:
    """Who answers for an object; `plant` is a machine's."""
    if isinstance(obj, Machine):
        return of_machine(obj.spec.owner, plant)
    if isinstance(obj, Plant | MachineProfile | DataContract | GovernancePolicy):
        return obj.spec.owner
    return None


@lru_cache(maxsize=4096)
def labels(owner: Owner | None) -> Labels:
    """The owner as labels: one line each, since alerts carry them into mails and chats."""
    if owner is None:
        return Labels()
    return Labels(_line(owner.team), _line(owner.steward or ""), _line(owner.contact or ""))


def told(owner: Owner | None) -> str:
    """The owner within a sentence: "Plant IT (it@acme.example)"; "nobody" where there is none."""
    team, _, contact = labels(owner)
    return f"{team} ({contact})" if team and contact else team or "nobody"


def _line(text: str) -> str:
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())
