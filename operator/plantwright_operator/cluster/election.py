"""Leadership by a Lease: one of two replicas writes, the other waits with a warm cache.

The client library elects; what it leaves open is closed here. It measures with the wall clock and tells its work of the
loss only after its deadline, so a process that was stopped and goes on (SIGSTOP, a frozen node) would still write. Hence
the fence: before each write, and four times a second, the time since the last renewal was *sent* is taken on the
monotonic clock. Past the renewal deadline, which lies well before the Lease expires, the process ends at once, without
any clean-up that could write. It ends too as soon as it sees another holder.
"""

import asyncio
import json
import logging
import os
import sys
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

from kubernetes.aio.client.exceptions import ApiException
from kubernetes.aio.leaderelection.electionconfig import Config
from kubernetes.aio.leaderelection.leaderelection import LeaderElection
from kubernetes.aio.leaderelection.leaderelectionrecord import LeaderElectionRecord
from kubernetes.aio.leaderelection.resourcelock.baselock import BaseLock

from plantwright_operator.cluster.api import Api
from plantwright_operator.cluster.errors import ApiError, NotFoundError, UnavailableError
from plantwright_operator.model import Obj

EXIT_CODE = 3
WATCH_SECONDS = 0.25
INSIST_SECONDS = 0.5

logger = logging.getLogger(__name__)


def end_process(why: str) -> None:
    """End at once: no finally block, no pending write, no answer to anyone."""
    logger.critical("leadership lost, the process ends: %s", why)
    sys.stderr.flush()
    os._exit(EXIT_CODE)


class Fence:
    """Knows until when this process may write. `end` must not return; tests replace it."""

    def __init__(
        self,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
        end: Callable[[str], None] = end_process,
    ) -> None:
        self._seconds = seconds
        self._clock = clock
        self._end = end
        self._renewed: float | None = None

    @property
    def leading(self) -> bool:
        """Whether this process holds the Lease as far as it knows."""
        return self._renewed is not None

    def renewed(self, sent_at: float) -> None:
        """The Lease was taken or renewed by a request sent at this monotonic time."""
        self._renewed = sent_at

    def released(self) -> None:
        """The Lease was given back; nothing may be written from now on."""
        self._renewed = None

    def check(self) -> None:
        """Let a write pass, or end the process. Called before each write."""
        if self._renewed is None:
            self._end("a write without the Lease")
        elif self._clock() - self._renewed > self._seconds:
            self._end(f"the Lease was not renewed for more than {self._seconds} s")

    async def watch(self) -> None:
        """End the process in time even if nothing is written."""
        while True:
            if self._renewed is not None:
                self.check()
            await asyncio.sleep(WATCH_SECONDS)

    def lost(self, why: str) -> None:
        """Another holds the Lease, or it could not be kept."""
        self._end(why)


class FencedLock(BaseLock):
    """The Lease as a lock of the library's election; every renewal moves the fence.

    The library's own LeaseLock cannot create a Lease (release 37.0.2 passes a bool where its client takes a string), and
    lets network errors through, which would end the election. Here a request that fails is an attempt that failed.
    """

    def __init__(self, name: str, namespace: str, identity: str, api: Api, fence: Fence, limit: float) -> None:
        super().__init__(name, namespace, identity)
        self._api = api
        self._fence = fence
        self._limit = limit
        self._lease: Obj | None = None

    async def get(self, name: str, namespace: str) -> tuple[bool, LeaderElectionRecord] | tuple[bool, Exception]:
        """Read the Lease; a holder other than us, while we lead, ends the process."""
        try:
            async with asyncio.timeout(self._limit):
                self._lease = await _insist(lambda: self._api.read_lease(namespace, name))
        except NotFoundError:
            self._lease = None
            return False, _failure(404, "not found")
        except (ApiError, TimeoutError) as error:
            return False, _failure(0, str(error) or "no answer in time")
        record = _record(self._lease.get("spec", {}))
        if self._fence.leading and record.holder_identity not in (None, self.identity):
            self._fence.lost(f"{record.holder_identity} holds the Lease")
        return True, record

    async def create(self, name: str, namespace: str, election_record: LeaderElectionRecord) -> bool:
        """Create the Lease, held by us."""
        meta = {"name": name, "namespace": namespace}
        lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": meta, "spec": {}}
        return await self._hold(lease, election_record)

    async def update(self, name: str, namespace: str, updated_record: LeaderElectionRecord) -> bool:
        """Take or renew the Lease; its resource version keeps two from doing so at once."""
        return self._lease is not None and await self._hold(self._lease, updated_record)

    async def release(self) -> None:
        """Give the Lease back, so that the other replica need not wait for it to expire.

        Raises:
            ApiError: what the API server said.
        """
        self._fence.released()
        if self._lease is not None:
            self._lease["spec"]["holderIdentity"] = None
            await self._api.write_lease(self._lease)

    async def _hold(self, lease: Obj, record: LeaderElectionRecord) -> bool:
        sent_at, spec = time.monotonic(), lease.get("spec", {})
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        renewed = {**spec, "leaseDurationSeconds": int(record.lease_duration or 0), "renewTime": now}
        if spec.get("holderIdentity") != self.identity:
            transitions = spec.get("leaseTransitions", -1) + 1
            renewed |= {"holderIdentity": self.identity, "acquireTime": now, "leaseTransitions": transitions}
        try:
            async with asyncio.timeout(self._limit):
                self._lease = await _insist(lambda: self._api.write_lease({**lease, "spec": renewed}))
        except (ApiError, TimeoutError) as error:
            logger.warning("the Lease could not be written: %s", error or "no answer in time")
            return False
        self._fence.renewed(sent_at)
        return True


async def _insist(request: Callable[[], Coroutine[Any, Any, Obj]]) -> Obj:
    """Repeat what a busy API server turned away (429, 5xx): a Lease is lost by a few refusals in a row. The caller bounds it.

    A request without an answer is not repeated: it may have been carried out, and then the next would be a conflict.
    """
    while True:
        try:
            return await request()
        except UnavailableError as error:
            if not error.status:
                raise
            await asyncio.sleep(INSIST_SECONDS)


def _record(spec: Obj) -> LeaderElectionRecord:
    """A Lease as the library compares it."""
    duration = spec.get("leaseDurationSeconds")
    return LeaderElectionRecord(
        spec.get("holderIdentity") or None,
        None if duration is None else str(duration),
        spec.get("acquireTime"),
        spec.get("renewTime"),
    )


def _failure(status: int, reason: str) -> ApiException:
    """A failed read as the library takes it: it creates the Lease only after a body that says 404."""
    failure = ApiException(status=status, reason=reason)
    failure.body = json.dumps({"code": status})
    return failure


class Election:
    """Runs for the Lease and, once it is won, runs `lead` until the process ends."""

    def __init__(
        self, lock: FencedLock, fence: Fence, lease_seconds: int, renew_seconds: float, retry_seconds: float
    ) -> None:
        self._lock = lock
        self._fence = fence
        self._times = (lease_seconds, renew_seconds, retry_seconds)

    async def run(self, lead: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Wait for the Lease, then lead. Does not return while the process lives, unless cancelled."""
        lease, renew, retry = self._times
        leading: set[asyncio.Task[None]] = set()

        async def guarded() -> None:
            leading.update(filter(None, [asyncio.current_task()]))
            try:
                await lead()
            except asyncio.CancelledError:
                raise
            except BaseException:
                logger.exception("the controller failed")
            self._fence.lost("the controller ended")

        async def lost() -> None:
            self._fence.lost("the Lease could not be renewed in time")

        config = Config(
            self._lock,
            lease_duration=lease,
            renew_deadline=renew,
            retry_period=retry,
            onstarted_leading=guarded,
            onstopped_leading=lost,
        )
        watch = asyncio.create_task(self._fence.watch(), name="lease fence")
        try:
            await LeaderElection(config).run()
        finally:
            for task in (watch, *leading):
                task.cancel()
            await asyncio.gather(watch, *leading, return_exceptions=True)

    async def release(self) -> None:
        """Give the Lease back on an orderly end."""
        if self._fence.leading:
            await self._lock.release()
