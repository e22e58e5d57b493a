"""From signals to the fewest requests that read them.

Per unit, table and interval the values are ranges of registers (or bits). A request is one range that holds whole
values, so that none is torn between two answers; it is no longer than the device allows, bridges at most
`max_gap` unused registers and contains no barrier. Each of these only gets harder for a longer range, so cutting the
values, sorted by address, into consecutive runs reaches the minimum; the tests compare with brute force.

Barriers are what a device has taught: a range that no request may contain as a whole.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from plantwright_api.wire.config import ModbusAddress, Signal
from plantwright_gateway.sources.modbus.decode import BIT_TABLES, Decode, decoder, width

ADDRESSES = 65536
BITS_PER_REGISTER = 16
BYTES_PER_REGISTER = 2


class Range(NamedTuple):
    """Addresses `start` up to but not including `end`."""

    start: int
    end: int

    def contains(self, other: "Range") -> bool:
        """Whether all of `other` lies inside."""
        return self.start <= other.start and other.end <= self.end


class Area(NamedTuple):
    """One table of one unit: what a single request can reach."""

    unit_id: int
    table: str

    @property
    def scale(self) -> int:
        """How many addresses of this table take the room of one register."""
        return BITS_PER_REGISTER if self.table in BIT_TABLES else 1


class Value(NamedTuple):
    """One signal in its place."""

    signal: str
    interval_ms: int
    span: Range
    decode: Decode


class Request(NamedTuple):
    """One read; `values` are sorted by address, `offsets` say where in the answer's data each begins.

    An offset counts bytes, or bits for a bit table.
    """

    area: Area
    interval_ms: int
    span: Range
    values: tuple[Value, ...]
    offsets: tuple[int, ...]

    @property
    def length(self) -> int:
        """Registers or bits to ask for."""
        return self.span.end - self.span.start

    def divisible(self) -> bool:
        """Whether two narrower reads could stand for this one."""
        return any(value.span != self.span for value in self.values)

    def halves(self) -> tuple["Request", "Request"]:
        """Two narrower reads, cut at the widest gap, the most central one among equals; only if `divisible`."""
        cut = max(range(1, len(self.values)), key=self._cut_quality)
        return (
            request_for(self.area, self.interval_ms, self.values[:cut]),
            request_for(self.area, self.interval_ms, self.values[cut:]),
        )

    def _cut_quality(self, cut: int) -> tuple[int, int]:
        gap = self.values[cut].span.start - self.values[cut - 1].span.end
        return max(gap, 0), -abs(2 * cut - len(self.values))


class Limits(NamedTuple):
    """How much one request may take, in registers; a bit table counts 16 bits as one register."""

    max_registers: int
    max_gap: int


def placed(signals: Iterable[Signal], limits: Limits) -> tuple[dict[Area, list[Value]], dict[str, str]]:
    """Sort signals into areas; what no request can read comes back as signal -> message with the cure."""
    areas: dict[Area, list[Value]] = defaultdict(list)
    refused: dict[str, str] = {}
    for signal in signals:
        address = signal.modbus
        if address is None:
            refused[signal.name] = "the signal has no Modbus address; set signals[].modbus"
            continue
        area = Area(address.unit_id, address.table)
        if problem := _misplaced(address, limits.max_registers * area.scale):
            refused[signal.name] = problem
            continue
        span = Range(address.address, address.address + width(address))
        areas[area].append(Value(signal.name, signal.interval_ms, span, decoder(address)))
    return dict(areas), refused


def plan(areas: Mapping[Area, Sequence[Value]], limits: Limits, barriers: Mapping[Area, set[Range]]) -> list[Request]:
    """The fewest requests, and among those the fewest registers, in order of unit, table, interval and address."""
    requests: list[Request] = []
    for area, values in sorted(areas.items(), key=lambda item: item[0]):
        bounds = Limits(limits.max_registers * area.scale, limits.max_gap * area.scale)
        for interval_ms in sorted({value.interval_ms for value in values}):
            group = sorted((v for v in values if v.interval_ms == interval_ms), key=lambda v: v.span)
            found = [request_for(area, interval_ms, run) for run in _runs(group, bounds, barriers.get(area, set()))]
            requests.extend(sorted(found, key=lambda request: request.span))
    return requests


def _runs(group: Sequence[Value], limits: Limits, barriers: set[Range]) -> list[Sequence[Value]]:
    """The values of each request. A value that contains a barrier is read alone, and must not part its neighbours."""
    alone = [value for value in group if any(value.span.contains(barrier) for barrier in barriers)]
    others = [value for value in group if value not in alone]
    runs = _fewest_runs([value.span for value in others], limits, barriers)
    return [*([value] for value in alone), *(others[run.start : run.end] for run in runs)]


def request_for(area: Area, interval_ms: int, values: Sequence[Value]) -> Request:
    """The read that covers these values, sorted by address."""
    span = Range(values[0].span.start, max(value.span.end for value in values))
    size = 1 if area.table in BIT_TABLES else BYTES_PER_REGISTER
    offsets = tuple(size * (value.span.start - span.start) for value in values)
    return Request(area, interval_ms, span, tuple(values), offsets)


def _misplaced(address: ModbusAddress, longest: int) -> str:
    end = address.address + width(address)
    if end > ADDRESSES:
        return f"{address.table} {address.address} with type {address.type} ends beyond address {ADDRESSES - 1}; mend signals[].modbus.address"
    if end - address.address > longest:
        return f"type {address.type} takes {end - address.address} registers, one request takes {longest}; raise modbus.maxRegistersPerRequest"
    return ""


def _fewest_runs(spans: Sequence[Range], limits: Limits, barriers: Iterable[Range]) -> list[Range]:
    """Cut sorted spans into consecutive runs (ranges of their indexes), by dynamic programming from the end."""
    best: list[tuple[int, int, int]] = [(0, 0, 0)] * (len(spans) + 1)
    for first in reversed(range(len(spans))):
        best[first] = min(
            (1 + best[after][0], covered + best[after][1], after)
            for after, covered in _reach(first, spans, limits, barriers)
        )
    cuts = [0]
    while cuts[-1] < len(spans):
        cuts.append(best[cuts[-1]][2])
    return [Range(*pair) for pair in pairwise(cuts)]


def _reach(first: int, spans: Sequence[Range], limits: Limits, barriers: Iterable[Range]) -> Iterable[tuple[int, int]]:
    """All runs from `first`: (index after the run, registers it covers). A value alone is always one."""
    start, end = spans[first]
    yield first + 1, end - start
    blocked_at = min((barrier.end for barrier in barriers if barrier.start >= start), default=ADDRESSES + 1)
    for index in range(first + 1, len(spans)):
        gap = spans[index].start - end
        end = max(end, spans[index].end)
        if gap > limits.max_gap or end - start > limits.max_registers or end >= blocked_at:
            return
        yield index + 1, end - start
