"""Write statuses: only what differs, only once it has lasted, and tell people of the transitions."""

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from plantwright_api.v1alpha1.base import Status
from plantwright_api.v1alpha1.machine import MachineStatus
from plantwright_operator.cluster.api import Api
from plantwright_operator.cluster.errors import ConflictError, NotFoundError
from plantwright_operator.decide import machine_status
from plantwright_operator.decide.conditions import Observed as Evidence
from plantwright_operator.model import Key, Obj
from plantwright_operator.reconcile.announcements import Announcements
from plantwright_operator.reconcile.metrics import Metrics
from plantwright_operator.reconcile.observed import Observed

logger = logging.getLogger(__name__)


def timestamp(seconds: float | None = None) -> str:
    """RFC 3339 UTC, to the second, as Kubernetes writes it."""
    moment = datetime.now(UTC) if seconds is None else datetime.fromtimestamp(seconds, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class Statuses:
    """Knows since when each machine's status differs from what it should be."""

    def __init__(
        self,
        observed: Observed,
        api: Api,
        metrics: Metrics,
        announcements: Announcements,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._observed = observed
        self._api = api
        self._metrics = metrics
        self._announcements = announcements
        self._clock = clock
        self._since: dict[Key, dict[str, float]] = {}

    async def machine(self, key: Key, meta: Obj, evidence: Evidence, plant: str) -> float | None:
        """Write a machine's status if it is due. `meta` is the metadata of the machine that the evidence is of.

        Returns:
            Seconds after which to look again because a difference is held back; None where nothing is.
        """
        wanted = machine_status.compose(evidence, timestamp())
        pending = machine_status.differences(evidence.previous, wanted)
        due = self._due(key, pending)
        if due is None or due > 0:
            return due
        self._since.pop(key, None)
        if await self._write_to(key, meta, wanted):
            self._tell(key, evidence.previous, wanted, plant, meta.get("creationTimestamp", ""))
        return None

    async def write(self, key: Key, status: Status, version: str | None = None) -> bool:
        """Write a status as it is; False where the object is gone.

        Raises:
            ConflictError: a version was given and the object is not in it any more.
            ApiError: what the API server said.
        """
        body = status.model_dump(by_alias=True, exclude_none=True)
        body = {name: value for name, value in body.items() if value != []}
        try:
            live = await self._api.apply_status(key.kind, key.namespace, key.name, body, version)
        except NotFoundError:
            return False
        self._observed.observe(key.kind, live)
        self._metrics.writes.labels(kind=f"{key.kind}/status").inc()
        return True

    async def _write_to(self, key: Key, meta: Obj, status: Status) -> bool:
        """Write a status to the very object that it is of: one made anew under its name has another history."""
        try:
            return await self.write(key, status, meta["resourceVersion"])
        except ConflictError:
            live = await self._api.read(*key)
        if live is None or live["metadata"]["uid"] != meta["uid"]:
            return False
        return await self.write(key, status, live["metadata"]["resourceVersion"])

    def forget(self, key: Key) -> None:
        """The machine is gone."""
        self._since.pop(key, None)

    def _due(self, key: Key, pending: dict[str, float]) -> float | None:
        now = self._clock()
        before = self._since.get(key, {})
        since = {name: before.get(name, now) for name in pending}
        if since:
            self._since[key] = since
        else:
            self._since.pop(key, None)
        return machine_status.due_in(pending, since, now)

    def _tell(self, key: Key, before: MachineStatus, after: MachineStatus, plant: str, created: str) -> None:
        old = {c.type: c for c in before.conditions}
        for condition in after.conditions:
            was = old.get(condition.type)
            if was is None or was.status != condition.status:
                was_status = was.status if was is not None else None
                self._announcements.transition(key, self._observed.uid(key), plant, condition, was_status)
        if after.first_stored_time and not before.first_stored_time:
            seconds = seconds_between(created, after.first_stored_time)
            if seconds is not None and seconds >= 0:
                self._metrics.first_value.labels(plant=plant).observe(seconds)
        summary = ", ".join(f"{c.type}={c.status}({c.reason})" for c in after.conditions)
        logger.info("status of %s/%s: %s", key.namespace, key.name, summary)


def seconds_between(earlier: str, later: str) -> float | None:
    """Seconds from one RFC 3339 time to another; None where either is none."""
    try:
        return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()
    except (TypeError, ValueError):
        return None


def previous(model: type[Any], body: dict[str, Any]) -> Any:
    """The status that is live, or an empty one where it cannot be read."""
    try:
        return model.model_validate(body.get("status", {}))
    except ValueError:
        return model()
