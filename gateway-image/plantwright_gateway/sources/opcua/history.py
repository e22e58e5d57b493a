"""Fills gaps from the server's history (OPC 10000-11, HistoryRead of raw values), where the profile asks for it.

A gap stays a gap: no server says that its history is whole. Its record tells how many values came from there.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from asyncua import ua

from plantwright_gateway.ports.source import GapNotice, Sample
from plantwright_gateway.sources.faults import LinkError
from plantwright_gateway.sources.opcua.decode import sample
from plantwright_gateway.sources.opcua.session import Session, StatusError

MOST_VALUES = 10_000
"""Of one gap: more would keep the present waiting, and memory is for buffers."""
MOST_SECONDS = 5.0
NODES_PER_REQUEST = 50
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Filled(NamedTuple):
    """What history gave: values in the order of their times, and the gaps with a word on it."""

    samples: list[Sample]
    gaps: list[GapNotice]


class History:
    """Reads one session's server."""

    def __init__(self, session: Session, nodes: Mapping[str, ua.NodeId]) -> None:
        self._session = session
        self._nodes = nodes

    async def fill(
        self, gaps: Sequence[GapNotice], stored: Mapping[str, int], known: Mapping[str, int], now_ns: int
    ) -> Filled:
        """The values within these gaps; never raises, since a gap that cannot be filled is what it was.

        Args:
            gaps: stretches without values, of the signals they name or of all.
            stored: by signal until when its values are stored, which are not to come twice: a gap begins early in doubt.
            known: by signal the source time of the value that ended its gap, which is not to come twice.
            now_ns: arrival of what has no time of its own.
        """
        filled = Filled([], [])
        for gap in gaps:
            asking = _Asking(self._session, gap, now_ns)
            await asking.all({name: self._nodes[name] for name in gap.signals or self._nodes if name in self._nodes})
            begin = {name: max(gap.start_ns, upto) for name, upto in stored.items()}
            values = [
                each
                for each in asking.found
                if begin.get(each.signal, gap.start_ns) < each.source_ns < known.get(each.signal, now_ns)
            ]
            filled.samples.extend(values)
            filled.gaps.append(_told(gap, values, asking.cut))
        filled.samples.sort(key=lambda each: each.source_ns)
        return filled


class _Asking:
    """The requests for one gap; `cut` where there was more than may be taken."""

    def __init__(self, session: Session, gap: GapNotice, now_ns: int) -> None:
        self.found: list[Sample] = []
        self.cut = False
        self._session, self._gap, self._now_ns = session, gap, now_ns

    async def all(self, nodes: Mapping[str, ua.NodeId]) -> None:
        """Ask for every node until there is no more, or enough."""
        names = list(nodes)
        try:
            async with asyncio.timeout(MOST_SECONDS):
                for start in range(0, len(names), NODES_PER_REQUEST):
                    await self._part({name: nodes[name] for name in names[start : start + NODES_PER_REQUEST]})
        except (TimeoutError, LinkError):
            self.cut = True
        except StatusError:
            return  # no history here

    async def _part(self, nodes: Mapping[str, ua.NodeId]) -> None:
        points: dict[str, bytes | None] = dict.fromkeys(nodes)
        while points and len(self.found) < MOST_VALUES:
            asked = {name: (nodes[name], point) for name, point in points.items()}
            results = await self._session.ask(self._session.services.history_read, self._parameters(asked))
            for name, result in zip(list(asked), results, strict=False):
                before = points.pop(name)
                self._take(name, result)
                if result.ContinuationPoint and result.ContinuationPoint != before:
                    points[name] = result.ContinuationPoint
        self.cut = self.cut or bool(points)

    def _take(self, name: str, result: ua.HistoryReadResult) -> None:
        if not result.StatusCode.is_good() or not isinstance(result.HistoryData, ua.HistoryData):
            return
        values = result.HistoryData.DataValues or []
        room = MOST_VALUES - len(self.found)
        self.cut = self.cut or len(values) > room
        self.found.extend(sample(name, value, self._now_ns) for value in values[:room])

    def _parameters(self, nodes: Mapping[str, tuple[ua.NodeId, bytes | None]]) -> ua.HistoryReadParameters:
        details = ua.ReadRawModifiedDetails()
        details.IsReadModified = False
        details.StartTime, details.EndTime = _time(self._gap.start_ns), _time(self._gap.end_ns)
        details.NumValuesPerNode = ua.UInt32(MOST_VALUES)
        details.ReturnBounds = False
        parameters = ua.HistoryReadParameters()
        parameters.HistoryReadDetails = details
        parameters.TimestampsToReturn = ua.TimestampsToReturn.Both
        parameters.NodesToRead = [
            ua.HistoryReadValueId(NodeId=node, IndexRange="", ContinuationPoint=point) for node, point in nodes.values()
        ]
        return parameters


def _time(ns: int) -> datetime:
    return EPOCH + timedelta(microseconds=ns // 1000)


def _told(gap: GapNotice, values: Sequence[Sample], cut: bool) -> GapNotice:
    if not values:
        return gap
    signals = Counter(each.signal for each in values)
    text = f"{len(values)} values of {len(signals)} signals came from the server's history"
    return gap._replace(message=text + (", which has more than was taken" if cut else ""))
