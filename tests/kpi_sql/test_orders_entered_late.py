"""Orders, people and reasons that somebody enters late get their time and parts at the MES: what its schedule says goes through the
gateway's own code and comes back as changes, by which the figures are made.

A part a minute from 10:00 to 12:00, all of it Production. At 10:00 JO-A begins. Only at 11:00 somebody enters that JO-B was made from 10:20
to 10:50 (by anna, since the tool had broken), so that JO-A had ended and was taken up again as JO-C at 10:55.
"""

from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import pytest

from plantwright_api.wire.config import (
    Buffer,
    Calendar,
    Contract,
    ContractField,
    HttpSink,
    Location,
    Machine,
    ModbusAddress,
    ModbusSource,
    PartCounters,
    Signal,
    StateModel,
)
from plantwright_api.wire.schedule import EquipmentEvent, JobOrder, PersonnelActual, WorkSchedule
from plantwright_gateway.app.pipeline import Pipeline
from plantwright_gateway.context.kpi import Totals
from plantwright_gateway.context.orders import Orders
from plantwright_gateway.context.situation import Situation
from plantwright_gateway.ports.source import Sample
from plantwright_mes.streams import Stream, body

pytestmark = pytest.mark.slow

SECOND: Final = 1_000_000_000
BEGIN: Final = int(datetime(2025, 10, 25, 10, tzinfo=UTC).timestamp()) * SECOND
ADDRESS = ModbusAddress(table="HoldingRegister", address=0, type="UInt16")
MACHINE = Machine(
    uid="lathe-uid",
    name="lathe",
    namespace="n",
    plant="stuttgart",
    profile="p/1.0.0",
    location=Location(enterprise="acme", site="stuttgart", area="machining", line="line-1"),
    source=ModbusSource(host="192.0.2.1"),
    contracts=[
        Contract(
            name="c",
            version="1.0.0",
            fields=[ContractField(name="state", type="String"), ContractField(name="good", type="Integer")],
            freshness_seconds=600,
        )
    ],
    signals=[Signal(name=s, contract="c", field=s, interval_ms=60_000, modbus=ADDRESS) for s in ("state", "good")],
    sinks=[HttpSink(name="mes", url="http://192.0.2.2")],
    buffer=Buffer(path="unused", max_bytes=1),
    calendar=Calendar(time_zone="Etc/UTC"),
    state=StateModel(signal="state", values={"run": "Production"}),
    parts=PartCounters(good="good"),
)


def at(minute: int) -> str:
    return f"2025-10-25T{10 + minute // 60}:{minute % 60:02}:00Z"


FIRST = WorkSchedule(
    equipment_id="lathe",
    published_date=at(0),
    job_order=[JobOrder(id="JO-A", work_request_id="WR-A", start_time=at(0))],
)
ENTERED = WorkSchedule(
    equipment_id="lathe",
    published_date=at(60),
    job_order=[
        JobOrder(id="JO-A", work_request_id="WR-A", start_time=at(0), end_time=at(20)),
        JobOrder(id="JO-B", work_request_id="WR-B", start_time=at(20), end_time=at(50)),
        JobOrder(id="JO-C", work_request_id="WR-A", start_time=at(55)),
    ],
    personnel_actual=[PersonnelActual(person_id="anna", start_time=at(20), end_time=at(50))],
    equipment_event=[EquipmentEvent(reason="ToolBroken", start_time=at(15), end_time=at(20))],
)


def told() -> list[Any]:
    """Events of two hours; every value is read half a minute after the full minute."""
    pipeline, around = Pipeline(MACHINE, "config", "1"), Situation()
    kpis = pipeline.kpis(Totals(at_ns=BEGIN))
    rows = [pipeline.events.configuration(BEGIN)]
    around.orders = Orders(FIRST)
    for minute in range(-1, 121):
        now = BEGIN + minute * 60 * SECOND + 30 * SECOND
        if minute == 60:
            around.orders = Orders(ENTERED)
        samples = [Sample("state", "run", now), Sample("good", minute + 1, now)]
        rows += pipeline.process(samples, (), now, kpis, around).rows
    stream = Stream(machine="lathe")
    return [stream.event(number, **msgspec.json.decode(row.body)) for number, row in enumerate(rows, 1)]


async def test_what_is_entered_late_gets_its_time_and_parts(mes: Any) -> None:
    events = told()
    async with mes.session.post(mes.url + "/v1/observations", data=body(events)) as answer:
        assert (answer.status, (await answer.json(content_type=None))["stored"]) == (200, len(events))

    window = ("25T10:00:00", "25T12:00:00")
    by_order = {
        row["jobOrder"]: (row["actualProductionSeconds"], row["goodQuantity"])
        for row in await mes.kpis(*window, machine="lathe", by="order")
    }
    assert by_order == {"JO-A": (1200.0, 20), "JO-B": (1800.0, 30), "": (300.0, 5), "JO-C": (3900.0, 65)}
    [whole] = await mes.kpis(*window, machine="lathe")
    assert whole["actualPersonnelAttendanceSeconds"] == 1800.0
    by_reason = {
        row["reason"]: row["actualProductionSeconds"] for row in await mes.kpis(*window, machine="lathe", by="reason")
    }
    assert by_reason == {"": 6900.0, "ToolBroken": 300.0}
    by_request = {
        row["workRequest"]: row["goodQuantity"] for row in await mes.kpis(*window, machine="lathe", by="request")
    }
    assert by_request == {"WR-A": 85, "WR-B": 30, "": 5}
