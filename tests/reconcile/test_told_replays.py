"""A replay that has ended is told once, with what came of it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from plantwright_api.wire.status import GatewayStatus, MachineStatus, Quarantine, Replay
from plantwright_operator.model import Key, Obj
from plantwright_operator.reconcile.announcements import Announcements
from plantwright_operator.reconcile.observed import Observed
from plantwright_operator.reconcile.replays import Replays
from plantwright_operator.reconcile.violations import HANDOVER

PRESS = Key("Machine", "plant-stuttgart", "press-1")
BEGAN = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)


class World:
    def __init__(self, raw: Callable[..., Obj]) -> None:
        self.now, self.observed = BEGAN, Observed()
        body = raw("Machine")
        body["metadata"]["resourceVersion"] = "1"
        self.observed.observe("Machine", body)
        self.announcements = Announcements(self.observed, None, "pod")  # type: ignore[arg-type]
        self.replays = Replays(self.observed, self.announcements.add, lambda: self.now)

    def told(self, replay: Replay | None, machine: Key = PRESS) -> list[Obj]:
        said = MachineStatus(
            uid="g", name="m", epoch="e", sequence=1, conditions=[], sinks=[], quarantine=Quarantine(replay=replay)
        )
        self.replays.heard(machine, GatewayStatus(version="1", config_hash="c", started_time="t", machines=[said]))
        return self.announcements.gathered()


@pytest.fixture
def world(raw: Callable[..., Obj]) -> World:
    return World(raw)


def replay(request: str = "r1", end: datetime | None = BEGAN, **kept: int) -> Replay:
    return Replay(request=request, done=True, released=12, kept=kept, end_time=end.isoformat() if end else "")


def test_the_outcome_is_one_event(world: World) -> None:
    [event] = world.told(replay(WrongType=2, NoSignal=7))
    assert (event["reason"], event["type"]) == ("QuarantineReplayed", "Warning")
    assert event["note"] == (
        "12 values were delivered out of quarantine on request r1; these stay: 7 NoSignal, 2 WrongType. "
        "Mend the contract or the mapping and ask again."
    )
    assert world.told(replay(WrongType=2, NoSignal=7)) == []


def test_all_delivered_is_no_warning_and_another_request_is_told_again(world: World) -> None:
    [event] = world.told(replay())
    assert (event["type"], event["note"]) == ("Normal", "12 values were delivered out of quarantine on request r1.")
    assert len(world.told(replay("r2"))) == 1


@pytest.mark.parametrize(
    "untold",
    [
        None,
        Replay(request="r"),
        replay(end=None),
        replay(end=BEGAN - HANDOVER - timedelta(seconds=1)),
        Replay(request="r", done=True, end_time="2026-11-23T06:00:00"),
    ],
)
def test_what_runs_and_what_is_old_is_not_told(world: World, untold: Replay | None) -> None:
    assert world.told(untold) == []


def test_a_machine_that_is_gone_is_not_told_of(world: World) -> None:
    assert world.told(replay(), Key("Machine", "plant-stuttgart", "gone")) == []


def test_the_next_leader_does_not_tell_it_again(world: World) -> None:
    assert len(world.told(replay())) == 1
    world.now += HANDOVER + timedelta(seconds=1)
    world.replays = Replays(world.observed, world.announcements.add, lambda: world.now)
    assert world.told(replay()) == []
