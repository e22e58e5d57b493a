"""Builds the body of a batch: the stored events with their place in the stream spliced in. Pure."""

from collections.abc import Sequence
from typing import Final

import msgspec

from plantwright_api.wire.config import Location
from plantwright_api.wire.delivery import pad
from plantwright_gateway.buffer import PageRow
from plantwright_gateway.ports.sink import Batch

MAX_ROWS: Final = 500
MAX_BYTES: Final = 512 * 1024
SPLICE_BYTES: Final = 320
"""What the splice adds to each event, from above."""
PAGE_BYTES: Final = MAX_BYTES - MAX_ROWS * SPLICE_BYTES
FIRST_BYTES: Final = 64 * 1024
LEAST_BYTES: Final = 4096
WANTED_SECONDS: Final = 5.0
"""A batch on a slow link should take no longer: a sixth of the time it is waited for, and before its silence is told."""


class Portion:
    """How many bytes a batch may have: a link too slow for a large one takes smaller ones, and is given more as it takes them.

    Without it a link that needs longer for a full batch than anybody waits would never deliver anything.
    """

    def __init__(self) -> None:
        self.most_bytes = FIRST_BYTES

    def too_slow(self) -> None:
        """A batch was still on its way when the time was over."""
        self.most_bytes = max(self.most_bytes // 4, LEAST_BYTES)

    def taken(self, sent_bytes: int, seconds: float) -> None:
        """A batch of so many bytes was taken, so many seconds after it was sent.

        The next may be twice as large, but not larger than the link carries in the time that a batch should take: what is
        cut off half-way has used the link for nothing.
        """
        fits = int(sent_bytes * WANTED_SECONDS / seconds) if seconds > 0 else PAGE_BYTES
        self.most_bytes = max(min(self.most_bytes * 2, max(fits, self.most_bytes // 2), PAGE_BYTES), LEAST_BYTES)


class Stream:
    """Names the stream that batches are cut from."""

    def __init__(self, uid: str, epoch: str, machine: str, location: Location) -> None:
        self.uid, self.epoch, self.machine, self.location = uid, epoch, machine, location
        identity = msgspec.json.encode({"gatewayuid": uid, "epoch": epoch})[1:-1].decode()
        self._head = f'{{"specversion":"1.0",{identity},"id":"{msgspec.json.encode(epoch)[1:-1].decode()}-'

    def batch(self, rows: Sequence[PageRow], after: int) -> Batch:
        """Rows in ascending sequence as one batch; `after` is what the sink confirmed last."""
        parts: list[bytes] = []
        previous = after
        for row in rows:
            place = f'{row.seq}","sequence":"{pad(row.seq)}","previoussequence":"{pad(previous)}",'
            parts.append(f"{self._head}{place}".encode() + row.body[1:])
            previous = row.seq
        contract = next((row.contract for row in rows if row.contract), "")
        body = b"[" + b",".join(parts) + b"]"
        return Batch(
            self.uid, self.epoch, self.machine, self.location, contract, rows[0].seq, rows[-1].seq, len(rows), body
        )


def one_contract(rows: Sequence[PageRow]) -> list[PageRow]:
    """The longest start of the rows that holds one contract only; gaps and configurations ride along."""
    contract = ""
    for index, row in enumerate(rows):
        if row.contract and contract and row.contract != contract:
            return list(rows[:index])
        contract = contract or row.contract
    return list(rows)
