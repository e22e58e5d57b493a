"""Which verdicts of policies a change turns: policies that come, go or change, and objects that change under them. Pure.

Verdicts are worked out only where something that they rest on has changed, so that ten thousand machines cost little.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from plantwright_api.v1alpha1 import GovernancePolicy, KubernetesObject, Machine, Plant
from plantwright_api.v1alpha1.governancepolicy import Mode
from plantwright_cli.policy.verdicts import Governed
from plantwright_cli.tree import Name, Tree, name_of
from plantwright_operator.decide.policy.compiling import Compiled
from plantwright_operator.decide.policy.judging import Policy, Verdict
from plantwright_operator.decide.policy.shapes import OTHERS

NOT_JUDGED = "NotJudged"
"""No rule of that name speaks of the object, which is as good as Passed."""
_WELL = ("Passed", NOT_JUDGED)


class PolicyEffect(NamedTuple):
    """A policy that is Added, Removed or Changed. `broken` says why it cannot be used from now on, "" where it can."""

    policy: str
    change: str
    broken: str = ""


class Turned(NamedTuple):
    """What a rule says of an object, before and after. `plant` is empty for what several plants share.

    `breaking`: from now on the object would be refused because of it.
    """

    plant: str
    kind: str
    name: Name
    policy: str
    rule: str
    mode: Mode
    before: str
    after: str
    message: str
    breaking: bool


def changed(before: Governed, after: Governed) -> tuple[PolicyEffect, ...]:
    """The policies that are not what they were."""
    old, new = ({name_of(policy): policy for policy in state.tree.policies} for state in (before, after))
    found = (_effect(name, old.get(name), new.get(name), before, after) for name in sorted({*old, *new}))
    return tuple(effect for effect in found if effect is not None)


def _effect(
    name: Name, old: GovernancePolicy | None, new: GovernancePolicy | None, before: Governed, after: Governed
) -> PolicyEffect | None:
    if new is None:
        return PolicyEffect(str(name), "Removed")
    if old is not None and (old is new or old.spec == new.spec):
        return None
    refusal = after.broken(new)
    known = old is not None and before.broken(old) == refusal
    return PolicyEffect(str(name), "Changed" if old else "Added", "" if refusal is None or known else refusal.message)


def turned(before: Governed, after: Governed) -> tuple[Turned, ...]:
    """Verdicts that are not what they were, of objects that are still there; what is refused first."""
    former = {(obj.kind, name_of(obj)): obj for obj in before.tree.objects}
    plants, pairs = _Plants(after.tree), _Pairs()
    found: list[Turned] = []
    for obj in after.tree.objects:
        old = former.get((obj.kind, name_of(obj)))
        if old is None:
            found += _compared(plants.of(obj), obj, [], after.verdicts(obj))
            continue
        names = _changed_variables(old, obj, before, after)
        was, now = pairs.looked_at(before.holding(old), after.holding(obj), names)
        if was or now:
            found += _compared(plants.of(obj), obj, before.verdicts(old, was), after.verdicts(obj, now))
    return tuple(sorted(found, key=lambda t: (not t.breaking, t.plant, t.policy, t.rule, t.kind, t.name)))


def _changed_variables(
    old: KubernetesObject, new: KubernetesObject, before: Governed, after: Governed
) -> frozenset[str]:
    """Of the variables that rules have, those whose value for this object is another one than before."""
    if not before.holding(old) and not after.holding(new):
        return frozenset()
    names = set() if old is new or before.body(old) == after.body(new) else {"object"}
    if new.kind in OTHERS:
        was, now = before.others(old), after.others(new)
        names |= {name for name in OTHERS[new.kind] if getattr(was, name) != getattr(now, name)}
    return frozenset(names)


Holding = tuple[Policy, ...]


class _Pairs:
    """The policies and rules to look at again, worked out once for the many objects that have the same of them."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int, frozenset[str]], tuple[Holding, Holding]] = {}

    def looked_at(self, was: Holding, now: Holding, names: frozenset[str]) -> tuple[Holding, Holding]:
        """What of the policies before and after can give another verdict where these variables changed."""
        key = (id(was), id(now), names)
        if key not in self._known:
            self._known[key] = _left(was, now, names), _left(now, was, names)
        return self._known[key]


def _left(policies: Holding, others: Holding, names: frozenset[str]) -> Holding:
    if "object" in names:
        return policies
    known = {name_of(other.policy): other for other in others}
    left = []
    for policy in policies:
        twin = known.get(name_of(policy.policy))
        if twin is None or not (twin is policy or twin.policy.spec == policy.policy.spec):
            left.append(policy)
        elif isinstance(policy, Compiled) and (rules := tuple(rule for rule in policy.rules if rule.others & names)):
            left.append(replace(policy, rules=rules))
    return tuple(left)


class _Plants:
    """Under which plant a plan lists an object: its own, or the only one of its namespace."""

    def __init__(self, tree: Tree) -> None:
        self._only: dict[str, str] = {}
        for name in tree.plants:
            self._only[name.namespace] = "" if name.namespace in self._only else str(name)

    def of(self, obj: KubernetesObject) -> str:
        """The plant as plans name it; empty for what several share."""
        if isinstance(obj, Machine):
            return str(Name(obj.metadata.namespace, obj.spec.plant_ref.name))
        return str(name_of(obj)) if isinstance(obj, Plant) else self._only.get(obj.metadata.namespace, "")


def _compared(plant: str, obj: KubernetesObject, before: list[Verdict], after: list[Verdict]) -> Iterator[Turned]:
    old, new = ({(verdict.policy, verdict.rule): verdict for verdict in found} for found in (before, after))
    for key in dict.fromkeys([*new, *old]):
        was, now = old.get(key), new.get(key)
        if _weight(was) != _weight(now):
            told = now or was
            assert told is not None  # noqa: S101  (the key is of one of them)
            breaking = now is not None and now.refuses and not (was is not None and was.refuses)
            message = now.message if now is not None else ""
            yield Turned(plant, obj.kind, name_of(obj), *key, told.mode, _result(was), _result(now), message, breaking)


def _result(verdict: Verdict | None) -> str:
    return verdict.result if verdict is not None else NOT_JUDGED


def _weight(verdict: Verdict | None) -> tuple[str, str]:
    """What makes a verdict another one: its result, and where the rule is broken how much that counts."""
    if verdict is None or verdict.result in _WELL:
        return "", ""
    return verdict.result, verdict.mode if verdict.violated else ""
