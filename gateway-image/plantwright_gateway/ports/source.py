"""The port of a source: how a protocol adapter hands values to the gateway.

An adapter is found through the entry point group `plantwright.sources` under the name of its protocol.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol

from plantwright_api.wire.config import ModbusSource, OpcUaSource, Signal
from plantwright_api.wire.delivery import Quality, Scalar

CertificateUse = Literal["Client", "User", "Server", "Authority", "SinkClient", "SinkAuthority"]


class Sample(NamedTuple):
    """One value as the machine gave it: typed, not yet scaled, named or checked.

    `source_ns` is the machine's own time in ns since the epoch where it has one, else the time the answer arrived; it is
    never rewritten. `reason` is a word of the catalogue when quality is not Good (value is then None if unreadable).
    """

    signal: str
    value: Scalar
    source_ns: int
    quality: Quality = "Good"
    reason: str = ""


class GapNotice(NamedTuple):
    """A stretch that was not observed; both ends in ns since the epoch. No signals means all of them."""

    reason: str
    start_ns: int
    end_ns: int
    signals: tuple[str, ...] = ()
    message: str = ""
    count: int | None = None  # type: ignore[assignment]  # shadows tuple.count, which nobody calls


class Certificate(NamedTuple):
    """A certificate that the channel to the machine rests on, or would rest on: it need not be trusted.

    `secret` is where it comes from; "" for one that the gateway made itself or that the server showed.
    """

    use: CertificateUse
    subject: str
    sha256: str
    sha1: str
    end_ns: int
    pem: str
    secret: str = ""


class Receiver(Protocol):
    """What the gateway offers to a source. All calls are made from the event loop that runs the source."""

    async def accept(self, samples: Sequence[Sample], gaps: Sequence[GapNotice] = ()) -> None:
        """Take samples that were observed together, in order.

        Returns once they are committed to disk: only then may the source acknowledge them to the machine. Waits as long
        as the buffer is full or not writable; never raises for that.
        """

    def alive(self, now_ns: int) -> None:
        """The machine confirmed that nothing changed (keep-alive after a maximum-age read): idle data is fresh."""

    def connection(self, status: Literal["True", "False", "Unknown"], reason: str, message: str = "") -> None:
        """The session came up, went down or could not be made; the reason is one of the catalogue's for Connected."""

    def signal_problem(self, signal: str, reason: str, message: str) -> None:
        """One address cannot be read; an empty reason clears it. The others go on."""

    def certificates(self, current: Sequence[Certificate]) -> None:
        """All certificates that the channel rests on at present, in place of those told before."""

    def last_observed_ns(self) -> int | None:
        """When the last committed sample was observed, over restarts too; None for a machine never read.

        A source starts with a gap from there to its first value.
        """


class Source(Protocol):
    """A protocol adapter for one machine. Constructing it never connects."""

    def __init__(self, config: ModbusSource | OpcUaSource, signals: Sequence[Signal], machine: str) -> None: ...

    async def run(self, receiver: Receiver) -> None:
        """Read the machine until cancelled.

        Connects, reconnects with jittered back-off, and reports every failure through the receiver. An exception that
        leaves it is a fault of the program: the gateway counts it, logs it and runs the source again after a pause.
        On cancellation it closes its session within two seconds and re-raises.
        """
