"""A contract with every kind of rule, and seeded records that meet and break it."""

import random
from collections.abc import Callable, Iterator
from typing import Any

from plantwright_api.wire.config import Contract, ContractField, CrossFieldRule, Signal

SECOND = 1_000_000_000

FIELDS = [
    ContractField(name="sequence", type="Integer", required=True, minimum=0.0, maximum=4294967295.0),
    ContractField(name="state", type="String", enum=["Idle", "Production", "Setup"], actions={"Enum": "Quarantine"}),
    ContractField(name="mode", type="String", enum=["Auto", "Manual"]),
    ContractField(name="power", type="Number", unit="kW", minimum=0.0, maximum=250.0),
    ContractField(name="speed", type="Number", unit="1/min", minimum=0.0, maximum=6000.0, on_violation="Quarantine"),
    ContractField(
        name="temperature",
        type="Number",
        unit="Cel",
        minimum=-20.0,
        maximum=90.0,
        max_change_per_second=2.5,
        actions={"RateOfChange": "Quarantine"},
    ),
    ContractField(name="pressure", type="Number", unit="bar", minimum=0.0, maximum=80.0),
    ContractField(name="good", type="Integer", minimum=0.0),
    ContractField(name="rejected", type="Integer", minimum=0.0, maximum=100000.0),
    ContractField(name="program", type="String", min_length=3, max_length=24),
    ContractField(
        name="serial",
        type="String",
        max_length=16,
        pattern="^[A-Z]{2}-[0-9]{4,8}$",
        actions={"Pattern": "Block", "Type": "Block"},
    ),
    ContractField(name="door", type="Boolean"),
    ContractField(name="tool", type="Integer", enum=["1", "2", "5", "12"], on_violation="Quarantine"),
]
RULES = [
    CrossFieldRule(name="idleTakesNoPower", expression="state != 'Idle' || power < 20.0"),
    CrossFieldRule(name="fewRejects", expression="good == 0 || rejected / good < 0.5", on_violation="Quarantine"),
    CrossFieldRule(name="doorShutAtSpeed", expression="!door || speed <= 600.0"),
]
CONTRACT = Contract(name="all-rules", version="1.0.0", fields=FIELDS, rules=RULES)
AS_PYTHON: dict[str, Callable[..., Any]] = {
    "idleTakesNoPower": lambda state, power: state != "Idle" or power < 20.0,
    "fewRejects": lambda good, rejected: good == 0 or rejected / good < 0.5,
    "doorShutAtSpeed": lambda door, speed: not door or speed <= 600.0,
}
CODES = {"0": "Idle", "1": "Production", "2": "Setup", "9": "Jog"}


def signals() -> list[Signal]:
    """One per field; the state comes as a code, pressure and temperature as scaled integers."""
    more: dict[str, dict[str, Any]] = {
        "state": {"values": CODES},
        "pressure": {"scale": 0.01},
        "temperature": {"scale": 0.1, "offset": -40.0},
    }
    return [
        Signal(name=field.name, contract=CONTRACT.name, field=field.name, interval_ms=1000, **more.get(field.name, {}))
        for field in FIELDS
    ]


STRANGE: tuple[Any, ...] = (
    None, True, False, 0, 1, 3, -1, 2**64, -(2**63) - 1, 1.5, 7.0, -0.0, float("nan"), float("inf"), -float("inf"), 1e300,
    10**400, "", "x", "1", "Größe", "\ud800", "a" * 70, "2026-01-01T00:00:00Z", "AB-12345",
)  # fmt: skip
"""What a machine, or a fault between it and us, may send where another type is expected."""


def records(count: int, seed: int, bad: float) -> Iterator[tuple[dict[str, Any], int]]:
    """Records of raw values with their source time in ns; this share of the values is broken on purpose."""
    chance = random.Random(seed)
    time_ns, warmth = 1_700_000_000 * SECOND, 600
    for number in range(count):
        time_ns += chance.randrange(200, 1800) * SECOND // 1000
        warmth = min(max(warmth + chance.randrange(-4, 5), 400), 900)
        record = _fine(chance, number, warmth)
        for name in record:
            if chance.random() < bad:
                record[name] = _broken(chance, name)
        yield record, time_ns


def _fine(chance: random.Random, number: int, warmth: int) -> dict[str, Any]:
    state = chance.randrange(3)
    door = chance.random() < 0.2
    good = chance.randrange(100, 5000)
    return {
        "sequence": number,
        "state": state,
        "mode": chance.choice(["Auto", "Manual"]),
        "power": chance.uniform(0, 15) if state == 0 else chance.uniform(15, 250),
        "speed": chance.uniform(0, 600) if door else chance.uniform(0, 6000),
        "temperature": warmth,
        "pressure": chance.randrange(8000),
        "good": good,
        "rejected": chance.randrange(good // 4 + 1),
        "program": f"NC_{chance.randrange(40)}",
        "serial": f"AB-{chance.randrange(1000, 99999999)}",
        "door": door,
        "tool": chance.choice([1, 2, 5, 12]),
    }


BROKEN: dict[str, tuple[Any, ...]] = {
    "sequence": (-1, 2**32),
    "state": (9, 7),
    "mode": ("Jog", ""),
    "power": (-0.1, 250.5),
    "speed": (6000.5, -1.0),
    "temperature": (1400, 0, 250, 1290),
    "pressure": (8001, -1),
    "good": (-5,),
    "rejected": (100001, 90000),
    "program": ("N", "N" * 25),
    "serial": ("AB-1", "ab-12345", "AB-123456789"),
    "door": (2,),
    "tool": (3, 0),
}


def _broken(chance: random.Random, name: str) -> Any:
    """Readable and against a rule, seldom something else altogether."""
    return chance.choice(BROKEN[name] if chance.random() < 0.8 else STRANGE)
