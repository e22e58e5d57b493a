"""The OPC UA source; see `link` for what it does with its session."""

import asyncio
from collections.abc import Sequence

from plantwright_api.wire.config import ModbusSource as ModbusConfig
from plantwright_api.wire.config import OpcUaSource as OpcUaConfig
from plantwright_api.wire.config import Signal
from plantwright_gateway.ports.source import Receiver
from plantwright_gateway.sources.faults import LinkError
from plantwright_gateway.sources.opcua.inflow import Inflow
from plantwright_gateway.sources.opcua.link import Link
from plantwright_gateway.sources.opcua.stream import Stream
from plantwright_gateway.sources.pacing import Backoff
from plantwright_gateway.sources.reporting import Reporter

LONGEST_PAUSE_SECONDS = 3.5
"""Between two attempts: a server that comes back is to be read again within five seconds."""
ON_THE_WAY_MS = 1000
"""What the gateway observed last may have left the server so long before, besides the publishing interval."""
NS_PER_MS = 1_000_000


class OpcUaSource:
    """Reads one OPC UA server; see `ports.source.Source`."""

    def __init__(self, config: ModbusConfig | OpcUaConfig, signals: Sequence[Signal], machine: str) -> None:
        if isinstance(config, ModbusConfig):
            raise TypeError("an OpcUaSource needs an OPC UA configuration")
        self._source = config
        self._signals = {signal.name: signal for signal in signals}
        self._machine = machine
        self._stream = Stream({signal.name: signal.interval_ms for signal in signals})

    async def run(self, receiver: Receiver) -> None:
        """Read the machine until cancelled."""
        unsent_ms = self._source.publishing_interval_ms + ON_THE_WAY_MS
        self._stream.begin(receiver.last_observed_ns(), unsent_ms * NS_PER_MS)
        inflow = Inflow(self._stream, receiver, self._machine)
        reporter = Reporter(receiver, self._machine)
        link = Link(self._source, self._signals, self._machine, inflow, reporter)
        backoff = Backoff(longest=LONGEST_PAUSE_SECONDS)
        try:
            while True:
                try:
                    await link.serve(backoff)
                except LinkError as fault:
                    link.broke(fault)
                    reporter.down(fault)
                    await asyncio.sleep(backoff.pause())
        finally:
            await inflow.abandon()
            await link.close()
