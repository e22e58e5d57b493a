"""Each panel's query, asked of a real Prometheus: does it return the series that the panel is for?

`python -m plantwright_dashboards.queries URL` asks all of them and ends with 1 where one is unanswered. Grafana's
variables are filled in as Grafana would: every machine, the window 5m.
"""

import json
import math
import re
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

FOLDER: Final = Path(__file__).parents[2] / "charts" / "plantwright" / "files" / "dashboards"
EVERYTHING: Final[Mapping[str, str]] = {
    **dict.fromkeys(("plant", "area", "line", "machine"), ".*"),
    "window": "5m",
    "__rate_interval": "1m",
}
"""What the variables stand for where nothing is chosen."""
VARIABLE: Final = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
PANELS: Final = ("stat", "timeseries", "table")

Ask = Callable[[str], Any]
"""GET of a path of Prometheus' API; the answer's JSON."""


class Target(NamedTuple):
    """A query of a panel."""

    dashboard: str
    panel: str
    ref: str
    expr: str
    instant: bool
    table: bool
    labels: tuple[str, ...]
    """What its series must be labelled with: the labels of the legend, or of the table's rows."""

    def __str__(self) -> str:
        return f"{self.dashboard} / {self.panel} / {self.ref}"


class Answer(NamedTuple):
    """What came of it. `problem` is empty where the series are those that the panel is for."""

    target: Target
    series: list[dict[str, Any]]
    """As Prometheus gave them: `metric`, and `value` or `values`."""
    problem: str


class Span(NamedTuple):
    """What a graph is asked for; seconds since the epoch."""

    start: float
    end: float
    step: float


def dashboards(folder: Path = FOLDER) -> dict[str, dict[str, Any]]:
    """The dashboards as they are committed, by name."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}


def panels(dashboard: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Its panels without the headings."""
    return [panel for panel in dashboard["panels"] if panel["type"] in PANELS]


def targets(name: str, panel: Mapping[str, Any]) -> Iterator[Target]:
    """The queries of a panel."""
    for target in panel["targets"]:
        legend = target.get("legendFormat", "")
        labels = re.findall(r"\{\{\s*(\w+)\s*\}\}", legend) if legend else _rows(target["expr"])
        instant = bool(target["instant"])
        yield Target(name, panel["title"], target["refId"], target["expr"], instant, not legend, tuple(labels))


def filled(expr: str, values: Mapping[str, str]) -> str:
    """The query with Grafana's variables replaced.

    Raises:
        KeyError: it names a variable that there is no value for.
    """
    return VARIABLE.sub(lambda found: values[found[1] or found[2]], expr)


def ask(prometheus: Ask, target: Target, span: Span, values: Mapping[str, str] = EVERYTHING) -> Answer:
    """Ask one query, a graph's over the span and any other at its end."""
    asked = {"query": filled(target.expr, values)}
    if target.instant:
        path = f"/api/v1/query?{urlencode({**asked, 'time': f'{span.end:.3f}'})}"
    else:
        when = {"start": f"{span.start:.3f}", "end": f"{span.end:.3f}", "step": f"{span.step:g}"}
        path = f"/api/v1/query_range?{urlencode({**asked, **when})}"
    answer = prometheus(path)
    if answer.get("status") != "success":
        return Answer(target, [], f"refused: {answer.get('error', answer)}")
    series = answer["data"]["result"]
    return Answer(target, series, _problem(target, series))


def unanswered(prometheus: Ask, span: Span, values: Mapping[str, str] = EVERYTHING, only: str = "") -> list[Answer]:
    """Ask every query of every panel, of all dashboards or only of one; those that have a problem."""
    asked = (target for target in every_target() if only in ("", target.dashboard))
    found = (ask(prometheus, target, span, values) for target in asked)
    return [answer for answer in found if answer.problem]


def every_target(folder: Path = FOLDER) -> Iterator[Target]:
    """The queries of all panels."""
    for name, dashboard in dashboards(folder).items():
        for panel in panels(dashboard):
            yield from targets(name, panel)


def choices(
    prometheus: Ask, dashboard: Mapping[str, Any], values: Mapping[str, str] = EVERYTHING
) -> dict[str, list[str]]:
    """What each variable that is filled by a query offers."""
    offered = {}
    for variable in dashboard["templating"]["list"]:
        found = re.fullmatch(r"label_values\((.*), (\w+)\)", str(variable["query"]))
        if found:
            path = f"/api/v1/label/{found[2]}/values?{urlencode({'match[]': filled(found[1], values)})}"
            offered[variable["name"]] = list(prometheus(path)["data"])
    return offered


def at(url: str) -> Ask:
    """A Prometheus that is reached at a URL. A query that it refuses is an answer, too."""

    def get(path: str) -> Any:
        try:
            with urllib.request.urlopen(url.rstrip("/") + path, timeout=30) as answer:  # noqa: S310 a URL that was given to us
                return json.load(answer)
        except urllib.error.HTTPError as error:
            return json.load(error)

    return get


def _rows(expr: str) -> list[str]:
    """The labels that a table's query keeps."""
    found = re.match(r"max by \(([\w, ]+)\)", expr)
    return found[1].split(", ") if found else []


def _problem(target: Target, series: list[dict[str, Any]]) -> str:
    if not series:
        return "no series"
    enough = any if target.table else all  # a table's cell may be empty, a legend must not
    bare = [label for label in target.labels if not enough(label in each["metric"] for each in series)]
    if bare:
        return f"series without {', '.join(bare)}"
    if not any(known(each) for each in series):
        return "no value is a number"
    return ""


def known(series: Mapping[str, Any]) -> list[tuple[float, float]]:
    """Times and values of a series that are numbers; infinity is one."""
    points = series["values"] if "values" in series else [series["value"]]
    return [(float(at), float(value)) for at, value in points if not math.isnan(float(value))]


def main(url: str) -> int:
    """Ask all of them; a line for each, and how many have a problem."""
    now = time.time()
    span, failed = Span(now - 1800, now, 15), 0
    for target in every_target():
        answer = ask(at(url), target, span)
        failed += bool(answer.problem)
        print(f"{answer.problem or f'{len(answer.series)} series':>24}  {target}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
