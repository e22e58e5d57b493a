"""From an event to the row that keeps it. Pure: the store only copies rows into their tables."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from plantwright_api.wire.delivery import CONFIGURATION, GAP, OBSERVATION, QUARANTINE
from plantwright_api.wire.delivery import Configuration as ConfigurationData
from plantwright_api.wire.delivery import Gap as GapData
from plantwright_api.wire.delivery import Observation as ObservationData
from plantwright_api.wire.delivery import Quarantined as QuarantinedData
from plantwright_mes.batch import Item

MAX_REASON = 500
MAX_NAME = 512
"""Longest plant or machine name; PostgreSQL's indexes take no longer ones."""


class RefusedError(Exception):
    """This event will never be stored; the message says why."""


class Row(NamedTuple):
    """One record for `table`; the columns stand in TABLES."""

    sequence: int
    table: str
    values: tuple[Any, ...]


KEY = ("sink", "uid", "epoch", "seq", "plant", "machine", "source_time", "recorded_time")
TABLES: dict[str, tuple[str, ...]] = {
    "observations": (*KEY, "contract", "version", "fields", "quality", "flags", "context", "replayed", "config"),
    "gaps": (*KEY, "reason", "start_time", "end_time", "count", "signals", "message", "config"),
    "configurations": (*KEY, "config", "profile", "contracts", "gateway_version", "asset", "retention"),
    "quarantine": (*KEY, "contract", "version", "field", "signal", "value", "reason", "config"),
}
"""Columns per table, in the order in which rows carry them."""


def timestamp(text: str) -> datetime:
    """An RFC 3339 time; digits below the microsecond are cut, as PostgreSQL keeps none.

    Raises:
        RefusedError: when it is none or has no zone.
    """
    try:
        value = datetime.fromisoformat(text)
        return value.astimezone(UTC) if value.tzinfo else _refuse(text)
    except (ValueError, OverflowError) as error:
        raise RefusedError(f"{text[:40]!r} is no RFC 3339 time") from error


def row(sink: str, item: Item) -> Row:
    """The row of one event.

    Raises:
        RefusedError: when its type is unknown, its data is not of its type, or a time is none.
    """
    event = item.event
    if event.type not in _KINDS:
        raise RefusedError(f"type {event.type[:80]!r} is unknown")
    kind = _KINDS[event.type]
    try:
        data = msgspec.convert(event.data, kind.data)
    except msgspec.ValidationError as error:
        raise RefusedError(str(error)[:MAX_REASON]) from error
    if max(len(data.plant), len(data.machine)) > MAX_NAME:
        raise RefusedError(f"plant and machine have at most {MAX_NAME} characters")
    key = (sink, event.gatewayuid, event.epoch, item.sequence, data.plant, data.machine)
    times = (timestamp(event.time), timestamp(event.recordedtime))
    return Row(item.sequence, kind.table, key + times + kind.columns(data))


def _refuse(text: str) -> datetime:
    raise RefusedError(f"{text[:40]!r} has no time zone")


def _observation(data: ObservationData) -> tuple[Any, ...]:
    parts = (data.fields, data.quality, data.flags, data.context)
    encoded = (msgspec.json.encode(part) for part in parts)
    return (data.contract, data.contract_version, *encoded, data.replayed, data.config)


def _gap(data: GapData) -> tuple[Any, ...]:
    start, end = timestamp(data.start_time), timestamp(data.end_time)
    return (data.reason, start, end, data.count, data.signals, data.message, data.config)


def _configuration(data: ConfigurationData) -> tuple[Any, ...]:
    contracts, asset, retention = map(msgspec.json.encode, (data.contracts, data.asset, data.retention))
    return (data.config, data.profile, contracts, data.gateway_version, asset, retention)


def _quarantined(data: QuarantinedData) -> tuple[Any, ...]:
    return (data.contract, data.contract_version, data.field, data.signal, data.value, data.reason, data.config)


class _Kind(NamedTuple):
    table: str
    data: type[Any]
    columns: Callable[[Any], tuple[Any, ...]]


_KINDS: dict[str, _Kind] = {
    OBSERVATION: _Kind("observations", ObservationData, _observation),
    GAP: _Kind("gaps", GapData, _gap),
    CONFIGURATION: _Kind("configurations", ConfigurationData, _configuration),
    QUARANTINE: _Kind("quarantine", QuarantinedData, _quarantined),
}
