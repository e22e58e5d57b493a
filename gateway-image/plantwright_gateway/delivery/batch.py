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
