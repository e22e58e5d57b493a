"""Cycles of a load in the figures: counted by shift, order and line, and never taken for parts."""

from collections.abc import Callable
from typing import Any

import asyncpg
import pytest

from plantwright_mes.app import running
from plantwright_mes.settings import Settings

pytestmark = pytest.mark.slow

HOUR = ("25T10:00:00", "25T11:00:00")


async def clamped(mes: Any, machine: Any, name: str, ends: list[str]) -> None:
    """A machine that produces for an hour; cycles of its load end then."""
    made = machine(mes, name).configured("25T09:00:00", {"timeZone": "Etc/UTC"}).state("25T10:00:00", "Production")
    for time in ends:
        made.parts(time, cycles=1, context={"stateInferred": "true"})
    await made.observed("25T12:00:00", v=1).deliver()


async def test_cycles_are_counted_and_are_no_parts(mes: Any, machine: Any) -> None:
    await clamped(mes, machine, "press", ["25T10:01:00", "25T10:02:00", "25T11:00:00"])
    await clamped(mes, machine, "saw", ["25T10:30:00"])
    rows = {row["machine"]: row for row in await mes.kpis(*HOUR, level="machine", line="line-1")}
    assert (rows["press"]["loadCycles"], rows["saw"]["loadCycles"]) == (2, 1)
    [line] = await mes.kpis(*HOUR, line="line-1")
    assert (line["loadCycles"], line["producedQuantity"], line["availability"]) == (3, 0, 1.0)
    assert line["qualityRatio"] is line["effectiveness"] is line["oee"] is None, (
        "a load shows no parts, and no good ones"
    )


async def test_no_cycles_told_is_not_none_made(mes: Any, machine: Any) -> None:
    await clamped(mes, machine, "press", [])
    [row] = await mes.kpis(*HOUR, machine="press")
    assert row["loadCycles"] is None


async def test_a_service_takes_over_from_one_with_other_figures(
    dsn: str, settings: Callable[..., Settings], connect: Callable[..., Any], machine: Any
) -> None:
    """The version before gave fewer columns, and an index without some of them; it is started on the same database."""
    async with running(settings(dsn)) as service, connect(service) as mes:
        await clamped(mes, machine, "press", ["25T10:01:00"])
    connection = await asyncpg.connect(dsn)
    await connection.execute("DROP FUNCTION kpi_same; ALTER TABLE production DROP COLUMN cycles")
    await connection.execute(
        "CREATE FUNCTION kpi_same(p_places text[], p_level integer) RETURNS integer LANGUAGE sql AS 'SELECT 1'"
    )
    await connection.close()
    async with running(settings(dsn)) as service, connect(service) as mes:
        await clamped(mes, machine, "saw", ["25T10:01:00"])
        rows = {row["machine"]: row["loadCycles"] for row in await mes.kpis(*HOUR, level="machine", line="line-1")}
    assert rows == {"press": None, "saw": 1}
