"""Loads of machines that tell nothing but their power: what the meter shows, and what the machine really did. Pure, seeded.

Written down before anything was tuned on them, and not changed since: `TUNED` may be looked at while a model is made, `HELD_OUT`
and `OTHER_SEEDS` are run when it is done. The first run of `HELD_OUT` showed what was wrong (docs/decisions/0016-inferred-state.md);
it has been looked at since. `HELD_OUT_AGAIN` was written before that was mended, and run after. Likewise `HELD_OUT_THIRD`: written
down before pauses were given a spread and learning a memory (saw and washer were looked at for that), run when both were done.

What counts as true: Producing is the time in which the machine works an order off, with all pauses that belong to its cycle
(part change, tool change, cooling, a thermostat's pause). Idle is powered and out of its cycle, stand-by included, Off is
switched off. A compressor that runs unloaded is Idle. Powers are in kW, times in seconds; the first moment is a Monday 00:00.
"""

import math
import random
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

Truth = Literal["Off", "Idle", "Producing"]
DAY: Final = 86_400.0
HOUR: Final = 3_600.0


class Step(NamedTuple):
    """A part of a cycle: how long (median, and spread of a log-normal), what power, how much it ripples (relative)."""

    seconds: float
    spread: float
    power: float
    ripple: float
    truth: Truth = "Producing"


class Stop(NamedTuple):
    """What interrupts production: every so many seconds (mean of an exponential), for so long, as idle, stand-by or off."""

    every: float
    seconds: float
    spread: float
    where: Literal["idle", "standby", "off"] = "idle"


class Load(NamedTuple):
    """One machine and its meter."""

    name: str
    cycle: tuple[Step, ...]
    idle: tuple[Step, ...]
    stops: tuple[Stop, ...]
    standby: float
    off: float
    hours: tuple[float, float]
    """Of the day, in which it produces on working days."""
    working_days: int
    breaks: tuple[tuple[float, float], ...]
    """Hour of the day and length in seconds; idle."""
    days: int
    interval: float
    jitter: float = 0.05
    """Relative spread of the interval; 1 stands for anything between a tenth of it and double."""
    noise: float = 0.01
    """Standard deviation of the meter's own noise."""
    quantum: float = 0.0
    drift_per_day: float = 0.0
    """Relative change of the meter's gain per day."""
    warm_up: float = 0.0
    """Relative power that a cold machine takes more; it fades with half an hour of running."""
    dropout_every: float = 0.0
    """Mean seconds between stretches without samples, of 20 to 400 s."""
    products: tuple[float, ...] = (1.0,)
    """Relative power of the products; one after the other, for some hours each."""
    inrush_every: float = 0.0
    """Mean seconds between short peaks while it is idle: a pump or a lubrication, 1 to 2 s long."""
    parts: bool = True


class Reading(NamedTuple):
    """One sample: when, what the meter shows, what is so, and how many parts are made by then."""

    seconds: float
    value: float
    truth: Truth
    parts: int


def _idle(power: float, ripple: float = 0.02) -> tuple[Step, ...]:
    return (Step(60.0, 0.1, power, ripple, "Idle"),)


LATHE = Load(
    "lathe",
    cycle=(Step(22, 0.03, 8.5, 0.12), Step(14, 0.03, 4.5, 0.08), Step(6, 0.15, 1.15, 0.05)),
    idle=_idle(1.0),
    stops=(Stop(1800, 90, 0.8), Stop(7200, 900, 0.5, "standby"), Stop(900, 40, 0.2)),
    standby=0.18,
    off=0.0,
    hours=(6, 22),
    working_days=5,
    breaks=((9, 900), (12, 1800), (18, 1800)),
    days=7,
    interval=1.0,
    warm_up=0.2,
    products=(1.0, 0.7, 1.25),
    inrush_every=600,
)
MILLING = Load(
    "milling",
    cycle=(
        Step(60, 0.04, 6.5, 0.15),
        Step(7, 0.1, 2.2, 0.05),
        Step(35, 0.04, 4.2, 0.1),
        Step(7, 0.1, 2.2, 0.05),
        Step(90, 0.04, 8.0, 0.2),
        Step(7, 0.1, 2.2, 0.05),
        Step(25, 0.04, 3.6, 0.08),
        Step(24, 0.12, 2.0, 0.05),
    ),
    idle=_idle(1.9),
    stops=(Stop(3600, 240, 0.7), Stop(14400, 2400, 0.5)),
    standby=0.4,
    off=0.03,
    hours=(5, 23),
    working_days=6,
    breaks=((9.5, 900), (13, 1800)),
    days=7,
    interval=1.0,
    jitter=0.2,
    warm_up=0.25,
    products=(1.0, 0.8),
    dropout_every=20_000,
)
PRESS = Load(
    "press",
    cycle=(Step(0.4, 0.05, 14.0, 0.1), Step(1.1, 0.05, 4.2, 0.1)),
    idle=_idle(3.4, 0.03),
    stops=(Stop(1500, 75, 0.7), Stop(5400, 1200, 0.5), Stop(20_000, 1800, 0.4, "off")),
    standby=0.3,
    off=0.02,
    hours=(6, 22),
    working_days=5,
    breaks=((9, 900), (12, 1800)),
    days=3,
    interval=0.25,
    jitter=0.3,
    noise=0.08,
    quantum=0.1,
)
MOULDING = Load(
    "injection-moulding",
    cycle=(
        Step(3, 0.03, 28.0, 0.1),
        Step(6, 0.02, 14.0, 0.08),
        Step(8, 0.03, 20.0, 0.08),
        Step(9, 0.02, 5.0, 0.06),
        Step(4, 0.04, 8.0, 0.1),
    ),
    idle=(Step(18, 0.2, 6.5, 0.03, "Idle"), Step(30, 0.2, 2.5, 0.03, "Idle")),
    stops=(Stop(5400, 150, 0.7), Stop(20_000, 3000, 0.5)),
    standby=1.2,
    off=0.05,
    hours=(0, 24),
    working_days=6,
    breaks=(),
    days=7,
    interval=1.0,
    noise=0.05,
    drift_per_day=0.02,
    dropout_every=30_000,
)
OVEN = Load(
    "oven",
    cycle=(Step(40, 0.1, 18.0, 0.01), Step(50, 0.1, 0.75, 0.03)),
    idle=_idle(0.7, 0.03),
    stops=(Stop(10_000, 1500, 0.4), Stop(40_000, 5400, 0.3, "off")),
    standby=0.3,
    off=0.02,
    hours=(5, 21),
    working_days=5,
    breaks=(),
    days=7,
    interval=10.0,
    jitter=0.1,
    noise=0.02,
    parts=False,
)
COMPRESSOR = Load(
    "compressor",
    cycle=(Step(120, 0.5, 45.0, 0.03), Step(110, 0.7, 13.0, 0.02, "Idle")),
    idle=_idle(13.0),
    stops=(Stop(6000, 600, 0.3), Stop(12_000, 1800, 0.6, "off")),
    standby=0.3,
    off=0.1,
    hours=(4, 23),
    working_days=6,
    breaks=(),
    days=7,
    interval=5.0,
    jitter=1.0,
    noise=0.3,
    quantum=0.5,
    warm_up=0.1,
    parts=False,
)
PACKAGING = Load(
    "packaging",
    cycle=(Step(30, 0.2, 2.2, 0.06),),
    idle=_idle(0.7, 0.03),
    stops=(Stop(400, 45, 0.8), Stop(9000, 1200, 0.6)),
    standby=0.2,
    off=0.02,
    hours=(0, 24),
    working_days=6,
    breaks=((6, 1200), (14, 1200), (22, 1200)),
    days=7,
    interval=2.0,
    jitter=1.0,
    noise=0.06,
    drift_per_day=-0.02,
    dropout_every=15_000,
    parts=False,
)
WELDING = Load(
    "welding",
    cycle=(
        *(Step(12, 0.15, 7.5, 0.2), Step(5, 0.2, 0.36, 0.05)) * 5,
        Step(12, 0.15, 7.5, 0.2),
        Step(20, 0.2, 0.36, 0.05),
    ),
    idle=_idle(0.32, 0.05),
    stops=(Stop(1800, 110, 0.6), Stop(9000, 1200, 0.5), Stop(40_000, 1800, 0.3, "off")),
    standby=0.15,
    off=0.0,
    hours=(6, 15),
    working_days=5,
    breaks=((9, 900), (12, 1800)),
    days=7,
    interval=0.5,
    jitter=0.2,
    noise=0.02,
    quantum=0.02,
)
GRINDER = Load(
    "grinder",
    cycle=(Step(35, 0.05, 6.4, 0.06), Step(8, 0.05, 4.4, 0.04), Step(11, 0.1, 3.2, 0.03)),
    idle=_idle(3.0, 0.02),
    stops=(Stop(2400, 100, 0.7), Stop(7200, 1500, 0.5), Stop(30_000, 2400, 0.4, "standby")),
    standby=0.5,
    off=0.0,
    hours=(6, 22),
    working_days=5,
    breaks=((9, 900), (12, 1800)),
    days=7,
    interval=1.0,
    jitter=0.5,
    noise=0.05,
    quantum=0.2,
    drift_per_day=0.04,
    dropout_every=25_000,
)
PALLETISER = Load(
    "palletiser",
    cycle=(Step(3.2, 0.08, 1.9, 0.15), Step(2.4, 0.1, 1.1, 0.1), Step(4.5, 0.15, 0.52, 0.05)),
    idle=_idle(0.45, 0.03),
    stops=(Stop(700, 60, 0.8), Stop(6000, 900, 0.6), Stop(50_000, 5400, 0.4, "off")),
    standby=0.2,
    off=0.03,
    hours=(0, 24),
    working_days=5,
    breaks=(),
    days=6,
    interval=0.5,
    jitter=1.0,
    noise=0.03,
    inrush_every=400,
)

SAW = Load(
    "saw",
    cycle=(Step(70, 0.2, 2.6, 0.1), Step(18, 0.15, 0.8, 0.05)),
    idle=_idle(0.6, 0.03),
    stops=(Stop(1500, 120, 0.8), Stop(7200, 1500, 0.5), Stop(25_000, 2400, 0.4, "standby")),
    standby=0.2,
    off=0.01,
    hours=(7, 16),
    working_days=5,
    breaks=((9, 900), (12, 1800)),
    days=7,
    interval=1.0,
    jitter=0.3,
    noise=0.03,
    quantum=0.1,
    products=(1.0, 0.75, 1.3),
    dropout_every=30_000,
)
WASHER = Load(
    "washer",
    cycle=(Step(240, 0.1, 9.0, 0.05), Step(120, 0.05, 5.5, 0.03), Step(45, 0.25, 0.95, 0.05)),
    idle=_idle(0.85, 0.03),
    stops=(Stop(3600, 300, 0.6), Stop(10_000, 1800, 0.5)),
    standby=0.3,
    off=0.02,
    hours=(6, 22),
    working_days=5,
    breaks=((9, 900), (12, 1800), (18, 1800)),
    days=7,
    interval=2.0,
    jitter=0.2,
    noise=0.04,
    drift_per_day=0.01,
    products=(1.0, 0.85),
    inrush_every=500,
)

LASER = Load(
    "laser",
    cycle=(Step(180, 0.45, 14.0, 0.2), Step(38, 0.2, 5.2, 0.04)),
    idle=_idle(4.8, 0.03),
    stops=(Stop(2400, 180, 0.7), Stop(9000, 1500, 0.5), Stop(30_000, 2700, 0.4, "standby")),
    standby=1.4,
    off=0.05,
    hours=(6, 22),
    working_days=5,
    breaks=((9, 900), (12, 1800), (18, 1800)),
    days=7,
    interval=1.0,
    jitter=0.3,
    noise=0.08,
    quantum=0.1,
    products=(1.0, 0.8, 1.15),
    dropout_every=25_000,
)
PRESS_BRAKE = Load(
    "press-brake",
    cycle=(Step(4, 0.1, 7.0, 0.12), Step(9, 0.3, 1.4, 0.05)),
    idle=_idle(1.25, 0.03),
    stops=(Stop(900, 80, 0.8), Stop(5400, 1200, 0.5), Stop(30_000, 3600, 0.3, "off")),
    standby=0.3,
    off=0.0,
    hours=(6, 15),
    working_days=5,
    breaks=((9, 900), (12, 1800)),
    days=7,
    interval=0.5,
    jitter=0.4,
    noise=0.05,
    quantum=0.05,
    inrush_every=900,
)
DRYER = Load(
    "dryer",
    cycle=(Step(600, 0.06, 12.0, 0.04), Step(150, 0.05, 6.0, 0.04), Step(75, 0.25, 0.8, 0.05)),
    idle=_idle(0.6, 0.04),
    stops=(Stop(5400, 420, 0.6), Stop(14_000, 2400, 0.5)),
    standby=0.2,
    off=0.02,
    hours=(5, 23),
    working_days=6,
    breaks=((9.5, 900), (13, 1800)),
    days=7,
    interval=5.0,
    jitter=0.3,
    noise=0.03,
    drift_per_day=0.01,
    products=(1.0, 0.9),
    dropout_every=30_000,
)
PUMP = Load(
    "pump",
    cycle=(Step(300, 0.4, 11.0, 0.04), Step(200, 0.5, 0.25, 0.05, "Idle")),
    idle=_idle(0.25, 0.05),
    stops=(Stop(20_000, 2400, 0.4), Stop(60_000, 3600, 0.4, "off")),
    standby=0.2,
    off=0.0,
    hours=(0, 24),
    working_days=7,
    breaks=(),
    days=7,
    interval=5.0,
    jitter=1.0,
    noise=0.03,
    warm_up=0.1,
    parts=False,
)

TUNED: Final = (LATHE, MILLING, PRESS, MOULDING, OVEN, COMPRESSOR, PACKAGING, WELDING)
HELD_OUT: Final = (GRINDER, PALLETISER)
HELD_OUT_AGAIN: Final = (SAW, WASHER)
HELD_OUT_THIRD: Final = (LASER, PRESS_BRAKE, DRYER, PUMP)
SEEDS: Final = (11, 12)
OTHER_SEEDS: Final = (2101, 2102)
AGAIN_SEEDS: Final = (3101, 3102)
THIRD_SEEDS: Final = (4101, 4102)


class _Stretch(NamedTuple):
    until: float
    power: float
    ripple: float
    truth: Truth
    part: bool = False


def readings(load: Load, seed: int) -> Iterator[Reading]:
    """What the meter shows from Monday 00:00 on, in order."""
    chance = random.Random(f"{load.name} {seed}")
    plan = _plan(load, random.Random(f"{load.name} {seed} plan"))
    stretch, parts = next(plan), 0
    quiet_until, next_quiet = 0.0, _next(chance, load.dropout_every, 0.0)
    peak_until, next_peak = 0.0, _next(chance, load.inrush_every, 0.0)
    now, warm = 0.0, 0.0
    while now < load.days * DAY:
        while stretch.until <= now:
            parts += stretch.part
            stretch = next(plan)
        step = _interval(load, chance)
        warm = _warmth(warm, stretch.truth, step)
        if now >= next_quiet:
            quiet_until, next_quiet = now + chance.uniform(20, 400), _next(chance, load.dropout_every, now + 400)
        if now >= next_peak:
            peak_until, next_peak = now + chance.uniform(1, 2), _next(chance, load.inrush_every, now)
        if now >= quiet_until:
            power = stretch.power * (1 + stretch.ripple * chance.gauss(0, 1))
            if stretch.truth == "Producing":
                power *= 1 + load.warm_up * (1 - warm)
            if now < peak_until and stretch.truth == "Idle":
                power += load.cycle[0].power
            yield Reading(now, _shown(load, power, now, chance), stretch.truth, parts)
        now += step


def _shown(load: Load, power: float, now: float, chance: random.Random) -> float:
    value = power * (1 + load.drift_per_day * now / DAY) + load.noise * chance.gauss(0, 1)
    value = max(0.0, value)
    return round(value / load.quantum) * load.quantum if load.quantum else value


def _interval(load: Load, chance: random.Random) -> float:
    if load.jitter >= 1:
        return load.interval * chance.uniform(0.1, 2.0)
    return load.interval * max(0.1, 1 + load.jitter * chance.gauss(0, 1))


def _next(chance: random.Random, every: float, now: float) -> float:
    return now + chance.expovariate(1 / every) if every else math.inf


def _warmth(warm: float, truth: Truth, step: float) -> float:
    target = 0.0 if truth == "Off" else 1.0
    return warm + (target - warm) * min(1.0, step / 1800)


def _plan(load: Load, chance: random.Random) -> Iterator[_Stretch]:
    """What the machine does, stretch by stretch, without end."""
    now = 0.0
    due = [_next(chance, stop.every, 0.0) for stop in load.stops]
    breaks = _breaks(load)
    next_break = next(breaks)
    while True:
        if (opens := _opens(load, now)) > now:
            yield _Stretch(opens, load.off, 0.0, "Off")
            now = opens
        while next_break[0] + next_break[1] <= now:
            next_break = next(breaks)
        if next_break[0] <= now:
            for stretch in _standing(load, now, next_break[0] + next_break[1], "idle", chance):
                yield stretch
                now = stretch.until
        for place, stop in enumerate(load.stops):
            if due[place] <= now:
                ends = now + stop.seconds * math.exp(stop.spread * chance.gauss(0, 1))
                for stretch in _standing(load, now, ends, stop.where, chance):
                    yield stretch
                    now = stretch.until
                due[place] = _next(chance, stop.every, now)
        for stretch in _cycle(load, now, chance):
            yield stretch
            now = stretch.until


def _cycle(load: Load, now: float, chance: random.Random) -> Iterator[_Stretch]:
    product = load.products[int(now // (5 * HOUR)) % len(load.products)]
    last = len(load.cycle) - 1
    for place, step in enumerate(load.cycle):
        now += step.seconds * math.exp(step.spread * chance.gauss(0, 1))
        power = step.power * product if step.power > 2 * load.idle[0].power else step.power
        yield _Stretch(now, power, step.ripple, step.truth, load.parts and place == last)


def _standing(load: Load, now: float, ends: float, where: str, chance: random.Random) -> Iterator[_Stretch]:
    if where != "idle":
        truth: Truth = "Off" if where == "off" else "Idle"
        yield _Stretch(ends, load.off if where == "off" else load.standby, 0.02, truth)
        return
    place = 0
    while now < ends:
        step = load.idle[place % len(load.idle)]
        now = min(ends, now + step.seconds * math.exp(step.spread * chance.gauss(0, 1)))
        yield _Stretch(now, step.power, step.ripple, "Idle")
        place += 1


def _opens(load: Load, now: float) -> float:
    """`now` where the machine is on by plan, else when it is switched on next."""
    day, of_day = divmod(now, DAY)
    begins, ends = (hour * HOUR for hour in load.hours)
    while True:
        works = day % 7 < load.working_days
        if works and of_day < ends:
            return max(now, day * DAY + begins)
        day, of_day = day + 1, 0.0


def _breaks(load: Load) -> Iterator[tuple[float, float]]:
    day = 0
    while True:
        for hour, seconds in load.breaks:
            yield day * DAY + hour * HOUR, seconds
        if not load.breaks:
            yield math.inf, 0.0
        day += 1
