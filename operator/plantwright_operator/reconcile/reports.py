"""What gateways said, and who is asked next.

Each gateway is asked every `interval` with jitter; one whose machine is on its way (starting, reloading, ending, or with
a status held back) is asked twice a second until that is over.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from plantwright_api.wire.status import GatewayStatus
from plantwright_operator.decide.conditions import SILENT_AFTER
from plantwright_operator.model import Key, PodFacts, Report

HURRIED = 0.5
HURRY_SECONDS = 60.0
_ENDING_KEPT = 2


@dataclass(slots=True)
class _Gateway:
    since: float
    pod_uid: str = ""
    ip: str = ""
    ending: bool = False
    status: GatewayStatus | None = None
    status_uid: str = ""
    heard: float | None = None
    next: float = 0.0
    hurry_until: float = 0.0
    farewell: str = ""
    last_reports: list[GatewayStatus] = field(default_factory=list)
    silence_told: bool = False


class Reports:
    """By machine. Times are on a monotonic clock."""

    def __init__(self, interval: float = 10.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval = interval
        self._clock = clock
        self._gateways: dict[Key, _Gateway] = {}

    def pod_seen(self, machine: Key, pod: PodFacts | None) -> None:
        """The machine's pod is this one (None: it has none). A new pod is asked at once and often."""
        gateway = self._gateways.setdefault(machine, _Gateway(since=self._clock()))
        if pod is None:
            gateway.ip, gateway.ending = "", False
            return
        if pod.uid != gateway.pod_uid:
            gateway.pod_uid, gateway.farewell, gateway.last_reports = pod.uid, "", []
            self._hurry(gateway)
        if pod.ip != gateway.ip or (pod.deleting and not gateway.ending):
            self._hurry(gateway)
        gateway.ip, gateway.ending = pod.ip, pod.deleting
        if pod.farewell:
            gateway.farewell = pod.farewell

    def hurry(self, machine: Key, seconds: float = HURRY_SECONDS) -> None:
        """Ask this gateway often for a while."""
        gateway = self._gateways.get(machine)
        if gateway is not None:
            self._hurry(gateway, seconds)

    def relax(self, machine: Key) -> None:
        """Nothing is awaited of this gateway any more: ask it at the usual pace, unless its pod ends."""
        gateway = self._gateways.get(machine)
        if gateway is not None:
            gateway.hurry_until = 0.0

    def answered(self, machine: Key, pod_uid: str, status: GatewayStatus) -> bool:
        """A gateway answered; True where that changes what the machine's status says."""
        gateway = self._gateways.get(machine)
        if gateway is None or gateway.pod_uid != pod_uid:
            return False
        before = essence(gateway.status) if gateway.status and gateway.status_uid == pod_uid else None
        was_silent = gateway.silence_told or gateway.heard is None
        gateway.status, gateway.status_uid = status, pod_uid
        gateway.heard, gateway.silence_told = self._clock(), False
        if gateway.ending:
            gateway.last_reports = [*gateway.last_reports, status][-_ENDING_KEPT:]
        return was_silent or before != essence(status)

    def unanswered(self, machine: Key) -> bool:
        """A gateway did not answer; True once when it has been silent for long enough to say so."""
        gateway = self._gateways.get(machine)
        if gateway is None or gateway.silence_told or self._silence(gateway) < SILENT_AFTER:
            return False
        gateway.silence_told = True
        return True

    def report(self, machine: Key) -> Report:
        """What the gateway said last."""
        gateway = self._gateways.setdefault(machine, _Gateway(since=self._clock()))
        return Report(status=gateway.status, pod_uid=gateway.status_uid, silent_seconds=self._silence(gateway))

    def last_words(self, machine: Key) -> tuple[str, list[GatewayStatus]]:
        """What an ending gateway left: its farewell and its last answers."""
        gateway = self._gateways.get(machine)
        return (gateway.farewell, list(gateway.last_reports)) if gateway else ("", [])

    def forget(self, machine: Key) -> None:
        """The machine and its pod are gone."""
        self._gateways.pop(machine, None)

    def due(self) -> list[tuple[Key, str, str]]:
        """Machine, pod uid and address of each gateway to ask now; each is set for its next turn."""
        now = self._clock()
        turn = []
        for machine, gateway in self._gateways.items():
            if gateway.ip and gateway.next <= now:
                gateway.next = now + self._pause(gateway, now)
                turn.append((machine, gateway.pod_uid, gateway.ip))
        return turn

    def backlog(self) -> dict[Key, int]:
        """Observations accepted and not yet stored by the slowest sink, by machine, where known."""
        heard = {key: gateway.status.machines for key, gateway in self._gateways.items() if gateway.status}
        return {key: max((s.backlog for m in found for s in m.sinks), default=0) for key, found in heard.items()}

    def _silence(self, gateway: _Gateway) -> float:
        """Seconds since the last answer, a former pod's included; before the first, since the gateway is known."""
        return self._clock() - (gateway.heard if gateway.heard is not None else gateway.since)

    def _hurry(self, gateway: _Gateway, seconds: float = HURRY_SECONDS) -> None:
        now = self._clock()
        gateway.hurry_until = max(gateway.hurry_until, now + seconds)
        gateway.next = min(gateway.next, now + random.uniform(0, HURRIED))  # noqa: S311

    def _pause(self, gateway: _Gateway, now: float) -> float:
        if gateway.ending or now < gateway.hurry_until:
            return HURRIED
        return self._interval * random.uniform(0.8, 1.2)  # noqa: S311


def essence(status: GatewayStatus) -> tuple[object, ...]:
    """What of an answer can change a status: no counts, no sequences."""
    machines = tuple((m.uid, tuple(m.conditions), m.first_stored_time) for m in status.machines)
    return status.version, status.config_hash, status.config_error, machines
