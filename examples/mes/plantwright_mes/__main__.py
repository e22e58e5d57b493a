"""`python -m plantwright_mes`: the ingest service, told by its environment (see settings)."""

import asyncio
import logging
import signal

from plantwright_mes.app import serve
from plantwright_mes.settings import from_environment


async def _main() -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await serve(from_environment(), stop)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    asyncio.run(_main())
