"""What a removed machine leaves: its buffer's claim, which goes only when nothing in it is undelivered.

Nothing here keeps a deletion waiting: there is no finalizer, the machine is gone at once. Its pod ends by garbage
collection; what the gateway says at its end decides over the claim. What nobody said is kept and shown on the Plant.
"""

import logging

from plantwright_operator.cluster.api import Api
from plantwright_operator.cluster.errors import ConflictError
from plantwright_operator.decide import buffers, pods
from plantwright_operator.model import ON_DELETE_ANNOTATION, PLANT_ANNOTATION, Key, Obj
from plantwright_operator.reconcile.observed import Observed
from plantwright_operator.reconcile.reports import Reports

LOOK_AGAIN = 5.0

logger = logging.getLogger(__name__)


class Remains:
    """Settles the claims of machines that are gone."""

    def __init__(self, observed: Observed, reports: Reports, api: Api) -> None:
        self._observed = observed
        self._reports = reports
        self._api = api

    async def settle(self, machine: Key) -> float | None:
        """Decide over the machine's claims.

        Returns:
            Seconds after which to look again because its pod still ends; None where all is decided.

        Raises:
            ApiError: what the API server said.
        """
        bodies = [self._observed.get(k) for k in self._observed.children("Pod", machine.namespace, machine.name)]
        living = [pod for pod in bodies if pod is not None]
        for pod in living:
            self._reports.pod_seen(machine, pods.pod_facts(pod))
        claims = self._observed.children("PersistentVolumeClaim", machine.namespace, machine.name)
        fates = [await self._settle_one(machine, claim, bool(living)) for claim in claims]
        if "Wait" in fates or (living and not claims):
            return LOOK_AGAIN
        if not living:
            self._reports.forget(machine)
        return None

    async def _settle_one(self, machine: Key, claim: Key, pod_exists: bool) -> buffers.Fate:
        body = self._observed.get(claim)
        if body is None or "deletionTimestamp" in body["metadata"]:
            return "Keep"
        farewell, reports = self._reports.last_words(machine)
        fate = buffers.fate(
            buffers.Remains(
                on_delete=body["metadata"].get("annotations", {}).get(ON_DELETE_ANNOTATION, ""),
                bound=body.get("status", {}).get("phase") != "Pending",
                pod_exists=pod_exists,
                farewell=farewell,
                last_reports=reports,
            )
        )
        if fate == "Remove":
            await self._remove(machine, claim, body)
        elif fate == "Keep":
            logger.info("claim %s/%s of %s is kept: it may hold undelivered data", *claim[1:], machine.name)
        return fate

    async def _remove(self, machine: Key, claim: Key, body: Obj) -> None:
        """Asks the API server first, not the cache: a stale copy must not cost data."""
        if await self._api.read("Machine", machine.namespace, machine.name) is not None:
            return
        try:
            await self._api.delete(claim.kind, claim.namespace, claim.name, body["metadata"]["uid"])
        except ConflictError:
            return
        logger.info("claim %s/%s of %s is removed", claim.namespace, claim.name, machine.name)


def plant_of(claim: Obj) -> str:
    """The Plant that a claim belongs to."""
    return str(claim["metadata"].get("annotations", {}).get(PLANT_ANNOTATION, ""))
