"""The oracle's command: `python -m plantwright_shopfloor.oracle --ledger … --mes … [--machine …]`.

Ledgers are folders or files of JSON lines, or the address of a shop floor (http://…: GET /ledger). What was stored comes
from the reference MES (http://…: /v1/export and /v1/gaps) or straight from its PostgreSQL (postgresql://…). One line per
machine and a summary; exit status 0 when nothing is lost, doubled, disordered or invented and every machine was judged.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import aiohttp
import asyncpg
import msgspec

from plantwright_shopfloor.ledger import Offer, read
from plantwright_shopfloor.verdict import Gap, Judgement, Stored, judge, summary

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ROWS = (
    "SELECT uid || '/' || epoch, seq, (fields->>$3)::bigint FROM observations"
    " WHERE machine = $1 AND sink = $2 AND fields ? $3 AND fields->>$3 IS NOT NULL"
)
GAPS = "SELECT start_time, end_time FROM gaps WHERE machine = $1 AND sink = $2"


class Kept(NamedTuple):
    """What an MES has of one machine."""

    stored: list[Stored]
    gaps: list[Gap]


def nanoseconds(time: datetime) -> int:
    """A time as ns since the epoch, exactly."""
    since = time - EPOCH
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1000


async def ledgers(sources: Sequence[str]) -> dict[str, list[Offer]]:
    """All offers of these files, folders and shop floors, per machine.

    Raises:
        OSError, aiohttp.ClientError: when one cannot be read.
    """
    offers: dict[str, list[Offer]] = {}
    for source in sources:
        for machine, found in read(await _ledger_lines(source)).items():
            offers.setdefault(machine, []).extend(found)
    return {machine: sorted(found) for machine, found in offers.items()}


async def kept_by_http(url: str, machine: str, sink: str, field: str) -> Kept:
    """What the reference MES at `url` has of a machine."""
    query = f"?machine={quote(machine)}&sink={quote(sink)}"
    rows = [json.loads(line) for line in await _lines(f"{url}/v1/export{query}")]
    gaps = [json.loads(line) for line in await _lines(f"{url}/v1/gaps{query}")]
    return Kept(
        [
            Stored(f"{row['uid']}/{row['epoch']}", row["seq"], int(row["fields"][field]))
            for row in rows
            if row["fields"].get(field) is not None
        ],
        [Gap(_parsed(gap["startTime"]), _parsed(gap["endTime"])) for gap in gaps],
    )


async def kept_by_database(dsn: str, machine: str, sink: str, field: str) -> Kept:
    """What the reference MES's database has of a machine."""
    connection: Any = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch(ROWS, machine, sink, field)
        gaps = await connection.fetch(GAPS, machine, sink)
    finally:
        await connection.close()
    return Kept(
        [Stored(*row) for row in rows],
        [Gap(nanoseconds(gap["start_time"]), nanoseconds(gap["end_time"])) for gap in gaps],
    )


async def judgements(
    sources: Sequence[str], mes: str, machines: Sequence[str] = (), sink: str = "http", field: str = "sequence"
) -> list[Judgement]:
    """Judge these machines, or all that have a ledger.

    The MES is asked before the ledgers, so that a running floor cannot make a stored number look invented.
    """
    ask = kept_by_http if mes.startswith("http") else kept_by_database
    names = machines or sorted(await ledgers(sources))
    kept = {machine: await ask(mes.rstrip("/"), machine, sink, field) for machine in names}
    offers = await ledgers(sources)
    return [judge(machine, offers.get(machine, []), *kept[machine]) for machine in names]


def line(judgement: Judgement) -> str:
    """How one machine is printed."""
    word = "ok  " if judgement.holds() else "MISS"
    examples = f", lost: {', '.join(map(str, judgement.lost_examples))}…" if judgement.lost_examples else ""
    covered = f", gap records cover {judgement.gap_seconds:.1f} s" if judgement.gaps else ""
    return f"{word}  {judgement.machine}: offered {judgement.offered}, {summary([judgement])}{covered}{examples}"


async def _ledger_lines(source: str) -> list[bytes]:
    if source.startswith("http"):
        return await _lines(f"{source.rstrip('/')}/ledger")
    return await asyncio.to_thread(_file_lines, Path(source))


def _file_lines(path: Path) -> list[bytes]:
    files = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
    return [text for file in files for text in file.read_bytes().splitlines()]


async def _lines(url: str) -> list[bytes]:
    async with aiohttp.ClientSession(raise_for_status=True) as session, session.get(url) as response:
        return (await response.read()).splitlines()


def _parsed(text: str) -> int:
    return nanoseconds(datetime.fromisoformat(text))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="plantwright_shopfloor.oracle", description=__doc__)
    parser.add_argument("--ledger", action="append", required=True, help="file, folder or address of a shop floor")
    parser.add_argument("--mes", required=True, help="address of the MES, or its database's connection string")
    parser.add_argument("--machine", action="append", default=[], help="judge this machine; default: all in the ledger")
    parser.add_argument("--sink", default="http", choices=["http", "mqtt"], help="which delivery is judged")
    parser.add_argument("--field", default="sequence", help="contract field that carries the number")
    parser.add_argument("--json", action="store_true", help="print the judgements as JSON")
    return parser.parse_args()


async def _main(arguments: argparse.Namespace) -> int:
    judged = await judgements(arguments.ledger, arguments.mes, arguments.machine, arguments.sink, arguments.field)
    if arguments.json:
        print(msgspec.json.encode([j._asdict() for j in judged]).decode())
    else:
        print("\n".join([*map(line, judged), summary(judged)]))
    return 0 if judged and all(j.holds() for j in judged) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(_main(_arguments())))
