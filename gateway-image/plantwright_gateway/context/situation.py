"""What is so around a machine: its state, its order, who works at it, why it stands; joined to values by their source time. Pure.

It outlives configurations: what was so does not change because a limit does.
"""

from collections.abc import Container, Sequence
from typing import Final, NamedTuple

import msgspec

from plantwright_api.wire.delivery import ChangeOf, Origin
from plantwright_gateway.context.clock_offset import ClockOffset
from plantwright_gateway.context.history import History
from plantwright_gateway.context.orders import OF_A_JOB, Orders
from plantwright_gateway.context.retelling import Retelling
from plantwright_gateway.context.times import SECOND

CONTEXT_NAMES: Final[dict[str, str]] = {
    "State": "state",
    "JobOrder": "jobOrder",
    "Person": "person",
    "Reason": "reason",
    "SerialNumber": "serialNumber",
}
"""What a machine may tell of itself, and its name in the context of an observation."""
TOLERANCE_NS: Final = 2 * SECOND
STATE_TOLD: Final = "told"


class Change(NamedTuple):
    """A change that becomes an event."""

    of: ChangeOf
    value: str
    previous: str
    origin: Origin
    time_ns: int
    code: str = ""
    confidence: float | None = None


class CycleEnded(NamedTuple):
    """A cycle that a model saw in a load has ended, which becomes an event as well."""

    time_ns: int


class Situation:
    """Of one machine. `kept` is what `dump` gave before a restart: what was told last, so that it is not told again; `retelling` what
    was told of the schedule.

    `orders` is the newest schedule, from the next `tick` on with what it no longer tells. `unsaved` while what was told is not known
    to be on disk.
    """

    def __init__(
        self, kept: bytes | None = None, tolerance_ns: int = TOLERANCE_NS, retelling: Retelling | None = None
    ) -> None:
        self.offset = ClockOffset(tolerance_ns)
        self.orders = Orders()
        self.retelling = retelling or Retelling()
        self.unsaved = False
        self._told = _load(kept)
        self._histories = {name: History() for name in CONTEXT_NAMES}
        self._heard: dict[str, int] = {}
        self._changes: list[Change | CycleEnded] = []
        self._taken: list[Change | CycleEnded] = []

    def note(self, source_times: Sequence[int], now_ns: int) -> None:
        """Values with these times have come, together."""
        if source_times:
            self.offset.note(source_times, now_ns)

    def at(self, source_ns: int, by_gateway: bool = False) -> dict[str, str]:
        """What was so when a value was observed, as `wire.delivery.Observation` names it.

        By the gateway's clock where the machine's is wrong: then `contextTime` says so. `by_gateway`: the time is the gateway's
        own already.
        """
        time_ns = source_ns if by_gateway else self.offset.corrected(source_ns)
        found = self.orders.at(time_ns)
        for name, history in self._histories.items():
            if value := history.at(time_ns):
                if name == "JobOrder":
                    found = {key: told for key, told in found.items() if key not in OF_A_JOB} | self.orders.of(value)
                else:
                    found[CONTEXT_NAMES[name]] = value
        if not self.offset.trusted():
            found["contextTime"] = "Gateway"
        return found

    def by_machine(self, of: str, value: str, source_ns: int) -> None:
        """The machine's own signal says so."""
        self.retelling.leave(of)
        self._tell(of, value, self.offset.corrected(source_ns), "Machine")

    def is_newest(self, signal: str, source_ns: int, now_ns: int) -> bool:
        """Whether this reading is newer than those of its signal before; an older one tells what was, not what is.

        A clock that was set back is no late reading: those after it come as soon as ever.
        """
        if source_ns < self._heard.get(signal, source_ns) and self.offset.is_late(source_ns, now_ns):
            return False
        self._heard[signal] = source_ns
        return True

    def state(
        self,
        value: str,
        time_ns: int,
        origin: Origin,
        code: str = "",
        confidence: float | None = None,
        late: bool = False,
    ) -> None:
        """The machine is in this state since `time_ns`, by the gateway's clock; `late`: it was, until the next that is known.

        A server gives a value with the time of its last change. Where nothing was known for a while, that the state is older than the
        ignorance says that there was no change in it.
        """
        latest = self._histories["State"].latest[0]
        self._tell("State", value, time_ns if late else max(time_ns, latest), origin, code, confidence)

    def told(self, of: str) -> str:
        """What was told last of a thing."""
        return self._told.get(of, "")

    def listen(self, told_by_machine: Container[str], now_ns: int) -> None:
        """Of these things the machine has signals: what it told of others holds no longer, but what the schedule says of them."""
        for of in sorted(self.retelling.by_machine):
            if of not in told_by_machine:
                self.retelling.take_up(of, self.told(of), now_ns)
                self._histories[of].tell(now_ns, "")

    def tick(self, now_ns: int) -> None:
        """Time has gone on, or the schedule is newer: what it says otherwise than was told, of now or of before, is told."""
        if not self.retelling.is_due(self.orders, now_ns):
            return
        self.orders, missing = self.retelling.missing(self.orders, self._told, now_ns)
        self._changes.extend(Change(each.of, each.value, each.previous, "MES", each.time_ns) for each in missing)
        known = self.retelling.values(now_ns)
        self.unsaved = self.unsaved or any(self.told(of) != value for of, value in known.items())
        self._told.update(known)

    def cycle_ended(self, time_ns: int) -> None:
        """A cycle of the machine's load has ended then."""
        self._changes.append(CycleEnded(time_ns))

    def changes(self) -> list[Change | CycleEnded]:
        """What has changed or ended since this was asked last, in the order in which they were told."""
        self._taken, self._changes = self._changes, []
        return self._taken

    def untold(self) -> None:
        """What `changes` gave last was not kept after all: it comes again."""
        self._changes, self._taken = [*self._taken, *self._changes], []

    def pending(self) -> bool:
        """Whether there are changes that nobody has taken."""
        return bool(self._changes)

    def dump(self) -> bytes:
        """What must survive a restart."""
        return msgspec.json.encode(self._told)

    def latest(self, of: str) -> tuple[int, str]:
        """Since when the last known value of a thing holds, and the value."""
        return self._histories[of].latest

    def _tell(
        self, of: str, value: str, time_ns: int, origin: Origin, code: str = "", confidence: float | None = None
    ) -> None:
        history = self._histories[of]
        previous = history.at(time_ns) or self._told.get(of, "")
        late = time_ns < history.latest[0]
        if not history.tell(time_ns, value) or (not late and previous == value):
            return
        if of == "SerialNumber":  # a part's number is part of the context, no event of its own
            return
        self._emit(Change(of, value, previous, origin, time_ns, code, confidence), late)  # type: ignore[arg-type]

    def _emit(self, change: Change, late: bool = False) -> None:
        if not late:
            self._told[change.of] = change.value
            self.unsaved = True
        self._changes.append(change)


def _load(kept: bytes | None) -> dict[str, str]:
    if not kept:
        return {}
    try:
        return msgspec.json.decode(kept, type=dict[str, str])
    except msgspec.MsgspecError:
        return {}
