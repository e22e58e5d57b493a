"""Ratios of ISO 22400-2 as sums over sums, for machine, line and plant: the formulas of the chart's files/rules/kpi.yaml.

The elements are those of `wire.live`. A machine without a planned run time per item (PRI) says nothing of effectiveness: neither
its parts nor its production time enter that ratio.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from plantwright_api.wire.live import Live
from plantwright_board.model.site import Roles


class Elements(NamedTuple):
    """Seconds and whole parts. `planned_production` (PRI x PQ) is None where no PRI is known; `producing` is its denominator."""

    planned_busy: float = 0.0
    production: float = 0.0
    producing: float = 0.0
    planned_production: float | None = None
    good: int = 0
    rejected: int = 0
    planned: float = 0.0
    known: float = 0.0


class Figures(NamedTuple):
    """Ratios; None where a denominator is zero or an element is missing."""

    availability: float | None
    effectiveness: float | None
    quality: float | None
    oee: float | None
    coverage: float | None


def elements(live: Live) -> Elements:
    """What one machine told."""
    return Elements(
        planned_busy=live.planned_busy,
        production=live.production,
        producing=live.all_production,
        planned_production=live.planned_production,
        good=live.good,
        rejected=live.rejected,
        planned=live.planned,
        known=live.known_planned,
    )


def figures(of: Elements) -> Figures:
    """The ratios: A = APT/PBT, E = PRI x PQ/APT, Q = GQ/PQ, OEE = A x E x Q; coverage is known of planned time."""
    availability = _ratio(of.production, of.planned_busy)
    effectiveness = None if of.planned_production is None else _ratio(of.planned_production, of.producing)
    quality = _ratio(of.good, of.good + of.rejected)
    known = availability is not None and effectiveness is not None and quality is not None
    oee = availability * effectiveness * quality if known else None  # type: ignore[operator]
    return Figures(availability, effectiveness, quality, oee, _ratio(of.known, of.planned))


def total(parts: Iterable[Elements]) -> Elements:
    """The sum of machines of a parallel line, or of lines."""
    rows = list(parts)
    rated = [each for each in rows if each.planned_production is not None]
    return Elements(
        planned_busy=sum(each.planned_busy for each in rows),
        production=sum(each.production for each in rows),
        producing=sum(each.producing for each in rated),
        planned_production=sum(each.planned_production or 0.0 for each in rated) if rated else None,
        good=sum(each.good for each in rows),
        rejected=sum(each.rejected for each in rows),
        planned=sum(each.planned for each in rows),
        known=sum(each.known for each in rows),
    )


def line(machines: Mapping[str, Elements], roles: Roles) -> Elements:
    """The elements of a line, from those of its machines that are heard."""
    if roles.flow == "Parallel":
        return total(machines.values())
    pace, out = machines.get(roles.bottleneck, Elements()), machines.get(roles.exit, Elements())
    return pace._replace(good=out.good, rejected=out.rejected, planned_production=_planned_production(pace, out))


def _planned_production(pace: Elements, out: Elements) -> float | None:
    """The bottleneck's PRI x the exit's parts; where the bottleneck counts no parts its PRI is not known, and the exit's stands in."""
    counted = pace.good + pace.rejected
    if pace.planned_production is None or not counted:
        return out.planned_production
    return pace.planned_production / counted * (out.good + out.rejected)


def _ratio(numerator: float, denominator: float) -> float | None:
    return numerator / denominator if denominator > 0 else None
