"""Reconcile plants, profiles and contracts: their conditions, and how many machines use them.

Counts follow machines with a delay, so that three hundred machines that become ready cost a handful of writes.
"""

import time
from collections.abc import Callable
from typing import TypeVar

from plantwright_api.v1alpha1.base import Condition, Status
from plantwright_api.v1alpha1.datacontract import DataContractStatus
from plantwright_api.v1alpha1.governancepolicy import GovernancePolicyStatus
from plantwright_api.v1alpha1.machineprofile import MachineProfileStatus
from plantwright_api.v1alpha1.plant import OrphanedBuffer, PlantStatus
from plantwright_operator.decide import catalog as decide
from plantwright_operator.model import Key
from plantwright_operator.reconcile.catalog import Catalog
from plantwright_operator.reconcile.children import REFUSED_SECONDS, Children
from plantwright_operator.reconcile.governance import Governance
from plantwright_operator.reconcile.observed import Observed
from plantwright_operator.reconcile.remains import plant_of
from plantwright_operator.reconcile.statuses import Statuses, timestamp

COUNT_SECONDS = 5.0
"""At least this long between two writes that only counts asked for."""
MAX_ORPHANS = 500

SomeStatus = TypeVar("SomeStatus", bound=Status)


class Kinds:
    """Reconciles the kinds that machines refer to."""

    def __init__(
        self,
        observed: Observed,
        catalog: Catalog,
        children: Children,
        statuses: Statuses,
        governance: Governance,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._observed = observed
        self._catalog = catalog
        self._children = children
        self._statuses = statuses
        self._governance = governance
        self._clock = clock
        self._written: dict[Key, float] = {}

    async def plant(self, key: Key) -> float | None:
        """Bring a Plant's service account and status to what they should be."""
        plant = self._catalog.plant(key.namespace, key.name)
        if plant is None:
            return None
        refusal = None if plant.spec.suspend else await self._children.ensure_account(plant)
        machines = self._observed.machines_of(key.namespace, key.name)
        summaries = [self._observed.summary(machine) for machine in machines]
        wanted = PlantStatus(
            observed_generation=plant.metadata.generation,
            conditions=decide.plant_conditions(plant, timestamp(), refusal or self._governance.kind(plant)),
            machines=len(machines),
            ready_machines=sum(("Ready", "True") in s.conditions for s in summaries if s is not None),
            orphaned_buffers=self._orphans(key),
        )
        again = await self._write(key, plant.status, wanted)
        return min(again or REFUSED_SECONDS, REFUSED_SECONDS) if refusal is not None else again

    async def profile(self, key: Key) -> float | None:
        """Bring a profile's status to what it should be."""
        profile = self._catalog.profile(key)
        if profile is None:
            return None
        within = self._catalog.namespaces_of(profile)
        wanted = MachineProfileStatus(
            observed_generation=profile.metadata.generation,
            conditions=decide.profile_conditions(
                profile, self._catalog.contracts(), within, timestamp(), self._governance.kind(profile)
            ),
            machines=len(self._catalog.used_by(key)),
        )
        return await self._write(key, profile.status, wanted)

    async def contract(self, key: Key) -> float | None:
        """Bring a contract's status to what it should be."""
        contract = self._catalog.contract(key)
        if contract is None:
            return None
        wanted = DataContractStatus(
            observed_generation=contract.metadata.generation,
            conditions=decide.contract_conditions(
                contract,
                self._catalog.contracts(),
                self._catalog.namespaces_of(contract),
                timestamp(),
                self._governance.kind(contract),
            ),
            machines=len(self._catalog.used_by(key)),
        )
        return await self._write(key, contract.status, wanted)

    async def policy(self, key: Key) -> float | None:
        """Bring a policy's status to what it should be."""
        compiled = self._catalog.policies().get(key)
        if compiled is None:
            return None
        policy = compiled.policy
        wanted = GovernancePolicyStatus(
            observed_generation=policy.metadata.generation,
            conditions=decide.policy_conditions(policy, compiled.broken, timestamp()),
        )
        return await self._write(key, policy.status, wanted)

    def _orphans(self, plant: Key) -> list[OrphanedBuffer]:
        found = []
        for key in self._observed.keys("PersistentVolumeClaim"):
            body = self._observed.get(key) if key.namespace == plant.namespace else None
            if body is None or plant_of(body) != plant.name or "deletionTimestamp" in body["metadata"]:
                continue
            machine = self._observed.machine_of(key)
            if machine and self._observed.summary(Key("Machine", key.namespace, machine)) is None:
                found.append(OrphanedBuffer(claim_name=key.name, machine=machine))
        return found[:MAX_ORPHANS]

    async def _write(self, key: Key, before: SomeStatus, after: SomeStatus) -> float | None:
        if before == after:
            return None
        now = self._clock()
        wait = self._written.get(key, -COUNT_SECONDS) + COUNT_SECONDS - now
        if wait > 0 and _essence(before) == _essence(after):
            return wait
        if await self._statuses.write(key, after):
            self._written[key] = now
        return None


def _essence(status: Status) -> tuple[int, list[Condition]]:
    return status.observed_generation, status.conditions
