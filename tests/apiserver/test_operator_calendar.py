"""A calendar that contradicts itself stops nothing, and is seen in the Plant's status and at a glance."""

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = [pytest.mark.apiserver, pytest.mark.slow]

DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"]


def shifts(early_end: str, late_start: str) -> dict[str, Any]:
    early = {"name": "early", "days": DAYS, "start": "06:00", "end": early_end}
    return {"shifts": [early, {"name": "late", "days": DAYS, "start": late_start, "end": "22:00"}]}


async def calendar(world: Any) -> dict[str, Any]:
    found: dict[str, Any] = await world.condition("CalendarConsistent", "stuttgart", "plants")
    return found


@pytest.mark.row("C8", "C9")
async def test_an_odd_calendar_is_named_on_the_plant_and_its_machines_go_on(
    world: Any,
    node: Any,
    cluster: Any,
    namespace: str,
    start_operator: Callable[..., Any],
    eventually: Any,
    measured: Callable[[str], None],
) -> None:
    def told(reason: str) -> Callable[[], Any]:
        async def is_told() -> bool:
            return bool((await calendar(world))["reason"] == reason)

        return is_told

    def shown() -> dict[str, str]:
        head, row = cluster.kubectl("get", "plants", "-n", namespace).splitlines()
        return dict(zip(head.split(), row.split(), strict=True))

    await start_operator()
    await world.base()
    await world.apply("Machine")
    await world.ready()
    assert (await calendar(world))["reason"] == "AroundTheClock"
    pods = [pod["metadata"]["uid"] for pod in await world.list("pods")]

    await world.apply("Plant", calendar=shifts("14:30", "14:00"))
    await eventually(told("ShiftsOverlap"))
    found = await calendar(world)
    assert found["status"] == "False"
    assert "spec.calendar.shifts[late] begins before shifts[early] ends: 14:00 to 14:30" in found["message"]
    assert (shown()["READY"], shown()["CALENDAR"]) == ("True", "ShiftsOverlap")

    def in_force() -> bool:
        told: list[Any] = node.gateway(namespace, "press-1").config["machines"][0]["calendar"].get("shifts", [])
        return len(told) == 2

    await eventually(in_force, 30)
    await world.ready()
    assert [pod["metadata"]["uid"] for pod in await world.list("pods")] == pods

    await world.apply("Plant", calendar=shifts("12:00", "14:00"))
    await eventually(told("GapBetweenShifts"))
    assert ((await calendar(world))["status"], shown()["CALENDAR"]) == ("True", "GapBetweenShifts")
    await world.apply("Plant", calendar=shifts("14:00", "14:00"))
    await eventually(told("Consistent"))
    assert (await calendar(world))["message"] == ""
    measured("named in the Plant's status and by kubectl get plants; the machine stays Ready, in the same pod")


async def test_a_closure_on_a_day_that_is_none_is_refused_where_it_is_written(
    world: Any, node: Any, start_operator: Callable[..., Any], eventually: Any
) -> None:
    await start_operator()
    await world.base()
    await world.apply("Plant", calendar={"closures": ["2026-02-30"]})
    await world.apply("Machine")
    await eventually(lambda: world.has_reason("InvalidSpec", "stuttgart", "plants"))
    await eventually(lambda: world.has_reason("InvalidSpec"))
    assert "spec.calendar.closures[0]: there is no 2026-02-30" in (await world.condition("Ready"))["message"]
    assert not await world.list("statefulsets")
