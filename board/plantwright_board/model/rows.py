"""Rows as they are shown. They are rounded here, so that what looks the same is the same and is not sent again."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from plantwright_api.wire.board import LineRow, MachineRow, PlantRow
from plantwright_api.wire.live import Live
from plantwright_board.model.figures import Elements, Figures, elements, figures
from plantwright_board.model.site import Line, Roles, Site

NEVER_HEARD = "nothing has been heard of it since this board was started"
NOT_HEARD = "its gateway is not heard"
RATIO_DIGITS = 3
COVERAGE_DIGITS = 2
CYCLE_DIGITS = 1
BOUND = 200
"""Characters of a text that are shown; what a machine says may be of any length."""


class Sighting(NamedTuple):
    """What is known of a machine: what its gateway said last, and whether that gateway is heard now."""

    place: Line
    live: Live | None = None
    heard: bool = False
    lost: str = ""
    """When its gateway was heard last (RFC 3339), while it is not."""


def machine_row(name: str, seen: Sighting) -> MachineRow:
    """A machine; of one that is not heard no figure is shown, since it may be of another shift."""
    live = seen.live
    if live is None or not seen.heard:
        return MachineRow(
            area=seen.place.area,
            line=seen.place.line,
            machine=name,
            state="NoData",
            since=seen.lost,
            trouble=NOT_HEARD if live else NEVER_HEARD,
        )
    ratios = figures(elements(live))
    return MachineRow(
        area=seen.place.area,
        line=seen.place.line,
        machine=name,
        state=live.state,
        since=live.since,
        inferred=live.inferred,
        confidence=_rounded(live.confidence, COVERAGE_DIGITS),
        trouble=_short(live.trouble),
        reason=_short(live.reason),
        shift=_short(live.shift),
        work_request=_short(live.work_request),
        job_order=_short(live.job_order),
        material_definition=_short(live.material_definition),
        wanted=live.wanted,
        job_good=live.job_good,
        progress=_rounded(progress(live), RATIO_DIGITS),
        cycles=live.cycles if live.cycle_seconds is not None else None,
        cycle_seconds=_rounded(live.cycle_seconds, CYCLE_DIGITS),
        good=live.good,
        rejected=live.rejected,
        oee=_rounded(ratios.oee, RATIO_DIGITS),
        coverage=_rounded(ratios.coverage, COVERAGE_DIGITS),
    )


def progress(live: Live) -> float | None:
    """What is made of what is wanted; above 1 where more was made; None without an order or a count."""
    if live.job_good is None or not live.wanted or live.wanted < 0:
        return None
    return live.job_good / live.wanted


def line_row(line: Line, roles: Roles, of: Elements, machines: int, heard: int) -> LineRow:
    """A line."""
    return LineRow(
        area=line.area, line=line.line, flow=roles.flow, machines=machines, heard=heard, **_told(figures(of))
    )


def plant_row(site: Site, of: Elements, rows: Iterable[MachineRow]) -> PlantRow:
    """The plant."""
    states = Counter(row.state for row in rows)
    return PlantRow(
        name=site.name,
        enterprise=site.enterprise,
        site=site.site,
        time_zone=site.time_zone,
        states=dict(sorted(states.items())),
        **_told(figures(of)),
    )


def _told(ratios: Figures) -> Mapping[str, float | None]:
    rounded = {name: _rounded(value, RATIO_DIGITS) for name, value in ratios._asdict().items()}
    return {**rounded, "coverage": _rounded(ratios.coverage, COVERAGE_DIGITS)}


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _short(text: str) -> str:
    return text if len(text) <= BOUND else f"{text[: BOUND - 1]}…"
