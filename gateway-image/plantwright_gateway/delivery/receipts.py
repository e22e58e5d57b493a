"""Judges what a sink answers: nothing is deleted on the word of an answer that cannot be true. Pure."""

from typing import NamedTuple

from plantwright_api.wire.delivery import Receipt
from plantwright_gateway.ports.sink import Batch


class Progress(NamedTuple):
    """How far the sink has the batch, and which of its events it will never store (sequence, reason)."""

    watermark: int
    rejected: tuple[tuple[int, str], ...]


LONGEST_REASON = 200


def judge(receipt: Receipt, batch: Batch, highest_sent: int) -> Progress | str:
    """Progress within the batch, or why the receipt is ignored.

    `highest_sent` is the highest sequence that may ever have been sent: a sink cannot have more. One that has more than this
    batch (an answer to an earlier try was lost) has this batch.
    """
    if (receipt.gatewayuid, receipt.epoch) != (batch.gateway_uid, batch.epoch):
        return "the receipt is for another gateway or epoch"
    if receipt.watermark > highest_sent:
        return f"the receipt's watermark {receipt.watermark} was never sent"
    if receipt.watermark < batch.first:
        return f"the receipt's watermark {receipt.watermark} lies before the batch"
    watermark = min(receipt.watermark, batch.last)
    rejected = tuple(
        (event.sequence, event.reason[:LONGEST_REASON])
        for event in receipt.rejected[: batch.count]
        if batch.first <= event.sequence <= watermark
    )
    return Progress(watermark, rejected)
