"""A limit of the plant's MES is shared among the machines that the plant has."""

import json
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = [pytest.mark.apiserver, pytest.mark.slow]


async def test_each_machine_gets_its_share_of_the_limit(
    world: Any, node: Any, start_operator: Callable[..., Any], eventually: Callable[..., Any]
) -> None:
    async def share(name: str) -> float:
        config = json.loads((await world.get("configmaps", f"gw-{name}"))["data"]["config.json"])
        found: float = config["machines"][0]["sinks"][0]["maxRequestsPerSecond"]
        return found

    async def shares(expected: float, *names: str) -> bool:
        return [await share(name) for name in names] == [expected] * len(names)

    await world.base()
    sink = {"name": "mes", "http": {"url": "http://10.9.0.1:8090/v1/events"}, "maxRequestsPerSecond": 30}
    await world.apply("Plant", mes={"sinks": [sink]})
    for number in (1, 2, 3):
        await world.apply("Machine", f"press-{number}", endpoint={"url": f"modbus+tcp://10.2.3.{number}:502"})
    await start_operator()
    await eventually(lambda: shares(7.5, "press-1", "press-2", "press-3"))
