"""The plan against brute force: never more requests than the best of all ways to group the values."""

from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from plantwright_api.wire.config import ModbusAddress, Signal
from plantwright_gateway.sources.modbus.plan import Area, Limits, Range, placed, plan

WIDTHS = {"UInt16": 1, "Float32": 2, "Float64": 4}


def make(places: list[tuple[int, str]], **common: object) -> list[Signal]:
    return [
        Signal(
            name=f"s{index}",
            contract="c",
            field="f",
            interval_ms=common.get("interval_ms", 1000),
            modbus=ModbusAddress(
                table=common.get("table", "HoldingRegister"), address=at, type=type_, unit_id=common.get("unit_id", 1)
            ),
        )
        for index, (at, type_) in enumerate(places)
    ]


def requests_of(signals: list[Signal], limits: Limits, barriers: dict[Area, set[Range]] | None = None) -> list:
    areas, refused = placed(signals, limits)
    assert not refused
    return plan(areas, limits, barriers or {})


def partitions(items: list[Range]) -> Iterator[list[list[Range]]]:
    """Every way to put the items into groups."""
    if not items:
        yield []
        return
    first, rest = items[0], items[1:]
    for smaller in partitions(rest):
        for index, group in enumerate(smaller):
            yield [*smaller[:index], [first, *group], *smaller[index + 1 :]]
        yield [[first], *smaller]


def allowed(group: list[Range], limits: Limits, barriers: set[Range]) -> bool:
    """Whether one request may read the group, straight from the rules."""
    if len(group) == 1:
        return True
    whole = Range(min(span.start for span in group), max(span.end for span in group))
    used = {address for span in group for address in range(*span)}
    gaps = [len(gap) for gap in "".join("x" if a in used else "." for a in range(*whole)).replace("x", " ").split()]
    fits = whole.end - whole.start <= limits.max_registers and max(gaps, default=0) <= limits.max_gap
    return fits and not any(whole.contains(barrier) for barrier in barriers)


spans = st.lists(st.tuples(st.integers(0, 40), st.sampled_from(list(WIDTHS))), min_size=1, max_size=6)
barrier_sets = st.sets(st.builds(lambda a, n: Range(a, a + n), st.integers(0, 40), st.integers(1, 3)), max_size=2)


@settings(max_examples=300, deadline=None)
@example([(0, "UInt16"), (0, "Float64"), (1, "UInt16")], 4, 0, {Range(0, 3)})
@given(spans, st.integers(4, 20), st.integers(0, 12), barrier_sets)
def test_no_grouping_needs_fewer_requests(places, max_registers, max_gap, barriers):
    limits, area = Limits(max_registers, max_gap), Area(1, "HoldingRegister")
    requests = requests_of(make(places), limits, {area: barriers})
    groups = [[value.span for value in request.values] for request in requests]
    everything = [Range(at, at + WIDTHS[type_]) for at, type_ in places]
    assert sorted(span for group in groups for span in group) == sorted(everything)
    assert all(allowed(group, limits, barriers) for group in groups)
    best = min(
        len(grouping)
        for grouping in partitions(everything)
        if all(allowed(group, limits, barriers) for group in grouping)
    )
    assert len(requests) == best


@pytest.mark.row("B14")
def test_a_value_is_never_torn_and_gap_registers_are_not_read_for_nothing():
    requests = requests_of(make([(0, "UInt16"), (10, "Float64"), (130, "Float32"), (250, "Float64")]), Limits(125, 16))
    assert [tuple(request.span) for request in requests] == [(0, 14), (130, 132), (250, 254)]
    assert requests[0].offsets == (0, 20)


def test_a_waste_that_saves_no_request_is_avoided():
    places = [(0, "UInt16"), *[(at, "UInt16") for at in range(10, 135)]]
    assert [tuple(request.span) for request in requests_of(make(places), Limits(125, 16))] == [(0, 1), (10, 135)]


def test_bits_count_sixteenfold():
    coils = make([(0, "Bool"), (256, "Bool"), (1999, "Bool"), (2000, "Bool")], table="Coil")
    assert [tuple(r.span) for r in requests_of(coils, Limits(125, 16))] == [(0, 257), (1999, 2001)]


def test_units_tables_and_intervals_are_read_apart():
    signals = [
        *make([(0, "UInt16")]),
        *make([(1, "UInt16")], unit_id=2),
        *make([(2, "UInt16")], table="InputRegister"),
        *make([(3, "UInt16")], interval_ms=60_000),
    ]
    assert len(requests_of(signals, Limits(125, 16))) == 4


@pytest.mark.parametrize(
    ("place", "words"),
    [
        pytest.param(ModbusAddress(table="HoldingRegister", address=65535, type="Float32"), "beyond", id="end"),
        pytest.param(
            ModbusAddress(table="HoldingRegister", address=0, type="String", length=30), "maxRegisters", id="long"
        ),
        pytest.param(None, "signals[].modbus", id="no address"),
    ],
)
def test_what_no_request_can_read_is_refused_with_its_cure(place, words):
    signal = Signal(name="x", contract="c", field="f", interval_ms=1000, modbus=place)
    areas, refused = placed([signal], Limits(10, 0))
    assert words in refused["x"]
    assert plan(areas, Limits(10, 0), {}) == []
