"""The port of a schedule: how a gateway hears what its machine is to make.

An adapter is found through the entry point group `plantwright.schedules` under the name of its type. When to ask again and what
becomes of the answer lives once, in `schedule.feed`.
"""

from typing import Final, NamedTuple, Protocol

WAIT_SECONDS: Final = 30
"""So long a client waits for something new before it says that there is nothing."""
MOST_BYTES: Final = 8 * 1024 * 1024
"""Ten thousand job orders take about four."""


class ScheduleUnavailable(Exception):  # noqa: N818 what happened, not whose fault it was
    """There is no schedule to be had now; the message says why, without what is secret."""


class Fetched(NamedTuple):
    """A schedule as it came, and the tag by which it is asked whether there is a newer one."""

    content: bytes
    etag: str


class ScheduleClient(Protocol):
    """Where one machine's schedule comes from."""

    async def fetch(self, etag: str) -> Fetched | None:
        """The schedule, or None where it is still the one of this tag; "" for none.

        Raises:
            ScheduleUnavailable: there is none to be had now.
        """
        ...

    async def close(self) -> None:
        """Nothing is asked any more."""
        ...
