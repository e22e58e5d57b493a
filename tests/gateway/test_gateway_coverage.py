"""A contract that allows little to be missing is told as incomplete, and Prometheus hears how much it was."""

import asyncio
from typing import Any

import pytest

from plantwright_api.wire.config import Contract, ContractField
from plantwright_gateway.app.metrics import Metrics
from plantwright_gateway.ports.source import Sample

T0 = 1_760_000_000_000_000_000


@pytest.mark.slow
async def test_incomplete_is_told_though_all_is_there_now(bench: Any) -> None:
    fields = [
        ContractField(name="number", type="Integer", required=True),
        ContractField(name="temperature", type="Number"),
    ]
    terms = Contract(
        name="machine-state", version="1.0.0", fields=fields, completeness_percent=99, completeness_window_seconds=60
    )
    gateway = await bench.start(bench.machine(contracts=[terms]))
    await bench.hand.running()
    await asyncio.sleep(2.5)
    await bench.hand.give(Sample("number", 1, T0))
    await bench.mes.until(lambda: bench.condition("ContractMet") == ("False", "Incomplete"))
    found = next(c for c in bench.runtime.status().conditions if c.type == "ContractMet")
    assert found.message.startswith("machine-state (complete for 99 % of 60 s of planned time): required fields were")
    (coverage,) = bench.runtime.coverage.contracts
    await bench.mes.until(lambda: coverage.complete_ns > 0)
    text = Metrics(gateway).render().decode()
    assert 'plantwright_contract_complete_seconds_total{area="machining",contract="machine-state"' in text
    assert coverage.planned_ns > coverage.complete_ns
