"""What a source tells the gateway about itself, said once per change."""

from collections.abc import Mapping, Sequence

import structlog

from plantwright_gateway.ports.source import Certificate, Receiver
from plantwright_gateway.sources.faults import LinkError

log = structlog.get_logger(__name__)
UP = "SessionUp"


class Reporter:
    """Passes changes of the connection and of single signals to the receiver, and logs them."""

    def __init__(self, receiver: Receiver, machine: str) -> None:
        self._receiver = receiver
        self._log = log.bind(machine=machine)
        self._connection = ("", "")
        self._problems: dict[str, str] = {}
        receiver.connection("Unknown", "Connecting")

    def up(self, message: str = "") -> None:
        """The machine answers; the message tells what needs a look all the same."""
        if self._connection != (UP, message):
            self._connection = (UP, message)
            self._receiver.connection("True", UP, message)
            self._log.info("connected", message=message)

    def certificates(self, current: Sequence[Certificate]) -> None:
        """What the channel rests on."""
        self._receiver.certificates(tuple(current))

    def down(self, fault: LinkError) -> None:
        """There is no session."""
        state = (fault.reason, str(fault))
        if self._connection != state:
            self._connection = state
            self._receiver.connection("False", fault.reason, str(fault))
            self._log.warning("not connected", reason=fault.reason, message=str(fault))

    def alive(self, now_ns: int) -> None:
        """The machine confirmed that what is known of it is all there is."""
        self._receiver.alive(now_ns)

    def problems(self, current: Mapping[str, str]) -> None:
        """The signals that cannot be read now, each with its message; those no longer listed are cleared."""
        if current == self._problems:
            return
        for signal in self._problems.keys() - current.keys():
            self._receiver.signal_problem(signal, "", "")
            self._log.info("signal readable again", signal=signal)
        for signal, message in current.items():
            if self._problems.get(signal) != message:
                self._receiver.signal_problem(signal, "SignalUnreadable", message)
                self._log.warning("signal unreadable", signal=signal, message=message)
        self._problems = dict(current)
