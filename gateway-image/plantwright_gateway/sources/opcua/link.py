"""The session and what runs on it: subscribed or polled, watched, and brought back when it is lost."""

import asyncio
import time
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NoReturn

import structlog
from asyncua import ua
from asyncua.ua.object_ids import ObjectIds

from plantwright_api.wire.config import OpcUaSource as OpcUaConfig
from plantwright_api.wire.config import Signal
from plantwright_gateway.sources.faults import LinkError
from plantwright_gateway.sources.opcua import faults
from plantwright_gateway.sources.opcua.history import History
from plantwright_gateway.sources.opcua.inflow import Inflow
from plantwright_gateway.sources.opcua.nodes import Node, resolve
from plantwright_gateway.sources.opcua.reading import Reader
from plantwright_gateway.sources.opcua.session import Session, StatusError
from plantwright_gateway.sources.opcua.subscription import Subscription, SubscriptionLostError
from plantwright_gateway.sources.pacing import Backoff, jittered
from plantwright_gateway.sources.reporting import Reporter

log = structlog.get_logger(__name__)

WATCH_SECONDS = 2.0
SECRETS_SECONDS = 2.0
"""How soon a changed Secret is noticed once it is mounted."""
MEND_SECONDS = (30.0, 60.0)
"""How long a node that the server refused is left alone."""
RENEW_SECONDS = (0.2, 0.5)
"""Pause before another subscription, for a server that drops each at once."""
RUNNING = 0
"""ServerState of a server that does its work (OPC 10000-5, 12.6)."""
NAMESPACE_ARRAY, STATE, CURRENT_TIME = (
    ua.NodeId(ua.Int32(ObjectIds.Server_NamespaceArray)),
    ua.NodeId(ua.Int32(ObjectIds.Server_ServerStatus_State)),
    ua.NodeId(ua.Int32(ObjectIds.Server_ServerStatus_CurrentTime)),
)
LIMITS = (
    ua.NodeId(ua.Int32(ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerRead)),
    ua.NodeId(ua.Int32(ObjectIds.Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall)),
)


class SessionRenewedError(Exception):
    """There is another session, made with Secrets that have changed."""


class Link:
    """Serves one session after the other; what was learnt of one server outlives a broken connection."""

    def __init__(
        self, source: OpcUaConfig, signals: Mapping[str, Signal], machine: str, inflow: Inflow, reporter: Reporter
    ) -> None:
        self._source = source
        self._signals = signals
        self._machine = machine
        self._inflow = inflow
        self._reporter = reporter
        self._log = log.bind(machine=machine)
        self._session: Session | None = None
        self._fresh: Session | None = None
        self._subscription: Subscription | None = None
        self._reader: Reader | None = None
        self._problems: dict[str, str] = {}
        self._nodes: dict[str, ua.NodeId] = {}
        self._interruption = ""
        self._server_time: datetime | None = None

    async def serve(self, backoff: Backoff) -> NoReturn:
        """Connect, or come back, and read until the connection is lost.

        Raises:
            LinkError: always, in the end.
        """
        session = await self._come_back() or await self._connect()
        while True:
            self._reporter.up()
            try:
                await self._begin(session)
                backoff.reset()
                await first_failure(*self._work(session))
            except StatusError as error:
                raise faults.link_error(error.status) from None
            except SubscriptionLostError as loss:
                await self._drop_subscription(str(loss))
            except SessionRenewedError:
                session = await self._hand_over(session)

    def broke(self, fault: LinkError) -> None:
        """The connection is gone, with everything that was sent into it."""
        self._interruption = fault.reason
        if self._reader is not None:
            self._inflow.stream.interrupt(fault.reason, self._reader.signals)

    async def close(self) -> None:
        """End the session."""
        sessions, self._session, self._fresh = (self._session, self._fresh), None, None
        self._subscription = self._reader = None
        for session in sessions:
            if session is not None:
                await session.close()

    async def _come_back(self) -> Session | None:
        """The session of before on a new connection, with nothing missed; None where the server has forgotten it."""
        fresh, self._fresh = self._fresh, None
        if fresh is not None:  # made in the moment in which the connection broke
            await fresh.close()
        if self._session is None:
            return None
        if not await self._session.resume():
            self._session = None  # its subscription may live on, and is asked for in the next session
            return None
        if self._subscription is not None:
            try:
                await self._subscription.catch_up()
            except SubscriptionLostError:
                self._subscription = self._reader = None
        return self._session

    async def _connect(self) -> Session:
        """A new session, which takes over what the one before was subscribed to where the server lets it."""
        session = await self._opened()
        try:
            await self._take_over(session)
        except BaseException:
            await session.close()
            raise
        self._session = session
        return session

    async def _opened(self) -> Session:
        session = Session(self._source, self._machine)
        try:
            await session.open()
        except BaseException:
            await session.close()
            raise
        finally:
            self._reporter.certificates(session.certificates)
        return session

    async def _take_over(self, session: Session, *, server_stayed: bool = False) -> None:
        """Go on in this session with what another one read; where that cannot be, all is made anew.

        `server_stayed`: the server did not restart since, so that the nodes are where they were.
        """
        subscription, reader = self._subscription, self._reader
        moved = server_stayed if subscription is None else await subscription.move(session)
        if reader is None or not moved:
            self._subscription = self._reader = None
            return
        await self._explore(session)
        reader.move(session)
        self._provide_history(session)
        self._interruption = ""

    async def _renew(self, session: Session) -> NoReturn:
        """Make another session whenever a Secret has changed, while the old one works on.

        It does so too where the new Secrets are no good, unless they say that the server is not to be trusted.

        Raises:
            SessionRenewedError: there is another session.
            LinkError: the server is not trusted any more, or takes no second session: the next attempt takes the place of
                the first, and what it was subscribed to.
        """
        while True:
            while not session.secrets_changed():  # noqa: ASYNC110 the kubelet sets no event
                await asyncio.sleep(SECRETS_SECONDS)
            session.accept_secrets()
            try:
                self._fresh = await self._opened()
            except LinkError as fault:
                if fault.reason == "CertificateNotTrusted":
                    await self.close()
                    raise
                if fault.reason == "TooManySessions":
                    await session.leave()
                    self._session = None
                    raise
                self._reporter.up(f"a changed Secret cannot be taken up, the session goes on without it: {fault}")
            else:
                raise SessionRenewedError

    async def _hand_over(self, session: Session) -> Session:
        """From one session to the other that was made in its place."""
        fresh, self._fresh = self._fresh, None
        if fresh is None:
            return session
        self._interruption = "SessionRenewed"
        if self._reader is not None:
            self._inflow.stream.interrupt(self._interruption, self._reader.signals)
        try:
            await self._take_over(fresh, server_stayed=True)
        except BaseException:
            await fresh.close()
            raise
        self._session = fresh
        await session.close()
        self._log.info("the session was renewed for changed Secrets")
        return fresh

    async def _begin(self, session: Session) -> None:
        """Find the nodes and have them reported, unless a resumed session does so already."""
        if self._reader is not None:
            return
        if self._interruption:
            self._inflow.stream.interrupt(self._interruption)
            self._interruption = ""
        self._reader = Reader(session, self._inflow, self._refused)
        self._nodes.clear()
        try:
            await self._explore(session)
            await self._assign(session, self._signals.values())
        except BaseException:
            await self.close()  # half of a beginning is of no use to come back to
            raise

    async def _explore(self, session: Session) -> None:
        limits = [value.Value.Value if value.Value else None for value in await session.read(LIMITS)]
        session.respect(*limits)

    async def _assign(self, session: Session, signals: Iterable[Signal]) -> None:
        """Monitor or poll these signals, and report which of them cannot be."""
        [namespaces] = await session.read([NAMESPACE_ARRAY])
        known = namespaces.Value.Value if namespaces.Value else None
        nodes, problems = resolve(signals, known or [])
        self._nodes.update((node.signal, node.node_id) for node in nodes)
        self._provide_history(session)
        for signal in signals:
            self._problems.pop(signal.name, None)
        self._problems.update(problems)
        polled = await self._monitor(session, nodes) if self._source.mode == "Subscribe" else nodes
        if polled and self._reader is not None:
            self._reader.add(polled)
        self._reporter.problems(self._problems)

    def _provide_history(self, session: Session) -> None:
        if self._source.history_backfill:
            self._inflow.history = History(session, self._nodes).fill

    async def _monitor(self, session: Session, nodes: Sequence[Node]) -> Sequence[Node]:
        """Subscribe to the nodes; returns those that must be polled instead."""
        try:
            if self._subscription is None:
                subscription = Subscription(session, self._inflow, self._source.publishing_interval_ms)
                await subscription.create()
                self._subscription = subscription
            refused = await self._subscription.monitor(nodes)
        except StatusError as error:
            if error.status not in faults.SUBSCRIPTIONS_REFUSED:
                raise
            self._log.warning("the server does not subscribe and is polled", status=error.status)
            return nodes
        for node in nodes:
            if refused.get(node.signal) in faults.ADDRESS_CURES:
                self._refused(node, refused.pop(node.signal))
        return [node for node in nodes if node.signal in refused]

    def _refused(self, node: Node, status: str) -> None:
        self._problems[node.signal] = faults.unreadable(node.signal, node.node_id.to_string(), status)
        self._reporter.problems(self._problems)

    def _work(self, session: Session) -> list[Coroutine[Any, Any, Any]]:
        work = [session.lost(), session.keep_channel(), self._watch(session), self._mend(session)]
        work.append(self._renew(session))
        if self._reader is not None:
            work.append(self._reader.read_forever())
        if self._subscription is not None:
            work.append(self._subscription.publish_forever())
        return work

    async def _watch(self, session: Session) -> None:
        """Ask the server itself every few seconds: a session that is up proves nothing."""
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            state, server_time = await session.read([STATE, CURRENT_TIME])
            if self._subscription is not None and self._subscription.is_deaf():
                raise SubscriptionLostError("the server sends no keep-alives")
            if self._is_at_work(state, server_time) and not self._inflow.is_waiting:
                self._reporter.alive(time.time_ns())

    def _is_at_work(self, state: ua.DataValue, server_time: ua.DataValue) -> bool:
        """Whether the server says it runs and its clock moves; one that says neither is believed to."""
        before, self._server_time = self._server_time, _value(server_time)
        frozen = before is not None and before == self._server_time
        return not frozen and _value(state) in (RUNNING, None)

    async def _mend(self, session: Session) -> None:
        """Try refused nodes again now and then: a program may have been loaded since."""
        while True:
            await asyncio.sleep(jittered(*MEND_SECONDS))
            refused = [self._signals[name] for name in self._problems]
            if refused:
                await self._assign(session, refused)

    async def _drop_subscription(self, why: str) -> None:
        """Make ready for another subscription, or for another session if this one never published."""
        subscription, self._subscription, self._reader = self._subscription, None, None
        self._log.warning("the subscription is lost and made anew", reason=why)
        self._interruption = "SubscriptionLost"
        if subscription is None or not subscription.was_heard:
            await self.close()
            raise LinkError("Timeout", "the server takes a subscription and never publishes; use acquisition.mode Read")
        await subscription.delete()
        await asyncio.sleep(jittered(*RENEW_SECONDS))


async def first_failure(*work: Coroutine[Any, Any, Any]) -> None:
    """Run all of it until one part ends, and raise what that part raised."""
    tasks = [asyncio.create_task(part) for part in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _value(data: ua.DataValue) -> Any:
    """What was read, or None where the server does not tell."""
    return data.Value.Value if data.Value is not None else None
