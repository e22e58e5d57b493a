"""Polling by Read: for servers that do not subscribe, and for the nodes that a server will not monitor."""

import asyncio
import time
from collections.abc import Callable, Sequence

from asyncua import ua

from plantwright_gateway.sources.opcua.faults import ADDRESS_CURES
from plantwright_gateway.sources.opcua.inflow import Inflow
from plantwright_gateway.sources.opcua.nodes import Node
from plantwright_gateway.sources.opcua.session import Session, status_name
from plantwright_gateway.sources.pacing import Schedule

LONGEST_SLEEP_SECONDS = 3600.0


class Reader:
    """Reads nodes on a fixed grid; all that are due at one time are committed together."""

    def __init__(self, session: Session, inflow: Inflow, refused: Callable[[Node, str], None]) -> None:
        self._session = session
        self._inflow = inflow
        self._refused = refused
        self._nodes: list[Node] = []
        self._schedule = Schedule([])
        self._changed = asyncio.Event()

    @property
    def signals(self) -> list[str]:
        """What is polled."""
        return [node.signal for node in self._nodes]

    def move(self, session: Session) -> None:
        """Go on in another session of the same server."""
        self._session = session

    def add(self, nodes: Sequence[Node]) -> None:
        """Read these too; everything is due at once."""
        self._replace([*self._nodes, *nodes])

    async def read_forever(self) -> None:
        """Poll until cancelled.

        Raises:
            StatusError, LinkError: see `Session.ask`.
        """
        while True:
            pause = min(max(0.0, self._schedule.next_due() - time.monotonic()), LONGEST_SLEEP_SECONDS)
            try:
                async with asyncio.timeout(pause):
                    await self._changed.wait()
            except TimeoutError:
                await self._poll()
            self._changed.clear()

    async def _poll(self) -> None:
        due = self._schedule.take_due(time.monotonic())
        nodes = [node for node in self._nodes if node.interval_ms in due]
        if not nodes:
            return
        asked_ns = time.time_ns()
        values = await self._session.read([node.node_id for node in nodes])
        good = [(node, value) for node, value in zip(nodes, values, strict=True) if not _address_status(value)]
        arrived = time.monotonic()
        taking = [(node.signal, value) for node, value in good]
        await self._inflow.take(taking, complete_ns=asked_ns, skip_repeats=True)
        if (time.monotonic() - arrived) * 1000 > min(due):
            self._inflow.stream.interrupt("Full", self.signals)
        self._drop([(node, _address_status(value)) for node, value in zip(nodes, values, strict=True)])

    def _drop(self, judged: Sequence[tuple[Node, str]]) -> None:
        bad = {node.signal for node, status in judged if status}
        for node, status in judged:
            if status:
                self._refused(node, status)
        if bad:
            self._replace([node for node in self._nodes if node.signal not in bad])

    def _replace(self, nodes: Sequence[Node]) -> None:
        self._nodes = list(nodes)
        self._schedule = Schedule({node.interval_ms for node in nodes})
        self._schedule.restart(time.monotonic())
        self._changed.set()


def _address_status(value: ua.DataValue) -> str:
    """The name of a status that concerns the address; empty where there is a value, if only a Bad one."""
    if value.StatusCode is None or value.StatusCode.is_good():
        return ""
    name = status_name(value.StatusCode.value)
    return name if name in ADDRESS_CURES else ""
