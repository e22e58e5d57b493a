"""Time and quantity elements of ISO 22400, counted so that they survive a restart.

Time is integrated from one `now` to the next. A state is known only as long as the machine has confirmed it within the
contract's freshness: what is not known is Unknown, never Delay. All sums are ns and whole parts, so nothing is lost by
rounding; ratios are the reader's business.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, get_args

import msgspec

from plantwright_api.wire.config import PartCounters, StateModel
from plantwright_api.wire.delivery import CounterFall, Origin, Scalar, State
from plantwright_gateway.context.calendar import WorkCalendar
from plantwright_gateway.context.counters import (
    CounterRule,
    Follower,
    Reading,
    as_count,
    part_signals,
    planned_run_ns,
)
from plantwright_gateway.context.stops import Stops, book

STATES: Final[tuple[State, ...]] = get_args(State)
UNKNOWN: Final = "Unknown"
FAILED: Final = "Delay"
STOPPED: Final = frozenset({"Delay", "Idle"})
"""States in which a machine could work and does not."""
DAY: Final = 86_400_000_000_000
BUSY: Final = frozenset({"Production", "Setup", "Delay", "Idle"})
"""States of planned busy time: known, and not planned to be down."""


class Parts(NamedTuple):
    """Parts that were made, and which of these have a counter that fell."""

    good: int = 0
    rejected: int = 0
    reworked: int = 0
    falls: tuple[tuple[str, CounterFall], ...] = ()

    def plus(self, more: "Parts") -> "Parts":
        """Both together."""
        counts = (self.good + more.good, self.rejected + more.rejected, self.reworked + more.reworked)
        return Parts(*counts, self.falls + more.falls)


NONE_MADE: Final = Parts()


class Totals(msgspec.Struct, rename="camel"):
    """What is kept over restarts. `states` holds [planned ns, unplanned ns] per state."""

    at_ns: int
    states: dict[str, list[int]] = {}
    good: int = 0
    rejected: int = 0
    reworked: int = 0
    cycles: int = 0
    """That a model saw in the load; no parts."""
    failures: int = 0
    """Stretches of Delay, each counted once, where it first is in planned time."""
    planned_production_ns: int = 0
    """Planned run time of the parts made so far: each part at the PRI of its time, so a new PRI changes no past."""
    baselines: dict[str, int] = {}
    """What each counter showed last."""
    read_ns: dict[str, int] = {}
    """The source time of that, where it is known."""
    stops: Stops = {}
    """Planned time in STOPPED states, by reason."""


class Kpis:
    """Counts one machine. Every call moves its time to `now`; a clock that goes back starts a new stretch."""

    def __init__(
        self,
        totals: Totals,
        calendar: WorkCalendar,
        states: StateModel | None,
        parts: PartCounters | None,
        fresh_ns: int,
    ) -> None:
        self.totals = totals
        self.state: str = UNKNOWN
        self._known_until = totals.at_ns
        self._calendar = calendar
        self._states: Mapping[str, str] = states.values if states else {}
        self._fresh_ns = fresh_ns
        self.state_signal = states.signal if states else ""
        self.origin: Origin = "Inferred" if states and states.infer else "Machine"
        self._kinds = part_signals(parts)
        run_ns = planned_run_ns(parts)
        self.knows_run_time = run_ns is not None
        self._planned_run_ns = run_ns or 0
        self._rule = CounterRule(parts.rollover if parts else None, run_ns)
        self.signals = frozenset(name for name in (self.state_signal, *self._kinds) if name)
        self._follower = Follower()
        self.falls = self._follower.falls
        self._known_since = totals.at_ns
        self._failing = False
        self._reason = ""

    def succeed(self, before: "Kpis") -> None:
        """Take over what another configuration's counters know of the present."""
        self._reason = before._reason
        self.falls.update(before.falls)
        if self.state_signal == before.state_signal and self._states == before._states:
            self.state, self._known_until = before.state, before._known_until
            self._known_since, self._failing = before._known_since, before._failing

    def advance(self, now_ns: int) -> None:
        """Integrate up to now."""
        if now_ns < self.totals.at_ns:
            self._known_until = min(self._known_until, now_ns + self._fresh_ns)
        known_until = min(max(self._known_until, self.totals.at_ns), now_ns)
        self._add(self.state, self.totals.at_ns, known_until)
        self._add(UNKNOWN, known_until, now_ns)
        self.totals.at_ns = now_ns

    def confirm(self, now_ns: int) -> None:
        """The machine spoke: the state stays known for the freshness from now on."""
        self.advance(now_ns)
        if self._known_until < now_ns:
            self._known_since = now_ns
        self._known_until = now_ns + self._fresh_ns

    def is_confirmed(self, now_ns: int) -> bool:
        """Whether the machine spoke within the freshness."""
        return now_ns <= self._known_until

    def stopped_ns(self, since_ns: int, now_ns: int) -> int:
        """For how long a machine that stands since `since_ns` has done so in planned time, up to a day; 0 outside of planned time."""
        stopped = 0
        for length, segment in self._calendar.segments(max(since_ns, now_ns - DAY), now_ns):
            stopped = stopped + length if segment.planned else 0
        return stopped if self._calendar.segment_at(now_ns).planned else 0

    def effective(self, now_ns: int) -> tuple[str, int]:
        """The state as far as it is known now, and since when that may be said; ns."""
        if now_ns > self._known_until or self.state == UNKNOWN:
            return UNKNOWN, min(self._known_until, now_ns)
        return self.state, self._known_since

    def lose(self, now_ns: int) -> None:
        """The session is gone: nothing is known until the state is told again."""
        since = self.totals.at_ns
        self.advance(now_ns)
        self.state, self._known_until = UNKNOWN, min(max(since, self._known_until), now_ns)

    def tell_state(self, code: str, name: str, now_ns: int) -> None:
        """The state signal gave this code, or the name that the profile gives it; neither listed is Unknown."""
        self.advance(now_ns)
        self.state = self.state_of(code, name)

    def explain(self, reason: str, now_ns: int) -> None:
        """Why it stands, should it stand; "": nobody has said. What has passed stays with the reason that was known then."""
        if reason != self._reason:
            self.advance(now_ns)
            self._reason = reason

    def infer(self, state: str, now_ns: int) -> None:
        """A model of the state signal says so."""
        self.advance(now_ns)
        self.state = state

    def count_cycles(self, number: int) -> None:
        """A model saw so many cycles in the load."""
        self.totals.cycles += number

    def state_of(self, code: str, name: str) -> str:
        """What a code, or the name that the profile gives it, stands for."""
        return self._states.get(code) or self._states.get(name) or UNKNOWN

    def lose_sight(self, signals: Sequence[str]) -> None:
        """See `context.counters.Follower`."""
        self._follower.lose_sight(signals)

    def count(self, signal: str, value: Scalar, source_ns: int) -> Parts:
        """A signal was read; if it counts parts, add what came since its last reading."""
        kind, count = self._kinds.get(signal), as_count(value)
        if kind is None or count is None:
            return NONE_MADE
        baselines, read_ns = self.totals.baselines, self.totals.read_ns
        before = Reading(baselines[signal], read_ns.get(signal)) if signal in baselines else None
        number, fall = self._follower.step(signal, self._rule, before, Reading(count, source_ns))
        baselines[signal], read_ns[signal] = count, source_ns
        falls = ((kind, fall),) if fall else ()
        made = Parts(number * (kind == "good"), number * (kind == "rejected"), number * (kind == "reworked"), falls)
        self.totals.good += made.good
        self.totals.rejected += made.rejected
        self.totals.reworked += made.reworked
        self.totals.planned_production_ns += (made.good + made.rejected) * self._planned_run_ns
        return made

    def shift_begun(self, now_ns: int) -> tuple[str, int]:
        """The shift that began last: its name, and when; the local day where there are no shifts."""
        return self._calendar.shift_begun(now_ns)

    def _add(self, state: str, start: int, end: int) -> None:
        for length, segment in self._calendar.segments(start, end):
            sums = self.totals.states.setdefault(state, [0, 0])
            sums[0 if segment.planned else 1] += length
            if state in STOPPED and segment.planned:
                book(self.totals.stops, self._reason, length, end)
            if state == FAILED and segment.planned and not self._failing and length:
                self._failing = True
                self.totals.failures += 1
        if state != FAILED and end > start:
            self._failing = False


def planned_ns(totals: Totals) -> int:
    """Planned time, known or not."""
    return sum(sums[0] for sums in totals.states.values())


def known_planned_ns(totals: Totals) -> int:
    """Planned time in which the state is known."""
    return sum(sums[0] for state, sums in totals.states.items() if state != UNKNOWN)


def busy_ns(totals: Totals) -> int:
    """Planned busy time: planned, its state known, and not planned to be down."""
    return sum(sums[0] for state, sums in totals.states.items() if state in BUSY)


def dump(totals: Totals) -> bytes:
    """The totals as they are stored."""
    return msgspec.json.encode(totals)


def load(content: bytes | None, now_ns: int) -> Totals:
    """Read totals back; none, or none that can be read, begin at zero now."""
    if content:
        try:
            return msgspec.json.decode(content, type=Totals)
        except msgspec.DecodeError:
            pass
    return Totals(at_ns=now_ns)
