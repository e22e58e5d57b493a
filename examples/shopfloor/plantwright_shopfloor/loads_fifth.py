"""A fifth held-out set of loads, written by somebody who had not seen the model, its tests or its figures.

Powers (kW) and times (s) are those common for machines of the size named; what counts as true is told in `loads`. Each load tells
where its numbers come from. Not to be changed when a model does badly on it: a new set is written instead.
"""

from typing import Final

from plantwright_shopfloor.loads import Load, Step, Stop

# A cold-chamber machine of 4 MN for aluminium with a 37 kW pump that circulates while it waits: close, pour, shot, solidify, open,
# then a robot takes out and sprays. Tools are changed with the pump off and the oil-heated die kept warm.
DIE_CASTING = Load(
    "die-casting",
    cycle=(
        Step(4, 0.04, 19.0, 0.1),
        Step(6.5, 0.06, 8.8, 0.05),
        Step(2.5, 0.05, 33.0, 0.12),
        Step(13, 0.03, 9.6, 0.05),
        Step(5, 0.05, 17.0, 0.1),
        Step(15, 0.08, 8.2, 0.05),
    ),
    idle=(Step(60, 0.2, 7.4, 0.03, "Idle"),),
    stops=(Stop(2700, 150, 0.7), Stop(10_000, 1200, 0.5), Stop(90_000, 7200, 0.3, "standby")),
    standby=1.8,
    off=0.1,
    hours=(0, 24),
    working_days=6,
    breaks=(),
    days=7,
    interval=1.0,
    jitter=0.1,
    noise=0.1,
    quantum=0.1,
    warm_up=0.08,
    products=(1.0, 0.88),
    dropout_every=40_000,
)

# A nesting router for wood panels: 12 kW spindle at part load and a vacuum pump of 5.5 kW that holds the panel; both stop while the
# operator takes the parts off and lays the next panel on by hand.
CNC_ROUTER = Load(
    "cnc-router",
    cycle=(
        Step(55, 0.1, 6.6, 0.06),
        Step(12, 0.08, 5.2, 0.03),
        Step(190, 0.15, 9.3, 0.12),
        Step(70, 0.27, 1.5, 0.06),
    ),
    idle=(Step(60, 0.1, 1.3, 0.03, "Idle"),),
    stops=(Stop(2700, 260, 0.7), Stop(11_000, 1500, 0.5), Stop(30_000, 3000, 0.4, "off")),
    standby=0.4,
    off=0.02,
    hours=(7, 16.5),
    working_days=5,
    breaks=((9, 900), (12.5, 1800)),
    days=6,
    interval=1.0,
    jitter=0.3,
    noise=0.04,
    quantum=0.05,
    products=(1.0, 0.9, 1.1),
    inrush_every=1200,
)

# A hanger shot-blaster with four wheels of 7.5 kW and a Y-track, so that one hanger is loaded while the other is blasted: the timer
# ends the blast, the wheels run down with filter and elevator on, and the hangers are pushed over by hand. Its control needs little.
SHOT_BLASTER = Load(
    "shot-blaster",
    cycle=(
        Step(300, 0.04, 26.5, 0.04),
        Step(35, 0.06, 5.2, 0.05),
        Step(55, 0.25, 0.9, 0.05),
    ),
    idle=(Step(60, 0.1, 0.75, 0.04, "Idle"),),
    stops=(Stop(4000, 360, 0.7), Stop(12_000, 1800, 0.5), Stop(40_000, 3600, 0.4, "off")),
    standby=0.3,
    off=0.03,
    hours=(6, 22),
    working_days=5,
    breaks=((9, 900), (12, 1800), (18, 1800)),
    days=7,
    interval=2.0,
    jitter=0.2,
    noise=0.05,
    quantum=0.1,
    drift_per_day=-0.005,
    products=(1.0, 0.93),
)

# A roll-fed thermoformer for trays at 12 strokes a minute: the radiant heaters are most of its power and are held at a lower set
# point while it waits, lowered further for a tool change; the roll is changed every hour or so.
THERMOFORMER = Load(
    "thermoformer",
    cycle=(
        Step(1.1, 0.04, 35.0, 0.06),
        Step(1.4, 0.04, 31.0, 0.05),
        Step(2.5, 0.03, 25.5, 0.05),
    ),
    idle=(Step(12, 0.2, 16.5, 0.04, "Idle"), Step(9, 0.2, 12.5, 0.04, "Idle")),
    stops=(Stop(1400, 70, 0.7), Stop(4500, 270, 0.3), Stop(45_000, 4800, 0.3, "standby")),
    standby=4.5,
    off=0.15,
    hours=(0, 22),
    working_days=5,
    breaks=(),
    days=5,
    interval=0.5,
    jitter=0.2,
    noise=0.2,
    quantum=0.1,
    warm_up=0.12,
    dropout_every=30_000,
)

# A two-spindle honing machine for connecting rods: rough, finish, then gauge and index, with hydraulics and coolant always on; belts
# feed it, so it is often starved or blocked for a minute, and stones are changed every few hours.
HONING = Load(
    "honing",
    cycle=(
        Step(19, 0.06, 4.9, 0.07),
        Step(8, 0.05, 3.5, 0.05),
        Step(7, 0.12, 1.75, 0.04),
    ),
    idle=(Step(60, 0.1, 1.5, 0.03, "Idle"),),
    stops=(Stop(1100, 65, 0.7), Stop(9000, 600, 0.4), Stop(35_000, 2700, 0.4, "standby")),
    standby=0.35,
    off=0.02,
    hours=(6, 22),
    working_days=5,
    breaks=((9, 900), (12, 1800), (18, 1800)),
    days=7,
    interval=1.0,
    jitter=0.4,
    noise=0.04,
    quantum=0.02,
    drift_per_day=0.005,
    products=(1.0, 0.85),
)

# A central granulator for sprues and rejects, 15 kW rotor at part load, fed from boxes by hand: it chops as long as a box lasts,
# turns empty until the next one comes, and is switched off when there is nothing left.
GRANULATOR = Load(
    "granulator",
    cycle=(Step(260, 0.45, 6.8, 0.22), Step(110, 0.6, 2.1, 0.04, "Idle")),
    idle=(Step(60, 0.1, 2.1, 0.04, "Idle"),),
    stops=(Stop(5000, 400, 0.6), Stop(9000, 2400, 0.5, "off")),
    standby=0.2,
    off=0.01,
    hours=(6, 22),
    working_days=6,
    breaks=((9, 900), (12, 1800)),
    days=7,
    interval=2.0,
    jitter=0.5,
    noise=0.05,
    quantum=0.05,
    dropout_every=30_000,
    parts=False,
)

HELD_OUT_FIFTH: Final = (DIE_CASTING, CNC_ROUTER, SHOT_BLASTER, THERMOFORMER, HONING, GRANULATOR)
FIFTH_SEEDS: Final = (6101, 6102)
