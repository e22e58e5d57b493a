"""The delivery protocol as an MES sees it: bytes in, a decision out. No I/O and no clock.

The rules stand in `plantwright_api.wire.delivery`. What is wrong with the envelope refuses the whole batch (`Malformed`,
HTTP 400), since then nothing can be said about sequences; what is wrong with one event's data refuses that event alone.
"""

import itertools
import re
from typing import NamedTuple

import msgspec

from plantwright_api.wire.delivery import Event

MAX_SEQUENCE = 2**63 - 1
"""PostgreSQL's bigint ends here."""

_IDENTITY = re.compile(r"[\x21-\x7e]{1,128}")
_DECODER = msgspec.json.Decoder(list[Event])
_SINGLE = msgspec.json.Decoder(Event)


class MalformedError(Exception):
    """The batch is no batch of this protocol; sending it again unchanged is of no use."""


class Item(NamedTuple):
    """One event with its sequences as numbers."""

    sequence: int
    previous: int
    event: Event


class Batch(NamedTuple):
    """An unbroken stretch of one stream, in ascending sequence, never empty."""

    uid: str
    epoch: str
    items: tuple[Item, ...]


class Hole(NamedTuple):
    """Sequences above `after` and up to `upto` that have not arrived."""

    after: int
    upto: int


class Admission(NamedTuple):
    """What a watermark makes of a batch: the events that are new, how many were seen before, and what is missing."""

    fresh: tuple[Item, ...]
    ignored: int
    hole: Hole | None


def parse(body: bytes) -> Batch:
    """Read a batch: a JSON array of CloudEvents; over MQTT one event may stand alone.

    Raises:
        MalformedError: naming what is wrong.
    """
    try:
        events = [_SINGLE.decode(body)] if body[:1] == b"{" else _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedError(str(error)) from error
    if not events:
        raise MalformedError("the batch is empty")
    items = tuple(_item(event) for event in events)
    _check_one_stream(items)
    return Batch(events[0].gatewayuid, events[0].epoch, items)


def admit(batch: Batch, watermark: int) -> Admission:
    """Hold a batch against the stream's watermark.

    A batch is unbroken, so something can only be missing before its first event.
    """
    fresh = tuple(item for item in batch.items if item.sequence > watermark)
    missing = batch.items[0].previous
    return Admission(
        fresh=fresh,
        ignored=len(batch.items) - len(fresh),
        hole=Hole(watermark, missing) if missing > watermark else None,
    )


def _item(event: Event) -> Item:
    sequence, previous = _number(event.sequence), _number(event.previoussequence)
    if previous >= sequence:
        raise MalformedError(f"previoussequence {previous} is not below sequence {sequence}")
    return Item(sequence, previous, event)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 20 or int(text) > MAX_SEQUENCE:
        raise MalformedError(f"{text[:40]!r} is no sequence")
    return int(text)


def _check_one_stream(items: tuple[Item, ...]) -> None:
    first = items[0].event
    if not _IDENTITY.fullmatch(first.gatewayuid) or not _IDENTITY.fullmatch(first.epoch):
        raise MalformedError("gatewayuid and epoch must be given, in at most 128 printable characters")
    for before, item in itertools.pairwise(items):
        if (item.event.gatewayuid, item.event.epoch) != (first.gatewayuid, first.epoch):
            raise MalformedError("the batch mixes streams")
        if item.previous != before.sequence:
            raise MalformedError(f"sequence {item.sequence} follows {before.sequence} and names {item.previous}")
