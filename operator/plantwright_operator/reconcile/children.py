"""Bring a machine's children to what is desired: apply what differs, and nothing else."""

import asyncio
import logging
from collections.abc import Collection, Sequence

from plantwright_api.v1alpha1 import Plant
from plantwright_operator.cluster.api import Api
from plantwright_operator.desired import children, comparison, names
from plantwright_operator.model import (
    CHILD_KINDS,
    HASH_ANNOTATION,
    MACHINE_ANNOTATION,
    PLANT_ANNOTATION,
    Desired,
    Key,
    Obj,
    Refusal,
)
from plantwright_operator.reconcile.metrics import Metrics
from plantwright_operator.reconcile.observed import Observed

_OWNER_ANNOTATIONS = {"Machine": MACHINE_ANNOTATION, "Plant": PLANT_ANNOTATION}

REFUSED_SECONDS = 30.0
"""What was refused is tried again after this long, should no event come before."""

logger = logging.getLogger(__name__)


class Children:
    """Applies children. What the API server gives back enters the cache at once."""

    def __init__(self, observed: Observed, api: Api, metrics: Metrics, pull_secrets: Sequence[str] = ()) -> None:
        self._observed = observed
        self._api = api
        self._metrics = metrics
        self._pull_secrets = tuple(pull_secrets)
        self._accepted: dict[Key, tuple[str, int]] = {}
        self._account_lock = asyncio.Lock()
        self._accounts: dict[Key, tuple[str, int]] = {}

    def live(self, machine: Key) -> dict[str, Obj]:
        """The machine's children that are there, by kind."""
        found = {kind: self._observed.get(self._key(machine, kind)) for kind in CHILD_KINDS}
        return {kind: child for kind, child in found.items() if child is not None}

    async def unseen(self, machine: Key, kinds: Collection[str]) -> dict[str, Obj]:
        """Children that are there though no watch told of them: our watches see only what carries our label.

        Without this look a child of someone else's would be taken over, since server-side apply creates and changes alike.

        Raises:
            ApiError: what the API server said.
        """
        keys = [self._key(machine, kind) for kind in kinds]
        found = await asyncio.gather(*(self._api.read(key.kind, key.namespace, key.name) for key in keys))
        return {key.kind: child for key, child in zip(keys, found, strict=True) if child is not None}

    def conflict(self, machine: Key, live: dict[str, Obj]) -> Refusal | None:
        """A child of that name that is not ours to change."""
        for kind, child in live.items():
            owner = foreign_owner(machine, child)
            if owner:
                return _name_conflict(f"{kind} {child['metadata']['name']}", owner, "Machine")
        return None

    async def apply(self, machine: Key, desired: Desired, live: dict[str, Obj], held: Collection[str] = ()) -> int:
        """Apply what differs, the StatefulSet last; `held` kinds are left as they are. Returns how many were applied.

        Raises:
            ApiError: what the API server said to the first that failed.
        """
        wanted = {kind: child for kind, child in desired.objects.items() if kind not in held}
        differing = [kind for kind in CHILD_KINDS if kind in wanted and self._differs(wanted[kind], live.get(kind))]
        first = [kind for kind in differing if kind != "StatefulSet"]
        await asyncio.gather(*(self._apply(machine, wanted[kind]) for kind in first))
        if "StatefulSet" in differing:
            await self._apply(machine, wanted["StatefulSet"])
        return len(differing)

    async def ensure_account(self, plant: Plant) -> Refusal | None:
        """The plant's service account: a pod cannot be made without it. A refusal where its name is taken.

        Raises:
            ApiError: what the API server said.
        """
        key = Key("ServiceAccount", plant.metadata.namespace, names.service_account_name(plant.metadata.name))
        async with self._account_lock:
            if self._accounts.get(key) == (plant.metadata.uid, self._observed.version(key)):
                return None
            owner = Key("Plant", plant.metadata.namespace, plant.metadata.name)
            live = self._observed.get(key) or await self._api.read(*key)
            taken_by = foreign_owner(owner, live) if live is not None else ""
            if taken_by:
                return _name_conflict(f"ServiceAccount {key.name}", taken_by, "Plant")
            wanted = children.service_account(plant, self._pull_secrets)
            if self._differs(wanted, live):
                await self._apply(owner, wanted)
            self._accounts[key] = (plant.metadata.uid, self._observed.version(key))
            return None

    def _differs(self, wanted: Obj, live: Obj | None) -> bool:
        """Whether an apply is needed. One that the API server took without changing anything is not repeated."""
        if live is None:
            return True
        if "deletionTimestamp" in live["metadata"]:
            return False
        difference = comparison.difference(wanted, live)
        if not difference:
            return False
        meta = wanted["metadata"]
        key = Key(wanted["kind"], meta["namespace"], meta["name"])
        stamp = (meta["annotations"][HASH_ANNOTATION], self._observed.version(key))
        if self._accepted.get(key) == stamp:
            return False
        logger.info("%s %s/%s differs at %s", key.kind, key.namespace, key.name, difference)
        return True

    async def _apply(self, owner: Key, wanted: Obj) -> None:
        meta, kind = wanted["metadata"], wanted["kind"]
        live = await self._api.apply(wanted)
        self._observed.observe(kind, live)
        key = Key(kind, meta["namespace"], meta["name"])
        self._accepted[key] = (meta["annotations"][HASH_ANNOTATION], self._observed.version(key))
        self._metrics.writes.labels(kind=kind).inc()
        logger.info("applied %s %s/%s of %s %s", kind, key.namespace, key.name, owner.kind, owner.name)

    def _key(self, machine: Key, kind: str) -> Key:
        return Key(kind, machine.namespace, names.child_name(machine.name))


def foreign_owner(owner: Key, child: Obj) -> str:
    """Whose a child is, where it is not this Machine's or Plant's; empty where it is.

    A child of a former owner of the same name is ours: that one was removed and added again. So is one that lost its
    label but still names its owner.
    """
    meta = child["metadata"]
    controller = next((o for o in meta.get("ownerReferences", []) if o.get("controller")), None)
    if controller is not None:
        ours = (controller["kind"], controller["name"]) == (owner.kind, owner.name)
        return "" if ours else f"{controller['kind']} {controller['name']}"
    if meta.get("annotations", {}).get(_OWNER_ANNOTATIONS[owner.kind]) == owner.name:
        return ""
    return f"someone else: it names neither this {owner.kind} nor an owner"


def _name_conflict(child: str, owner: str, kind: str) -> Refusal:
    return Refusal(
        "NameConflict", f"metadata.name: {child} is there and belongs to {owner}; rename the {kind} or remove it"
    )
