"""A subscription whose notifications are acknowledged only once they are on disk, and whose losses are noticed."""

import asyncio
import math
import time
from collections.abc import Sequence

from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.uaerrors import UaStructParsingError

from plantwright_gateway.sources.opcua import faults
from plantwright_gateway.sources.opcua.inflow import Inflow
from plantwright_gateway.sources.opcua.nodes import Node
from plantwright_gateway.sources.opcua.session import Session, StatusError, status_name
from plantwright_gateway.sources.opcua.stream import Sequence as Numbers

KEEP_ALIVE_MS = 2_000
"""So often a server says at least that nothing changed."""
LIFETIME_MS = 600_000
"""A server keeps the subscription so long while the buffer is full and nothing is fetched."""
MOST_PER_NOTIFICATION = 5_000
QUEUED_INTERVALS = 10
QUEUED_MS = 10_000
"""A server's queue holds the samples of so many publishing intervals, and of a connection that is brought back."""
DEAF_KEEP_ALIVES = 2.5
DEAF_SECONDS = 1.0
PAUSE_SECONDS = 0.5
MOST_REPEATS = 5
"""So many notifications in a row may have been taken before."""

Published = tuple[str, ua.DataValue]


class SubscriptionLostError(Exception):
    """The server has dropped the subscription or has gone quiet about it; the session may be fine."""


class Subscription:
    """One subscription, made by `create` and filled by `monitor`, served by `publish_forever`."""

    def __init__(self, session: Session, inflow: Inflow, publishing_interval_ms: int) -> None:
        self._session = session
        self._inflow = inflow
        self._interval_ms = publishing_interval_ms
        self._signals: dict[int, str] = {}
        self._id = 0
        self._numbers = Numbers()
        self._acknowledge: list[ua.SubscriptionAcknowledgement] = []
        self._deaf_after = math.inf
        self._heard_at = time.monotonic()
        self._keep_alives = max(1, KEEP_ALIVE_MS // publishing_interval_ms)
        self.was_heard = False
        self._repeats = 0

    async def create(self) -> None:
        """Make the subscription.

        Raises:
            StatusError: the server refuses it.
            LinkError: the session is gone.
        """
        result = await self._session.ask(self._session.services.create_subscription, self._parameters(), _unused)
        self._id = result.SubscriptionId
        # A server that revises to nothing cannot mean it; then what was asked for counts.
        interval_ms = result.RevisedPublishingInterval or self._interval_ms
        keep_alive = interval_ms * (result.RevisedMaxKeepAliveCount or self._keep_alives) / 1000
        self._deaf_after = DEAF_KEEP_ALIVES * keep_alive + DEAF_SECONDS
        self._heard_at = time.monotonic()

    async def monitor(self, nodes: Sequence[Node]) -> dict[str, str]:
        """Add nodes; what the server refuses comes back as signal -> name of the status.

        Raises:
            StatusError: the server refuses all of a request for a reason of its own.
            LinkError: the session is gone.
        """
        refused: dict[str, str] = {}
        done = 0
        while done < len(nodes):
            part = nodes[done : done + self._session.items_per_call]
            try:
                refused.update(await self._monitor_part(part))
            except StatusError as error:
                if error.status not in faults.TOO_MUCH_AT_ONCE or len(part) == 1:
                    raise
                self._session.items_per_call = len(part) // 2
            else:
                done += len(part)
        return refused

    async def publish_forever(self) -> None:
        """Fetch notifications, commit each, acknowledge it with the next request.

        Raises:
            SubscriptionLostError: the server has dropped the subscription.
            LinkError: the session is gone.
        """
        self._heard_at = time.monotonic()
        while True:
            acknowledged, self._acknowledge = self._acknowledge, []
            asked_ns = time.time_ns()
            try:
                response = await self._session.ask_at_once(self._session.services.publish, acknowledged)
            except StatusError as error:
                if isinstance(error.__cause__, UaStructParsingError):
                    continue  # its number will be missing, and the loss recorded
                if error.status in faults.SUBSCRIPTION_GONE:
                    raise SubscriptionLostError(error.status) from None
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            await self._published(response.Parameters, asked_ns)

    async def catch_up(self) -> None:
        """Fetch again what was sent into a broken connection; what is gone for good is recorded.

        Raises:
            SubscriptionLostError: the server has dropped the subscription.
            LinkError: the session is gone.
        """
        self._heard_at = time.monotonic()
        await self._inflow.settled()
        self._acknowledge = []
        self._note_for_acknowledgement(self._numbers.last)
        while message := await self._republish(self._numbers.expected):
            await self._commit(message)

    async def move(self, session: Session) -> bool:
        """Go on in another session with nothing missed; False where the server has it no more or will not move it.

        Raises:
            LinkError: the new session is gone.
        """
        parameters = ua.TransferSubscriptionsParameters([ua.UInt32(self._id)], False)
        self._session = session
        try:
            results = await session.ask(session.services.transfer_subscriptions, parameters)
            if not results or not results[0].StatusCode.is_good():
                return False
            await self.catch_up()
        except (StatusError, SubscriptionLostError):
            return False
        return True

    async def delete(self) -> None:
        """Remove it from the server, if it is still there.

        Raises:
            LinkError: the session is gone.
        """
        try:
            await self._session.ask(self._session.services.delete_subscriptions, [self._id])
        except StatusError:
            return

    def is_deaf(self) -> bool:
        """Whether the server has been quiet for longer than its keep-alives allow, though we were listening."""
        if self._inflow.is_waiting:
            self._heard_at = time.monotonic()
        return time.monotonic() - self._heard_at > self._deaf_after

    async def _published(self, result: ua.PublishResult, asked_ns: int) -> None:
        if result.SubscriptionId != self._id:
            return
        self._heard_at = time.monotonic()
        self.was_heard = True
        message = result.NotificationMessage
        self._count_repeats(message.SequenceNumber)
        is_new, missing = self._numbers.judge(message.SequenceNumber, keep_alive=not message.NotificationData)
        recovered = await self._recover(missing)
        if is_new:
            await self._commit(message, complete_ns=asked_ns, lost=not recovered)
        elif message.NotificationData:
            self._note_for_acknowledgement(message.SequenceNumber)
        self._heard_at = time.monotonic()
        _check_status(message)

    def _count_repeats(self, number: int) -> None:
        """A server that leapt ahead once would have all that follows taken for repeats, and be connected and deaf."""
        self._repeats = self._repeats + 1 if self._numbers.is_behind(number) else 0
        if self._repeats > MOST_REPEATS:
            raise SubscriptionLostError("the numbers of its notifications went back")

    async def _commit(
        self, message: ua.NotificationMessage, *, complete_ns: int | None = None, lost: bool = False
    ) -> None:
        """Have a message's values stored; only once that is certain does its number count as taken.

        `complete_ns`: when it was asked for; None for one that was sent before and is fetched again.
        """
        number, keep_alive = message.SequenceNumber, not message.NotificationData

        def taken() -> None:
            self._numbers.advance(number, keep_alive=keep_alive)

        await self._inflow.take(self._values(message), complete_ns=complete_ns, lost=lost, taken=taken)
        if not keep_alive:
            self._note_for_acknowledgement(number)

    async def _recover(self, missing: Sequence[int]) -> bool:
        """Fetch missing notifications in their order; False if one of them is gone for good."""
        for number in missing:
            message = await self._republish(number)
            if message is None:
                return False
            await self._commit(message)
        return True

    async def _republish(self, number: int) -> ua.NotificationMessage | None:
        try:
            message = await self._session.ask_at_once(self._session.services.republish, self._id, number)
        except StatusError as error:
            if error.status in faults.SUBSCRIPTION_GONE:
                raise SubscriptionLostError(error.status) from None
            return None
        return message if message.NotificationData and message.SequenceNumber == number else None

    def _values(self, message: ua.NotificationMessage) -> list[Published]:
        return [
            (self._signals[item.ClientHandle], item.Value)
            for change in message.NotificationData or []
            if isinstance(change, ua.DataChangeNotification)
            for item in change.MonitoredItems or []
            if item.ClientHandle in self._signals
        ]

    def _note_for_acknowledgement(self, number: int) -> None:
        self._acknowledge.append(ua.SubscriptionAcknowledgement(ua.UInt32(self._id), ua.UInt32(number)))

    async def _monitor_part(self, nodes: Sequence[Node]) -> dict[str, str]:
        parameters = ua.CreateMonitoredItemsParameters()
        parameters.SubscriptionId = ua.UInt32(self._id)
        parameters.TimestampsToReturn = ua.TimestampsToReturn.Both
        parameters.ItemsToCreate = [self._item(node) for node in nodes]
        results = await self._session.ask(self._session.services.create_monitored_items, parameters)
        return {
            node.signal: status_name(result.StatusCode.value)
            for node, result in zip(nodes, results, strict=True)
            if not result.StatusCode.is_good()
        }

    def _item(self, node: Node) -> ua.MonitoredItemCreateRequest:
        handle = len(self._signals) + 1
        self._signals[handle] = node.signal
        item = ua.MonitoredItemCreateRequest()
        item.ItemToMonitor = ua.ReadValueId(NodeId=node.node_id, AttributeId=ua.UInt32(AttributeIds.Value))
        item.MonitoringMode = ua.MonitoringMode.Reporting
        queued_ms = max(QUEUED_INTERVALS * self._interval_ms, QUEUED_MS)
        asked = item.RequestedParameters
        asked.ClientHandle = ua.UInt32(handle)
        asked.SamplingInterval = float(node.interval_ms)
        asked.QueueSize = ua.UInt32(max(QUEUED_INTERVALS, math.ceil(queued_ms / node.interval_ms)))
        asked.DiscardOldest = True
        return item

    def _parameters(self) -> ua.CreateSubscriptionParameters:
        keep_alives = self._keep_alives
        parameters = ua.CreateSubscriptionParameters()
        parameters.RequestedPublishingInterval = float(self._interval_ms)
        parameters.RequestedMaxKeepAliveCount = ua.UInt32(keep_alives)
        parameters.RequestedLifetimeCount = ua.UInt32(max(3 * keep_alives, LIFETIME_MS // self._interval_ms))
        parameters.MaxNotificationsPerPublish = ua.UInt32(MOST_PER_NOTIFICATION)
        parameters.PublishingEnabled = True
        return parameters


def _check_status(message: ua.NotificationMessage) -> None:
    """A server tells the end of a subscription in a notification of its own."""
    for change in message.NotificationData or []:
        if isinstance(change, ua.StatusChangeNotification) and not change.Status.is_good():
            raise SubscriptionLostError(status_name(change.Status.value))


def _unused(_: object) -> None:
    """What asyncua's own publish loop would call; ours does not."""
