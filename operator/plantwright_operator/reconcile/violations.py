"""One Event for each new kind of violation that a gateway tells of.

Nothing is written down for it. A leader tells of kinds that were first seen since shortly before it began: what is older
its predecessor has told, and what both tell has the same Event name, which the API server takes once.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from plantwright_api.v1alpha1 import DataContract
from plantwright_api.v1alpha1.base import Owner
from plantwright_api.wire.status import GatewayStatus, Violation
from plantwright_operator.decide import owners
from plantwright_operator.decide import violations as decide
from plantwright_operator.model import Key
from plantwright_operator.reconcile.announcements import News
from plantwright_operator.reconcile.catalog import Catalog
from plantwright_operator.reconcile.observed import MachineSummary, Observed

HANDOVER = timedelta(minutes=2)
"""What began so long before this leader did may have gone untold: longer than a Lease takes to change hands or a pod to be
replaced, shorter than the hour for which the API server keeps Events."""
MOST_KNOWN = 200
"""Kinds remembered of one machine: those of a few contract versions."""


class _Told(NamedTuple):
    uid: str
    kinds: set[decide.Kind]


def utc_now() -> datetime:
    """Now."""
    return datetime.now(UTC)


class Violations:
    """Remembers which kinds it has told of, by machine. What it remembers can be lost."""

    def __init__(
        self,
        observed: Observed,
        catalog: Catalog,
        tell: Callable[[News], None],
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._observed = observed
        self._catalog = catalog
        self._tell = tell
        self._clock = clock
        self._since = clock() - HANDOVER
        self._told: dict[Key, _Told] = {}

    def begin(self) -> None:
        """This replica leads from now on."""
        self._since = self._clock() - HANDOVER

    def heard(self, machine: Key, status: GatewayStatus) -> None:
        """A gateway answered."""
        summary = self._observed.summary(machine)
        found = [violation for said in status.machines for violation in said.violations]
        if summary is None or not found:
            return
        told, heard = self._remembered(machine), set(map(decide.kind_of, found))
        for violation in decide.new(found, told.kinds, self._since):
            self._tell(self._news(machine, summary, violation))
        told.kinds.update(heard)
        if len(told.kinds) > MOST_KNOWN:
            told.kinds.intersection_update(heard)

    def forget(self, machine: Key) -> None:
        """The machine is gone."""
        self._told.pop(machine, None)

    def _remembered(self, machine: Key) -> _Told:
        uid, told = self._observed.uid(machine), self._told.get(machine)
        if told is None or told.uid != uid:
            told = self._told[machine] = _Told(uid, set())
        return told

    def _news(self, machine: Key, summary: MachineSummary, violation: Violation) -> News:
        plant = self._catalog.plant(machine.namespace, summary.plant)
        note = decide.note(violation, owners.of_machine(summary.owner, plant), self._owner(machine, violation))
        subject = " ".join(decide.kind_of(violation))
        uid = self._observed.uid(machine)
        return News(machine, uid, summary.plant, decide.word(violation), note, warning=True, subject=subject)

    def _owner(self, machine: Key, violation: Violation) -> Owner | None:
        used = (self._catalog.contract(key) for key in self._catalog.uses(machine))
        named = (c for c in used if c is not None and _names(c) == (violation.contract, violation.version))
        contract = next(named, None)
        return owners.of(contract) if contract is not None else None


def _names(contract: DataContract) -> tuple[str, str]:
    return contract.family(), contract.spec.version
