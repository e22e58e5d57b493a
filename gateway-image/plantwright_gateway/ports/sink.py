"""The port of a sink: how a batch leaves the gateway.

An adapter is found through the entry point group `plantwright.sinks` under the name of its type. Retrying, batching,
bisecting and watermarks live once, in `delivery`; a sink only carries.
"""

from typing import NamedTuple, Protocol

from plantwright_api.wire.config import HttpSink, Location, MqttSink
from plantwright_api.wire.delivery import Receipt


class Batch(NamedTuple):
    """An unbroken stretch of one machine's stream: `body` is a JSON array of CloudEvents for sequences first..last."""

    gateway_uid: str
    epoch: str
    machine: str
    location: Location
    contract: str
    """Contract of the events; a batch never mixes contracts where the sink's `one_contract_per_batch` is True."""
    first: int
    last: int
    count: int  # type: ignore[assignment]  # shadows tuple.count, which nobody calls
    body: bytes


class SinkUnavailable(Exception):  # noqa: N818 what happened, not whose fault it was
    """The sink cannot take data now; the same batch is tried again. `retry_after` in seconds is its own wish.

    `too_slow`: it was on its way when the time was over, so that less of it may arrive.
    """

    def __init__(self, message: str, retry_after: float | None = None, *, too_slow: bool = False) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.too_slow = too_slow


class BatchRefused(Exception):  # noqa: N818 what happened, not whose fault it was
    """The sink calls the batch wrong; trying it again unchanged is of no use, a part of it may be taken."""


class HoleReported(Exception):  # noqa: N818 what happened, not whose fault it was
    """The sink misses what came before; delivery goes back to its `watermark`."""

    def __init__(self, watermark: int) -> None:
        super().__init__(f"the sink's watermark is {watermark}")
        self.watermark = watermark


class Sink(Protocol):
    """An adapter for one destination. Constructing it never connects."""

    one_contract_per_batch: bool

    def __init__(self, config: HttpSink | MqttSink) -> None: ...

    async def deliver(self, batch: Batch) -> Receipt:
        """Carry the batch; the receipt's watermark says how far the sink has it.

        Raises:
            SinkUnavailable: try the same again later.
            BatchRefused: the sink calls it wrong (HTTP 400, 413, 422).
            HoleReported: the sink expects an earlier sequence.
        """

    async def close(self) -> None:
        """Let go of connections within two seconds."""
