"""Runs everything that the leader does: workers, polling, resync, Events. A standby only keeps the cache warm."""

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from plantwright_api.v1alpha1 import Machine
from plantwright_operator.cluster import kinds
from plantwright_operator.cluster.api import Api, Identity
from plantwright_operator.cluster.errors import ApiError, UnavailableError
from plantwright_operator.cluster.gateways import Gateways, GatewaySilentError
from plantwright_operator.decide import pods
from plantwright_operator.model import MACHINE_ANNOTATION, Key, Obj
from plantwright_operator.reconcile.admission import Admission
from plantwright_operator.reconcile.announcements import Announcements
from plantwright_operator.reconcile.catalog import CATALOGUED, Catalog, parse
from plantwright_operator.reconcile.children import Children
from plantwright_operator.reconcile.fanout import concerns
from plantwright_operator.reconcile.governance import Governance
from plantwright_operator.reconcile.inventory import Inventory
from plantwright_operator.reconcile.kinds import COUNT_SECONDS, Kinds
from plantwright_operator.reconcile.machines import Machines
from plantwright_operator.reconcile.metrics import Metrics
from plantwright_operator.reconcile.observed import Change, Observed
from plantwright_operator.reconcile.queue import WorkQueue
from plantwright_operator.reconcile.remains import Remains
from plantwright_operator.reconcile.replays import Replays
from plantwright_operator.reconcile.reports import Reports
from plantwright_operator.reconcile.statuses import Statuses
from plantwright_operator.reconcile.violations import Violations
from plantwright_operator.settings import Settings

POLL_TICK = 0.1
SYNC_SECONDS = 60.0
LIST_PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0, 8.0)
RECONCILE_SECONDS = 60.0

logger = logging.getLogger(__name__)


class Controller:
    """Takes observations at all times, acts on them while it leads."""

    def __init__(self, api: Api, gateways: Gateways, settings: Settings) -> None:
        self._api = api
        self._gateways = gateways
        self._settings = settings
        self.metrics = Metrics()
        self.observed = Observed()
        self.queue = WorkQueue()
        self._catalog = Catalog(self.observed, settings.governance_namespaces)
        self._reports = Reports(settings.poll_seconds)
        self._announcements = Announcements(self.observed, api, settings.pod_name)
        self._violations = Violations(self.observed, self._catalog, self._announcements.add)
        self._replays = Replays(self.observed, self._announcements.add)
        statuses = Statuses(self.observed, api, self.metrics, self._announcements)
        children = Children(self.observed, api, self.metrics, settings.image_pull_secrets)
        governance = Governance(self._catalog)
        self._kinds = Kinds(self.observed, self._catalog, children, statuses, governance)
        self._machines = Machines(
            observed=self.observed,
            catalog=self._catalog,
            admission=Admission(self.observed, self._catalog),
            governance=governance,
            children=children,
            reports=self._reports,
            statuses=statuses,
            remains=Remains(self.observed, self._reports, api),
            api=api,
            settings=settings,
        )
        self._reconcilers: dict[str, Callable[[Key], Awaitable[float | None]]] = {
            "Machine": self._machines.reconcile,
            "Plant": self._kinds.plant,
            "MachineProfile": self._kinds.profile,
            "DataContract": self._kinds.contract,
            "GovernancePolicy": self._kinds.policy,
        }
        self.leading = False
        self.beat = time.monotonic()
        self.observed.on_change = self._changed
        self._catalog.on_usage = self._used
        inventory = Inventory(self.observed, self._catalog, self._reports.backlog)
        self.metrics.watch(inventory.sources(), lambda: self.leading)

    def observe(self, kind: str, obj: Obj, *, gone: bool = False) -> None:
        """A watch told of an object."""
        if kind == "Pod":
            self._note_pod(obj, gone)
        self.observed.observe(kind, obj, gone=gone)

    async def lead(self) -> None:
        """Act until cancelled or until one of the parts fails.

        Raises:
            Exception: whatever ended a part; the process must end, since nothing would be reconciled any more.
        """
        await self._wait_for_cache()
        self._judge_all()
        self._violations.begin()
        self._replays.begin()
        self.leading = True
        self.metrics.leader.set(1)
        self._add_all(spread=0.0)
        async with asyncio.TaskGroup() as group:
            for number in range(self._settings.workers):
                group.create_task(self._work(), name=f"reconcile worker {number}")
            group.create_task(self._poll(), name="gateway poller")
            group.create_task(self._resync(), name="resync")
            group.create_task(self._announcements.run(), name="announcements")
            group.create_task(self._heartbeat(), name="heartbeat")

    async def correct(self) -> int:
        """Take over what no event told of: forget what is gone, read what is new or newer; returns how many.

        Raises:
            ApiError: what the API server said.
        """
        corrected = 0
        for kind in kinds.RESOURCES:
            before = {key: self.observed.uid(key) for key in self.observed.keys(kind)}
            listed = await self._list(kind)
            there = {identity.uid for identity in listed}
            for key, uid in before.items():
                corrected += uid not in there and self.observed.drop(key, uid)
            for identity in listed:
                corrected += await self._catch_up(identity)
        return corrected

    async def _catch_up(self, listed: Identity) -> bool:
        """Read an object of which the list has a newer version than the cache."""
        key = Key(*listed[:3])
        if self.observed.knows(key, listed.version):
            return False
        body = await self._api.find(*key)
        if body is None or self.observed.knows(key, listed.version):
            return False
        self.observe(key.kind, body)
        return True

    def _note_pod(self, pod: Obj, gone: bool) -> None:
        """Take a pod's last words from the event itself: when the machine is reconciled the pod may be gone."""
        meta = pod["metadata"]
        name = meta.get("annotations", {}).get(MACHINE_ANNOTATION, "")
        machine = Key("Machine", meta["namespace"], name)
        self._reports.pod_seen(machine, pods.pod_facts(pod))
        if gone:
            self._reports.pod_seen(machine, None)

    def _changed(self, change: Change) -> None:
        if change.key.kind in CATALOGUED:
            self._catalog.changed(change.key, change.spec_changed)
        if change.gone and change.key.kind == "Machine":
            self._violations.forget(change.key)
            self._replays.forget(change.key)
        if not self.leading:
            return
        for concern in concerns(change, self.observed, self._catalog):
            self.queue.add(concern.key, concern.delay)
        if change.key.kind == "StatefulSet":
            for machine in self._machines.waiting:
                self.queue.add(machine)

    def _used(self, key: Key) -> None:
        if self.leading:
            self.queue.add(key, COUNT_SECONDS)

    async def _list(self, kind: str) -> list[Identity]:
        namespaces = self._settings.watch_namespaces or (None,)
        found: list[Identity] = []
        for namespace in namespaces:
            found += await self._api.identities(kind, namespace)
        return found

    async def _list_patiently(self, kind: str) -> list[Identity]:
        """An API server that is busy for a while must not end a process that has just been made leader."""
        for pause in LIST_PAUSES:
            try:
                return await self._list(kind)
            except UnavailableError as error:
                logger.warning("listing %s: %s; again in %.1f s", kind, error, pause)
                await asyncio.sleep(max(pause, error.retry_after or 0.0))
        return await self._list(kind)

    async def _wait_for_cache(self) -> None:
        """Until the cache is as new as what the API server lists: acting on half or on old state would undo what is done."""
        deadline = time.monotonic() + SYNC_SECONDS
        missing = [i for kind in kinds.RESOURCES for i in await self._list_patiently(kind)]
        while missing and time.monotonic() < deadline:
            missing = [i for i in missing if not self.observed.knows(Key(*i[:3]), i.version)]
            await asyncio.sleep(0.05)
        if missing:
            logger.warning("%d objects are listed and no watch told of these versions", len(missing))
            for identity in missing:
                await self._catch_up(identity)

    def _judge_all(self) -> None:
        """Resolve every machine once, so that counts are right before any is written."""
        for key in self.observed.keys("Machine"):
            body = self.observed.get(key)
            machine = parse(Machine, body) if body is not None else None
            if isinstance(machine, Machine):
                self._catalog.judge(machine)

    def _add_all(self, spread: float) -> None:
        for kind in self._reconcilers:
            for key in self.observed.keys(kind):
                self.queue.add(key, random.uniform(0, spread))  # noqa: S311
        claims = self.observed.keys("PersistentVolumeClaim")
        for machine in {Key("Machine", c.namespace, self.observed.machine_of(c)) for c in claims}:
            self.queue.add(machine, random.uniform(0, spread))  # noqa: S311

    async def _work(self) -> None:
        while True:
            key = await self.queue.get()
            started = time.monotonic()
            try:
                async with asyncio.timeout(RECONCILE_SECONDS):
                    again = await self._reconcilers[key.kind](key)
            except Exception as error:
                self._failed(key, error)
                continue
            finally:
                self.metrics.duration.labels(kind=key.kind).observe(time.monotonic() - started)
            self.metrics.reconciles.labels(kind=key.kind, outcome="done").inc()
            self.queue.done(key)
            if again is not None:
                self.queue.add(key, again)

    def _failed(self, key: Key, error: Exception) -> None:
        """Any error is met with a pause and another try; one we did not foresee is logged with its trace."""
        wanted = error.retry_after if isinstance(error, UnavailableError) else None
        pause = self.queue.failed(key, at_least=wanted or 0.0)
        self.metrics.reconciles.labels(kind=key.kind, outcome="failed").inc()
        foreseen = isinstance(error, ApiError | TimeoutError)
        where = f"{key.kind} {key.namespace}/{key.name}"
        logger.warning(
            "%s: %s; again in %.1f s", where, error or "timeout", pause, exc_info=None if foreseen else error
        )

    async def _poll(self) -> None:
        async with _limited(64) as spawn:
            while True:
                for machine, pod_uid, ip in self._reports.due():
                    await spawn(self._ask(machine, pod_uid, ip))
                await asyncio.sleep(POLL_TICK)

    async def _ask(self, machine: Key, pod_uid: str, ip: str) -> None:
        try:
            status = await self._gateways.status(ip)
        except GatewaySilentError as error:
            self.metrics.polls.labels(outcome="silent").inc()
            if self._reports.unanswered(machine):
                logger.info("gateway of %s/%s is silent: %s", machine.namespace, machine.name, error)
                self.queue.add(machine)
            return
        self.metrics.polls.labels(outcome="answered").inc()
        self._violations.heard(machine, status)
        self._replays.heard(machine, status)
        if self._reports.answered(machine, pod_uid, status):
            self.queue.add(machine)

    async def _resync(self) -> None:
        while True:
            await asyncio.sleep(self._settings.resync_seconds * random.uniform(0.9, 1.1))  # noqa: S311
            try:
                corrected = await self.correct()
            except ApiError as error:
                logger.warning("resync: %s", error)
                continue
            if corrected:
                logger.warning("resync: %d objects had changed or gone and no event told so", corrected)
            self._add_all(spread=self._settings.resync_seconds / 10)

    async def _heartbeat(self) -> None:
        while True:
            self.beat = time.monotonic()
            self.metrics.queue_depth.set(self.queue.ready())
            self.metrics.observed.set(self.observed.count())
            await asyncio.sleep(1.0)


@asynccontextmanager
async def _limited(limit: int) -> AsyncIterator[Callable[[Coroutine[Any, Any, None]], Awaitable[None]]]:
    """A way to start coroutines of which at most `limit` run at once; their failures end the block."""
    slots = asyncio.Semaphore(limit)
    async with asyncio.TaskGroup() as group:

        async def run(work: Coroutine[Any, Any, None]) -> None:
            try:
                await work
            finally:
                slots.release()

        async def spawn(work: Coroutine[Any, Any, None]) -> None:
            await slots.acquire()
            group.create_task(run(work))

        yield spawn
