"""How a simulated machine behaves: states, cycles, parts and physics. Pure and deterministic.

A machine is a function of its seed, its parameters and the time it has run: time goes on in fixed steps, so it does not
matter how often somebody looks. No clock and no I/O here.
"""

import math
import random
from typing import Literal, NamedTuple

Value = bool | int | float | str
State = Literal["Production", "Setup", "Delay", "Idle"]

STEP_SECONDS = 0.1
STATE_CODES: dict[State, int] = {"Idle": 0, "Production": 1, "Setup": 2, "Delay": 3}
"""Codes as the machine shows them."""

PROGRAMS = ("O1001 FLANGE", "O1002 SHAFT", "O1003 BUSHING", "O2040 HOUSING")
ALARMS = (2041, 3102, 5218, 7300)


class Stay(NamedTuple):
    """How long a state lasts (seconds, log-normal around the median) and what follows, with weights."""

    median: float
    spread: float
    then: dict[State, float]


STAYS: dict[State, Stay] = {
    "Production": Stay(900.0, 0.6, {"Delay": 0.55, "Setup": 0.25, "Idle": 0.2}),
    "Delay": Stay(75.0, 0.8, {"Production": 0.9, "Setup": 0.1}),
    "Setup": Stay(420.0, 0.4, {"Production": 0.9, "Delay": 0.1}),
    "Idle": Stay(240.0, 0.7, {"Production": 0.6, "Setup": 0.4}),
}


class Parameters(NamedTuple):
    """What differs between machines."""

    cycle_seconds: float = 18.0
    scrap_ratio: float = 0.02
    rework_ratio: float = 0.0
    """Share of cycles after which a part is worked on once more: it takes a cycle of its own and is good after it."""
    spindle_speed: float = 2400.0
    """Revolutions per minute while cutting."""
    feed_rate: float = 320.0
    power_kilowatt: float = 11.0
    good_parts: int = 0
    """Where the counter of good parts stands at first."""
    pace: float = 1.0
    """How much faster states and cycles go by than in a factory; 10 shows an hour in six minutes."""


class Behaviour:
    """One machine. `advance_to` moves it, `values` shows it."""

    def __init__(self, seed: int | str, parameters: Parameters) -> None:
        self._random = random.Random(seed)
        self._parameters = parameters
        self._steps = 0
        self._good = parameters.good_parts
        self._rejected, self._reworked = 0, 0
        self._again = False
        self._tool, self._wear, self._program = 1, 0.0, PROGRAMS[0]
        self._alarm, self._last_cycle = 0, parameters.cycle_seconds
        self._speed, self._load, self._power, self._energy = 0.0, 0.0, 0.6, 0.0
        self._spindle_temperature, self._coolant_temperature = 24.0, 21.0
        self._state: State = "Idle"
        self._left = 5.0
        self._cycle_left = self._cycle()

    @property
    def state(self) -> State:
        """The state the machine is in."""
        return self._state

    def advance_to(self, elapsed: float) -> None:
        """Let the machine run until `elapsed` seconds after its start; an earlier time changes nothing."""
        target = int(elapsed / STEP_SECONDS)
        while self._steps < target:
            self._steps += 1
            self._step()

    def values(self) -> dict[str, Value]:
        """What the machine shows now; counters without rollover, which is a matter of the protocol."""
        cutting = self._state == "Production"
        progress = 1.0 - self._cycle_left / max(self._last_cycle, 0.1) if cutting else 0.0
        ripple = self._ripple()
        return {
            "state": STATE_CODES[self._state],
            "goodParts": self._good,
            "rejectedParts": self._rejected,
            "reworkedParts": self._reworked,
            "spindleSpeed": round(self._speed, 1),
            "spindleLoad": round(self._load, 1),
            "feedRate": round(self._parameters.feed_rate * (1 + 0.02 * ripple), 1) if cutting else 0.0,
            "power": round(self._power, 2),
            "energy": round(self._energy, 3),
            "spindleTemperature": round(self._spindle_temperature + 0.1 * ripple, 1),
            "coolantTemperature": round(self._coolant_temperature, 1),
            "coolantPressure": round(6.0 + 0.2 * ripple, 2) if cutting else 0.0,
            "vibration": round(0.2 + self._load * 0.03 + 0.05 * abs(ripple), 2),
            "toolNumber": self._tool,
            "toolWear": round(self._wear, 1),
            "program": self._program,
            "cycleTime": round(self._last_cycle, 1),
            "positionX": round(120.0 * math.sin(6.28 * progress), 3),
            "positionY": round(40.0 * math.cos(6.28 * progress), 3),
            "positionZ": round(-80.0 * progress, 3),
            "alarm": self._alarm,
            "doorClosed": self._state != "Setup",
            "coolantOn": cutting,
            "probeTemperature": math.nan,  # an input that no probe was ever wired to
        }

    def _step(self) -> None:
        self._left -= STEP_SECONDS * self._parameters.pace
        if self._left <= 0:
            self._enter(self._next_state())
        if self._state == "Production":
            self._cut()
        self._physics()

    def _next_state(self) -> State:
        then = STAYS[self._state].then
        return self._random.choices(list(then), weights=list(then.values()))[0]

    def _enter(self, state: State) -> None:
        stay = STAYS[state]
        self._state = state
        self._left = stay.median * math.exp(self._random.gauss(0.0, stay.spread))
        self._alarm = self._random.choice(ALARMS) if state == "Delay" else 0
        if state == "Setup":
            self._program = self._random.choice(PROGRAMS)

    def _cut(self) -> None:
        self._cycle_left -= STEP_SECONDS * self._parameters.pace
        if self._cycle_left > 0:
            return
        self._judge_part()
        self._wear += self._random.uniform(0.2, 0.8)
        if self._wear >= 100.0:
            self._tool, self._wear = self._tool % 12 + 1, 0.0
        self._cycle_left = self._last_cycle = self._cycle()

    def _judge_part(self) -> None:
        """Scrap, once more, or good. A part that is reworked counts when that is done: as good and as reworked at once."""
        drawn, scrap = self._random.random(), self._parameters.scrap_ratio
        if self._again:
            self._good, self._reworked, self._again = self._good + 1, self._reworked + 1, False
        elif drawn < scrap:
            self._rejected += 1
        elif drawn < scrap + self._parameters.rework_ratio:
            self._again = True
        else:
            self._good += 1

    def _cycle(self) -> float:
        return self._parameters.cycle_seconds * self._random.uniform(0.95, 1.08)

    def _physics(self) -> None:
        cutting, idle = self._state == "Production", self._state == "Idle"
        speed = self._parameters.spindle_speed if cutting else 0.0
        load = 62.0 + 8.0 * self._ripple() if cutting else 0.0
        self._speed += (speed - self._speed) * 0.08
        self._load += (load - self._load) * 0.2
        full = self._parameters.power_kilowatt
        self._power += ((full * self._load / 70.0 if cutting else 0.4 if idle else 1.1) - self._power) * 0.15
        self._energy += self._power * STEP_SECONDS / 3600.0
        self._spindle_temperature += (24.0 + 0.45 * self._load - self._spindle_temperature) * 0.0008
        self._coolant_temperature += (21.0 + 0.12 * self._load - self._coolant_temperature) * 0.0005

    def _ripple(self) -> float:
        """Between -1 and 1: what no two looks at a machine show alike."""
        seconds = self._steps * STEP_SECONDS
        return 0.6 * math.sin(seconds * 1.7) + 0.4 * math.sin(seconds * 0.37 + 1.0)
