"""Kinds of violation: remembered once each, over restarts, for the contract versions in force, within a bound."""

from typing import Any

import msgspec
import pytest

from plantwright_api.wire.config import Contract, ContractField
from plantwright_api.wire.status import Violation
from plantwright_gateway.app.metrics import Metrics
from plantwright_gateway.app.violations import LARGEST, MOST, Violations
from plantwright_gateway.ports.source import Sample

S = 10**9
T0 = 1_760_000_000 * S
VERSIONS = {"c": "1.0.0"}


def kinds(bench: Any) -> list[tuple[str, str, str, str, str]]:
    found: list[Violation] = bench.runtime.status().violations
    return [(v.contract, v.version, v.field, v.reason, v.action) for v in found]


TOO_HOT = ("machine-state", "1.0.0", "temperature", "OutOfRange", "Flagged")
NO_NUMBER = ("machine-state", "1.0.0", "temperature", "NotANumber", "Quarantined")


async def too_hot(bench: Any, now: int) -> None:
    await bench.hand.give(Sample("number", 1, now), Sample("temperature", 95.0, now))


async def test_each_kind_is_told_once_with_its_first_time(bench: Any) -> None:
    await bench.start()
    await too_hot(bench, T0)
    [first] = bench.runtime.status().violations
    await too_hot(bench, T0 + S)
    await bench.hand.give(Sample("temperature", float("nan"), T0 + 2 * S))
    assert kinds(bench) == [TOO_HOT, NO_NUMBER]
    assert bench.runtime.status().violations[0] == first


async def test_counts_name_contract_version_and_reason(bench: Any) -> None:
    await bench.start()
    await too_hot(bench, T0)
    await too_hot(bench, T0 + S)
    await bench.hand.give(Sample("temperature", float("nan"), T0 + 2 * S))
    text = Metrics(bench.gateway).render().decode()
    for name, reason, number in (("flagged", "OutOfRange", "2.0"), ("quarantined", "NotANumber", "1.0")):
        [line] = [line for line in text.splitlines() if line.startswith(f"plantwright_{name}_total{{")]
        assert 'contract="machine-state"' in line
        assert f'reason="{reason}"' in line
        assert 'version="1.0.0"' in line
        assert line.endswith(number)


async def test_kinds_survive_a_restart(bench: Any) -> None:
    await bench.start()
    await too_hot(bench, T0)
    before = bench.runtime.status().violations
    await bench.stop()
    await bench.start()
    await bench.hand.running()
    assert bench.runtime.status().violations == before


async def test_under_another_contract_version_a_kind_is_new_again(bench: Any) -> None:
    await bench.start()
    await too_hot(bench, T0)
    fields = [
        ContractField(name="number", type="Integer"),
        ContractField(name="temperature", type="Number", maximum=94),
    ]
    await bench.reload(bench.machine(contracts=[Contract(name="machine-state", version="1.1.0", fields=fields)]))
    await bench.mes.until(lambda: not kinds(bench))
    await bench.hand.running()
    await too_hot(bench, T0 + S)
    assert [kind[1] for kind in kinds(bench)] == ["1.1.0"]


def test_kinds_are_bounded_in_number_and_in_bytes() -> None:
    found = Violations()
    found.note([("c", f"{'f' * 200}{number}", "WrongType") for number in range(2 * MOST)], [], VERSIONS, T0)
    assert len(found.all()) == MOST
    assert len(found.dump()) <= LARGEST
    assert Violations(found.dump()).all() == found.all()[: len(msgspec.json.decode(found.dump()))]


@pytest.mark.parametrize("kept", [b"", b"{", b'[{"contract": 1}]'])
def test_what_was_kept_wrongly_is_forgotten(kept: bytes) -> None:
    assert Violations(kept).all() == []
