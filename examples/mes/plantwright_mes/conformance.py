"""The delivery protocol's conformance test: `python -m plantwright_mes.conformance --url http://mes/v1/observations`.

Any MES can be run through it. Each rule uses streams of its own, so that nothing needs clearing before or after; what it
stores is plant `conformance`. One line per rule; the exit status is 1 when one is missed.

With `--export-url` (where `{machine}` stands for a machine's name; JSON lines with `fields.value`) rows are counted, else
the receipts are believed. With `--restart-command` the MES is restarted between two batches, best by kill -9.
"""

import argparse
import asyncio
import random
import shlex
import sys
from collections.abc import Awaitable, Callable
from typing import NamedTuple
from urllib.parse import urlsplit

import aiohttp
import msgspec

from plantwright_api.wire.delivery import CONTENT_TYPE, Receipt
from plantwright_mes.streams import Stream, body

PATIENCE_SECONDS = 30.0
"""How long a restarted MES may take until it stores again."""

Restart = Callable[[], Awaitable[None]]


class MissError(Exception):
    """The MES misses the rule; the message says what it did."""


class Reply(NamedTuple):
    """An answer: its status, and the receipt where there is one (200, 409)."""

    status: int
    receipt: Receipt | None


class Verdict(NamedTuple):
    """One rule's line. `passed` is None when the rule could not be tried."""

    rule: str
    passed: bool | None
    note: str = ""


class Mes:
    """The MES under test."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        export_url: str = "",
        restart: Restart | None = None,
        token: str = "",
    ) -> None:
        self.session = session
        self.url = url
        self.export_url = export_url
        self.restart = restart
        self.headers = {"Content-Type": CONTENT_TYPE} | ({"Authorization": f"Bearer {token}"} if token else {})

    async def post(self, content: bytes) -> Reply:
        """Post a batch."""
        async with self.session.post(self.url, data=content, headers=self.headers) as response:
            answer = await response.read()
            receipt = msgspec.json.decode(answer, type=Receipt) if response.status in (200, 409) else None
            return Reply(response.status, receipt)

    async def stored(self, stream: Stream, count: int) -> None:
        """Hold the MES to its rows: the values 1 to `count`, each once and in order; nothing without an export."""
        if not self.export_url:
            return
        async with self.session.get(self.export_url.replace("{machine}", stream.machine)) as response:
            lines = (await response.read()).splitlines()
        values = [msgspec.json.decode(line)["fields"]["value"] for line in lines]
        expect(values == list(range(1, count + 1)), f"rows are {values[:50]}, not 1 to {count}")

    async def send_and_hang_up(self, content: bytes) -> None:
        """Post a batch and close the connection without reading the answer."""
        parts = urlsplit(self.url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        _, writer = await asyncio.open_connection(parts.hostname, port, ssl=parts.scheme == "https" or None)
        lines = [f"POST {parts.path} HTTP/1.1", f"Host: {parts.hostname}", f"Content-Length: {len(content)}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode() + content)
        await writer.drain()
        writer.close()
        await writer.wait_closed()


def expect(holds: bool, otherwise: str) -> None:
    """Raise MissError with `otherwise` unless it holds."""
    if not holds:
        raise MissError(otherwise)


async def accepted(mes: Mes, content: bytes, *, stored: int, ignored: int, watermark: int) -> Receipt:
    """Post a batch that must be taken, with these figures in the receipt."""
    status, receipt = await mes.post(content)
    if status != 200 or receipt is None:
        raise MissError(f"answered {status}, not 200")
    figures = (receipt.stored, receipt.ignored, receipt.watermark)
    expect(
        figures == (stored, ignored, watermark),
        f"(stored, ignored, watermark) {figures}, not {(stored, ignored, watermark)}",
    )
    return receipt


async def stores_a_batch(mes: Mes) -> None:
    """A batch is stored and the receipt names stream and watermark."""
    stream = Stream()
    receipt = await accepted(mes, stream.batch(1, 10), stored=10, ignored=0, watermark=10)
    expect((receipt.gatewayuid, receipt.epoch) == (stream.uid, stream.epoch), "the receipt names another stream")
    await mes.stored(stream, 10)


async def ignores_duplicates(mes: Mes) -> None:
    """A batch that comes three times is stored once."""
    stream = Stream()
    await accepted(mes, stream.batch(1, 10), stored=10, ignored=0, watermark=10)
    for _ in range(2):
        await accepted(mes, stream.batch(1, 10), stored=0, ignored=10, watermark=10)
    await mes.stored(stream, 10)


async def stores_the_new_part_of_an_overlap(mes: Mes) -> None:
    """Of a batch that overlaps what is stored, the new events are stored."""
    stream = Stream()
    await accepted(mes, stream.batch(1, 10), stored=10, ignored=0, watermark=10)
    await accepted(mes, stream.batch(6, 15), stored=5, ignored=5, watermark=15)
    await accepted(mes, stream.batch(3, 4), stored=0, ignored=2, watermark=15)
    await mes.stored(stream, 15)


async def sends_back_at_a_hole(mes: Mes) -> None:
    """A batch beyond the watermark is answered 409 with the watermark, and nothing of it is stored."""
    stream = Stream()
    for content, expected in ((stream.batch(5, 8), 0), (stream.batch(1, 3), None), (stream.batch(5, 8), 3)):
        if expected is None:
            await accepted(mes, content, stored=3, ignored=0, watermark=3)
            continue
        status, receipt = await mes.post(content)
        expect(status == 409 and receipt is not None, f"answered {status}, not 409")
        expect(receipt is not None and receipt.watermark == expected, f"watermark {receipt}, not {expected}")
    await accepted(mes, stream.batch(4, 8), stored=5, ignored=0, watermark=8)
    await mes.stored(stream, 8)


async def accepts_dropped_sequences(mes: Mes) -> None:
    """A gateway that dropped events names the one before them as previous: that is no hole."""
    stream = Stream()
    await accepted(mes, stream.batch(1, 3), stored=3, ignored=0, watermark=3)
    jump = stream.event(10, previoussequence=stream.event(3).sequence)
    await accepted(mes, body([jump]), stored=1, ignored=0, watermark=10)


async def survives_several_connections(mes: Mes) -> None:
    """Batches that arrive out of order and twice over four connections end stored once, in order."""
    stream = Stream()
    pending = [(first, first + 4) for first in range(1, 101, 5)] * 2
    random.Random(7).shuffle(pending)
    stored = 0

    async def sender() -> None:
        nonlocal stored
        while pending:
            first, last = pending.pop(0)
            status, receipt = await mes.post(stream.batch(first, last))
            expect(status in (200, 409) and receipt is not None, f"answered {status}, not 200 or 409")
            stored += receipt.stored if receipt else 0
            if status == 409:
                pending.append((first, last))

    await asyncio.gather(*(sender() for _ in range(4)))
    expect(stored == 100, f"the receipts add up to {stored}, not 100")
    await accepted(mes, stream.batch(1, 100), stored=0, ignored=100, watermark=100)
    await mes.stored(stream, 100)


async def survives_a_lost_receipt(mes: Mes) -> None:
    """A batch whose answer was lost is stored once, whether or not it had been committed."""
    stream = Stream()
    for first in range(1, 51, 5):
        await mes.send_and_hang_up(stream.batch(first, first + 4))
        status, receipt = await mes.post(stream.batch(first, first + 4))
        expect(status == 200 and receipt is not None, f"answered {status}, not 200")
        expect(receipt is not None and receipt.watermark == first + 4, f"watermark {receipt}, not {first + 4}")
    await mes.stored(stream, 50)


async def keeps_epochs_apart(mes: Mes) -> None:
    """Two epochs of one gateway are two streams."""
    first = Stream()
    second = Stream(uid=first.uid, machine=f"{first.machine}-b")
    await accepted(mes, first.batch(1, 5), stored=5, ignored=0, watermark=5)
    await accepted(mes, second.batch(1, 3), stored=3, ignored=0, watermark=3)
    await accepted(mes, first.batch(6, 7), stored=2, ignored=0, watermark=7)
    await mes.stored(first, 7)
    await mes.stored(second, 3)


async def isolates_a_poison_row(mes: Mes) -> None:
    """An event that can never be stored is named in `rejected`, also when asked again, and the rest goes on."""
    stream = Stream()
    content = body([stream.event(1), stream.poison(2), stream.event(3)])
    receipt = await accepted(mes, content, stored=2, ignored=0, watermark=3)
    expect([r.sequence for r in receipt.rejected] == [2], f"rejected is {receipt.rejected}, not sequence 2")
    again = await accepted(mes, content, stored=0, ignored=3, watermark=3)
    expect([r.sequence for r in again.rejected] in ([2], []), f"rejected is {again.rejected} when asked again")
    await accepted(mes, stream.batch(4, 5), stored=2, ignored=0, watermark=5)


async def refuses_what_is_no_batch(mes: Mes) -> None:
    """What is malformed is answered 400 and moves nothing."""
    stream, other = Stream(), Stream()
    broken = {
        "no JSON": b"{[",
        "empty": b"[]",
        "no event": b'[{"specversion":"1.0"}]',
        "mixed streams": body([stream.event(1), other.event(2)]),
        "broken stretch": body([stream.event(1), stream.event(3)]),
        "no sequence": body([stream.event(1, sequence="one")]),
        "backwards": body([stream.event(2, previoussequence=stream.event(2).sequence)]),
    }
    for name, content in broken.items():
        status, _ = await mes.post(content)
        expect(status == 400, f"{name}: answered {status}, not 400")
    await accepted(mes, stream.batch(1, 2), stored=2, ignored=0, watermark=2)


async def remembers_over_a_restart(mes: Mes) -> None:
    """A restart forgets no row and no watermark."""
    if mes.restart is None:
        raise NotImplementedError
    stream = Stream()
    await accepted(mes, stream.batch(1, 10), stored=10, ignored=0, watermark=10)
    await mes.restart()
    await _until_it_answers(mes)
    await accepted(mes, stream.batch(6, 12), stored=2, ignored=5, watermark=12)
    await mes.stored(stream, 12)


RULES: tuple[Callable[[Mes], Awaitable[None]], ...] = (
    stores_a_batch,
    ignores_duplicates,
    stores_the_new_part_of_an_overlap,
    sends_back_at_a_hole,
    accepts_dropped_sequences,
    survives_several_connections,
    survives_a_lost_receipt,
    keeps_epochs_apart,
    isolates_a_poison_row,
    refuses_what_is_no_batch,
    remembers_over_a_restart,
)


async def judge(mes: Mes) -> list[Verdict]:
    """Run every rule and answer one verdict each."""
    return [await _try(rule, mes) for rule in RULES]


async def _try(rule: Callable[[Mes], Awaitable[None]], mes: Mes) -> Verdict:
    name = rule.__name__.replace("_", " ")
    try:
        await rule(mes)
    except MissError as miss:
        return Verdict(name, False, str(miss))
    except NotImplementedError:
        return Verdict(name, None, "give --restart-command to try it")
    except (aiohttp.ClientError, OSError, TimeoutError, msgspec.DecodeError) as error:
        return Verdict(name, False, f"{type(error).__name__}: {error}")
    return Verdict(name, True)


async def _until_it_answers(mes: Mes) -> None:
    deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    while True:
        try:
            if (await mes.post(Stream().batch(1, 1))).status == 200:
                return
        except (aiohttp.ClientError, OSError):
            pass
        expect(asyncio.get_running_loop().time() < deadline, f"no 200 within {PATIENCE_SECONDS:.0f} s of the restart")
        await asyncio.sleep(0.1)


def line(verdict: Verdict) -> str:
    """How a verdict is printed."""
    word = {True: "ok  ", False: "MISS", None: "skip"}[verdict.passed]
    return f"{word}  {verdict.rule}" + (f": {verdict.note}" if verdict.note else "")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="plantwright_mes.conformance", description=__doc__)
    parser.add_argument("--url", required=True, help="where batches are posted to")
    parser.add_argument("--export-url", default="", help="where rows are read, with {machine} in it")
    parser.add_argument("--restart-command", default="", help="command that restarts the MES")
    parser.add_argument("--token-file", type=argparse.FileType(), help="file with the bearer token")
    return parser.parse_args()


async def _main(arguments: argparse.Namespace) -> int:
    async def restart() -> None:
        process = await asyncio.create_subprocess_exec(*shlex.split(arguments.restart_command))
        await process.wait()

    token = arguments.token_file.read().strip() if arguments.token_file else ""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        callback = restart if arguments.restart_command else None
        verdicts = await judge(Mes(session, arguments.url, arguments.export_url, callback, token))
    print("\n".join(line(verdict) for verdict in verdicts))
    return 1 if any(verdict.passed is False for verdict in verdicts) else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(_main(_arguments())))
