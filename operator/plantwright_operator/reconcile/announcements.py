"""Kubernetes Events for people: transitions only, gathered, never a storm.

When a switch reboots, five hundred machines lose their connection in one second. Transitions are gathered for a moment; a
few are told one by one, many as one Event on their Plant. The same news of the same machine is not repeated for ten
minutes; news that is told once for all carries a `subject`, from which its Event's name is made, so that the API server
itself refuses a second one. Events are a courtesy: one that cannot be posted is dropped.
"""

import asyncio
import hashlib
import logging
import time
import uuid
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from plantwright_api import API_VERSION
from plantwright_api.v1alpha1.base import Condition
from plantwright_operator.cluster.api import Api
from plantwright_operator.cluster.errors import ApiError, ConflictError
from plantwright_operator.model import FIELD_MANAGER, Key, Obj
from plantwright_operator.reconcile.observed import Observed

GATHER_SECONDS = 3.0
QUIET_SECONDS = 600.0
FEW = 5
_REMEMBERED = 5000

logger = logging.getLogger(__name__)


class News(NamedTuple):
    """One transition worth telling. `subject` names what is told once for all; news of different subjects is told apart."""

    machine: Key
    uid: str
    plant: str
    reason: str
    note: str
    warning: bool
    subject: str = ""


_TOLD: dict[tuple[str, str], tuple[str, bool]] = {
    ("Ready", "True"): ("InForce", False),
    ("Ready", "False"): ("NotReady", True),
    ("Connected", "True"): ("Connected", False),
    ("Connected", "False"): ("ConnectionLost", True),
    ("Connected", "Unknown"): ("GatewaySilent", True),
    ("Commissioned", "True"): ("Commissioned", False),
    ("Buffered", "False"): ("BufferProblem", True),
}
"""Condition and status to the Event's reason and whether it is a warning."""


class Announcements:
    """Gathers news and posts it from one task."""

    def __init__(
        self, observed: Observed, api: Api, instance: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._observed = observed
        self._api = api
        self._instance = instance
        self._clock = clock
        self._news: list[News] = []
        self._some = asyncio.Event()
        self._told: dict[tuple[Key, str], float] = {}

    def transition(self, machine: Key, uid: str, plant: str, condition: Condition, before: str | None) -> None:
        """A condition's status changed; what is merely on its way is no news."""
        told = _TOLD.get((condition.type, condition.status))
        first = before is None or before == "Unknown"
        starting = condition.reason in ("Progressing", "GatewayNotReady", "Connecting", "Suspended")
        if told is None or starting or (first and condition.type == "Connected" and condition.status == "Unknown"):
            return
        reason, warning = told
        now = self._clock()
        if now - self._told.get((machine, reason), -QUIET_SECONDS) < QUIET_SECONDS:
            return
        self._told[machine, reason] = now
        if len(self._told) > _REMEMBERED:
            self._told = {k: at for k, at in self._told.items() if now - at < QUIET_SECONDS}
        note = f"{condition.reason}: {condition.message}".removesuffix(": ")
        self.add(News(machine, uid, plant, reason, note, warning))

    def add(self, news: News) -> None:
        """Gather a piece of news."""
        self._news.append(news)
        self._some.set()

    async def run(self) -> None:
        """Post what was gathered, until cancelled. Gathering begins with the first piece of news."""
        while True:
            await self._some.wait()
            self._some.clear()
            await asyncio.sleep(GATHER_SECONDS)
            for event in self.gathered():
                try:
                    await self._api.create_event(event)
                except ConflictError:
                    logger.debug("the Event %s was told before", event["metadata"]["name"])
                except ApiError as error:
                    logger.warning("an Event was dropped: %s", error)

    def gathered(self) -> list[Obj]:
        """The Events for what was gathered since the last call."""
        news, self._news = self._news, []
        groups: dict[tuple[str, str, str, str], list[News]] = defaultdict(list)
        for item in news:
            groups[item.machine.namespace, item.plant, item.reason, item.subject].append(item)
        events = []
        for items in groups.values():
            events += [self._event(i.machine, i.uid, i) for i in items] if len(items) <= FEW else [self._sum(items)]
        return events

    def _sum(self, items: list[News]) -> Obj:
        first = items[0]
        plant = Key("Plant", first.machine.namespace, first.plant)
        names = ", ".join(item.machine.name for item in items[:FEW])
        note = f"{len(items)} machines, among them {names}. The first: {first.note}"
        return self._event(plant, self._observed.uid(plant), first._replace(note=note))

    def _event(self, about: Key, uid: str, news: News) -> Obj:
        return {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"name": f"{about.name[:200]}.{_suffix(uid, news)}", "namespace": about.namespace},
            "eventTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "reportingController": f"plantwright.io/{FIELD_MANAGER}",
            "reportingInstance": self._instance[:128],
            "action": "Reconcile",
            "reason": news.reason,
            "type": "Warning" if news.warning else "Normal",
            "note": news.note[:1000],
            "regarding": {
                "apiVersion": API_VERSION,
                "kind": about.kind,
                "namespace": about.namespace,
                "name": about.name,
                "uid": uid,
            },
        }


def _suffix(uid: str, news: News) -> str:
    """Tells Events of one object apart: the same for what is to be told once."""
    if not news.subject:
        return uuid.uuid4().hex[:16]
    return hashlib.sha256("\0".join((uid, news.reason, news.subject, news.machine.name)).encode()).hexdigest()[:16]
