"""Walks an OPC UA server: bounded in nodes, depth and time, each node once. It browses and reads, and changes nothing."""

import asyncio
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds

from plantwright_cli.discover.candidates import Limits
from plantwright_gateway.sources.faults import LinkError
from plantwright_gateway.sources.opcua import faults
from plantwright_gateway.sources.opcua.session import Session, StatusError

BATCH: Final = 100
REFERENCES: Final = 1000
"""References of one node that are asked for at once; the rest comes through its continuation point."""
OBJECTS = ua.NodeId(ua.Int32(ObjectIds.ObjectsFolder))
OF_SERVERS: Final = frozenset(
    ua.NodeId(ua.Int32(number)) for number in (ObjectIds.Server, ObjectIds.Aliases, ObjectIds.Locations)
)
"""Objects that every server has for its own ends; no machine data lies below them."""
HIERARCHICAL = ua.NodeId(ua.Int32(ObjectIds.HierarchicalReferences))
HAS_PROPERTY = ua.NodeId(ua.Int32(ObjectIds.HasProperty))
DESCRIBING: Final = frozenset({"EngineeringUnits", "EURange", "EnumStrings", "EnumValues"})
"""Properties of a variable that say what its value means; they are read and are no candidates themselves."""
OF_METHODS: Final = frozenset({"InputArguments", "OutputArguments", "NodeVersion", "Definition", "ValueAsText"})


@dataclass(frozen=True)
class Found:
    """A variable of the server and its describing properties: name -> node."""

    node_id: ua.NodeId
    browse_name: ua.QualifiedName
    path: tuple[str, ...]
    parent: ua.NodeId
    properties: dict[str, ua.NodeId] = field(default_factory=dict)


@dataclass
class Walked:
    """What a walk saw. `ended` says why it stopped before the end, "" where it did not."""

    variables: dict[ua.NodeId, Found] = field(default_factory=dict)
    types: dict[ua.NodeId, ua.NodeId] = field(default_factory=dict)
    ended: str = ""


class _Place(NamedTuple):
    node_id: ua.NodeId
    path: tuple[str, ...]
    depth: int


class Walk:
    """One walk, breadth first from the Objects folder."""

    def __init__(self, session: Session, limits: Limits) -> None:
        self._session = session
        self._limits = limits
        self._until = time.monotonic() + limits.seconds
        self._waiting: deque[_Place] = deque([_Place(OBJECTS, (), 0)])
        self._seen = {OBJECTS, *OF_SERVERS}
        self._batch = BATCH
        self._too_deep = 0
        self.result = Walked()

    async def run(self) -> Walked:
        """Walk to the end, or to a limit.

        Raises:
            LinkError: the session is gone.
        """
        while self._waiting and not self.result.ended:
            places = [self._waiting.popleft() for _ in range(min(self._batch, len(self._waiting)))]
            await self._look(places)
            self._judge_time()
        if self._too_deep and not self.result.ended:
            self.result.ended = (
                f"{self._too_deep} nodes lie more than {self._limits.depth} levels deep and were not entered; "
                "a greater --max-depth enters them"
            )
        return self.result

    async def _look(self, places: Sequence[_Place]) -> None:
        """Browse some nodes at once, fewer where that is too much for the server."""
        try:
            results = await self._session.ask(self._session.services.browse, _browse([p.node_id for p in places]))
        except StatusError as error:
            if error.status not in faults.TOO_MUCH_AT_ONCE or len(places) == 1:
                return
            self._batch = max(1, len(places) // 2)
            self._waiting.extendleft(reversed(places))
            return
        for place, result in zip(places, results, strict=False):
            await self._take_all(place, result)
            if self.result.ended:
                return

    async def _take_all(self, place: _Place, result: ua.BrowseResult) -> None:
        """All references of one node, continuation by continuation."""
        while True:
            for reference in result.References or []:
                self._take(place, reference)
            self._judge_time()
            if not result.ContinuationPoint:
                return
            parameters = ua.BrowseNextParameters()
            parameters.ReleaseContinuationPoints = bool(self.result.ended)
            parameters.ContinuationPoints = [result.ContinuationPoint]
            try:
                [result] = await self._session.ask(self._session.services.browse_next, parameters)
            except (StatusError, ValueError):
                return
            if self.result.ended:
                return

    def _take(self, place: _Place, reference: ua.ReferenceDescription) -> None:
        node_id, name = _local(reference.NodeId), str(reference.BrowseName.Name or "")
        variable = reference.NodeClass == ua.NodeClass.Variable
        owner = self.result.variables.get(place.node_id)
        if node_id is None or node_id in self._seen or self.result.ended:
            return
        self._seen.add(node_id)
        if len(self._seen) - len(OF_SERVERS) - 1 > self._limits.nodes:
            self.result.ended = (
                f"the server lists more than {self._limits.nodes} nodes, and the walk ended there; "
                "a greater --max-nodes goes on"
            )
            return
        if reference.ReferenceTypeId == HAS_PROPERTY and name in DESCRIBING and owner is not None:
            owner.properties[name] = node_id
            return
        if variable and name in OF_METHODS:
            return
        if variable:
            self.result.variables[node_id] = Found(node_id, reference.BrowseName, place.path, place.node_id)
        elif (kind := _local(reference.TypeDefinition)) is not None:
            self.result.types[node_id] = kind
        self._enter(_Place(node_id, (*place.path, name), place.depth + 1))

    def _enter(self, place: _Place) -> None:
        if place.depth > self._limits.depth:
            self._too_deep += 1
        else:
            self._waiting.append(place)

    def _judge_time(self) -> None:
        if not self.result.ended and time.monotonic() > self._until:
            self.result.ended = (
                f"the server still lists nodes after {self._limits.seconds:g} s, {len(self._seen)} so far, and the walk "
                "ended there; a greater --walk-seconds goes on"
            )


async def attributes(session: Session, nodes: Sequence[ua.NodeId], names: Iterable[AttributeIds]) -> list[list[Any]]:
    """Attributes of nodes, a list per node; None for what the server does not say.

    Raises:
        LinkError: the session is gone.
    """
    wanted = list(names)
    items = [ua.ReadValueId(NodeId=node, AttributeId=name) for node in nodes for name in wanted]
    values: list[Any] = []
    size = max(len(wanted), session.nodes_per_read)
    while len(values) < len(items):
        part = items[len(values) : len(values) + size]
        try:
            data = await session.ask(session.services.read, ua.ReadParameters(NodesToRead=part))
            values += [d.Value.Value if d.Value is not None else None for d in data]
        except StatusError:
            if len(part) == 1:
                values.append(None)
            size = max(1, len(part) // 2)
    return [values[at : at + len(wanted)] for at in range(0, len(values), len(wanted))]


async def within(seconds: float, session: Session, limits: Limits) -> Walked:
    """A walk that a server which answers nothing cannot hold for longer than this.

    Raises:
        LinkError: the session is gone, or nothing at all was seen in time.
    """
    walk = Walk(session, limits)
    try:
        async with asyncio.timeout(seconds):
            return await walk.run()
    except TimeoutError:
        if not walk.result.variables:
            raise LinkError("Timeout", f"the server lists nothing within {seconds:g} s") from None
        walk.result.ended = f"the server stopped answering within {seconds:g} s"
        return walk.result


def _browse(nodes: Sequence[ua.NodeId]) -> ua.BrowseParameters:
    parameters = ua.BrowseParameters()
    parameters.RequestedMaxReferencesPerNode = ua.UInt32(REFERENCES)
    parameters.NodesToBrowse = [
        ua.BrowseDescription(
            NodeId=node,
            BrowseDirection=ua.BrowseDirection.Forward,
            ReferenceTypeId=HIERARCHICAL,
            IncludeSubtypes=True,
            NodeClassMask=ua.UInt32(ua.NodeClass.Object | ua.NodeClass.Variable),
            ResultMask=ua.UInt32(ua.BrowseResultMask.All),
        )
        for node in nodes
    ]
    return parameters


def _local(node_id: Any) -> ua.NodeId | None:
    """The node as this server knows it; None for one of another server."""
    foreign = isinstance(node_id, ua.ExpandedNodeId) and (node_id.ServerIndex or node_id.NamespaceUri)
    if foreign or not isinstance(node_id, ua.NodeId):
        return None
    return ua.NodeId(node_id.Identifier, node_id.NamespaceIndex)
