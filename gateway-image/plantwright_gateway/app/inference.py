"""The state that is inferred from a load: what the model of the signal says, told as the state signal of others is."""

from typing import Final

import msgspec

from plantwright_api.wire.config import Machine
from plantwright_gateway.context.kpi import UNKNOWN, Kpis
from plantwright_gateway.context.situation import Situation
from plantwright_gateway.context.times import SECOND
from plantwright_gateway.infer import REASONS, Inferred, Model

STATE_INFERENCE: Final = "inference"
STATES: Final = {"Producing": "Production", "Idle": "Idle", "Off": "Idle", "": UNKNOWN}
"""Idle is what ISO 22400 calls available and not at work. A load shows neither why a machine stands nor that it was planned: Delay
would claim a failure, PlannedDown would take the time out of every KPI."""
HOLD_BACK_NS: Final = 3 * SECOND
"""A value that changed may be under way for so long; until then the old one is not taken as still so."""
SAVE_EVERY_NS: Final = 60 * SECOND


class Kept(msgspec.Struct, frozen=True):
    """What survives a restart: of which signal, and what the model made of it."""

    signal: str
    model: str


class Inference:
    """Of one machine. A source that tells changes only is silent while nothing changes: `hold` carries its last value on."""

    def __init__(self, signal: str, shortest_stop: float, quiet_ns: int) -> None:
        self.signal = signal
        self.model = Model(shortest_stop)
        self._quiet_ns = quiet_ns
        self._last: tuple[int, object] | None = None
        self._saved_ns = 0

    @classmethod
    def of(cls, machine: Machine) -> "Inference | None":
        """For a machine; None where its state is told in codes or not at all."""
        state = machine.state
        if state is None or state.infer is None:
            return None
        interval = next((each.interval_ms for each in machine.signals if each.name == state.signal), 0)
        return cls(state.signal, state.infer.shortest_stop_seconds, max(HOLD_BACK_NS, 2 * interval * SECOND // 1000))

    @property
    def now(self) -> Inferred:
        """What the model says."""
        return self.model.now

    def trouble(self) -> str:
        """Why the state is not known, in words; "" while it is."""
        return REASONS[self.now.reason]

    def cycle_seconds(self) -> float | None:
        """How long a cycle takes, in s; None where none are told."""
        return self.model.cycles.seconds() if self.model.tells_cycles else None

    def succeed(self, before: "Inference | None") -> None:
        """Take over what another configuration's model has learnt of the same signal."""
        if before is not None and before.signal == self.signal:
            before.model.shortest_stop = self.model.shortest_stop
            self.model, self._last, self._saved_ns = before.model, before._last, before._saved_ns

    def recall(self, kept: bytes | None) -> None:
        """Take up what was kept before a restart; what cannot be read, or is of another signal, begins anew."""
        try:
            found = msgspec.json.decode(kept or b"", type=Kept)
        except msgspec.MsgspecError:
            return
        if found.signal == self.signal:
            self.model = Model(self.model.shortest_stop, found.model.encode())

    def due(self, now_ns: int) -> bool:
        """Whether enough has been learnt since the last `dump` to be kept."""
        return abs(now_ns - self._saved_ns) >= SAVE_EVERY_NS

    def dump(self, now_ns: int) -> bytes:
        """What must survive a restart."""
        self._saved_ns = now_ns
        return msgspec.json.encode(Kept(self.signal, self.model.dump().decode()))

    def observe(self, time_ns: int, value: object, now_ns: int, kpis: Kpis, situation: Situation) -> None:
        """The signal was read, or could not be: then `value` is None."""
        self.model.observe(time_ns, value)
        self._last = (time_ns, value)
        self._tell(now_ns, kpis, situation)

    def hold(self, now_ns: int, kpis: Kpis, situation: Situation) -> None:
        """Time has gone on without news of a machine that is there: the last value still holds."""
        if self._last is None or self._last[0] + self._quiet_ns + HOLD_BACK_NS > now_ns:
            return
        self.observe(now_ns - HOLD_BACK_NS, self._last[1], now_ns, kpis, situation)

    def _tell(self, now_ns: int, kpis: Kpis, situation: Situation) -> None:
        for past in self.model.take_past():
            # Counters that run live are not put right: what was not known when it was so stays Unknown in them.
            _tell_of(past, past.since_ns, situation, late=True)
        ended = self.model.take_cycles()
        kpis.count_cycles(len(ended))
        for time_ns in ended:
            situation.cycle_ended(time_ns)
        now = self.now
        state = STATES[now.word]
        if state != kpis.state:
            kpis.infer(state, now_ns)
        if state != situation.told("State"):
            _tell_of(now, now.since_ns or now_ns, situation)


def _tell_of(told: Inferred, since_ns: int, situation: Situation, late: bool = False) -> None:
    confidence = round(told.confidence, 3) if told.word else None
    situation.state(STATES[told.word], since_ns, "Inferred", told.word, confidence, late)
