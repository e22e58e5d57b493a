"""After everything else: the MES was told of as many parts as the machines made, by the machines' own ledgers."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from plantwright_demo.made import part_judgements
from plantwright_demo.stage import MES
from plantwright_shopfloor.parts import PartJudgement, parts_summary

pytestmark = pytest.mark.e2e

COUNTING = ("cell-01", "cell-02", "foreign-modbus", "foreign-opcua", "lathe-01", "lathe-02", "press-01", "press-02")
REWORKING = {"cell-01", "cell-02"}


@pytest.mark.parametrize("sink", ["http", "mqtt"])
def test_the_mes_was_told_of_every_part(world: Any, sink: str) -> None:
    judged = part_judgements(world.stage, list(COUNTING), sink)
    for found in judged:
        world.say(f"{sink}: {found}")
    world.say(f"{sink}: {parts_summary(judged)}")
    assert tuple(found.machine for found in judged) == COUNTING
    for found in judged:
        assert found.holds(), found
        assert found.made.parts() > 5, found
    reworked = {found.machine for found in judged if found.made.reworked}
    assert reworked == REWORKING


def test_figures_are_made_of_those_parts(world: Any) -> None:
    """What KPIs say was made up to the last reading is what the rows say, and the ledgers with them."""
    judged = part_judgements(world.stage, list(COUNTING))
    assert [figures(world, found) for found in judged] == [found.told for found in judged]


def figures(world: Any, found: PartJudgement) -> tuple[int, int, int]:
    until = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=found.until_ns // 1000 + 1)
    query = (
        f"plant=stuttgart&machine={found.machine}&level=machine&from=2026-01-01T00:00:00Z&to={until.isoformat()[:-6]}Z"
    )
    answer = json.loads(world.stage.kubectl.service(*MES, f"/v1/kpis?{query}"))
    [row] = answer["figures"]
    assert (row["reworkQuantity"] is not None) == (found.machine in REWORKING), "a machine that does not say has none"
    return row["goodQuantity"], row["scrapQuantity"], row["reworkQuantity"] or 0
