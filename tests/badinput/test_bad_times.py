"""B8: OPC UA values with odd statuses and times, as they come over the wire: kept with their quality, flagged, never replaced."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from asyncua import ua
from asyncua.ua.ua_binary import struct_from_binary, struct_to_binary

from plantwright_gateway.ports.source import Sample
from plantwright_gateway.sources.opcua.decode import sample

NOW = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
NOW_NS = int(NOW.timestamp()) * 10**9
ARRIVED_NS = NOW_NS + 5_000_000_000
DAY_NS = 86_400 * 10**9


class Odd(NamedTuple):
    """Status and times of a value 7, and the sample that must come of it."""

    status: int
    source: datetime | None
    server: datetime | None
    sample: Sample


def good(source_ns: int) -> Sample:
    return Sample("s", 7, source_ns)


def year(number: int) -> datetime:
    return datetime(number, 6, 1, tzinfo=UTC)


CASES: dict[str, Odd] = {
    "Bad": Odd(0x80000000, NOW, NOW, Sample("s", None, NOW_NS, "Bad", "BadValue")),
    "BadSensorFailure": Odd(0x808C0000, NOW, NOW, Sample("s", None, NOW_NS, "Bad", "BadValue")),
    "reserved severity": Odd(0xC0000000, NOW, NOW, Sample("s", None, NOW_NS, "Bad", "BadValue")),
    "Uncertain": Odd(0x40900000, NOW, NOW, Sample("s", 7, NOW_NS, "Uncertain", "UncertainValue")),
    "GoodLocalOverride": Odd(0x00960000, NOW, NOW, good(NOW_NS)),
    "no source time": Odd(0, None, NOW, good(NOW_NS)),
    "no time at all": Odd(0, None, None, good(ARRIVED_NS)),
    "1601": Odd(0, year(1601), NOW, Sample("s", 7, NOW_NS, "Uncertain", "ImplausibleTime")),
    "2262": Odd(0, year(2262), NOW, Sample("s", 7, NOW_NS, "Uncertain", "ImplausibleTime")),
    "9999, server's too": Odd(0, year(9999), year(9999), Sample("s", 7, ARRIVED_NS, "Uncertain", "ImplausibleTime")),
    "a day ahead": Odd(0, NOW + timedelta(days=1), NOW, good(NOW_NS + DAY_NS)),
    "a day behind": Odd(0, NOW - timedelta(days=1), NOW, good(NOW_NS - DAY_NS)),
    "1970": Odd(0, year(1970), NOW, good(int(year(1970).timestamp()) * 10**9)),
}


@pytest.mark.row("B8")
def test_odd_statuses_and_times(measured: Callable[[str], None]) -> None:
    for name, odd in CASES.items():
        times: dict[str, Any] = {"SourceTimestamp": odd.source, "ServerTimestamp": odd.server}
        sent = ua.DataValue(ua.Variant(7), StatusCode=ua.StatusCode(ua.UInt32(odd.status)), **times)
        came = struct_from_binary(ua.DataValue, ua.utils.Buffer(struct_to_binary(sent)))
        assert sample("s", came, ARRIVED_NS) == odd.sample, name
    measured(
        f"{len(CASES)}/{len(CASES)} stored with their quality; implausible times flagged, none rewritten, 0 exceptions"
    )
