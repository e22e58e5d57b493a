"""The gateway as a process: killed, stopped, watched."""

import asyncio
import json
import signal
import sqlite3
import time
from collections import Counter
from typing import Any

import pytest


async def outcome(process: Any, scripted: Any) -> tuple[set[int], Counter[int]]:
    """Wait until the MES has what was accepted; numbers accepted and numbers stored."""
    kept = scripted.kept(process.ledger)
    await process.mes.until(lambda: kept <= set(process.mes.values("number")))
    return kept, Counter(process.mes.values("number"))


@pytest.mark.slow
async def test_what_was_accepted_is_stored_once_over_kills(process: Any, scripted: Any) -> None:
    for pause in (0.05, 0.12, 0.2, 0.31, 0.4):
        await process.start()
        before = len(scripted.kept(process.ledger))
        await process.mes.until(lambda before=before: len(scripted.kept(process.ledger)) > before)
        await asyncio.sleep(pause)
        assert await process.end(signal.SIGKILL) == -signal.SIGKILL
    await process.start()
    kept, _ = await outcome(process, scripted)
    assert await process.end(signal.SIGTERM) == 0
    kept, stored = await outcome(process, scripted)
    assert len(kept) > 100
    assert kept <= set(stored), "an accepted value is lost"
    assert max(stored.values()) == 1, "a value is stored twice"
    numbers = process.mes.values("number")
    assert numbers == sorted(numbers), "the order of acceptance is not the order of storage"


@pytest.mark.slow
async def test_an_outage_of_the_mes_never_stops_collection(process: Any, scripted: Any) -> None:
    from aiohttp import web

    await process.start()
    await process.mes.until(lambda: process.mes.values("number"))
    process.mes.answers.extend([lambda _mes, _batch: web.Response(status=503)] * 4)
    await process.mes.until(lambda: not process.mes.answers)
    during = len(scripted.kept(process.ledger))
    await process.mes.until(lambda: len(scripted.kept(process.ledger)) > during + 50)
    assert await process.end(signal.SIGTERM) == 0
    kept, stored = await outcome(process, scripted)
    assert kept <= set(stored)
    assert max(stored.values()) == 1


async def test_sigterm_delivers_the_rest_and_says_farewell(process: Any, scripted: Any) -> None:
    await process.start(LAST="40")
    await process.mes.until(lambda: len(scripted.kept(process.ledger)) == 40)
    assert await process.end(signal.SIGTERM) == 0
    assert set(process.mes.values("number")) == set(range(40))
    assert json.loads(process.farewell.read_text()) == {"backlog": 0}
    assert "Traceback" not in process.output


@pytest.mark.slow
async def test_with_the_mes_away_it_still_leaves_in_time_and_keeps_the_rest(process: Any, scripted: Any) -> None:
    process.mes.url = "http://127.0.0.1:9/v1/events"
    process.configure()
    await process.start(LAST="40")
    await process.mes.until(lambda: len(scripted.kept(process.ledger)) == 40)
    assert await process.end(signal.SIGTERM) == 0
    assert json.loads(process.farewell.read_text())["backlog"] == 41, "a configuration and forty values"
    database = sqlite3.connect(process.folder / "lathe-07.db")
    assert database.execute("SELECT count(*) FROM rows").fetchone() == (41,)
    database.close()


@pytest.mark.slow
async def test_an_mes_that_never_answers_does_not_hold_up_the_end(process: Any, scripted: Any) -> None:
    async def swallow(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await hanging.wait()
        writer.close()

    hanging = asyncio.Event()
    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    process.mes.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/events"
    process.configure()
    await process.start(LAST="40")
    await process.mes.until(lambda: len(scripted.kept(process.ledger)) == 40)
    started = time.monotonic()
    assert await process.end(signal.SIGTERM) == 0
    assert time.monotonic() - started < 10
    assert json.loads(process.farewell.read_text())["backlog"] == 41
    hanging.set()
    server.close()


async def test_probes_status_and_metrics(process: Any) -> None:
    await process.start(LAST="40")
    await process.mes.until(lambda: len(process.mes.values("number")) == 40)
    assert (await process.get("healthz"))[0] == 200
    assert (await process.get("readyz"))[0] == 200
    status = await process.status()
    [machine] = status["machines"]
    assert machine["name"] == "lathe-07"
    assert machine["firstStoredTime"]
    assert {c["type"] for c in machine["conditions"]} == {
        "Connected",
        "DataFresh",
        "ContractMet",
        "Buffered",
        "Durable",
    }
    assert status["configHash"] == json.loads((process.folder / "config" / "config.json").read_text())["hash"]
    code, text = await process.get("metrics")
    labels = 'area="machining",line="line-1",machine="lathe-07",plant="stuttgart"'
    assert code == 200
    assert f"plantwright_observations_accepted_total{{{labels}}} 40.0" in text
    assert f'plantwright_observations_delivered_total{{{labels},sink="mes"}} 41.0' in text
    assert f"plantwright_source_connected{{{labels}}} 1.0" in text


@pytest.mark.slow
async def test_no_configuration_and_a_bad_one_are_told_and_healed(process: Any) -> None:
    link = process.folder / "config" / "config.json"
    good = link.read_bytes()
    link.unlink()
    await process.start()
    assert (await process.get("healthz"))[0] == 200
    assert (await process.get("readyz"))[0] == 503
    process.write(b'{"machines": [{"uid": 7}]}')
    await process.until_status(lambda status: "$.machines[0].uid" in status["configError"])
    process.write(good)
    await process.mes.until(lambda: process.mes.values("number"))
    assert (await process.status())["configError"] == ""
    assert "Traceback" not in process.output


@pytest.mark.slow
async def test_a_swapped_configmap_is_followed_without_a_restart(process: Any, scripted: Any) -> None:
    await process.start()
    before = await process.until_status(lambda status: status["configHash"])
    process.configure(plant="elsewhere")
    after = await process.until_status(lambda status: status["configHash"] != before["configHash"])
    assert after["startedTime"] == before["startedTime"]
    assert after["machines"][0]["epoch"] == before["machines"][0]["epoch"]
    await process.mes.until(lambda: process.mes.of("observation")[-1]["plant"] == "elsewhere")
    assert await process.end(signal.SIGTERM) == 0
    kept, stored = await outcome(process, scripted)
    assert kept <= set(stored)
    assert max(stored.values()) == 1
