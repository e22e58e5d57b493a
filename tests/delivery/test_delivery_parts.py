"""The pure parts: batches, receipts, back-off."""

import msgspec

from plantwright_api.wire.config import Location
from plantwright_api.wire.delivery import Event, Receipt, Rejected
from plantwright_gateway.buffer import PageRow
from plantwright_gateway.delivery.backoff import Backoff
from plantwright_gateway.delivery.batch import LEAST_BYTES, PAGE_BYTES, SPLICE_BYTES, Portion, Stream, one_contract
from plantwright_gateway.delivery.receipts import judge
from plantwright_gateway.ports.sink import Batch

PLACE = Location(enterprise="acme", site="s", area="a", line="l")
BODY = b'{"source":"/a","type":"t","subject":"s","time":"x","recordedtime":"y","data":{"fields":{"f":1}}}'


def batch(*sequences: int, after: int = 0) -> Batch:
    stream = Stream('uid"1', "e\\p", "lathe-07", PLACE)
    return stream.batch([PageRow(seq, "c" if seq % 2 else "", BODY) for seq in sequences], after)


def test_a_batch_is_an_array_of_whole_events() -> None:
    made = batch(4, 5, 9, after=2)
    events = msgspec.json.decode(made.body, type=list[Event])
    assert [(int(e.previoussequence), int(e.sequence)) for e in events] == [(2, 4), (4, 5), (5, 9)]
    assert (events[0].gatewayuid, events[0].epoch, events[0].data) == ('uid"1', "e\\p", {"fields": {"f": 1}})
    assert len({event.id for event in events}) == 3
    assert (made.first, made.last, made.count, made.contract) == (4, 9, 3, "c")
    assert len(made.body) <= 3 * (len(BODY) + SPLICE_BYTES)


def test_a_run_of_one_contract() -> None:
    rows = [PageRow(seq, contract, BODY) for seq, contract in enumerate(["", "a", "", "a", "b", "a"], start=1)]
    assert [row.seq for row in one_contract(rows)] == [1, 2, 3, 4]
    assert one_contract([]) == []


def receipt(watermark: int, *rejected: int) -> Receipt:
    refused = [Rejected(sequence=seq, reason="r" * 1000) for seq in rejected]
    return Receipt(gatewayuid='uid"1', epoch="e\\p", watermark=watermark, rejected=refused)


def test_receipts() -> None:
    sent = batch(4, 5, 9, after=2)
    assert judge(receipt(9), sent, 9) == (9, ())
    assert judge(receipt(5), sent, 9) == (5, ())
    assert judge(receipt(40), sent, 40) == (9, ())
    assert isinstance(judge(receipt(40), sent, 39), str)
    assert isinstance(judge(receipt(3), sent, 9), str)
    assert judge(receipt(5, 4, 9, 77), sent, 9) == (5, ((4, "r" * 200),))


def test_backoff_doubles_to_a_cap_and_honours_what_is_asked_within_reason() -> None:
    backoff = Backoff(jitter=lambda: 1.0)
    assert [backoff.next() for _ in range(9)] == [0.25, 0.5, 1, 2, 4, 8, 16, 30, 30]
    assert backoff.next(60) == 60
    assert backoff.next(10**9) == 300
    assert backoff.next(-5) == 30
    backoff.reset()
    assert Backoff(jitter=lambda: 0.0).next() == 0.125
    assert backoff.next() == 0.25


def test_a_link_too_slow_for_a_batch_is_given_smaller_ones_and_larger_ones_again() -> None:
    portion = Portion()
    for _ in range(10):
        portion.too_slow()
    assert portion.most_bytes == LEAST_BYTES
    for _ in range(10):
        portion.taken(portion.most_bytes, 0.01)
    assert portion.most_bytes == PAGE_BYTES


def test_a_slow_link_is_given_what_it_carries_in_five_seconds() -> None:
    portion = Portion()
    for _ in range(10):
        portion.taken(portion.most_bytes, portion.most_bytes / 8000)
    assert portion.most_bytes == 40_000
    portion.taken(2000, 0.5)
    assert portion.most_bytes == 20_000, "a small batch says little: half as much at the least"
