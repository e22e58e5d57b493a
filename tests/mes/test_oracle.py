"""The oracle on the real thing: a floor, a reader that loses and doubles, the MES, and the verdict over both ways in."""

import asyncio
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from plantwright_mes.app import running as mes_running
from plantwright_mes.settings import Settings
from plantwright_mes.streams import Stream, body
from plantwright_mes.testing import until
from plantwright_shopfloor.ledger import Ledger
from plantwright_shopfloor.oracle import judgements, nanoseconds
from plantwright_shopfloor.verdict import Judgement

SECOND = 10**9
START = nanoseconds(datetime(2026, 1, 1, tzinfo=UTC))


class Setup:
    """Twenty numbers offered, one a second, and an MES to store what the test says."""

    def __init__(self, url: str, dsn: str, folder: Path, session: aiohttp.ClientSession) -> None:
        self.url, self.dsn, self.folder, self._session = url, dsn, folder, session
        self.stream = Stream(machine="lathe-01")
        ledger = Ledger(folder, "lathe-01")
        for number in range(1, 21):
            ledger.offer(START + number * SECOND)
        ledger.close()

    async def store(self, numbers: list[int], gap: tuple[str, str] | None = None) -> None:
        head = {"plant": "p", "machine": "lathe-01", "contract": "c", "contractVersion": "1.0.0", "config": ""}
        fields: list[dict[str, Any]] = [{"sequence": number} for number in numbers]
        datas = [head | {"fields": entry} for entry in [*fields, {"other": 1}, {"sequence": None}]]
        events = [self.stream.event(place, data=data) for place, data in enumerate(datas, 1)]
        if gap:
            events.append(self.stream.gap(len(events) + 1, *gap))
        async with self._session.post(f"{self.url}/v1/observations", data=body(events)) as response:
            assert response.status == 200

    async def judged(self) -> Judgement:
        (by_http,) = await judgements([str(self.folder)], self.url)
        (by_database,) = await judgements([str(self.folder / "lathe-01.jsonl")], self.dsn)
        assert by_http == by_database
        return by_http


@pytest.fixture
async def setup(dsn: str, tmp_path: Path) -> AsyncIterator[Setup]:
    async with mes_running(Settings(dsn, "127.0.0.1", 0)) as mes, aiohttp.ClientSession() as session:

        async def ready() -> bool:
            async with session.get(f"{mes.url}/readyz") as response:
                return response.status == 200

        await until(ready)
        yield Setup(mes.url, dsn, tmp_path, session)


async def test_all_is_well(setup: Setup) -> None:
    await setup.store(list(range(3, 18)))
    judgement = await setup.judged()
    assert judgement.holds()
    assert (judgement.offered, judgement.observations) == (15, 15)


async def test_lost_and_twice_are_found(setup: Setup) -> None:
    await setup.store([1, 2, 5, 5, 6])
    judgement = await setup.judged()
    assert (judgement.lost, judgement.lost_examples, judgement.stored_twice) == (2, (3, 4), 1)


async def test_a_gap_record_excuses_its_time_only(setup: Setup) -> None:
    await setup.store([1, 2, 8], gap=("2026-01-01T00:00:02.5Z", "2026-01-01T00:00:06Z"))
    judgement = await setup.judged()
    assert (judgement.excused, judgement.lost_examples, judgement.gap_seconds) == (4, (7,), 3.5)


@pytest.mark.slow
@pytest.mark.parametrize(("numbers", "status", "says"), [([1, 2, 3], 0, "ok  "), ([1, 3], 1, "MISS"), ([], 1, "MISS")])
async def test_the_command(setup: Setup, numbers: list[int], status: int, says: str) -> None:
    await setup.store(numbers)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "plantwright_shopfloor.oracle", "--ledger", str(setup.folder), "--mes", setup.url),
        stdout=asyncio.subprocess.PIPE,
    )
    printed = (await asyncio.wait_for(process.communicate(), 20))[0].decode()
    assert process.returncode == status
    assert printed.startswith(f"{says}  lathe-01: offered")
    assert printed.splitlines()[-1].startswith(f"machines 1, observations {len(numbers)}, lost")
