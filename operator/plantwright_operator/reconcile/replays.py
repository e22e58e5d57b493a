"""One Event for each replay of a quarantine that has ended: what was delivered, and what stays and why."""

from collections.abc import Callable
from datetime import datetime

from plantwright_api.wire.status import GatewayStatus, Replay
from plantwright_operator.model import Key
from plantwright_operator.reconcile.announcements import News
from plantwright_operator.reconcile.observed import Observed
from plantwright_operator.reconcile.violations import HANDOVER, utc_now


class Replays:
    """Remembers of each machine the request that it has told of last. What it remembers can be lost."""

    def __init__(
        self, observed: Observed, tell: Callable[[News], None], clock: Callable[[], datetime] = utc_now
    ) -> None:
        self._observed, self._tell, self._clock = observed, tell, clock
        self._since = clock() - HANDOVER
        self._told: dict[Key, str] = {}

    def begin(self) -> None:
        """This replica leads from now on: what ended well before, its predecessor has told."""
        self._since = self._clock() - HANDOVER

    def heard(self, machine: Key, status: GatewayStatus) -> None:
        """A gateway answered."""
        summary = self._observed.summary(machine)
        for replay in (said.quarantine.replay for said in status.machines):
            if (
                summary is None
                or replay is None
                or self._told.get(machine) == replay.request
                or not self._fresh(replay)
            ):
                continue
            self._told[machine] = replay.request
            uid, kept = self._observed.uid(machine), bool(replay.kept)
            news = News(machine, uid, summary.plant, "QuarantineReplayed", note(replay), kept, replay.request)
            self._tell(news)

    def forget(self, machine: Key) -> None:
        """The machine is gone."""
        self._told.pop(machine, None)

    def _fresh(self, replay: Replay) -> bool:
        try:
            return replay.done and datetime.fromisoformat(replay.end_time) >= self._since
        except (ValueError, TypeError):  # no time, or one without a zone
            return False


def note(replay: Replay) -> str:
    """What an Event says of it."""
    head = f"{replay.released} values were delivered out of quarantine on request {replay.request}"
    kept = ", ".join(f"{count} {reason}" for reason, count in sorted(replay.kept.items(), key=lambda kind: -kind[1]))
    return f"{head}; these stay: {kept}. Mend the contract or the mapping and ask again." if kept else f"{head}."
