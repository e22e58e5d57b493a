"""DataValues to samples, asyncua's own types as the judge; nothing that a machine sends may raise."""

import math
import uuid
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from asyncua import ua
from asyncua.ua.ua_binary import struct_from_binary, struct_to_binary, variant_from_binary, variant_to_binary
from hypothesis import given
from hypothesis import strategies as st

from plantwright_gateway.ports.source import Sample
from plantwright_gateway.sources.opcua.decode import has_overflowed, sample

ARRIVED = 1_800_000_000_000_000_000
TIME = datetime(2026, 11, 22, 10, 30, 0, 123456, tzinfo=UTC)
TIME_NS = 1_795_343_400_123_456_000


def data(value: object = 1, **more: object) -> ua.DataValue:
    variant = value if isinstance(value, ua.Variant) else ua.Variant(value)
    return ua.DataValue(variant, **({"SourceTimestamp": TIME} | more))


@pytest.mark.parametrize(
    ("variant", "value"),
    [
        (ua.Variant(True), True),
        (ua.Variant(-5, ua.VariantType.SByte), -5),
        (ua.Variant(2**63, ua.VariantType.UInt64), 2**63),
        (ua.Variant(1.5, ua.VariantType.Float), 1.5),
        (ua.Variant(math.inf), math.inf),
        (ua.Variant("Größe"), "Größe"),
        (ua.Variant(TIME), "2026-11-22T10:30:00.123456Z"),
        (ua.Variant(uuid.UUID(int=7)), "00000000-0000-0000-0000-000000000007"),
        (ua.Variant(ua.LocalizedText("läuft", "de")), "läuft"),
        (ua.Variant(ua.QualifiedName("n", 2)), "n"),
        (ua.Variant(ua.StatusCode(ua.UInt32(0x80340000))), 0x80340000),
    ],
    ids=lambda case: str(case)[:40],
)
def test_scalars_come_through_the_wire_as_plain_values(variant, value):
    carried = variant_from_binary(ua.utils.Buffer(variant_to_binary(variant)))
    assert sample("s", data(carried), ARRIVED) == Sample("s", value, TIME_NS)


@pytest.mark.parametrize(
    ("variant", "reason"),
    [
        (ua.Variant([1, 2]), "WrongType"),
        (ua.Variant([], ua.VariantType.Int32), "WrongType"),
        (ua.Variant([TIME]), "WrongType"),
        (ua.Variant(b"bytes"), "WrongType"),
        (ua.Variant(ua.ExtensionObject(), ua.VariantType.ExtensionObject), "WrongType"),
        (ua.Variant(ua.NodeId(1, 2)), "WrongType"),
        (ua.Variant(None), "BadValue"),
        (ua.Variant("x" * 100_000), "TooLong"),
        (ua.Variant(ua.LocalizedText()), "BadValue"),
    ],
    ids=lambda case: str(case)[:40],
)
def test_what_cannot_be_carried_is_bad_with_its_reason(variant, reason):
    assert sample("s", data(variant), ARRIVED) == Sample("s", None, TIME_NS, "Bad", reason)


@pytest.mark.parametrize(
    ("status", "quality", "value", "reason"),
    [
        (0x00000000, "Good", 1, ""),
        (0x00000480, "Good", 1, ""),
        (0x40900000, "Uncertain", 1, "UncertainValue"),
        (0x80310000, "Bad", None, "BadValue"),
        (0xC0000000, "Bad", None, "BadValue"),
    ],
)
def test_the_status_becomes_the_quality(status, quality, value, reason):
    code = ua.StatusCode(ua.UInt32(status))
    assert sample("s", data(StatusCode=code), ARRIVED) == Sample("s", value, TIME_NS, quality, reason)
    assert has_overflowed(data(StatusCode=code)) == (status == 0x480)


@pytest.mark.parametrize("year", [1601, 1969, 2262, 9999])
def test_a_time_that_cannot_be_meant_is_flagged_and_the_next_best_is_taken(year):
    odd = datetime(year, 12, 31, tzinfo=UTC)
    with_server = data(SourceTimestamp=odd, ServerTimestamp=TIME)
    assert sample("s", with_server, ARRIVED) == Sample("s", 1, TIME_NS, "Uncertain", "ImplausibleTime")
    alone = data(SourceTimestamp=odd, ServerTimestamp=odd)
    assert sample("s", alone, ARRIVED) == Sample("s", 1, ARRIVED, "Uncertain", "ImplausibleTime")


@pytest.mark.parametrize("year", [1970, 1984, 2026, 2261])
def test_a_wrong_clock_is_not_corrected(year):
    time = datetime(year, 6, 1, tzinfo=UTC)
    assert sample("s", data(SourceTimestamp=time), ARRIVED).source_ns == int(time.timestamp()) * 10**9


def test_without_a_source_time_the_servers_counts_and_then_the_arrival():
    assert sample("s", data(SourceTimestamp=None, ServerTimestamp=TIME), ARRIVED) == Sample("s", 1, TIME_NS)
    assert sample("s", data(SourceTimestamp=None), ARRIVED) == Sample("s", 1, ARRIVED)
    naive = data(SourceTimestamp=TIME.replace(tzinfo=None))
    assert sample("s", naive, ARRIVED).source_ns == TIME_NS


@given(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), st.lists(st.integers())),
    st.integers(0, 2**32 - 1),
    st.one_of(st.none(), st.datetimes()),
    st.integers(0, 30),
)
def test_nothing_raises(value, status, time, kind):
    anything = SimpleNamespace(
        Value=SimpleNamespace(Value=value, VariantType=kind if type(value) not in (bool, int, float, str) else 0),
        StatusCode=SimpleNamespace(value=status),
        SourceTimestamp=time,
        ServerTimestamp=None,
    )
    assert sample("s", anything, ARRIVED).quality in ("Good", "Uncertain", "Bad")


def test_a_data_value_survives_asyncuas_encoding():
    sent = data(2.5, StatusCode=ua.StatusCode(ua.UInt32(0x40000000)), ServerTimestamp=TIME)
    got = struct_from_binary(ua.DataValue, ua.utils.Buffer(struct_to_binary(sent)))
    assert sample("s", got, ARRIVED) == Sample("s", 2.5, TIME_NS, "Uncertain", "UncertainValue")
