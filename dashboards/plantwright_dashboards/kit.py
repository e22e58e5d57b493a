"""How a panel of ours looks, on top of Grafana's own builders: a title, what it means and what to do, unit, limits.

A limit carries its meaning in words, which end up in the panel's description: a colour alone says nothing.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.builders import prometheus, stat, table, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common, dashboard
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

REPOSITORY: Final = "https://github.com/plantwright/plantwright/blob/main"
SOURCE: Final = dashboard.DataSourceRef(type_val="prometheus", uid="${datasource}")
TAG: Final = "plantwright"
STAT_HEIGHT, GRAPH_HEIGHT = 4, 8
NEUTRAL: Final = "blue"

Panel = stat.Panel | timeseries.Panel | table.Panel


class Limit(NamedTuple):
    """A colour from a value on (None: from below), and what it says of the plant."""

    colour: str
    above: float | None
    meaning: str


class Query(NamedTuple):
    """A query and the legend of its series."""

    expr: str
    legend: str


class Column(NamedTuple):
    """A column of a table: its query, summed up by the labels that are the table's rows."""

    title: str
    expr: str
    unit: str
    limits: Sequence[Limit] = ()


def single(
    title: str,
    text: str,
    expr: str,
    unit: str,
    limits: Sequence[Limit] = (),
    runbook: str = "",
    decimals: int | None = None,
) -> stat.Panel:
    """One figure, a sixth of the width."""
    panel = stat.Panel().with_target(_query(Query(expr, title), "A", instant=True)).span(4).height(STAT_HEIGHT)
    panel = panel.unit(unit).thresholds(_steps(limits)).title(title).description(_told(text, limits))
    panel = panel.datasource(SOURCE).links(_links(runbook)).graph_mode(common.BigValueGraphMode.NONE)
    panel = panel.color_mode(common.BigValueColorMode.VALUE)
    panel = panel.reduce_options(common_builders.ReduceDataOptions().calcs(["lastNotNull"]))
    return panel if decimals is None else panel.decimals(decimals)


def graph(
    title: str,
    text: str,
    queries: Sequence[Query],
    unit: str,
    limits: Sequence[Limit] = (),
    runbook: str = "",
    stacked: bool = False,
) -> timeseries.Panel:
    """Series over time, half the width. Limits are drawn as dashed lines."""
    panel = timeseries.Panel().span(12).height(GRAPH_HEIGHT).datasource(SOURCE)
    for ref, query in zip("ABCDEFGH", queries, strict=False):
        panel = panel.with_target(_query(query, ref, instant=False))
    panel = panel.title(title).description(_told(text, limits)).unit(unit).links(_links(runbook)).min(0)
    panel = panel.thresholds(_steps(limits)).line_width(1).fill_opacity(60 if stacked else 8)
    legend = common_builders.VizLegendOptions().display_mode(common.LegendDisplayMode.LIST).show_legend(True)
    panel = panel.legend(legend.placement(common.LegendPlacement.BOTTOM))
    panel = panel.tooltip(common_builders.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI))
    if stacked:
        panel = panel.stacking(common_builders.StackingConfig().mode(common.StackingMode.NORMAL))
    if limits:
        dashed = common_builders.GraphThresholdsStyleConfig().mode(common.GraphThresholdsStyleMode.DASHED)
        panel = panel.thresholds_style(dashed)
    return panel


def overview(
    title: str, text: str, rows: Sequence[str], columns: Sequence[Column], runbook: str = "", drill: str = ""
) -> table.Panel:
    """A table over the whole width: a row per set of the labels `rows`, a column per query.

    Every query keeps these labels only: a name or a target's label that differs would tear a row apart. Its series must
    be one for each set of them, or its largest be meant. `drill` names the dashboard that the last label leads to.
    """
    panel = table.Panel().span(24).height(GRAPH_HEIGHT).title(title).datasource(SOURCE).unit("none")
    panel = panel.thresholds(_steps(())).links(_links(runbook)).description(_told(text, (), columns))
    refs = dict(zip("ABCDEFGHIJKLMNOP", columns, strict=False))
    for ref, column in refs.items():
        panel = panel.with_target(_query(Query(f"max by ({', '.join(rows)}) ({column.expr})", ""), ref, instant=True))
        panel = panel.override_by_name(column.title, _column(column))
    if drill:
        panel = panel.override_by_name(rows[-1], [dashboard.DynamicConfigValue("links", [_drill(drill, rows)])])
    return panel.with_transformation(dashboard.DataTransformerConfig("merge", options={})).with_transformation(
        dashboard.DataTransformerConfig("organize", options=_organised(rows, refs))
    )


def _organised(rows: Sequence[str], refs: dict[str, Column]) -> dict[str, object]:
    values = {f"Value #{ref}": column.title for ref, column in refs.items()}
    if len(refs) == 1:  # then Grafana leaves the number out
        values["Value"] = refs["A"].title
    order = {name: index for index, name in enumerate([*rows, *values])}
    return {"excludeByName": {"Time": True}, "indexByName": order, "renameByName": values}


def _column(column: Column) -> list[dashboard.DynamicConfigValue]:
    unit = dashboard.DynamicConfigValue("unit", column.unit)
    if not column.limits:
        return [unit]
    coloured = dashboard.DynamicConfigValue("custom.cellOptions", {"type": "color-text"})
    return [unit, coloured, dashboard.DynamicConfigValue("thresholds", _steps(column.limits).build())]


def _drill(uid: str, rows: Sequence[str]) -> dict[str, object]:
    """A link from a row to a dashboard about it."""
    given = "&".join(f"var-{label}=${{__data.fields.{label}}}" for label in rows)
    url = f"/d/plantwright-{uid}?{given}&${{datasource:queryparam}}&${{window:queryparam}}&${{__url_time_range}}"
    return {"title": f"Dashboard of this {rows[-1]}", "url": url, "targetBlank": False}


def _query(query: Query, ref: str, instant: bool) -> prometheus.Dataquery:
    built = prometheus.Dataquery().expr(query.expr).ref_id(ref).legend_format(query.legend).datasource(SOURCE)
    if query.legend:
        return built.instant() if instant else built.range()
    return built.instant().format(PromQueryFormat.TABLE)


def _steps(limits: Sequence[Limit]) -> builders.ThresholdsConfig:
    steps = [dashboard.Threshold(limit.above, limit.colour) for limit in limits]
    absolute = builders.ThresholdsConfig().mode(dashboard.ThresholdsMode.ABSOLUTE)
    return absolute.steps(steps or [dashboard.Threshold(None, NEUTRAL)])


def _told(text: str, limits: Sequence[Limit], columns: Sequence[Column] = ()) -> str:
    """The description: what it means, then the meaning of each colour, column by column in a table."""
    colours = [_meanings("", limits), *(_meanings(f"{column.title}: ", column.limits) for column in columns)]
    return "\n\n".join([text, *filter(None, colours)])


def _meanings(head: str, limits: Sequence[Limit]) -> str:
    return head + "; ".join(f"{limit.colour}: {limit.meaning}" for limit in limits) + "." if limits else ""


def _links(runbook: str) -> list[Builder[dashboard.DashboardLink]]:
    return [_link(f"Runbook {runbook}", f"{REPOSITORY}/docs/runbooks/{runbook}.md")] if runbook else []


def _link(title: str, url: str) -> builders.DashboardLink:
    link = builders.DashboardLink(title).type(dashboard.DashboardLinkType.LINK).icon("doc").tooltip(title)
    return link.url(url).target_blank(True)
