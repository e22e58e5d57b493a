"""What the shop-floor board tells its viewers: the page in a browser and `plantwright top`.

A board answers `GET /events` with server-sent events, each one `Frame`. The first is whole; later ones hold the rows that have
changed since, at most four a second, and an empty one every ten seconds says that the board is there. `GET /snapshot` is a whole
frame. Viewers get no names of people, though gateways tell them.
"""

from typing import Literal

import msgspec

from plantwright_api.wire.delivery import State

ShownState = State | Literal["NoData"]
"""NoData: the machine's gateway is not heard. It says nothing of the machine, least of all that it stands."""
Flow = Literal["Parallel", "Serial"]


class Row(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Base of rows. Ratios are parts of 1, rounded as they are shown; None where they are not known, which is never 0."""


class MachineRow(Row, frozen=True):
    """One machine. `since` is when its state began (RFC 3339), for NoData when the last word of it came ("" never)."""

    area: str
    line: str
    machine: str
    state: ShownState
    since: str = ""
    inferred: bool = False
    confidence: float | None = None
    trouble: str = ""
    """Why nothing is known, in words."""
    reason: str = ""
    """Why the machine stands."""
    shift: str = ""
    work_request: str = ""
    job_order: str = ""
    material_definition: str = ""
    wanted: float | None = None
    job_good: int | None = None
    progress: float | None = None
    cycles: int | None = None
    """Of the load, in this shift, and how long one takes in s; None where the load shows none. They are no parts."""
    cycle_seconds: float | None = None
    good: int = 0
    rejected: int = 0
    oee: float | None = None
    coverage: float | None = None


class LineRow(Row, frozen=True):
    """One line: sums over its machines, or by bottleneck and exit machine where it is serial. `heard` of `machines` told figures."""

    area: str
    line: str
    flow: Flow = "Parallel"
    machines: int = 0
    heard: int = 0
    oee: float | None = None
    availability: float | None = None
    effectiveness: float | None = None
    quality: float | None = None
    coverage: float | None = None


class PlantRow(Row, frozen=True):
    """The plant: sums over its lines, and how many machines are in which state."""

    name: str
    enterprise: str = ""
    site: str = ""
    time_zone: str = "Etc/UTC"
    states: dict[ShownState, int] = {}
    oee: float | None = None
    availability: float | None = None
    effectiveness: float | None = None
    quality: float | None = None
    coverage: float | None = None


class Frame(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Rows that take the place of those of the same name; a whole one takes the place of all. `now` is the board's clock."""

    now: str
    whole: bool = False
    plant: PlantRow | None = None
    lines: list[LineRow] = []
    machines: list[MachineRow] = []
