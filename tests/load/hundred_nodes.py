"""The shop floor's OPC UA server with as many variables as asked for: `hundred_nodes.py FOLDER PORT COUNT`."""

import asyncio
import sys
import time
from pathlib import Path

from asyncua import ua

from plantwright_shopfloor import opcua


async def _main(folder: Path, port: int, count: int) -> None:
    opcua.VARIABLES.clear()
    opcua.VARIABLES.update({f"s{number}": ua.VariantType.Double for number in range(count)})
    server = opcua.OpcUaServer("cell", "127.0.0.1", port, folder / "certificates" / "cell", allow_insecure=False)
    await server.start(dict.fromkeys(opcua.VARIABLES, 0.0), time.time_ns())
    tick = 0
    while True:
        await asyncio.sleep(0.5)
        tick += 1
        await server.show({name: float(tick) for name in opcua.VARIABLES}, time.time_ns())


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
