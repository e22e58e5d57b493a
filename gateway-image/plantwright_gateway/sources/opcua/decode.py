"""From an OPC UA DataValue to a sample. Pure: anything shaped like a DataValue will do."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from plantwright_api.wire.delivery import Quality, Scalar
from plantwright_gateway.ports.source import Sample

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2262, 1, 1, tzinfo=UTC)
"""Nanoseconds since the epoch end in 2262; a time outside cannot be carried, and no machine means it."""
PLAIN = frozenset({bool, int, float, str})
LONGEST_TEXT = 65_536
SEVERITY_SHIFT = 30
OVERFLOW = 0x480
"""InfoType DataValue with the Overflow bit: the server's queue lost values before this one."""


class VariantLike(Protocol):
    """A typed value; `VariantType` is the number of the built-in type (OPC 10000-6, 5.1.2)."""

    @property
    def Value(self) -> Any: ...  # noqa: D102, N802
    @property
    def VariantType(self) -> Any: ...  # noqa: D102, N802


class StatusLike(Protocol):
    """A status code."""

    @property
    def value(self) -> int: ...  # noqa: D102


class DataValueLike(Protocol):
    """A value with its status and times."""

    @property
    def Value(self) -> VariantLike | None: ...  # noqa: D102, N802
    @property
    def StatusCode(self) -> StatusLike | None: ...  # noqa: D102, N802
    @property
    def SourceTimestamp(self) -> datetime | None: ...  # noqa: D102, N802
    @property
    def ServerTimestamp(self) -> datetime | None: ...  # noqa: D102, N802


TEXTS: Mapping[int, Callable[[Any], Scalar]] = {
    13: lambda time: _aware(time).isoformat().replace("+00:00", "Z"),  # DateTime
    14: str,  # Guid
    19: lambda status: int(status.value),  # StatusCode
    20: lambda name: name.Name,  # QualifiedName
    21: lambda text: text.Text,  # LocalizedText
}
"""Built-in types that are no plain Python value, and how they are carried. All others cannot be."""


def sample(signal: str, data: DataValueLike, arrived_ns: int) -> Sample:
    """The sample that a DataValue gives; it never raises, for a machine may send anything.

    The time is the source's, else the server's, else the arrival. A Bad value is None. An array, a structure, bytes and
    an empty value cannot be carried and are Bad with a reason.
    """
    status = data.StatusCode.value if data.StatusCode is not None else 0
    source_ns, plausible = observed_at(data, arrived_ns)
    severity = status >> SEVERITY_SHIFT
    if severity > 1:
        return Sample(signal, None, source_ns, "Bad", "BadValue")
    value, reason = _scalar(data.Value)
    if reason:
        return Sample(signal, None, source_ns, "Bad", reason)
    if not plausible:
        return Sample(signal, value, source_ns, "Uncertain", "ImplausibleTime")
    quality: Quality = "Uncertain" if severity else "Good"
    return Sample(signal, value, source_ns, quality, "UncertainValue" if severity else "")


def observed_at(data: DataValueLike, arrived_ns: int) -> tuple[int, bool]:
    """The time of a value in ns, and whether what the source said of it can be meant."""
    source_ns = _to_ns(data.SourceTimestamp)
    if source_ns is not None:
        return source_ns, True
    server_ns = _to_ns(data.ServerTimestamp)
    return server_ns if server_ns is not None else arrived_ns, data.SourceTimestamp is None


def has_overflowed(data: DataValueLike) -> bool:
    """Whether the server says that values before this one were lost in its queue."""
    return data.StatusCode is not None and data.StatusCode.value & OVERFLOW == OVERFLOW


def _to_ns(time: datetime | None) -> int | None:
    if time is None:
        return None
    time = _aware(time)
    if not EPOCH <= time < LATEST:
        return None
    since = time - EPOCH
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1_000


def _aware(time: datetime) -> datetime:
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _scalar(variant: VariantLike | None) -> tuple[Scalar, str]:
    """The value, or the reason why there is none."""
    raw = variant.Value if variant is not None else None
    if variant is None or raw is None:
        return None, "BadValue"
    if type(raw) not in PLAIN:
        convert = TEXTS.get(int(variant.VariantType))
        if convert is None or isinstance(raw, list | tuple):
            return None, "WrongType"
        try:
            raw = convert(raw)
        except (AttributeError, TypeError, ValueError):
            return None, "WrongType"
    if isinstance(raw, str) and len(raw) > LONGEST_TEXT:
        return None, "TooLong"
    return raw, "" if raw is not None else "BadValue"
