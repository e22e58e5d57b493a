"""A sink's limit is shared among the plant's machines, and one machine more seldom changes what the others get."""

from collections.abc import Callable
from typing import Any

import pytest

from plantwright_api.v1alpha1 import DataContract, Machine, MachineProfile, Plant
from plantwright_operator.decide import machines
from plantwright_operator.desired import config
from plantwright_operator.model import Facts, Resolved

LIMIT = 100


def share(raw: Callable[..., dict[str, Any]], number: int, limit: int | None = LIMIT) -> float | None:
    sink: dict[str, Any] = {"name": "mes", "http": {"url": "http://10.9.0.1/v1"}}
    if limit is not None:
        sink["maxRequestsPerSecond"] = limit
    judged = machines.judge(
        Machine.model_validate(raw("Machine")),
        Plant.model_validate(raw("Plant", mes={"sinks": [sink]})),
        [MachineProfile.model_validate(raw("MachineProfile"))],
        [DataContract.model_validate(raw("DataContract"))],
    )
    assert isinstance(judged, Resolved)
    facts = Facts("uid", "gateway:1", "IfNotPresent", "plantwright-system", plant_machines=number)
    return config.build(judged, facts).machines[0].sinks[0].max_requests_per_second


@pytest.mark.parametrize(("number", "expected"), [(1, 100), (2, 50), (3, 25), (4, 25), (5, 12.5), (1000, 100 / 1024)])
def test_each_machine_gets_its_share(raw: Callable[..., dict[str, Any]], number: int, expected: float) -> None:
    assert share(raw, number) == expected


@pytest.mark.slow
def test_all_together_keep_within_the_limit(raw: Callable[..., dict[str, Any]]) -> None:
    shares = [share(raw, number) or 0.0 for number in range(1, 200)]
    assert all(LIMIT / 2 < each * number <= LIMIT for number, each in enumerate(shares, start=1))
    assert len(set(shares)) == 9


def test_without_a_limit_there_is_no_share(raw: Callable[..., dict[str, Any]]) -> None:
    assert share(raw, 7, None) is None
