"""B17, B18: an MES that answers wrongly. Nothing leaves the buffer without a valid receipt, and what is good arrives.

Each row is a real HTTP server on the loopback that answers the first requests wrongly, a real buffer with 500 rows and the
real delivery between them. While the answers are wrong all rows must stay; afterwards each row must be stored once, in order.
"""

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import structlog
import trustme
from evil_http import Answer, EvilMes, bomb, chunks_for_ever, drip, receipt, saying, silence, stored_and_cut

from plantwright_api.wire.config import HttpSink as Config
from plantwright_api.wire.config import Location
from plantwright_gateway.buffer import Buffer, Limits
from plantwright_gateway.context.events import Row
from plantwright_gateway.delivery import Delivery, Target
from plantwright_gateway.sinks.http import client

pytestmark = pytest.mark.slow
ROWS = 500
LONGEST = 5.0
"""Seconds until a row that was wrong for a moment must have gone well."""
REDIRECT = "Location: http://169.254.169.254/latest/meta-data/"


class Wrong(NamedTuple):
    """Answers that are wrong, and what must be known of them afterwards."""

    answers: Sequence[Answer]
    says: str = ""
    ignored: int = 0


ANSWERS: dict[str, Wrong] = {
    "401": Wrong([saying("401 Unauthorized")], "the token is refused"),
    "403": Wrong([saying("403 Forbidden")], "the token is refused"),
    "404": Wrong([saying("404 Not Found", b"<h1>no such page</h1>")], "nothing at this URL"),
    "409 without a receipt": Wrong([saying("409 Conflict", b"conflict")], "no receipt"),
    "429 for a huge time": Wrong([saying("429 Too Many Requests", b"", "Retry-After: 99999999999999")], "HTTP 429"),
    "429 for a negative time": Wrong([saying("429 Too Many Requests", b"", "Retry-After: -3")], "HTTP 429"),
    "429 until a date": Wrong(
        [saying("429 Too Many Requests", b"", "Retry-After: Thu, 01 Jan 2099 00:00:00 GMT")], "HTTP 429"
    ),
    "500": Wrong([saying("500 Internal Server Error", b"\x00\xff" * 5000)], "HTTP 500"),
    "200 with HTML": Wrong([saying("200 OK", b"<html>welcome</html>", "Content-Type: text/html")], "no receipt"),
    "200 with too high a watermark": Wrong([receipt(lambda _mes, batch: len(batch) + 10**6)], "never sent", 1),
    "200 nested without end": Wrong([saying("200 OK", b'{"x":' + b"[" * 100_000)], "no receipt"),
    "redirect to the metadata address": Wrong([saying("307 Temporary Redirect", b"", REDIRECT)], "not followed"),
    "slow body": Wrong([drip], "no answer in time"),
    "chunks for ever": Wrong([chunks_for_ever], "longer than"),
    "gzip bomb": Wrong([saying("200 OK", bomb(100), "Content-Encoding: gzip")], "no receipt"),
    "silence": Wrong([silence], "no answer in time"),
    "stored, and the answer cut": Wrong([stored_and_cut], ""),
}
"""Beside these: 400 for a poison row, 413, TLS that changed."""

FALSE_RECEIPTS: dict[str, Wrong] = {
    "a sequence that was never sent": Wrong([receipt(lambda _mes, _batch: 10**9)], "never sent", 1),
    "the largest number there is": Wrong([receipt(lambda _mes, _batch: 2**63 - 1)], "never sent", 1),
    "another epoch": Wrong([receipt(lambda _mes, batch: len(batch), epoch="another")], "another gateway or epoch", 1),
    "another gateway": Wrong([receipt(lambda _mes, b: len(b), gatewayuid="another")], "another gateway or epoch", 1),
    "smaller than the watermark": Wrong([receipt(lambda _mes, _batch: 0)], "before the batch", 1),
    "negative": Wrong([receipt(lambda _mes, _batch: -5)], "before the batch", 1),
}


def gap(reason: str, start: int, end: int, _now: int, count: int | None = None, *, message: str = "") -> Row:
    body = json.dumps({"gap": reason, "count": count, "message": message}).encode()
    return Row("io.plantwright.gap.v1", "", body, count or 0, start, end)


class Line:
    """A buffer, an evil MES and the delivery between them."""

    def __init__(self, folder: Path) -> None:
        self.mes = EvilMes()
        self.buffer = Buffer(folder / "m.db", "uid", Limits(2**26), gap, time.time_ns)
        self.waits: list[float] = []
        self.delivery: Delivery
        self._task: asyncio.Task[None]

    async def start(self, rows: int = ROWS, url: str = "", **sink: Any) -> None:
        """Deliver what lies in the buffer: a run of rows at once."""
        self.buffer.start()
        await self.buffer.set_sinks(["mes"])
        if not self.mes.port:
            await self.mes.start()
        target = client.HttpSink(Config(name="mes", url=url or f"http://127.0.0.1:{self.mes.port}/v1/events", **sink))
        place = Location(enterprise="acme", site="s", area="a", line="l")
        self.delivery = Delivery(self.buffer, Target("mes", target, True), "lathe-07", place, structlog.get_logger())
        await self.fill(rows)
        self._task = asyncio.create_task(self.delivery.run())

    async def fill(self, count: int) -> None:
        rows = [
            Row("io.plantwright.observation.v1", "c", json.dumps({"n": n}).encode(), 1, n, n, True)
            for n in range(count)
        ]
        await self.buffer.append(rows)

    async def until(self, condition: Callable[[], object], seconds: float = LONGEST) -> None:
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110 - the conditions are of many kinds
                await asyncio.sleep(0.01)

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self.delivery.close()
        await self.buffer.close()
        await self.mes.stop()


@pytest.fixture
async def lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Callable[[], Line]]:
    """`lines()`: another buffer and another MES; all patience is short."""
    monkeypatch.setattr(client, "READ_SECONDS", 0.2)
    monkeypatch.setattr(client, "TOTAL_SECONDS", 0.4)
    monkeypatch.setattr("plantwright_gateway.delivery.backoff.BASE_SECONDS", 0.02)
    monkeypatch.setattr("plantwright_gateway.delivery.backoff.CAP_SECONDS", 0.1)
    monkeypatch.setattr("plantwright_gateway.delivery.backoff.RETRY_AFTER_CAP_SECONDS", 0.3)
    made: list[Line] = []

    def make() -> Line:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(Line(folder))
        return made[-1]

    yield make
    for line in made:
        await line.stop()


async def hold_to(line: Line, wrong: Wrong) -> None:
    """Wrong answers first: told, and nothing goes. Then right ones: all is stored once, in order."""
    kept_while_wrong: list[int] = []

    def counted(answer: Answer) -> Answer:
        async def answered(mes: EvilMes, batch: list[Any], writer: asyncio.StreamWriter) -> None:
            kept_while_wrong.append(line.buffer.stats.rows)
            await answer(mes, batch, writer)

        return answered

    line.mes.wrong.extend(counted(answer) for answer in wrong.answers)
    await line.start()
    await line.until(lambda: line.delivery.health.retries or line.mes.numbers())
    said = line.delivery.health.last_error
    await line.until(lambda: line.mes.numbers() == list(range(ROWS)) and not line.buffer.stats.rows)
    assert kept_while_wrong == [ROWS] * len(wrong.answers), "something left the buffer"
    assert wrong.says in said or not said
    assert line.delivery.health.ignored_receipts == wrong.ignored
    assert line.delivery.health.rejected == 0


async def poison(line: Line) -> None:
    line.mes.poison = {250}
    await line.start()
    await line.until(line.mes.gaps)
    assert line.mes.numbers() == [n for n in range(ROWS) if n != 250]
    assert (line.mes.gaps()[0]["gap"], line.mes.gaps()[0]["count"]) == ("MesRejects", 1)


async def too_large(line: Line) -> None:
    line.mes.most_bytes = 20_000
    await line.start()
    await line.until(lambda: line.mes.numbers() == list(range(ROWS)))
    assert line.delivery.health.rejected == 0


async def other_tls(line: Line, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The certificate's authority changes while a connection stands, and changes back."""
    trusted, foreign = trustme.CA(), trustme.CA()
    (folder / "mes-ca").mkdir()
    (folder / "mes-ca" / "ca.crt").write_bytes(trusted.cert_pem.bytes())
    monkeypatch.setenv("PLANTWRIGHT_SECRETS_DIR", str(folder))
    await line.mes.start(context(trusted))
    await line.start(10, f"https://localhost:{line.mes.port}/v1/events", ca_secret="mes-ca")
    await line.until(lambda: line.mes.numbers() == list(range(10)))
    await line.mes.stop()
    await line.mes.start(context(foreign), line.mes.port)
    asked = len(line.mes.requests)
    await line.fill(ROWS)
    await line.until(lambda: "not trusted" in line.delivery.health.last_error)
    assert (len(line.mes.requests), line.buffer.stats.rows) == (asked, ROWS), "a stranger was given data"
    await line.mes.stop()
    await line.mes.start(context(trusted), line.mes.port)
    await line.until(lambda: len(line.mes.numbers()) == 10 + ROWS)


def context(authority: trustme.CA) -> ssl.SSLContext:
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(found)
    return found


@pytest.mark.row("B17")
async def test_eighteen_and_more_wrong_answers(
    lines: Callable[[], Line],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    memory: Any,
    measured: Callable[[str], None],
) -> None:
    await hold_to(lines(), Wrong([]))
    memory.mark()
    for name, wrong in ANSWERS.items():
        print(name, flush=True)
        await hold_to(lines(), wrong)
    await poison(lines())
    await too_large(lines())
    await other_tls(lines(), tmp_path, monkeypatch)
    total = len(ANSWERS) + 3
    assert memory.grown_mb() < 50
    measured(
        f"{total}/{total} wrong answers: nothing deleted without a receipt, all {ROWS} rows stored once in order "
        f"(1 poison row of {ROWS} quarantined and told), {memory.grown_mb():.0f} MB more"
    )


@pytest.mark.row("B18")
async def test_false_receipts(lines: Callable[[], Line], measured: Callable[[str], None]) -> None:
    for wrong in FALSE_RECEIPTS.values():
        await hold_to(lines(), wrong)
    total = len(FALSE_RECEIPTS)
    measured(f"{total}/{total} false receipts ignored and counted, 0 rows deleted, all delivered afterwards")
