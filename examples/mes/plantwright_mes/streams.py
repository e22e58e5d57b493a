"""Streams made up for a test of an MES: events as a gateway would send them."""

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from plantwright_api.wire.delivery import GAP, OBSERVATION, Event, pad

START = datetime(2026, 1, 1, tzinfo=UTC)


class Stream:
    """One (gateway uid, epoch) with a name of its own, so that runs never meet an earlier run's watermark."""

    def __init__(self, uid: str = "", epoch: str = "", machine: str = "") -> None:
        self.uid = uid or str(uuid.uuid4())
        self.epoch = epoch or uuid.uuid4().hex
        self.machine = machine or f"conformance-{self.uid[:8]}"

    def event(self, sequence: int, /, **changes: Any) -> Event:
        """Event number `sequence`, whose field `value` is that number; `changes` replace attributes."""
        time = (START + timedelta(milliseconds=100 * sequence)).isoformat().replace("+00:00", "Z")
        data = {
            "plant": "conformance",
            "machine": self.machine,
            "contract": "numbers",
            "contractVersion": "1.0.0",
            "fields": {"value": sequence},
            "config": "none",
        }
        event = Event(
            specversion="1.0",
            id=f"{self.uid}/{self.epoch}/{sequence}",
            source=f"plantwright/conformance/{self.machine}",
            type=OBSERVATION,
            subject="numbers",
            time=time,
            recordedtime=time,
            sequence=pad(sequence),
            previoussequence=pad(sequence - 1),
            gatewayuid=self.uid,
            epoch=self.epoch,
            data=data,
        )
        return msgspec.structs.replace(event, **changes)

    def poison(self, sequence: int) -> Event:
        """An event whose envelope is right and whose data is not of its type."""
        return self.event(sequence, data={"plant": "conformance", "machine": self.machine, "fields": "none"})

    def gap(self, sequence: int, start: str, end: str) -> Event:
        """A gap record over the given RFC 3339 times."""
        data = {"plant": "conformance", "machine": self.machine, "reason": "Unreachable", "config": "none"}
        return self.event(sequence, type=GAP, data=data | {"startTime": start, "endTime": end})

    def batch(self, first: int, last: int) -> bytes:
        """The body that carries `first` to `last`."""
        return body(self.event(sequence) for sequence in range(first, last + 1))


def body(events: Iterable[Event]) -> bytes:
    """A batch's body."""
    return msgspec.json.encode(list(events))
