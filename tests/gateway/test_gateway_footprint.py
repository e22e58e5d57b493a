"""A gateway loads what its machine needs: its memory is multiplied by the number of machines."""

import signal
from pathlib import Path
from typing import Any

PROGRAM = """
import sys
from plantwright_gateway.app.main import main
code = main()
print("loaded", *sys.modules)
sys.exit(code)
"""
FOREIGN = {"aiohttp", "asyncua", "aiomqtt", "paho", "pydantic", "kubernetes", "kopf", "plantwright_api.v1alpha1"}


async def test_a_modbus_and_http_gateway_loads_nothing_of_other_protocols(process: Any, tmp_path: Path) -> None:
    process.script = tmp_path / "listing.py"
    process.script.write_text(PROGRAM)
    await process.start()
    await process.mes.until(lambda: process.mes.of("configuration"))
    assert (await process.get("metrics"))[0] == 200
    assert await process.end(signal.SIGTERM) == 0
    [listed] = [line for line in process.output.splitlines() if line.startswith("loaded ")]
    loaded = set(listed.split())
    assert {"pymodbus", "h11", "plantwright_gateway.sinks.http.client"} <= loaded
    assert not FOREIGN & loaded
