"""The operator tells the KPI rules which machines stand for a serial line."""

from collections.abc import Callable
from typing import Any

import pytest
from prometheus_client import generate_latest

from plantwright_api.v1alpha1 import Plant
from plantwright_operator.decide.plants import line_roles
from plantwright_operator.reconcile.metrics import Metrics

AREAS = [
    {
        "name": "machining",
        "lines": [
            {"name": "cells"},
            {"name": "flow", "flow": "Serial", "bottleneck": "oven", "exit": "packer"},
            {"name": "half", "flow": "Serial", "exit": "packer"},
            {"name": "side by side", "flow": "Parallel", "bottleneck": "oven", "exit": "packer"},
        ],
    }
]


@pytest.fixture
def plant(raw: Callable[..., dict[str, Any]]) -> Plant:
    return Plant.model_validate(raw("Plant", areas=AREAS))


def test_serial_lines_name_their_bottleneck_and_exit(plant: Plant) -> None:
    assert [role for role in line_roles(plant) if role[2] == "flow"] == [
        ("stuttgart", "machining", "flow", "oven", "bottleneck"),
        ("stuttgart", "machining", "flow", "packer", "exit"),
    ]


def test_a_serial_line_without_a_bottleneck_is_still_told_to_be_serial(plant: Plant) -> None:
    """Else the rules would take it for a sum over its machines."""
    assert ("stuttgart", "machining", "half", "", "bottleneck") in line_roles(plant)


def test_parallel_lines_have_no_roles(plant: Plant) -> None:
    assert {line for _, _, line, _, _ in line_roles(plant)} == {"flow", "half"}


@pytest.mark.parametrize("leading", [True, False], ids=["leader", "standby"])
def test_only_the_leader_exports_roles(plant: Plant, leading: bool) -> None:
    metrics = Metrics()
    roles = {"plantwright_line_role_info": lambda: ((role, 1.0) for role in line_roles(plant))}
    metrics.watch(roles, lambda: leading)
    sample = 'plantwright_line_role_info{area="machining",line="flow",machine="oven",plant="stuttgart",role="bottleneck"} 1.0'
    assert (sample in generate_latest(metrics.registry).decode().splitlines()) is leading
