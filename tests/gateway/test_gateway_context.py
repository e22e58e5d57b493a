"""Orders, states and parts as the gateway tells them: fetched from an MES, joined by source time, events of their own."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from aiohttp import web
from msgspec import structs

from plantwright_api.wire.config import Context, ContextSignals, HttpSchedule, MqttSchedule, PartCounters, StateModel
from plantwright_api.wire.schedule import JobOrder, MaterialRequirement, PersonnelActual, WorkSchedule, encode
from plantwright_gateway.app.metrics import Metrics
from plantwright_gateway.ports.source import GapNotice, Sample

SECOND = 1_000_000_000
STATES = StateModel(signal="state", values={"run": "Production", "stop": "Delay"})


def ago(seconds: float) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()


class Planner:
    """An MES's schedule, which may be away, refuse or talk nonsense."""

    def __init__(self) -> None:
        self.answer = web.Response(status=404)
        self.asked: list[dict[str, str]] = []
        self.url = ""

    def tell(self, *jobs: JobOrder, people: tuple[PersonnelActual, ...] = ()) -> None:
        made = WorkSchedule(
            equipment_id="lathe-07", published_date=ago(0), job_order=list(jobs), personnel_actual=list(people)
        )
        self.content, self.tag = encode(made), f'"{len(self.asked)}-{time.monotonic_ns()}"'
        self.answer = web.Response()

    async def handle(self, request: web.Request) -> web.Response:
        self.asked.append({**request.query, "tag": request.headers.get("If-None-Match", "")})
        if self.answer.status != 200:
            return web.Response(status=self.answer.status, text="no")
        if request.headers.get("If-None-Match") == self.tag:
            await asyncio.sleep(0.05)
            return web.Response(status=304)
        return web.Response(body=self.content, headers={"ETag": self.tag}, content_type="application/json")


@pytest.fixture
async def planner() -> AsyncIterator[Planner]:
    found = Planner()
    app = web.Application()
    app.router.add_get("/v1/schedule", found.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1/schedule"
    yield found
    await runner.cleanup()


def job(number: int, start: float, end: float | None = None) -> JobOrder:
    made = MaterialRequirement(material_definition_id=f"part-{number}", quantity=100)
    return JobOrder(
        id=f"J{number}",
        work_request_id=f"PO{number}",
        start_time=ago(start),
        end_time=None if end is None else ago(end),
        material_requirement=[made],
    )


def machine(bench: Any, make_signal: Any, planner: Planner | None = None, **more: Any) -> Any:
    names = ("number", "state", "good", "bad")
    context = Context(schedule=HttpSchedule(url=planner.url)) if planner else Context()
    given = {"signals": [make_signal(name) for name in names], "state": STATES, "context": context}
    return bench.machine(**{**given, "parts": PartCounters(good="good", rejected="bad"), **more})


async def test_a_value_has_the_order_of_its_time(bench: Any, make_signal: Any, planner: Planner) -> None:
    person = PersonnelActual(person_id="4711", start_time=ago(40))
    planner.tell(job(1, 60, 30), job(2, 30), people=(person,))
    await bench.start(machine(bench, make_signal, planner))
    await bench.mes.until(lambda: len(bench.mes.of("change")) >= 3)
    now = time.time_ns()
    await bench.hand.give(Sample("number", 3, now))
    await bench.hand.give(Sample("number", 1, now - 50 * SECOND), Sample("number", 2, now - 35 * SECOND))
    await bench.mes.until(lambda: len(bench.mes.values("number")) == 3)
    told = {data["fields"]["number"]: data["context"] for data in bench.mes.of("observation")}
    assert (told[1]["jobOrder"], told[1]["materialDefinition"], told[1].get("person")) == ("J1", "part-1", None)
    assert (told[2]["jobOrder"], told[2]["person"]) == ("J1", "4711")
    assert (told[3]["workRequest"], told[3]["person"]) == ("PO2", "4711")
    assert planner.asked[0] == {"plant": "stuttgart", "equipment": "lathe-07", "tag": ""}
    changes = {(data["of"], data["value"], data["origin"]) for data in bench.mes.of("change")}
    assert {("JobOrder", "J2", "MES"), ("Person", "4711", "MES"), ("State", "Unknown", "Gateway")} <= changes


async def test_a_new_order_is_taken_up_and_an_mes_that_is_away_leaves_the_old_ones(
    bench: Any, make_signal: Any, planner: Planner
) -> None:
    first, second = job(1, 60), job(2, 0)
    planner.tell(first)
    await bench.start(machine(bench, make_signal, planner))
    await bench.mes.until(lambda: [d["value"] for d in bench.mes.of("change") if d["of"] == "JobOrder"] == ["J1"])
    planner.tell(structs.replace(first, end_time=second.start_time), second)
    await bench.mes.until(lambda: [d["value"] for d in bench.mes.of("change") if d["of"] == "JobOrder"] == ["J1", "J2"])
    planner.answer = web.Response(status=503)
    await bench.mes.until(lambda: "503" in bench.runtime.schedule.error)
    assert bench.condition("ScheduleCurrent") == ("False", "ScheduleUnavailable")
    await bench.stop()
    await bench.start(machine(bench, make_signal, planner))
    await bench.hand.give(Sample("number", 7, time.time_ns()))
    await bench.mes.until(lambda: bench.mes.values("number") == [7])
    assert bench.mes.of("observation")[-1]["context"]["jobOrder"] == "J2"
    assert [d["value"] for d in bench.mes.of("change") if d["of"] == "JobOrder"] == ["J1", "J2"], "not told again"


async def test_an_order_that_was_missed_is_told_with_its_times_and_once(
    bench: Any, make_signal: Any, planner: Planner
) -> None:
    """Begun and ended while the gateway was away; and what the MES no longer tells after the next restart stays as it was told."""

    def told() -> list[tuple[str, str, str]]:
        found = [e for e in bench.mes.events if e["type"].endswith("change.v1") and e["subject"] == "JobOrder"]
        return [(e["data"]["value"], e["data"].get("context", {}).get("workRequest", ""), e["time"]) for e in found]

    first, missed, last = job(1, 60), job(2, 40, 20), job(3, 10)
    times = [datetime.fromisoformat(each.start_time).strftime("%FT%T.%fZ") for each in (first, missed, last)]
    ends = [datetime.fromisoformat(str(each)).strftime("%FT%T.%fZ") for each in (ago(50), missed.end_time)]
    planner.tell(first)
    await bench.start(machine(bench, make_signal, planner))
    await bench.mes.until(lambda: len(told()) == 1)
    await bench.stop()
    planner.tell(structs.replace(first, end_time=ends[0]), missed, last)
    await bench.start(machine(bench, make_signal, planner))
    expected = [("J1", "PO1", times[0]), ("", "", ends[0]), ("J2", "PO2", times[1]), ("", "", ends[1])]
    await bench.mes.until(lambda: len(told()) == 5)
    assert told() == [*expected, ("J3", "PO3", times[2])]
    await bench.stop()
    planner.tell(last)
    await bench.start(machine(bench, make_signal, planner))
    await bench.mes.until(lambda: bench.runtime.schedule and bench.runtime.schedule.known)
    now = time.time_ns()
    await bench.hand.give(Sample("number", 1, now), Sample("number", 2, now - 30 * SECOND))
    await bench.mes.until(lambda: len(bench.mes.values("number")) == 2)
    joined = {data["fields"]["number"]: data["context"]["jobOrder"] for data in bench.mes.of("observation")}
    assert joined == {1: "J3", 2: "J2"}
    assert len(told()) == 5


async def test_orders_are_heard_at_a_broker_too(bench: Any, make_signal: Any, broker: Any) -> None:
    await broker.start("allow_anonymous true")
    heard = MqttSchedule(url=f"mqtt://127.0.0.1:{broker.port}", topic_prefix="uns")
    topic = "uns/acme/stuttgart/machining/line-1/lathe-07/_schedule"
    async with aiomqtt.Client("127.0.0.1", broker.port) as mes:
        for jobs in ([job(1, 60)], [job(1, 60, 0), job(2, 0)]):
            told = WorkSchedule(equipment_id="lathe-07", published_date=ago(0), job_order=jobs)
            await mes.publish(topic, encode(told), qos=1, retain=True)
            if len(jobs) == 1:
                await bench.start(machine(bench, make_signal, context=Context(schedule=heard)))
            await bench.mes.until(lambda: [d["value"] for d in bench.mes.of("change")][-1:] == [jobs[-1].id])  # noqa: B023
        assert bench.condition("ScheduleCurrent") == ("True", "Told")
        await mes.publish(topic, b"[]", qos=1, retain=True)
        await bench.mes.until(lambda: bench.condition("ScheduleCurrent") == ("False", "ScheduleUnavailable"))
    await bench.hand.give(Sample("number", 7, time.time_ns()))
    await bench.mes.until(lambda: bench.mes.values("number") == [7])
    assert bench.mes.of("observation")[-1]["context"]["jobOrder"] == "J2"


@pytest.mark.row("C1", "C2")
async def test_orders_that_overlap_are_named(bench: Any, make_signal: Any, planner: Planner) -> None:
    planner.tell(job(1, 60, 10), job(2, 30, 0), job(3, 5, 6))
    await bench.start(machine(bench, make_signal, planner))
    await bench.mes.until(lambda: bench.runtime.schedule and bench.runtime.schedule.known)
    found = next(c for c in bench.runtime.status().conditions if c.type == "ScheduleCurrent")
    assert (found.status, found.reason) == ("False", "ScheduleContradicts")
    assert found.message == "J3: EndsBeforeStart, J1 and J2: Overlaps"
    planner.tell(job(1, 60, 30), job(2, 30))
    await bench.mes.until(lambda: bench.condition("ScheduleCurrent") == ("True", "Told"))


@pytest.mark.slow
@pytest.mark.row("C12")
async def test_ten_thousand_orders_are_taken_at_once(
    bench: Any, make_signal: Any, planner: Planner, measured: Callable[[str], None]
) -> None:
    orders = 10_000
    planner.tell(*(job(number, orders - number, orders - number - 1) for number in range(orders - 1)), job(orders, 1))
    await bench.start(machine(bench, make_signal, planner))
    before, begun = resident_mb(), time.monotonic()
    await bench.mes.until(lambda: bench.runtime.schedule and bench.runtime.schedule.known)
    took = time.monotonic() - begun
    assert bench.condition("ScheduleCurrent") == ("True", "Told")
    now = time.time_ns()
    await bench.hand.give(Sample("number", 1, now - 5000 * SECOND), Sample("number", 2, now))
    await bench.mes.until(lambda: len(bench.mes.values("number")) == 2)
    early, late = (data["context"]["jobOrder"] for data in bench.mes.of("observation"))
    assert int(early[1:]) == pytest.approx(5000, abs=60)
    assert late == f"J{orders}"
    planner.tell(*(job(number, orders - number, 0) for number in range(orders)))
    await bench.mes.until(lambda: bench.condition("ScheduleCurrent") == ("False", "ScheduleContradicts"))
    told = next(c for c in bench.runtime.status().conditions if c.type == "ScheduleCurrent")
    assert "more" in told.message
    assert len(told.message) < 1000
    more = resident_mb() - before
    assert more < 50
    measured(
        f"10,000 orders in force after {took:.1f} s, {more:.0f} MB more with 10,000 that overlap after them, named and counted"
    )


def resident_mb() -> float:
    """Memory of this process, the gateway's and the planner's."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


@pytest.mark.row("C7")
@pytest.mark.parametrize(("off", "marked"), [(0, None), (-90, "Gateway"), (90, "Gateway")])
async def test_orders_are_joined_right_or_marked_whatever_the_machines_clock_says(
    bench: Any, make_signal: Any, planner: Planner, off: int, marked: str | None
) -> None:
    planner.tell(job(1, 60, 30), job(2, 30))
    await bench.start(machine(bench, make_signal, planner))
    await bench.mes.until(lambda: bench.runtime.schedule and bench.runtime.schedule.known)
    source_ns = time.time_ns() + off * SECOND
    await bench.hand.give(Sample("number", 1, source_ns))
    await bench.mes.until(lambda: bench.mes.values("number") == [1])
    [event] = [e for e in bench.mes.events if e["type"].endswith("observation.v1")]
    assert event["data"]["context"]["jobOrder"] == "J2", "the order under way, as the gateway's clock has it"
    assert event["data"]["context"].get("contextTime") == marked
    given = datetime.fromisoformat(event["time"]).timestamp()
    assert given == pytest.approx(source_ns / SECOND, abs=0.001), "the machine's own time is delivered as it is"


@pytest.mark.row("C3", "C5")
async def test_an_order_and_a_log_on_that_never_end_are_over_when_the_next_one_begins(
    bench: Any, make_signal: Any, planner: Planner, measured: Callable[[str], None]
) -> None:
    people = (
        PersonnelActual(person_id="anna", start_time=ago(40 * 3600)),
        PersonnelActual(person_id="ben", start_time=ago(60)),
    )
    planner.tell(job(1, 40 * 3600), job(2, 60), people=people)
    await bench.start(machine(bench, make_signal, planner))
    await bench.mes.until(lambda: bench.runtime.schedule and bench.runtime.schedule.known)
    now = time.time_ns()
    await bench.hand.give(Sample("number", 1, now - 300 * SECOND), Sample("number", 2, now))
    await bench.mes.until(lambda: len(bench.mes.values("number")) == 2)
    contexts = [data["context"] for data in bench.mes.of("observation")]
    assert [(each["jobOrder"], each["person"]) for each in contexts] == [("J1", "anna"), ("J2", "ben")]
    assert bench.condition("ScheduleCurrent") == ("True", "Told")
    measured("without an end for 40 h: in force until the next one on the machine began")


async def test_a_schedule_that_is_none_changes_nothing_and_is_told(
    bench: Any, make_signal: Any, planner: Planner
) -> None:
    planner.tell(job(1, 60))
    await bench.start(machine(bench, make_signal, planner))
    await bench.mes.until(lambda: any(d["of"] == "JobOrder" for d in bench.mes.of("change")))
    planner.content, planner.tag = b'{"EquipmentID": 7}', '"x"'
    await bench.mes.until(lambda: "cannot be read" in bench.runtime.schedule.error)
    await bench.hand.give(Sample("number", 7, time.time_ns()))
    await bench.mes.until(lambda: bench.mes.values("number") == [7])
    assert bench.mes.of("observation")[-1]["context"]["jobOrder"] == "J1"


async def test_states_and_parts_are_events_with_the_machines_time(bench: Any, make_signal: Any) -> None:
    await bench.start(machine(bench, make_signal))
    for state, good, bad in (("run", 10, 0), ("run", 12, 0), ("stop", 12, 1), ("run", 13, 1)):
        at = time.time_ns()
        await bench.hand.give(Sample("state", state, at), Sample("good", good, at), Sample("bad", bad, at))
    await bench.mes.until(lambda: len(bench.mes.of("production")) == 3)
    made = [(data.get("good", 0), data.get("rejected", 0)) for data in bench.mes.of("production")]
    assert made == [(2, 0), (0, 1), (1, 0)]
    states = [e for e in bench.mes.events if e["type"].endswith("change.v1") and e["data"]["of"] == "State"]
    assert [(e["data"]["value"], e["data"].get("code")) for e in states][-3:] == [
        ("Production", "run"),
        ("Delay", "stop"),
        ("Production", "run"),
    ]
    assert bench.mes.of("production")[1]["context"]["state"] == "Delay"


@pytest.mark.row("C6")
async def test_a_reading_that_comes_late_counts_no_parts_twice_and_tells_no_state_of_now(
    bench: Any, make_signal: Any
) -> None:
    await bench.start(machine(bench, make_signal))
    now = time.time_ns()
    for second, state, good in ((-1.9, "run", 10), (-0.1, "run", 15), (-1.0, "stop", 12)):
        at = now + int(second * SECOND)
        await bench.hand.give(Sample("state", state, at), Sample("good", good, at))
    await bench.hand.give(Sample("good", 16, now))
    await bench.mes.until(lambda: sum(data.get("good", 0) for data in bench.mes.of("production")) == 6)
    assert bench.runtime.receiver.kpis.state == "Production"
    assert bench.runtime.receiver.kpis.totals.good == 6
    past = [data for data in bench.mes.of("change") if data["of"] == "State"][-1]
    assert (past["value"], past["previous"]) == ("Delay", "Production")


async def test_a_state_that_nobody_confirms_becomes_unknown_when_its_time_is_over(bench: Any, make_signal: Any) -> None:
    from plantwright_api.wire.config import Contract

    fields = [*bench.machine().contracts[0].fields]
    contracts = [Contract(name="machine-state", version="1.0.0", fields=fields, freshness_seconds=1)]
    signals = [make_signal(name, interval_ms=100) for name in ("number", "state")]
    await bench.start(machine(bench, make_signal, contracts=contracts, signals=signals, parts=None))
    heard = time.time_ns()
    await bench.hand.give(Sample("state", "run", heard))
    await bench.mes.until(lambda: [d["value"] for d in bench.mes.of("change")][-2:] == ["Production", "Unknown"])
    [event] = [e for e in bench.mes.events if e["type"].endswith("change.v1")][-1:]
    at = datetime.fromisoformat(event["time"]).timestamp()
    assert at - heard / SECOND == pytest.approx(1.0, abs=0.2), "not when it was noticed"
    assert event["data"]["origin"] == "Gateway"


async def test_a_machine_tells_its_operator_its_part_and_why_it_stands(bench: Any, make_signal: Any) -> None:
    told = ContextSignals(person="number", reason="state", serial_number="good")
    await bench.start(machine(bench, make_signal, context=Context(signals=told), state=None, parts=None))
    now = time.time_ns()
    await bench.hand.give(Sample("number", 4711, now), Sample("state", "stop", now), Sample("good", 99, now))
    await bench.mes.until(lambda: bench.mes.values("number"))
    context = bench.mes.of("observation")[0]["context"]
    assert (context["person"], context["reason"], context["serialNumber"]) == ("4711", "stop", "99")
    assert {(d["of"], d["value"], d["origin"]) for d in bench.mes.of("change")} == {
        ("Person", "4711", "Machine"),
        ("Reason", "stop", "Machine"),
    }


@pytest.mark.row("C6")
async def test_a_counter_that_falls_counts_no_wrong_part_and_is_told(
    bench: Any, make_signal: Any, measured: Callable[[str], None]
) -> None:
    parts = PartCounters(good="good", rejected="bad", rollover=65536)
    await bench.start(machine(bench, make_signal, parts=parts))
    begin = time.time_ns() - 60 * SECOND
    for number, good in enumerate((65_530, 4, 10, 0, 3, 1000, 990, 993)):
        await bench.hand.give(Sample("good", good, begin + number * SECOND))
    await bench.mes.until(lambda: sum(data.get("good", 0) for data in bench.mes.of("production")) == 1019)
    told = [(data["good"], data["falls"]) for data in bench.mes.of("production") if "falls" in data]
    assert told == [(10, {"good": "Wrap"}), (0, {"good": "Reset"}), (0, {"good": "SetBack"})]
    assert falls(bench, "counter_resets_total") == {"good": 1.0, "bad": 0.0}
    assert falls(bench, "counter_set_backs_total") == {"good": 1.0, "bad": 0.0}
    measured("a wrap, a reset and 1000 set back to 990: 1019 of 1019 parts, each fall told in the production event")


@pytest.mark.row("C6")
async def test_a_counter_that_shows_much_after_a_gap_was_reset(bench: Any, make_signal: Any) -> None:
    parts = PartCounters(good="good", rejected="bad", planned_run_time_per_item_seconds=2.0)
    await bench.start(machine(bench, make_signal, parts=parts))
    now = time.time_ns()
    begin = now - 3600 * SECOND
    await bench.hand.give(Sample("good", 1000, begin), Sample("bad", 1000, begin))
    gap = GapNotice("SessionLost", begin, now, ("good",))
    await bench.hand.give(Sample("good", 900, now), Sample("bad", 900, now), gaps=[gap])
    await bench.mes.until(lambda: bench.mes.of("production"))
    [data] = bench.mes.of("production")
    assert (data["good"], data["rejected"]) == (900, 0)
    assert data["falls"] == {"good": "Reset", "rejected": "SetBack"}


def falls(bench: Any, metric: str) -> dict[str, float]:
    """What a metric says by signal."""
    lines = [line for line in Metrics(bench.gateway).render().decode().splitlines() if f"{metric}{{" in line]
    return {line.partition('signal="')[2].partition('"')[0]: float(line.rsplit(" ", 1)[1]) for line in lines}
