"""What all dashboards share: the variables, the links between them, rows and places of panels."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard

from plantwright_dashboards.kit import REPOSITORY, SOURCE, TAG, Panel

LEVELS: Final = ("plant", "area", "line", "machine")
EVERY_MACHINE: Final = "plantwright_buffer_max_bytes"
"""A series that each gateway has of each of its machines from its start on: the variables' values come from it."""
WINDOWS: Final = ("5m", "1h", "8h")
"""The windows of the recording rules; 1h is chosen at first."""


class Row(NamedTuple):
    """Panels under a heading."""

    title: str
    panels: Sequence[Panel]


def place(*levels: str) -> str:
    """The matchers of the variables of these levels."""
    return ",".join(f'{level}=~"${level}"' for level in levels)


def frame(
    name: str, title: str, text: str, rows: Iterable[Row], levels: Sequence[str], one: Sequence[str] = ()
) -> builders.Dashboard:
    """A dashboard with variables for `levels`; of those in `one` a single value is looked at."""
    board = builders.Dashboard(f"Plantwright / {title}").uid(f"{TAG}-{name}").description(text)
    board = board.tags([TAG]).timezone("browser").refresh("30s").time("now-6h", "now").readonly()
    board = board.tooltip(dashboard.DashboardCursorSync.CROSSHAIR).links(_links()).annotation(_alerts(levels))
    board = board.with_variable(_datasource())
    for index, level in enumerate(levels):
        board = board.with_variable(_level(level, levels[:index], many=level not in one))
    board = board.with_variable(_window())
    number = 0
    for row in rows:
        number += 1
        board = board.with_row(builders.Row(row.title).id(number))
        for panel in row.panels:
            number += 1
            board = board.with_panel(panel.id(number))
    return board


def _datasource() -> builders.DatasourceVariable:
    variable = builders.DatasourceVariable("datasource").label("Prometheus").type("prometheus")
    return variable.description("The Prometheus that scrapes the gateways and holds the recording rules.")


def _level(level: str, above: Sequence[str], many: bool) -> builders.QueryVariable:
    matchers = place(*above)
    variable = builders.QueryVariable(level).label(level.capitalize()).datasource(SOURCE)
    variable = variable.query(f"label_values({EVERY_MACHINE}{{{matchers}}}, {level})")
    variable = variable.refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED)
    variable = variable.sort(dashboard.VariableSort.ALPHABETICAL_ASC)
    if not many:
        return variable
    everything = dashboard.VariableOption(selected=True, text=["All"], value=["$__all"])
    return variable.multi(True).include_all(True).all_value(".*").current(everything)


def _window() -> builders.CustomVariable:
    variable = builders.CustomVariable("window").label("Window").values(",".join(WINDOWS))
    variable = variable.description("Over how long a KPI is taken: the windows of the recording rules.")
    options = [dashboard.VariableOption(selected=each == "1h", text=each, value=each) for each in WINDOWS]
    return variable.options(options).current(dashboard.VariableOption(selected=True, text="1h", value="1h"))


def _links() -> list[Builder[dashboard.DashboardLink]]:
    others = builders.DashboardLink("Plantwright").type(dashboard.DashboardLinkType.DASHBOARDS).tags([TAG])
    guide = builders.DashboardLink("Guide").type(dashboard.DashboardLinkType.LINK).icon("doc").target_blank(True)
    return [
        others.as_dropdown(True)
        .include_vars(True)
        .keep_time(True)
        .tooltip("The other dashboards, with the same choice"),
        guide.url(f"{REPOSITORY}/docs/guide-dashboards.md").tooltip("What each dashboard is for"),
    ]


def _alerts(levels: Sequence[str]) -> builders.AnnotationQuery:
    """Alerts while they fire, as marks in every graph."""
    plants = 'plant=~"$plant|",' if "plant" in levels else ""
    expr = f'ALERTS{{{plants}alertstate="firing",alertname=~"Plantwright.*"}}'
    mark = builders.AnnotationQuery().name("Firing alerts").datasource(SOURCE).enable(True).icon_color("red")
    return mark.expr(expr)
