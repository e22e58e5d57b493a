"""`python -m plantwright_shopfloor --config shopfloor.yaml`: run the floor until SIGTERM."""

import argparse
import asyncio
import logging
import signal
from pathlib import Path

from aiohttp import web

from plantwright_shopfloor.config import load
from plantwright_shopfloor.control import application
from plantwright_shopfloor.floor import running

log = logging.getLogger("plantwright_shopfloor")


async def _main(path: Path) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    config = load(path)
    async with running(config) as floor:
        runner = web.AppRunner(application(floor), access_log=None)
        await runner.setup()
        await web.TCPSite(runner, config.host, config.http_port).start()
        for machine in floor.machines.values():
            log.info("%s: %s at port %s", machine.name, *list(machine.station.describe().values())[:2])
        await stop.wait()
        await runner.cleanup()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="plantwright_shopfloor", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="the floor's YAML file")
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    log.setLevel(logging.INFO)
    asyncio.run(_main(parser.parse_args().config))
