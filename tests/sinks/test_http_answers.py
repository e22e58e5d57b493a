"""What each answer of an MES means: a table."""

from datetime import UTC, datetime
from typing import Any

import pytest

from plantwright_api.wire.config import Location
from plantwright_gateway.ports.sink import Batch, BatchRefused, HoleReported, SinkUnavailable
from plantwright_gateway.sinks.http.answers import interpret, retry_after

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
BATCH = Batch("uid", "epoch", "m", Location(enterprise="e", site="s", area="a", line="l"), "c", 4, 9, 6, b"[]")
RECEIPT = b'{"gatewayuid": "uid", "epoch": "epoch", "watermark": 9}'


@pytest.mark.parametrize("status", [200, 201, 202])
def test_a_receipt_is_a_receipt(status: int) -> None:
    assert interpret(status, {}, RECEIPT, BATCH, NOW).watermark == 9


@pytest.mark.parametrize(
    ("status", "headers", "body", "wait"),
    [
        (200, {}, b"<html>welcome</html>", None),
        (200, {}, b"", None),
        (200, {}, b'{"gatewayuid": "uid", "epoch": "epoch", "watermark": "9"}', None),
        (200, {}, b"\xff\xfe", None),
        (204, {}, b"", None),
        (302, {"location": "http://169.254.169.254/"}, b"", None),
        (401, {}, b"", None),
        (403, {}, b"", None),
        (404, {}, b"no such page", None),
        (409, {}, b"conflict", None),
        (409, {}, b'{"gatewayuid": "uid", "epoch": "another", "watermark": 3}', None),
        (429, {"retry-after": "17"}, b"", 17.0),
        (429, {"retry-after": "99999999999999999999"}, b"", 999999999.0),
        (429, {"retry-after": "-3"}, b"", None),
        (503, {"retry-after": "Thu, 01 Jan 2026 12:01:00 GMT"}, b"", 60.0),
        (503, {"retry-after": "Thu, 01 Jan 2026 11:00:00 GMT"}, b"", None),
        (503, {"retry-after": "soon"}, b"", None),
        (500, {}, b"\x00" * 10_000, None),
    ],
)
def test_everything_else_is_tried_again(status: int, headers: dict[str, str], body: bytes, wait: float | None) -> None:
    with pytest.raises(SinkUnavailable) as told:
        interpret(status, headers, body, BATCH, NOW)
    assert told.value.retry_after == wait
    assert len(str(told.value)) < 300


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_refusal_is_the_batchs_fault_and_shows_the_start_of_what_was_said(status: int) -> None:
    with pytest.raises(BatchRefused, match=f"HTTP {status}: field x") as told:
        interpret(status, {}, b"field x\r\n is wrong " + b"y" * 5000, BATCH, NOW)
    assert len(str(told.value)) <= 220
    assert "\n" not in str(told.value)


def test_a_conflict_names_where_the_mes_is() -> None:
    with pytest.raises(HoleReported) as told:
        interpret(409, {}, RECEIPT.replace(b"9", b"3"), BATCH, NOW)
    assert told.value.watermark == 3


@pytest.mark.parametrize("value", ["", "Thu, 01 Jan 2026", "Thu, 01 Jan 2026 12:01:00", "١٢"])
def test_odd_waits_are_no_waits(value: Any) -> None:
    assert retry_after(value, NOW) is None
