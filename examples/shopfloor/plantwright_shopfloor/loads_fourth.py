"""A fourth held-out set of loads, written by somebody who had not seen the model, its tests or its figures.

Powers (kW) and times (s) are those common for machines of the size named; what counts as true is told in `loads`. Each load tells
where its numbers come from. Not to be changed when a model does badly on it: a new set is written instead.
"""

from typing import Final

from plantwright_shopfloor.loads import Load, Step, Stop

# A six-axis robot of 20 kg payload with a deburring spindle: about 0.7 kW with servos on, 0.25 kW with brakes closed, 2 to 3 kW
# in work; it waits for the machine it serves, and is often starved for a minute.
ROBOT_CELL = Load(
    "robot-cell",
    cycle=(
        Step(5, 0.06, 1.9, 0.2),
        Step(24, 0.05, 3.1, 0.12),
        Step(4, 0.06, 1.75, 0.2),
        Step(7, 0.2, 0.78, 0.05),
    ),
    idle=(Step(60, 0.1, 0.69, 0.03, "Idle"),),
    stops=(Stop(900, 60, 0.7), Stop(5000, 420, 0.7), Stop(14_000, 1800, 0.5, "standby")),
    standby=0.26,
    off=0.02,
    hours=(6, 22),
    working_days=5,
    breaks=((9, 900), (12, 1800), (18, 1800)),
    days=6,
    interval=0.5,
    jitter=0.3,
    noise=0.02,
    quantum=0.01,
    dropout_every=30_000,
)

# A turning centre for bars of 42 mm (15 kW spindle) running through the breaks; 1.5 kW base load of control, hydraulics and
# coolant; a bar of three metres lasts for some seventy parts, its change by the feeder takes over a minute.
TURNING_CENTRE = Load(
    "turning-centre",
    cycle=(
        Step(24, 0.02, 7.1, 0.14),
        Step(3, 0.05, 2.3, 0.06),
        Step(14, 0.02, 4.7, 0.1),
        Step(18, 0.02, 3.5, 0.08),
        Step(7, 0.03, 4.2, 0.12),
        Step(6, 0.08, 1.9, 0.05),
    ),
    idle=(Step(60, 0.1, 1.5, 0.03, "Idle"),),
    stops=(Stop(5200, 80, 0.12), Stop(7000, 280, 0.6), Stop(45_000, 4800, 0.4), Stop(36_000, 2100, 0.4, "standby")),
    standby=0.45,
    off=0.03,
    hours=(6, 24),
    working_days=5,
    breaks=(),
    days=7,
    interval=1.0,
    jitter=0.15,
    noise=0.03,
    quantum=0.05,
    warm_up=0.15,
    products=(1.0, 1.2, 0.8),
)

# An extrusion blow-moulding machine for cans of five litres: the screw never pauses, so the clamp's stroke is a small part of some
# 50 kW; at rest only the barrel's heaters are on, in stand-by they hold a lower temperature.
BLOW_MOULDING = Load(
    "blow-moulding",
    cycle=(Step(2.6, 0.03, 62.0, 0.05), Step(13.5, 0.015, 46.5, 0.03), Step(3.6, 0.04, 55.0, 0.05)),
    idle=(Step(25, 0.2, 14.0, 0.03, "Idle"), Step(40, 0.2, 8.0, 0.03, "Idle")),
    stops=(Stop(6500, 360, 0.7), Stop(30_000, 3600, 0.5), Stop(70_000, 7200, 0.3, "standby")),
    standby=5.5,
    off=0.15,
    hours=(0, 24),
    working_days=5,
    breaks=(),
    days=7,
    interval=1.0,
    jitter=0.1,
    noise=0.3,
    quantum=0.1,
    warm_up=0.06,
    products=(1.0, 0.9),
    dropout_every=40_000,
)

# A gear hobbing machine for wheels of module 4 with two cuts; the wheel is changed and its arbor cleaned by hand under a light
# crane, meanwhile hydraulics and control take nearly what they take at rest; lubrication pulses.
GEAR_HOBBING = Load(
    "gear-hobbing",
    cycle=(
        Step(8, 0.08, 3.1, 0.08),
        Step(165, 0.03, 7.6, 0.08),
        Step(6, 0.06, 2.7, 0.05),
        Step(92, 0.03, 5.3, 0.06),
        Step(58, 0.25, 1.95, 0.04),
    ),
    idle=(Step(60, 0.1, 1.75, 0.03, "Idle"),),
    stops=(Stop(4500, 260, 0.6), Stop(15_000, 1800, 0.5), Stop(32_000, 2700, 0.4, "standby")),
    standby=0.5,
    off=0.02,
    hours=(6, 22),
    working_days=5,
    breaks=((9, 900), (12, 1800), (18, 1800)),
    days=7,
    interval=1.0,
    jitter=0.2,
    noise=0.04,
    quantum=0.1,
    warm_up=0.12,
    products=(1.0, 0.82),
    inrush_every=1200,
)

# Induction hardening of shafts: a converter of 80 kW heats for seconds, then the quench pump runs, then the next shaft is put in
# by hand; at rest the cooling water's pump and the control are left, 2 to 3 % of the heating power on a meter sized for the latter.
INDUCTION_HARDENER = Load(
    "induction-hardener",
    cycle=(Step(9, 0.02, 63.0, 0.04), Step(13, 0.03, 4.3, 0.04), Step(12, 0.22, 1.75, 0.04)),
    idle=(Step(60, 0.1, 1.65, 0.03, "Idle"),),
    stops=(Stop(1600, 110, 0.7), Stop(8000, 1200, 0.5), Stop(36_000, 2700, 0.4, "off")),
    standby=0.6,
    off=0.05,
    hours=(6, 22),
    working_days=5,
    breaks=((9, 900), (12, 1800), (18, 1800)),
    days=6,
    interval=1.0,
    jitter=0.2,
    noise=0.12,
    quantum=0.1,
    products=(1.0, 0.85, 1.1),
)

# A profile extruder with a screw of 75 mm: an even load that wanders with the melt, no cycle to see; at a change of the die the
# heaters switch, over longer waits they hold a lower temperature.
EXTRUDER = Load(
    "extruder",
    cycle=(Step(240, 0.4, 38.0, 0.025), Step(180, 0.4, 36.3, 0.025), Step(150, 0.4, 39.2, 0.03)),
    idle=(Step(20, 0.2, 9.5, 0.03, "Idle"), Step(45, 0.2, 4.4, 0.03, "Idle")),
    stops=(Stop(9000, 320, 0.7), Stop(24_000, 2700, 0.5), Stop(60_000, 7200, 0.3, "standby")),
    standby=2.7,
    off=0.08,
    hours=(0, 24),
    working_days=5,
    breaks=(),
    days=7,
    interval=2.0,
    jitter=0.3,
    noise=0.15,
    quantum=0.1,
    drift_per_day=0.005,
    warm_up=0.08,
    products=(1.0, 0.86, 1.1),
    dropout_every=40_000,
    parts=False,
)

# A water chiller of 90 kW cold with two compressors and one circulating pump: both, one, none by the thermostat; the pump alone
# runs on while nobody takes cold, and the oil's heater is what is left when it is off.
CHILLER = Load(
    "chiller",
    cycle=(Step(260, 0.3, 27.0, 0.03), Step(320, 0.3, 14.5, 0.03), Step(150, 0.25, 2.3, 0.03)),
    idle=(Step(60, 0.1, 2.25, 0.03, "Idle"),),
    stops=(Stop(16_000, 1800, 0.4), Stop(80_000, 3600, 0.4, "off")),
    standby=0.5,
    off=0.12,
    hours=(4.5, 22.5),
    working_days=6,
    breaks=(),
    days=7,
    interval=5.0,
    jitter=0.3,
    noise=0.06,
    quantum=0.1,
    warm_up=0.08,
    dropout_every=50_000,
    parts=False,
)

HELD_OUT_FOURTH: Final = (
    ROBOT_CELL,
    TURNING_CENTRE,
    BLOW_MOULDING,
    GEAR_HOBBING,
    INDUCTION_HARDENER,
    EXTRUDER,
    CHILLER,
)
FOURTH_SEEDS: Final = (5101, 5102)
