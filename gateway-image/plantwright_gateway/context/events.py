"""Builds the rows of the stream: each an event without its sequence, which only the commit can give."""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from plantwright_api.wire import delivery
from plantwright_api.wire.config import Machine
from plantwright_api.wire.delivery import (
    CHANGE,
    CONFIGURATION,
    GAP,
    OBSERVATION,
    PRODUCTION,
    QUARANTINE,
    Configuration,
    Data,
    Gap,
    Observation,
    Production,
    Quality,
    Quarantined,
    Scalar,
)
from plantwright_gateway.context.kpi import NONE_MADE, Parts
from plantwright_gateway.context.place import asset_context, source_of
from plantwright_gateway.context.situation import Change
from plantwright_gateway.context.times import rfc3339

LONGEST_ORIGINAL = 1024
"""Characters of an original value that are shown; a 10 MB string is no value."""
LARGEST_PACKED = 16 * 1024
"""Bytes of an original value from which it is not kept to be replayed."""


_LONGEST_NS = 2**63 - 1


class Row(NamedTuple):
    """One event to be stored.

    `body` is a JSON object that lacks only what names its place in the stream. `weight` is how many observations would be
    lost with it (a gap carries those it stands for), `meets` whether it is data that meets its contract. Times are ns since
    the epoch, source times kept within 64 bits: they only bound a gap.
    """

    kind: str
    contract: str
    body: bytes
    weight: int
    start_ns: int
    end_ns: int
    meets: bool = False


class Made(NamedTuple):
    """Parts that were counted at a time, or a cycle that ended then; `cycles` as of `wire.delivery.Production`."""

    time_ns: int
    parts: Parts = NONE_MADE
    cycles: int | None = None


class Original(NamedTuple):
    """A value that was kept out of the stream, as the quarantine keeps it.

    `value` is what people are shown, `packed` what a replay starts from (see `packed`), None where there is nothing to start
    from. `version` is that of the contract it did not meet.
    """

    contract: str
    field: str
    signal: str
    value: str
    reason: str
    time_ns: int
    version: str = ""
    packed: bytes | None = None


class StoredEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What of an event is known before it is committed; names are CloudEvents'."""

    source: str
    type: str
    subject: str
    time: str
    recordedtime: str
    data: Data
    datacontenttype: str = "application/json"
    dataschema: str = ""


class EventWriter:
    """Writes events of one machine under one configuration."""

    def __init__(self, machine: Machine, config_hash: str, gateway_version: str) -> None:
        self._machine = machine
        self._hash = config_hash
        self._version = gateway_version
        self._source = source_of(machine.location, machine.name)
        self._schemas = {c.name: f"urn:plantwright:contract:{c.name}:{c.version}" for c in machine.contracts}
        self._versions = {c.name: c.version for c in machine.contracts}
        self._encode = msgspec.json.Encoder().encode

    def observation(
        self,
        contract: str,
        fields: dict[str, Scalar],
        time_ns: int,
        now_ns: int,
        quality: dict[str, Quality],
        flags: dict[str, str],
        context: Mapping[str, str],
        replayed: bool = False,
    ) -> Row:
        """Values of one contract that share one source time; `replayed` when they come out of the quarantine."""
        data = Observation(
            plant=self._machine.plant,
            machine=self._machine.name,
            contract=contract,
            contract_version=self._versions[contract],
            fields=fields,
            config=self._hash,
            quality=quality,
            flags=flags,
            context=dict(context),
            replayed=replayed,
        )
        body = self._body(OBSERVATION, contract, time_ns, now_ns, data, self._schemas[contract])
        return Row(OBSERVATION, contract, body, 1, _bounded(time_ns), _bounded(time_ns), not flags and not quality)

    def quarantined(self, original: Original, now_ns: int) -> Row:
        """A value that cannot be interpreted."""
        data = Quarantined(
            plant=self._machine.plant,
            machine=self._machine.name,
            contract=original.contract,
            contract_version=self._versions[original.contract],
            field=original.field,
            signal=original.signal,
            value=original.value,
            reason=original.reason,
            config=self._hash,
        )
        time_ns = original.time_ns
        body = self._body(QUARANTINE, original.contract, time_ns, now_ns, data, self._schemas[original.contract])
        return Row(QUARANTINE, original.contract, body, 1, _bounded(time_ns), _bounded(time_ns))

    def gap(
        self,
        reason: str,
        start_ns: int,
        end_ns: int,
        now_ns: int,
        count: int | None = None,
        signals: tuple[str, ...] = (),
        message: str = "",
    ) -> Row:
        """A stretch that was not observed, or that was dropped (then `count` is how many observations)."""
        data = Gap(
            plant=self._machine.plant,
            machine=self._machine.name,
            reason=reason,
            start_time=rfc3339(start_ns),
            end_time=rfc3339(end_ns),
            config=self._hash,
            count=count,
            signals=list(signals),
            message=message,
        )
        body = self._body(GAP, self._machine.name, end_ns, now_ns, data)
        return Row(GAP, "", body, count or 0, _bounded(start_ns), _bounded(end_ns))

    def change(self, change: Change, now_ns: int, context: Mapping[str, str]) -> Row:
        """Something about the machine is otherwise from a time on."""
        data = delivery.Change(
            plant=self._machine.plant,
            machine=self._machine.name,
            of=change.of,
            value=change.value,
            origin=change.origin,
            config=self._hash,
            previous=change.previous,
            code=change.code,
            confidence=change.confidence,
            context=dict(context),
        )
        body = self._body(CHANGE, change.of, change.time_ns, now_ns, data)
        return Row(CHANGE, "", body, 1, _bounded(change.time_ns), _bounded(change.time_ns))

    def production(self, made: Made, now_ns: int, context: Mapping[str, str]) -> Row:
        """Parts were made, or a cycle of the load has ended, of which nobody knows what it made."""
        parts = self._machine.parts if made.cycles is None else None
        data = Production(
            plant=self._machine.plant,
            machine=self._machine.name,
            config=self._hash,
            good=made.parts.good if parts and parts.good else None,
            rejected=made.parts.rejected if parts and parts.rejected else None,
            reworked=made.parts.reworked if parts and parts.reworked else None,
            cycles=made.cycles,
            planned_run_time_per_item_seconds=parts.planned_run_time_per_item_seconds if parts else None,
            falls=dict(made.parts.falls),
            context=dict(context),
        )
        body = self._body(PRODUCTION, self._machine.name, made.time_ns, now_ns, data)
        return Row(PRODUCTION, "", body, 1, _bounded(made.time_ns), _bounded(made.time_ns))

    def configuration(self, now_ns: int) -> Row:
        """This configuration came into force."""
        data = Configuration(
            plant=self._machine.plant,
            machine=self._machine.name,
            config=self._hash,
            profile=self._machine.profile,
            contracts=dict(self._versions),
            gateway_version=self._version,
            asset=asset_context(self._machine.asset),
            retention={c.name: c.retention_days for c in self._machine.contracts if c.retention_days is not None},
            calendar=msgspec.to_builtins(self._machine.calendar),
        )
        body = self._body(CONFIGURATION, self._machine.name, now_ns, now_ns, data)
        return Row(CONFIGURATION, "", body, 0, now_ns, now_ns)

    def _body(self, kind: str, subject: str, time_ns: int, now_ns: int, data: Data, schema: str = "") -> bytes:
        return self._encode(
            StoredEvent(
                source=self._source,
                type=kind,
                subject=subject,
                time=rfc3339(time_ns),
                recordedtime=rfc3339(now_ns),
                data=data,
                dataschema=schema,
            )
        )


def _bounded(ns: int) -> int:
    return min(max(ns, -_LONGEST_NS), _LONGEST_NS)


def original_text(value: Scalar) -> str:
    """A value as the quarantine shows it, printable and bounded."""
    text = value if isinstance(value, str) else repr(value)
    return text[:LONGEST_ORIGINAL].encode("utf-8", "backslashreplace").decode()


def packed(value: Scalar, quality: Quality) -> bytes | None:
    """A value as it was read, with its quality, for a replay; None for what is too large or cannot be written down."""
    try:
        content = msgspec.msgpack.encode((value, quality))
    except (OverflowError, UnicodeEncodeError):
        return None
    return content if len(content) <= LARGEST_PACKED else None


def unpacked(content: bytes) -> tuple[Scalar, Quality]:
    """What `packed` wrote.

    Raises:
        msgspec.MsgspecError: it did not write this.
    """
    return msgspec.msgpack.decode(content, type=tuple[Scalar, Quality])
