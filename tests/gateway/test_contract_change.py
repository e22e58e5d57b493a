"""A contract changes while values stream: each row says under which version it was judged, and none is lost."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from plantwright_api.wire.config import Contract, ContractField, FieldType
from plantwright_gateway.ports.source import Sample

T0 = 1_760_000_000_000_000_000
BATCHES, BATCH = 200, 10
PAUSE_SECONDS = 0.01
EVERY = 20
"""Each so many-th value is none that an Integer holds."""


def contract(version: str, type_: FieldType) -> list[Contract]:
    return [Contract(name="machine-state", version=version, fields=[ContractField(name="number", type=type_)])]


def value(number: int) -> float:
    return number + 0.5 if number % EVERY == 0 else number


async def stream(bench: Any) -> None:
    """A thousand values a second, in batches; one that meets a reload is given to the next session."""
    for first in range(0, BATCHES * BATCH, BATCH):
        numbers = range(first, first + BATCH)
        await bench.hand.give(*(Sample("number", value(number), T0 + number) for number in numbers))
        await asyncio.sleep(PAUSE_SECONDS)


@pytest.mark.slow
@pytest.mark.row("F16")
async def test_every_row_carries_the_version_it_was_judged_by(
    bench: Any, make_signal: Any, measured: Callable[[str], None]
) -> None:
    signals = [make_signal("number")]
    await bench.start(bench.machine(signals=signals, contracts=contract("1.0.0", "Integer")))
    streaming = asyncio.create_task(stream(bench))
    await asyncio.sleep(0.5)
    await bench.reload(bench.machine(signals=signals, contracts=contract("2.0.0", "Number")))
    await asyncio.sleep(0.5)
    await bench.reload(bench.machine(signals=signals, contracts=contract("1.1.0", "Integer")))
    await streaming
    expected = BATCHES * BATCH
    await bench.mes.until(lambda: len(bench.mes.of("observation")) + len(bench.mes.of("quarantine")) == expected)

    rows = [(each["fields"]["number"], each["contractVersion"]) for each in bench.mes.of("observation")]
    kept = [(float(each["value"]), each["contractVersion"]) for each in bench.mes.of("quarantine")]
    assert sorted(number for number, _ in rows + kept) == sorted(map(value, range(expected)))
    assert {version for number, version in rows if number % 1} == {"2.0.0"}
    assert {version for _, version in kept} == {"1.0.0", "1.1.0"}
    assert all(number % 1 for number, _ in kept)
    in_order = [each["data"]["contractVersion"] for each in bench.mes.events if "fields" in each["data"]]
    changes = [version for version, before in zip(in_order, ["", *in_order], strict=False) if version != before]
    assert changes == ["1.0.0", "2.0.0", "1.1.0"], "no row of the old version after the new one came into force"
    measured(f"{len(rows)} rows and {len(kept)} in quarantine of {expected}, each under its version; 0 lost, 0 twice")
