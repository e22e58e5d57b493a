"""What the operator knows of assets, contracts and exceptions, as samples: counted when it is asked for.

A sample is the values of a family's labels (`metrics.TOLD`), in order, and its value. Samples of one family never repeat a
set of labels: Prometheus refuses a scrape that does.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta

from plantwright_api.v1alpha1 import Plant
from plantwright_operator.decide import owners, plants
from plantwright_operator.decide.policy.judging import Policy
from plantwright_operator.model import Key
from plantwright_operator.reconcile.catalog import Catalog
from plantwright_operator.reconcile.metrics import Sample
from plantwright_operator.reconcile.observed import MachineSummary, Observed


class Inventory:
    """Reads cache and catalogue. `backlogs` gives what each gateway that has answered holds back."""

    def __init__(self, observed: Observed, catalog: Catalog, backlogs: Callable[[], Mapping[Key, int]]) -> None:
        self._observed = observed
        self._catalog = catalog
        self._backlogs = backlogs

    def sources(self) -> dict[str, Callable[[], Iterable[Sample]]]:
        """Where the samples of each family come from."""
        return {
            "plantwright_machines": self._conditions,
            "plantwright_machine_info": self._machines,
            "plantwright_machine_backlog_observations": self._backlog,
            "plantwright_contract_info": self._contracts,
            "plantwright_policy_exception_end_timestamp_seconds": self._exceptions,
            "plantwright_line_role_info": self._line_roles,
        }

    def _conditions(self) -> Iterator[Sample]:
        tally: Counter[tuple[str, ...]] = Counter()
        for key, summary in self._observed.summaries():
            owner = self._answering(key, summary)
            tally.update((summary.plant, *condition, owner.owner, owner.steward) for condition in summary.conditions)
        yield from sorted(tally.items())

    def _machines(self) -> Iterator[Sample]:
        found = {
            (m.plant, m.area, m.line, key.name, m.profile, *self._answering(key, m))
            for key, m in self._observed.summaries()
        }
        return _ones(found)

    def _contracts(self) -> Iterator[Sample]:
        """One per plant that uses the contract; one without a plant where none does."""
        found = set()
        for contract in self._catalog.contracts():
            meta = contract.metadata
            users = map(self._observed.summary, self._catalog.used_by(Key("DataContract", meta.namespace, meta.name)))
            identity = (contract.family(), contract.spec.version, *owners.labels(owners.of(contract)))
            found |= {(plant, *identity) for plant in {user.plant for user in users if user is not None} or {""}}
        return _ones(found)

    def _backlog(self) -> Iterator[Sample]:
        found: dict[tuple[str, ...], float] = {}
        for key, waiting in self._backlogs().items():
            summary = self._observed.summary(key)
            if summary is not None:
                labels = (summary.plant, key.name)
                found[labels] = max(found.get(labels, 0.0), waiting)
        yield from sorted(found.items())

    def _exceptions(self) -> Iterator[Sample]:
        for key, policy in sorted(self._catalog.policies().items()):
            yield from exceptions(f"{key.namespace}/{key.name}", policy)

    def _line_roles(self) -> Iterator[Sample]:
        found = (self._catalog.plant(key.namespace, key.name) for key in self._observed.keys("Plant"))
        return _ones(role for plant in found if isinstance(plant, Plant) for role in plants.line_roles(plant))

    def _answering(self, machine: Key, summary: MachineSummary) -> owners.Labels:
        plant = self._catalog.plant(machine.namespace, summary.plant)
        return owners.labels(owners.of_machine(summary.owner, plant))


def exceptions(name: str, policy: Policy) -> Iterator[Sample]:
    """When each exception of a policy ends: the midnight (UTC) after its last day. One without a date has none."""
    for exception in policy.policy.spec.exceptions:
        try:
            last = date.fromisoformat(exception.expires)
        except ValueError:  # the policy is refused for it, and says so itself
            continue
        midnight = datetime(last.year, last.month, last.day, tzinfo=UTC) + timedelta(days=1)
        owner = owners.labels(exception.owner)
        yield (name, exception.name, exception.rule, owner.owner, owner.steward), midnight.timestamp()


def _ones(found: Iterable[tuple[str, ...]]) -> Iterator[Sample]:
    return ((labels, 1.0) for labels in sorted(set(found)))
