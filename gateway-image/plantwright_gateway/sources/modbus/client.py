"""The Modbus TCP source: one connection, polled on a fixed grid. The only file that knows pymodbus."""

import asyncio
import logging
import time
from collections.abc import Sequence

import structlog
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException

from plantwright_api.wire.config import ModbusSource as ModbusConfig
from plantwright_api.wire.config import OpcUaSource as OpcUaConfig
from plantwright_api.wire.config import Signal
from plantwright_gateway.ports.source import Receiver, Sample
from plantwright_gateway.sources.ending import heed_cancellation
from plantwright_gateway.sources.faults import LinkError, cannot_connect
from plantwright_gateway.sources.modbus.atlas import Atlas
from plantwright_gateway.sources.modbus.frame import (
    MismatchError,
    RefusedError,
    first_frame,
    is_complete,
    payload,
    stale_bytes,
)
from plantwright_gateway.sources.modbus.plan import Limits, Request
from plantwright_gateway.sources.modbus.poll import Poll
from plantwright_gateway.sources.observed import Observed
from plantwright_gateway.sources.pacing import Backoff, RateLimit, Schedule
from plantwright_gateway.sources.reporting import Reporter

# Every failure is reported through the receiver; pymodbus would log each again, with a dump of frames.
logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
log = structlog.get_logger(__name__)

LONGEST_CONNECT_SECONDS = 5.0
"""A patient `timeoutMilliseconds` is for answers; a host that is back should not wait for an old SYN."""
CLOSED = "the device closed the connection; check its network and power"
SLOW_POLL_NOTICE_SECONDS = 60.0
LONGEST_SLEEP_SECONDS = 3600.0


READ_FUNCTIONS = frozenset({1, 2, 3, 4})
"""The only function codes that ever leave: reads of coils, discrete inputs, holding and input registers."""
_FUNCTION_AT = 7
"""Where a Modbus TCP frame has its function code."""


class NoReadError(Exception):
    """A frame that is no read was about to be sent; it was not."""


class SilenceError(Exception):
    """A unit did not answer in time; others on the same connection may."""


class Link:
    """One TCP connection with at most one request under way."""

    def __init__(self, source: ModbusConfig) -> None:
        self._source = source
        self._asked: Request | None = None
        self._frame = b""
        self._transaction = b""
        self._answers = 0
        self._client = AsyncModbusTcpClient(
            source.host,
            port=source.port,
            timeout=source.timeout_ms / 1000,
            retries=0,
            reconnect_delay=0,
            trace_packet=self._packet,
            trace_connect=self._connection_changed,
        )
        self._reads = {
            "Coil": self._client.read_coils,
            "DiscreteInput": self._client.read_discrete_inputs,
            "HoldingRegister": self._client.read_holding_registers,
            "InputRegister": self._client.read_input_registers,
        }

    @property
    def is_open(self) -> bool:
        """Whether the connection still stands."""
        return self._client.connected

    async def open(self) -> None:
        """Connect.

        Raises:
            LinkError: with the reason why not; pymodbus' own `connect` would keep it to itself.
        """
        patience = min(self._source.timeout_ms / 1000, LONGEST_CONNECT_SECONDS)
        try:
            await asyncio.wait_for(self._client.ctx.call_create(), patience)
        except (OSError, UnicodeError) as error:
            raise cannot_connect(error, self._source.host, self._source.port) from None

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()

    async def read(self, request: Request) -> bytes:
        """The data bytes of the request's range, exactly as many as it covers.

        Raises:
            RefusedError: the device does not give this range.
            SilenceError: no answer in time.
            LinkError: the connection cannot be used any more.
        """
        if not self.is_open:
            raise LinkError("Unreachable", CLOSED)
        self._asked, self._frame = request, b""
        read = self._reads[request.area.table]
        try:
            await read(request.span.start, count=request.length, device_id=request.area.unit_id)
        except ModbusException:
            raise SilenceError(f"no answer within {self._source.timeout_ms} ms") from None
        finally:
            self._asked = None
        heed_cancellation()
        self._answers += 1
        return payload(self._frame, request)

    def _packet(self, sending: bool, data: bytes) -> bytes:
        """See each frame before pymodbus does: what is not the answer asked for ends the connection.

        Raises:
            NoReadError: whatever asked for it, a gateway only reads.
        """
        if sending:
            if data[_FUNCTION_AT] not in READ_FUNCTIONS:
                raise NoReadError(f"function {data[_FUNCTION_AT]} is no read")
            self._transaction = data[:2]
            return data
        data = data[stale_bytes(data, self._transaction) :]
        if self._asked is None or not is_complete(data):
            return data
        data = first_frame(data)
        try:
            payload(data, self._asked)
        except MismatchError as mismatch:
            self._fail(LinkError("ProtocolError", f"the device sent {mismatch}; check spec.endpoint.url"))
            return b""
        except RefusedError:
            pass  # it is an answer; `read` says so again
        self._frame = data
        return data

    def _connection_changed(self, connected: bool) -> None:
        """Pymodbus lets a request wait out its timeout when the connection closes; this ends it at once."""
        if connected or self._asked is None:
            return
        if self._answers:
            self._fail(LinkError("Unreachable", CLOSED))
        else:
            message = "the device accepts the connection and closes it before the first answer; close another client"
            self._fail(LinkError("TooManySessions", message))

    def _fail(self, fault: LinkError) -> None:
        if not self._client.ctx.response_future.done():
            self._client.ctx.response_future.set_exception(fault)


class ModbusSource:
    """Reads one Modbus TCP device; see `ports.source.Source`."""

    def __init__(self, config: ModbusConfig | OpcUaConfig, signals: Sequence[Signal], machine: str) -> None:
        if isinstance(config, OpcUaConfig):
            raise TypeError("a ModbusSource needs a Modbus TCP configuration")
        self._source = config
        self._machine = machine
        self._log = log.bind(machine=machine)
        self._atlas = Atlas(signals, Limits(config.max_registers_per_request, config.max_gap_registers))
        self._observed = Observed({signal.name: signal.interval_ms for signal in signals})
        self._schedule = Schedule(self._atlas.intervals_ms)
        self._backoff = Backoff()
        self._rate = RateLimit(config.max_requests_per_second)
        self._link: Link | None = None
        self._slow_notice_at = 0.0

    async def run(self, receiver: Receiver) -> None:
        """Read the machine until cancelled."""
        reporter = Reporter(receiver, self._machine)
        reporter.problems(self._atlas.problems)
        self._observed.begin(receiver.last_observed_ns())
        self._schedule.restart(time.monotonic())
        try:
            while True:
                await self._round(receiver, reporter)
        finally:
            self._drop_link()

    async def _round(self, receiver: Receiver, reporter: Reporter) -> None:
        """Wait for what is due and read it; a failure costs a pause, after which everything is due."""
        pause = self._schedule.next_due() - time.monotonic()
        await asyncio.sleep(min(max(0.0, pause), LONGEST_SLEEP_SECONDS))
        try:
            await self._poll(receiver, reporter)
        except LinkError as fault:
            self._drop_link()
            self._atlas.resume()
            self._observed.interrupt(fault.reason)
            reporter.down(fault)
            await asyncio.sleep(self._backoff.pause())
            self._schedule.restart(time.monotonic())

    async def _poll(self, receiver: Receiver, reporter: Reporter) -> None:
        """Read everything that is due and hand it over as one; what was read before a failure is handed over too."""
        started = time.monotonic()
        poll = Poll(self._atlas.due(self._schedule.take_due(started), started))
        fault = await self._ask_all(poll, reporter)
        self._conclude(poll)
        self._notice_slowness(time.monotonic() - started)
        reporter.problems(self._atlas.problems)
        await self._hand_over(poll, receiver)
        if fault:
            raise fault

    async def _ask_all(self, poll: Poll, reporter: Reporter) -> LinkError | None:
        """Send one request after the other; returns the fault that ended the poll early."""
        while request := poll.next():
            try:
                await self._ask(request, poll)
            except LinkError as fault:
                return fault
            except SilenceError as silence:
                self._drop_link()  # a late answer must not meet the next request
                poll.silent(request)
                if poll.is_hopeless():
                    return LinkError("Timeout", f"{silence}; see acquisition.timeoutMilliseconds")
            else:
                self._backoff.reset()
                reporter.up()
        return None

    async def _ask(self, request: Request, poll: Poll) -> None:
        link = await self._open_link()
        await asyncio.sleep(self._rate.reserve(time.monotonic()))
        try:
            data = await link.read(request)
        except RefusedError as refusal:
            poll.refused(request, self._atlas.refused(request, refusal, time.monotonic()))
        else:
            self._atlas.answered(request)
            poll.answered(request, data)

    def _conclude(self, poll: Poll) -> None:
        """Let the atlas learn from the poll as a whole."""
        words = f"no answer within {self._source.timeout_ms} ms"
        if poll.heard:
            for request in poll.unanswered:
                heard = request.area.unit_id in poll.heard
                self._atlas.silent(request, words, unit_answers=heard, now=time.monotonic())
        self._atlas.settle()
        self._observed.interrupt("SignalUnreadable", self._atlas.problems)

    async def _hand_over(self, poll: Poll, receiver: Receiver) -> None:
        """Give the values of one poll to the gateway under one time: the arrival of the last answer."""
        if not poll.answers:
            return
        source_ns = poll.arrived_ns
        samples = [
            Sample(value.signal, value.decode(data, offset), source_ns)
            for request, data in poll.answers
            for value, offset in zip(request.values, request.offsets, strict=True)
        ]
        began = time.monotonic()
        await receiver.accept(samples, self._observed.seen([sample.signal for sample in samples], source_ns))
        if (time.monotonic() - began) * 1000 > min(self._atlas.intervals_ms):
            self._observed.interrupt("Full")

    def _notice_slowness(self, seconds: float) -> None:
        """Say now and then that the device is slower than the configuration wishes."""
        now = time.monotonic()
        if seconds * 1000 > min(self._atlas.intervals_ms) and now >= self._slow_notice_at:
            self._slow_notice_at = now + SLOW_POLL_NOTICE_SECONDS
            self._log.warning("a poll takes longer than the shortest interval", seconds=round(seconds, 3))

    async def _open_link(self) -> Link:
        """The connection; a device that closed an idle one is not at fault, so that is simply opened again."""
        if self._link is None or not self._link.is_open:
            self._drop_link()
            self._link = Link(self._source)
            await self._link.open()
        return self._link

    def _drop_link(self) -> None:
        if self._link is not None:
            self._link.close()
            self._link = None
