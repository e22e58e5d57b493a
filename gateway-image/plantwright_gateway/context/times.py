"""Times as the wire writes them: RFC 3339 in UTC, as fine as they were given."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

SECOND: Final = 1_000_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_EARLIEST: Final = int(datetime(1, 1, 1, tzinfo=UTC).timestamp())
_LATEST: Final = int(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp())


def rfc3339(ns: int) -> str:
    """Write ns since the epoch; microseconds, or nanoseconds where there are any.

    What lies outside the years 1 to 9999 is written as the nearest second inside: RFC 3339 has no word for it.
    """
    seconds, fraction = divmod(ns, SECOND)
    if not _EARLIEST <= seconds <= _LATEST:
        seconds, fraction = min(max(seconds, _EARLIEST), _LATEST), 0
    digits = f"{fraction:09d}" if fraction % 1000 else f"{fraction // 1000:06d}"
    return f"{_second(seconds)}.{digits}Z"


@lru_cache(maxsize=64)
def _second(seconds: int) -> str:
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment.year:04d}-{moment:%m-%dT%H:%M:%S}"


def nanoseconds(moment: datetime) -> int:
    """ns since the epoch of a time with a zone, exact."""
    return (moment - _EPOCH) // _MICROSECOND * 1000
