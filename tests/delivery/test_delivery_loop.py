"""Retries, holes, poison and receipts that cannot be true."""

import json
import time
from typing import Any

import pytest

from plantwright_gateway.ports.sink import BatchRefused, HoleReported, SinkUnavailable


async def test_rows_arrive_in_order_once_and_leave_the_buffer(line: Any) -> None:
    await line.open()
    line.run()
    await line.put(*range(1200))
    await line.until(lambda: len(line.sink.numbers()) == 1200)
    assert line.sink.numbers() == list(range(1200))
    assert all(batch.count <= 500 and len(batch.body) <= 512 * 1024 for batch in line.sink.batches)
    await line.until(lambda: line.buffer.stats.rows == 0)
    assert line.delivery.health.delivered == 1200


async def test_the_chain_of_previous_sequences_is_unbroken(line: Any) -> None:
    await line.open()
    line.run()
    for number in range(5):
        await line.put(number)
        await line.until(lambda number=number: number in line.sink.numbers())
    chain = [(int(e["previoussequence"]), int(e["sequence"])) for e in line.sink.events]
    assert chain == [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)]
    assert all(len(e["sequence"]) == 20 for e in line.sink.events)


async def test_an_outage_is_waited_out_with_the_same_rows(line: Any) -> None:
    await line.open()
    line.sink.script.extend([SinkUnavailable("away"), SinkUnavailable("away"), RuntimeError("adapter fault")])
    line.run()
    await line.put(1, 2, 3)
    await line.until(lambda: line.delivery.health.retries >= 2)
    assert line.delivery.health.last_error
    await line.until(lambda: line.sink.numbers() == [1, 2, 3])
    await line.until(lambda: line.delivery.health.last_error == "")
    assert line.delivery.health.failing_since is None


async def test_what_the_sink_asks_to_wait_is_waited(line: Any) -> None:
    await line.open()
    line.sink.script.append(SinkUnavailable("busy", retry_after=0.4))
    started = time.monotonic()
    line.run()
    await line.put(1)
    await line.until(line.sink.numbers)
    assert time.monotonic() - started >= 0.4


async def test_a_lost_answer_leads_to_no_duplicate(line: Any) -> None:
    await line.open()

    def lose(batch: Any) -> Any:
        line.sink.take(batch)
        raise SinkUnavailable("connection reset")

    line.sink.script.append(lose)
    line.run()
    await line.put(1, 2)
    await line.until(lambda: line.buffer.stats.last_seq == 2 and line.buffer.stats.rows == 0)
    assert line.sink.numbers() == [1, 2]


async def test_a_slow_sink_stops_no_other(line: Any) -> None:
    await line.open("second")
    second = line.second()
    line.sink.script.extend([SinkUnavailable("away")] * 10_000)
    line.run()
    await line.put(*range(100))
    await line.until(lambda: len(second.numbers()) == 100)
    assert line.buffer.stats.backlog("mes") == 100
    assert line.buffer.stats.backlog("second") == 0


async def test_a_hole_leads_back_to_where_the_sink_is(line: Any) -> None:
    await line.open("second")
    line.run()
    await line.put(*range(1, 7))
    await line.until(lambda: line.sink.watermark == 6)
    line.sink.watermark = 2
    line.sink.events = line.sink.events[:2]
    await line.put(7)
    await line.until(lambda: 7 in line.sink.numbers())
    assert line.sink.numbers() == [1, 2, 3, 4, 5, 6, 7]
    assert line.sink.gaps() == []


async def test_a_sink_that_lost_everything_is_told_what_is_gone(line: Any) -> None:
    await line.open()
    line.run()
    await line.put(1, 2, 3)
    await line.until(lambda: line.buffer.stats.rows == 0 and line.sink.watermark == 3)
    line.sink.watermark, line.sink.events = 0, []
    await line.put(4)
    await line.until(line.sink.gaps)
    assert line.sink.numbers() == [4]
    assert (line.sink.gaps()[0]["gap"], line.sink.gaps()[0]["count"]) == ("MesWentBack", 3)


@pytest.mark.parametrize("watermark", [1, 5, -1])
async def test_a_hole_where_there_is_none_is_no_reason_to_go_anywhere(line: Any, watermark: int) -> None:
    await line.open()
    line.run()
    await line.put(1)
    await line.until(lambda: line.sink.watermark == 1)
    line.sink.script.append(HoleReported(watermark))
    await line.put(2)
    await line.until(lambda: line.sink.numbers() == [1, 2])
    assert line.delivery.health.retries == 1


class TestPoison:
    @pytest.mark.parametrize("poison", [{0}, {250}, {499}, {0, 499}, {100, 101, 102}, {498, 499}])
    async def test_only_the_poison_is_given_up_and_the_rest_goes_on(self, line: Any, poison: set[int]) -> None:
        line.sink.poison = poison
        await line.open()
        await line.put(*range(600))
        line.run()
        await line.until(lambda: len(line.sink.gaps()) == len(poison))
        assert line.sink.numbers() == [n for n in range(600) if n not in poison]
        assert all(gap["gap"] == "MesRejects" and "field is wrong" in gap["message"] for gap in line.sink.gaps())
        assert line.delivery.health.rejected == len(poison)
        assert len(line.sink.batches) < 20 + 15 * len(poison)

    async def test_the_last_row_is_not_given_up_before_another_was_taken(self, line: Any) -> None:
        line.sink.poison = {2}
        await line.open()
        line.run()
        await line.put(1)
        await line.until(lambda: line.sink.numbers() == [1])
        await line.put(2)
        await line.until(lambda: line.delivery.health.rejecting)
        assert line.sink.gaps() == []
        await line.put(3)
        await line.until(lambda: len(line.sink.gaps()) == 1)
        assert line.sink.numbers() == [1, 3]

    async def test_a_sink_that_refuses_everything_costs_nothing(self, line: Any) -> None:
        await line.open()
        line.sink.poison = set(range(120))
        await line.put(*range(120))
        line.run()
        await line.until(lambda: line.delivery.health.rejecting)
        assert line.buffer.stats.rows == 120
        line.sink.poison = set()
        await line.until(lambda: line.sink.numbers() == list(range(120)))
        assert line.sink.gaps() == []

    async def test_an_answer_lost_after_the_poison_does_not_lose_the_poison_silently(self, line: Any) -> None:
        line.sink.poison = {1}
        await line.open()

        def lose(batch: Any) -> Any:
            line.sink.take(batch)
            raise SinkUnavailable("connection reset")

        line.sink.script.extend([BatchRefused("no"), BatchRefused("no"), lose])
        await line.put(1, 2)
        line.run()
        await line.until(line.sink.gaps)
        assert line.sink.numbers() == [2]
        assert line.sink.gaps()[0]["count"] == 1


class TestReceipts:
    @pytest.mark.parametrize(
        "answer",
        [
            lambda sink, batch: sink.receipt(batch, 10**9),
            lambda sink, batch: sink.receipt(batch, 3, epoch="another"),
            lambda sink, batch: sink.receipt(batch, 0),
            lambda sink, batch: sink.receipt(batch, -5),
        ],
        ids=["never sent", "another epoch", "before the batch", "negative"],
    )
    async def test_what_cannot_be_true_is_ignored_and_deletes_nothing(self, line: Any, answer: Any) -> None:
        await line.open()
        line.sink.script.append(lambda batch: answer(line.sink, batch))
        await line.put(1, 2, 3)
        line.run()
        await line.until(lambda: line.delivery.health.ignored_receipts == 1)
        await line.until(lambda: line.sink.numbers() == [1, 2, 3])

    async def test_a_part_that_was_taken_is_not_sent_again(self, line: Any) -> None:
        await line.open()

        def take_one(batch: Any) -> Any:
            line.sink.watermark = 1
            line.sink.events.append(json.loads(batch.body)[0])
            return line.sink.receipt(batch, 1)

        line.sink.script.append(take_one)
        await line.put(1, 2, 3)
        line.run()
        await line.until(lambda: line.sink.numbers() == [1, 2, 3])
        assert [batch.first for batch in line.sink.batches] == [1, 2]

    async def test_what_the_mes_rejects_for_good_is_counted(self, line: Any) -> None:
        await line.open()
        line.sink.script.append(lambda batch: line.sink.receipt(batch, 3, 2, 99))
        await line.put(1, 2, 3)
        line.run()
        await line.until(lambda: line.buffer.stats.rows == 0 and line.buffer.stats.last_seq == 3)
        assert (line.delivery.health.delivered, line.delivery.health.rejected) == (2, 1)

    async def test_a_sink_that_has_more_than_the_batch_has_the_batch(self, line: Any) -> None:
        await line.open()
        await line.put(*range(600))
        line.sink.script.append(lambda batch: line.sink.receipt(batch, 600))
        line.run()
        await line.until(lambda: len(line.sink.batches) >= 2)
        assert line.sink.batches[1].first == 501, "what was not sent is sent"


async def test_one_contract_per_batch_with_gaps_riding_along(line: Any) -> None:
    line.sink.one_contract_per_batch = True
    await line.open()
    await line.put(1, contract="a")
    await line.buffer.append([_gap()])
    await line.put(2, contract="a")
    await line.put(3, contract="b")
    line.run()
    await line.until(lambda: len(line.sink.numbers()) == 3)
    assert [(batch.contract, batch.count) for batch in line.sink.batches] == [("a", 3), ("b", 1)]


def _gap() -> Any:
    from plantwright_gateway.context.events import Row

    return Row("io.plantwright.gap.v1", "", b'{"gap": "x"}', 0, 0, 0)


async def test_the_last_attempt_delivers_and_is_bounded(line: Any) -> None:
    await line.open()
    await line.put(*range(700))
    await line.delivery.flush(5)
    assert len(line.sink.numbers()) == 700
    await line.put(700)
    line.sink.script.append(SinkUnavailable("away for a moment"))
    await line.delivery.flush(5)
    assert line.buffer.stats.backlog("mes") == 0
    await line.put(701)
    line.sink.script.extend([SinkUnavailable("away")] * 1000)
    started = time.monotonic()
    await line.delivery.flush(0.5)
    assert time.monotonic() - started < 2
    assert line.buffer.stats.backlog("mes") == 1
    await line.delivery.close()
    assert line.sink.closed
