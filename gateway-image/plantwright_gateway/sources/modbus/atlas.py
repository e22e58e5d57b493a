"""What is to be read, and what the device has taught about it: which registers it refuses, which unit is away.

Pure: the client sends requests and tells what came of them; times are seconds of a monotonic clock, given as `now`.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from plantwright_api.wire.config import Signal
from plantwright_gateway.sources.modbus.frame import RefusedError
from plantwright_gateway.sources.modbus.plan import Area, Limits, Range, Request, Value, placed, plan, request_for
from plantwright_gateway.sources.pacing import jittered

RETRY_SECONDS = (30.0, 60.0)
"""How long an address that the device refused, or a silent unit, is left alone."""
PAUSE_SECONDS = (5.0, 10.0)
"""How long a unit is left alone that its Modbus gateway calls away."""
SPLITS_PER_POLL = 32
"""More would hold up what can be read; the search goes on at the next poll."""
PROBES_PER_POLL = 8


class Unreadable(NamedTuple):
    """A value that the device refused, and when it is tried again."""

    area: Area
    value: Value
    retry_at: float


class Atlas:
    """The plan in force; `problems` says of each unreadable signal why and what cures it."""

    def __init__(self, signals: Sequence[Signal], limits: Limits) -> None:
        self._limits = limits
        self._areas, self.problems = placed(signals, limits)
        self._unreadable: dict[str, Unreadable] = {}
        self._joints: dict[Area, set[Range]] = defaultdict(set)
        self._paused: dict[int, float] = {}
        self._silent: set[Range] = set()
        self._splits: list[tuple[Request, Request]] = []
        self._suspects: set[Area] = set()
        self._requests: list[Request] = []
        self._replan()

    @property
    def intervals_ms(self) -> frozenset[int]:
        """The intervals in use, also of what is unreadable at the moment."""
        readable = {value.interval_ms for values in self._areas.values() for value in values}
        return frozenset(readable | {item.value.interval_ms for item in self._unreadable.values()})

    def due(self, intervals_ms: frozenset[int], now: float) -> list[Request]:
        """What to read now: the plan of these intervals, then some of the refused addresses once more."""
        probes = [
            request_for(item.area, item.value.interval_ms, [item.value])
            for item in self._unreadable.values()
            if item.retry_at <= now and item.value.interval_ms in intervals_ms
        ]
        planned = [request for request in self._requests if request.interval_ms in intervals_ms]
        return [r for r in planned + probes[:PROBES_PER_POLL] if self._paused.get(r.area.unit_id, now) <= now]

    def resume(self) -> None:
        """Talk to every unit again: the connection is new."""
        self._paused.clear()
        self._silent.clear()

    def answered(self, request: Request) -> None:
        """The request brought its values."""
        self._paused.pop(request.area.unit_id, None)
        self._silent.discard(request.span)
        for value in request.values:
            self.problems.pop(value.signal, None)
            if item := self._unreadable.pop(value.signal, None):
                self._areas.setdefault(item.area, []).append(item.value)
                self._outdated = True

    def refused(self, request: Request, refusal: RefusedError, now: float) -> list[Request]:
        """The device does not give this range; returns narrower reads to try at once."""
        words = str(refusal)
        if refusal.cure == "Pause":
            self._pause(request.area.unit_id, words, now + jittered(*PAUSE_SECONDS))
        elif refusal.cure == "Retry":
            self._note(request.area, request.values, words, "it is tried again at the next poll")
        elif refusal.cure == "Split" and request.divisible():
            return self._split(request)
        else:
            self._give_up(request, words, now)
        return []

    def silent(self, request: Request, words: str, *, unit_answers: bool, now: float) -> None:
        """No answer to this request, though to others: its unit is away, or the device is dumb about a bad address.

        A first silence may be a hiccup; a second one in a row is taken for a refusal of the range.
        """
        if not unit_answers:
            self._pause(request.area.unit_id, words, now + jittered(*RETRY_SECONDS))
        elif request.span not in self._silent:
            self._silent.add(request.span)
            self._note(request.area, request.values, words, "it is tried again at the next poll")
        else:
            self._silent.discard(request.span)
            self.refused(request, RefusedError(words, "Split"), now)

    def settle(self) -> None:
        """The poll is over: learn from what was refused, and make the plan anew if that changes it.

        Where both halves of a refused range could be read, the two are not joined again. Once the search has found
        refused addresses and is over, they may be the reason for all of it, so the joints are forgotten once.
        """
        if not self._splits:
            for area in self._suspects:
                self._joints.pop(area, None)
            self._outdated |= bool(self._suspects)
            self._suspects.clear()
        for left, right in self._splits:
            if not self._explained(left, right):
                self._joints[left.area].add(Range(left.span.end - 1, right.span.start + 1))
                self._outdated = True
        self._splits.clear()
        if self._outdated:
            self._replan()

    def _split(self, request: Request) -> list[Request]:
        halves = request.halves()
        self._splits.append(halves)
        return list(halves) if len(self._splits) <= SPLITS_PER_POLL else []

    def _explained(self, left: Request, right: Request) -> bool:
        """Whether a refused address inside the range is what the refusal was about."""
        whole = Range(left.span.start, max(left.span.end, right.span.end))
        return any(item.area == left.area and whole.contains(item.value.span) for item in self._unreadable.values())

    def _pause(self, unit_id: int, words: str, until: float) -> None:
        self._paused[unit_id] = until
        for area, values in self._areas.items():
            if area.unit_id == unit_id:
                self._note(area, values, words, "check the unit and modbus.unitId")

    def _give_up(self, request: Request, words: str, now: float) -> None:
        if not all(value.signal in self._unreadable for value in request.values):
            self._joints.pop(
                request.area, None
            )  # this address may be the reason for them; if not, they are learned anew
        for value in request.values:
            self._unreadable[value.signal] = Unreadable(request.area, value, now + jittered(*RETRY_SECONDS))
        self._note(request.area, request.values, words, "mend the signal's table, address or type")
        gone = {value.signal for value in request.values}
        kept = [value for value in self._areas.get(request.area, []) if value.signal not in gone]
        self._areas[request.area] = kept
        self._outdated = True

    def _note(self, area: Area, values: Sequence[Value], words: str, cure: str) -> None:
        for value in values:
            place = f"{area.table} {value.span.start} of unit {area.unit_id}"
            self.problems[value.signal] = f"signal {value.signal}, {place}: {words}; {cure}"

    def _replan(self) -> None:
        barriers = {area: set(joints) for area, joints in self._joints.items()}
        for item in self._unreadable.values():
            lost = {Range(address, address + 1) for address in range(*item.value.span)}
            barriers.setdefault(item.area, set()).update(lost)
        self._requests = plan(self._areas, self._limits, barriers)
        self._outdated = False
