"""Hold objects to the policies that are in force for them, each version of an object once a day."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime

from plantwright_api.v1alpha1 import DataContract, KubernetesObject, MachineProfile, Plant
from plantwright_operator.decide.conditions import Judgement
from plantwright_operator.decide.policy import governed, judging, seen, shapes
from plantwright_operator.decide.policy.judging import Others, Verdict
from plantwright_operator.model import Obj, Refusal, Resolved
from plantwright_operator.reconcile.catalog import Catalog

_KEPT = 5_000


def utc_now() -> datetime:
    """Now."""
    return datetime.now(UTC)


class Governance:
    """Judges by the catalogue's policies. What it remembers can be lost."""

    def __init__(self, catalog: Catalog, clock: Callable[[], datetime] = utc_now) -> None:
        self._catalog = catalog
        self._clock = clock
        self._stamp: tuple[int, date] = (-1, date.min)
        self._known: dict[int, tuple[KubernetesObject, list[Verdict]]] = {}
        self._body = seen.Bodies()
        self._memory: judging.Memory = {}

    def machine(self, resolved: Resolved) -> tuple[Refusal | None, Judgement | None]:
        """Why the machine must not be acted on, and its condition PolicyMet; None where no policy speaks of it."""
        if not self._catalog.policies():
            return None, None
        self._renew()
        found = list(self._of_machine(resolved))
        return governed.refusal(found), governed.judgement(found)

    def kind(self, model: Plant | MachineProfile | DataContract) -> Refusal | None:
        """Why an object that machines refer to breaks a rule that is enforced."""
        if not self._catalog.policies():
            return None
        self._renew()
        return governed.refusal([("", self._shared(model))])

    def _of_machine(self, resolved: Resolved) -> Iterator[tuple[str, list[Verdict]]]:
        """Verdicts on the machine itself, then on all that it relies on, with what messages call each."""
        others = seen.of_machine(resolved, self._body)
        yield "", self._evaluate(resolved.machine, shapes.canonical(resolved.machine), others)
        for part in (resolved.plant, resolved.profile, *resolved.contracts):
            yield f"{part.kind} {part.metadata.name}: ", self._shared(part)

    def _shared(self, model: KubernetesObject) -> list[Verdict]:
        """Verdicts on an object that many machines use."""
        if id(model) not in self._known:
            self._known[id(model)] = (model, self._evaluate(model, self._body(model), self._others(model)))
        return self._known[id(model)][1]

    def _evaluate(self, model: KubernetesObject, body: Obj, others: Others) -> list[Verdict]:
        policies = self._catalog.policies_for(model.metadata.namespace)
        return judging.evaluate(policies, body, others, self._clock(), self._memory) if policies else []

    def _others(self, model: KubernetesObject) -> Others:
        if not isinstance(model, MachineProfile):
            return Others()
        return seen.of_profile(self._catalog.contracts_of(model), self._body)

    def _renew(self) -> None:
        """Forget what was judged under other objects or policies, or on another day: exceptions end at midnight."""
        stamp = (self._catalog.version, self._clock().astimezone(UTC).date())
        if stamp != self._stamp or len(self._body) > _KEPT:
            self._stamp = stamp
            self._known.clear()
            self._body.clear()
            self._memory.clear()
