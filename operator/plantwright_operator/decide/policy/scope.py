"""Which policies hold where. Rules add up, so that a plant can add to what its catalogue demands and never loosen it."""

from collections.abc import Iterable, Mapping
from typing import TypeVar

from plantwright_api.v1alpha1 import GovernancePolicy, KubernetesObject, Plant

DEFAULT_NAMESPACE = "default"
"""Where kubectl puts what names no namespace."""

Named = TypeVar("Named", bound=KubernetesObject)


def namespace(model: KubernetesObject) -> str:
    """Namespace of an object; a file need not name it."""
    return model.metadata.namespace or DEFAULT_NAMESPACE


def reach(plants: Iterable[Plant]) -> dict[str, tuple[str, ...]]:
    """Namespace of a plant → namespaces whose policies hold in it: its own and its plants' catalogues.

    By namespace, not by plant: admission cannot follow a machine to its Plant.
    """
    found: dict[str, tuple[str, ...]] = {}
    for plant in sorted(plants, key=lambda p: (namespace(p), p.metadata.name)):
        own = namespace(plant)
        catalog = (plant.spec.catalog_namespace,) if plant.spec.catalog_namespace else ()
        found[own] = tuple(dict.fromkeys((*found.get(own, (own,)), *catalog)))
    return found


def effective(
    policies: Iterable[GovernancePolicy],
    where: str,
    reached: Mapping[str, tuple[str, ...]],
    everywhere: Iterable[str] = (),
) -> list[GovernancePolicy]:
    """The policies that hold in a namespace, in a stable order: those from above first, then its own.

    Args:
        policies: candidates, of any namespace.
        where: the namespace.
        reached: what `reach` gives; a namespace without a Plant, such as a catalogue, has its own policies.
        everywhere: namespaces whose policies hold in all others, for the platform team's own: a plant that stops naming a
            catalogue leaves the catalogue's rules, and not those.
    """
    within = set(reached.get(where, (where,))) | set(everywhere)
    holding = [policy for policy in policies if namespace(policy) in within]
    return sorted(holding, key=lambda p: (namespace(p) == where, namespace(p), p.metadata.name))


def governed(policy: GovernancePolicy, reached: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The namespaces that a policy holds for, as far as plants are known: the other direction of `effective`."""
    own = namespace(policy)
    users = [where for where, within in reached.items() if own in within]
    return tuple(sorted({own, *users}))
