"""A part's own history by its serial number, across machines."""

from typing import Any

import pytest

pytestmark = pytest.mark.slow

ASSET = {"asset": {"serialNumber": "SN-1"}}


async def test_a_part_across_machines(mes: Any, machine: Any) -> None:
    part = {"serialNumber": "SN-1"}
    saw = machine(mes, "saw").configured("25T09:00:00", {})
    saw.observed("25T10:00:02", "cutting", part | {"jobOrder": "JO-1", "person": "p:anna"}, length=12.5)
    saw.parts("25T10:00:05", good=1, context=part | {"jobOrder": "JO-1"})
    saw.observed("25T10:00:09", "cutting", {"serialNumber": "SN-2"}, length=99.0)
    press = machine(mes, "press", "line-2").configured("25T09:00:00", {})
    press.change("25T10:01:00", "JobOrder", "JO-2", **part).observed("25T10:00:00", "force", part, newton=7)
    own = machine(mes, "other").configured("25T09:00:00", {}, **ASSET).observed("25T10:00:03", "k", part, value=1)
    for made in (press, saw, own):
        await made.deliver()
    status, told = await mes.send("GET", "/v1/parts/SN-1")
    assert status == 200
    assert [(e["time"][11:19], e["machine"], e["type"]) for e in told["events"]] == [
        ("10:00:00", "press", "Observation"),
        ("10:00:02", "saw", "Observation"),
        ("10:00:05", "saw", "Production"),
        ("10:01:00", "press", "Change"),
    ]
    cut = told["events"][1]
    assert (cut["jobOrder"], cut["person"], cut["fields"]) == ("JO-1", "p:anna", {"length": 12.5})
    assert (told["machines"], told["orders"]) == (["stuttgart/press", "stuttgart/saw"], ["JO-1"])
    assert told["events"][2]["good"] == 1
    assert told["truncated"] is False


async def test_a_part_that_nobody_knows(mes: Any) -> None:
    assert (await mes.send("GET", "/v1/parts/none"))[0] == 404
    assert (await mes.send("GET", "/v1/parts/a%00b"))[0] == 400
