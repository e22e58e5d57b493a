"""A new kind of violation becomes one Event, whoever leads."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from plantwright_api.wire.status import Violation

pytestmark = [pytest.mark.apiserver, pytest.mark.slow]


def kind(field: str) -> Violation:
    return Violation(
        contract="machine-state",
        version="1.0.0",
        field=field,
        reason="OutOfRange",
        action="Flagged",
        first_time=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    )


async def test_a_new_kind_of_violation_is_one_event_also_after_a_restart(
    world: Any, node: Any, start_operator: Callable[..., Any], eventually: Callable[..., Any], namespace: str
) -> None:
    async def fields_told() -> list[str]:
        listed = await world.api.call("GET", f"/apis/events.k8s.io/v1/namespaces/{namespace}/events")
        told = [event for event in listed["items"] if event["reason"] == "OutOfRange"]
        assert all(event["regarding"]["name"] == "press-1" for event in told)
        return sorted(event["note"].partition("field ")[2].partition(":")[0] for event in told)

    async def told(*fields: str) -> bool:
        return await fields_told() == list(fields)

    operator = await start_operator()
    await world.base()
    await world.apply("Machine")
    await world.ready()
    gateway = node.gateway(namespace, "press-1")
    gateway.violations.append(kind("temperature"))
    await eventually(lambda: told("temperature"))
    operator.stop()
    await start_operator()
    gateway.violations.append(kind("pressure"))
    await eventually(lambda: told("pressure", "temperature"))
