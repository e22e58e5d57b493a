"""From an event to the row that keeps it. Pure: the store only copies rows into their tables."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple, get_args
from urllib.parse import unquote

import msgspec

from plantwright_api.wire.delivery import CHANGE, CONFIGURATION, GAP, OBSERVATION, PRODUCTION, QUARANTINE, Event, State
from plantwright_api.wire.delivery import Change as ChangeData
from plantwright_api.wire.delivery import Configuration as ConfigurationData
from plantwright_api.wire.delivery import Gap as GapData
from plantwright_api.wire.delivery import Observation as ObservationData
from plantwright_api.wire.delivery import Production as ProductionData
from plantwright_api.wire.delivery import Quarantined as QuarantinedData
from plantwright_mes.batch import Item

MAX_REASON = 500
MAX_NAME = 512
"""Longest plant or machine name; PostgreSQL's indexes take no longer ones."""

MAX_RUN_SECONDS = 10**9
"""Longest planned run time per item; about thirty years."""
STATES = frozenset(get_args(State))
LEVELS = ("enterprise", "site", "area", "line")
"""Levels of ISA-95 above a machine, as the source of an event names them."""


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
    "configurations": (
        *KEY,
        "config",
        "profile",
        "contracts",
        "gateway_version",
        "asset",
        "retention",
        "place",
        "calendar",
    ),
    "quarantine": (*KEY, "contract", "version", "field", "signal", "value", "reason", "config"),
    "changes": (*KEY, "of", "value", "origin", "previous", "code", "confidence", "context", "config"),
    "production": (*KEY, "good", "rejected", "reworked", "planned_run_ns", "context", "config", "cycles"),
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


def place_of(source: str) -> dict[str, str]:
    """Where a machine stands: a CloudEvents source `/<enterprise>/<site>/<area>/<line>/<machine>`; "" for what it does not say."""
    parts = [unquote(part) for part in source.split("/")]
    known = parts[1:5] if len(parts) == 6 and not parts[0] else []
    return dict.fromkeys(LEVELS, "") | dict(zip(LEVELS, known, strict=False))


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
    return Row(item.sequence, kind.table, key + times + kind.columns(data, event))


def _refuse(text: str) -> datetime:
    raise RefusedError(f"{text[:40]!r} has no time zone")


def _observation(data: ObservationData, _event: Event) -> tuple[Any, ...]:
    parts = (data.fields, data.quality, data.flags, data.context)
    encoded = (msgspec.json.encode(part) for part in parts)
    return (data.contract, data.contract_version, *encoded, data.replayed, data.config)


def _gap(data: GapData, _event: Event) -> tuple[Any, ...]:
    start, end = timestamp(data.start_time), timestamp(data.end_time)
    return (data.reason, start, end, data.count, data.signals, data.message, data.config)


def _configuration(data: ConfigurationData, event: Event) -> tuple[Any, ...]:
    parts = (data.asset, data.retention, place_of(event.source), data.calendar)
    encoded = (msgspec.json.encode(part) for part in parts)
    return (data.config, data.profile, msgspec.json.encode(data.contracts), data.gateway_version, *encoded)


def _change(data: ChangeData, _event: Event) -> tuple[Any, ...]:
    if data.of == "State" and data.value not in STATES:
        raise RefusedError(f"value {data.value[:80]!r} is no State")
    context = msgspec.json.encode(data.context)
    return (data.of, data.value, data.origin, data.previous, data.code, data.confidence, context, data.config)


def _production(data: ProductionData, event: Event) -> tuple[Any, ...]:
    """A counter that is not there is not 0: `reworked` that is not told stays unknown."""
    good, rejected = data.good or 0, data.rejected or 0
    if min(good, rejected, data.reworked or 0, data.cycles or 0) < 0:
        raise RefusedError("good, rejected, reworked and cycles are at least 0")
    context = msgspec.json.encode(data.context)
    return (good, rejected, data.reworked, _nanoseconds(data), context, data.config, data.cycles)


def _nanoseconds(data: ProductionData) -> int | None:
    seconds = data.planned_run_time_per_item_seconds
    if seconds is None:
        return None
    if not 0 <= seconds <= MAX_RUN_SECONDS:
        raise RefusedError(f"plannedRunTimePerItemSeconds is between 0 and {MAX_RUN_SECONDS}")
    return round(seconds * 1e9)


def _quarantined(data: QuarantinedData, _event: Event) -> tuple[Any, ...]:
    return (data.contract, data.contract_version, data.field, data.signal, data.value, data.reason, data.config)


class _Kind(NamedTuple):
    table: str
    data: type[Any]
    columns: Callable[[Any, Event], tuple[Any, ...]]


_KINDS: dict[str, _Kind] = {
    OBSERVATION: _Kind("observations", ObservationData, _observation),
    GAP: _Kind("gaps", GapData, _gap),
    CONFIGURATION: _Kind("configurations", ConfigurationData, _configuration),
    QUARANTINE: _Kind("quarantine", QuarantinedData, _quarantined),
    CHANGE: _Kind("changes", ChangeData, _change),
    PRODUCTION: _Kind("production", ProductionData, _production),
}
