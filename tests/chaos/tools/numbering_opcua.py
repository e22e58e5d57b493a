"""A process with asyncua's server that numbers its values and keeps a ledger of them (plantwright_shopfloor.ledger).

The environment says how: LEDGER_DIR, RATE (values per second), FIELDS (variables `s0`, `s1`, … in the namespace `NAMESPACE`, which
change together and have one source time). It prints its port once it serves; SIGUSR1 ends the numbering, not the serving.
"""

import asyncio
import os
import signal
import time
from datetime import UTC, datetime
from pathlib import Path

from asyncua import Server, ua

from plantwright_shopfloor.ledger import Ledger
from plantwright_shopfloor.oracle import nanoseconds

MACHINE = "lathe-07"
NAMESPACE = "http://plantwright.example/numbers"


async def serve(rate: float, fields: int, ledger: Ledger) -> None:
    """Serve until killed."""
    server = Server()
    await server.init()
    server.set_endpoint("opc.tcp://127.0.0.1:0")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    index = await server.register_namespace(NAMESPACE)
    nodes = [ua.NodeId(f"s{field}", index) for field in range(fields)]
    for node in nodes:
        await server.nodes.objects.add_variable(node, node.Identifier, 0, ua.VariantType.Int64)
    await server.start()
    enough = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, enough.set)
    print(server.bserver._server.sockets[0].getsockname()[1], flush=True)
    begun, turns = time.monotonic(), 0
    while not enough.is_set():
        await turn(server, nodes, ledger)
        turns += 1
        await asyncio.sleep(max(0.0, begun + turns * fields / rate - time.monotonic()))
    await asyncio.Event().wait()


async def turn(server: Server, nodes: list[ua.NodeId], ledger: Ledger) -> None:
    """One more number for each variable, in the ledger before anybody can see it."""
    now = datetime.now(UTC)
    numbers = [ledger.offer(nanoseconds(now)) for _ in nodes]
    ledger.flush()
    for node, number in zip(nodes, numbers, strict=True):
        value = ua.DataValue(ua.Variant(number, ua.VariantType.Int64), SourceTimestamp=now, ServerTimestamp=now)
        await server.write_attribute_value(node, value)


if __name__ == "__main__":
    env = os.environ
    asyncio.run(serve(float(env["RATE"]), int(env["FIELDS"]), Ledger(Path(env["LEDGER_DIR"]), MACHINE)))
