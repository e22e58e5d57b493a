"""Draws what the panels' queries return as one SVG per dashboard, for the documentation.

It is no Grafana and says so in every picture: it shows that each panel has its series, and roughly what to expect.
`python -m plantwright_dashboards.preview URL FOLDER` draws the last half hour of a Prometheus; `--minutes 10` less, and
`machine=lathe-01` chooses the machine to look at alone.
"""

import argparse
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape

from plantwright_dashboards.queries import EVERYTHING, Answer, Ask, Span, ask, at, dashboards, known, panels, targets

COLUMN, ROW, GAP, HEAD = 50, 20, 4, 34
"""Pixels of a cell of Grafana's grid, between panels, and of the line at the top."""
INK, PALE, LINE, PAPER, CARD = "#1f2430", "#5b6472", "#d9dde4", "#f4f5f7", "#ffffff"
COLOURS: Final = ("#3274d9", "#d97a1f", "#299c46", "#8f3bb8", "#c4162a", "#0f8b8d", "#8a6d00", "#5b6472")
LABEL: Final = "drawn from query results, not Grafana"
POINTS: Final = 90
WIDE: Final = 14
"""From so many columns on a table is written smaller."""
Draw = Callable[[Mapping[str, Any], Sequence[Answer], int, int], Iterator[str]]


def write(prometheus: Ask, folder: Path, start: float, end: float, chosen: Mapping[str, str] = EVERYTHING) -> None:
    """Write `preview-<dashboard>.svg` for each; start and end in seconds since the epoch.

    `chosen` fills the variables of which a dashboard shows a single value, such as the machine of Machine.
    """
    folder.mkdir(parents=True, exist_ok=True)
    span = Span(start, end, max(2.0, (end - start) / POINTS))
    for name, dashboard in dashboards().items():
        picture = drawn(prometheus, name, dashboard, span, singled(dashboard, chosen))
        (folder / f"preview-{name}.svg").write_text(picture, encoding="utf-8")


def singled(dashboard: Mapping[str, Any], chosen: Mapping[str, str]) -> dict[str, str]:
    """What the variables stand for: everything, but where only one can be looked at what was chosen."""
    one = {each["name"] for each in dashboard["templating"]["list"] if not each["multi"]}
    return {**EVERYTHING, **{name: value for name, value in chosen.items() if name in one}}


def drawn(
    prometheus: Ask, name: str, dashboard: Mapping[str, Any], span: Span, values: Mapping[str, str] = EVERYTHING
) -> str:
    """A dashboard as SVG."""
    cells = [panel["gridPos"] for panel in dashboard["panels"]]
    height = HEAD + max(cell["y"] + cell["h"] for cell in cells) * ROW + GAP
    parts = [
        _text(8, 22, f"{dashboard['title']}  ({LABEL}; {(span.end - span.start) / 60:.0f} minutes)", 15, INK, bold=True)
    ]
    headings = [panel for panel in dashboard["panels"] if panel["type"] == "row"]
    parts += [_text(8, HEAD + row["gridPos"]["y"] * ROW + 15, row["title"], 12, INK, bold=True) for row in headings]
    for panel in panels(dashboard):
        answers = [ask(prometheus, target, span, values) for target in targets(name, panel)]
        parts.extend(_panel(panel, answers))
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {24 * COLUMN} {height}" width="{24 * COLUMN}" '
        f'height="{height}" role="img" font-family="sans-serif"><title>{escape(dashboard["title"])}: {LABEL}</title>\n'
        f'<rect width="100%" height="100%" fill="{PAPER}"/>\n{body}\n</svg>\n'
    )


def _panel(panel: Mapping[str, Any], answers: Sequence[Answer]) -> Iterator[str]:
    cell = panel["gridPos"]
    width, height = cell["w"] * COLUMN - GAP, cell["h"] * ROW - GAP
    yield f'<g transform="translate({cell["x"] * COLUMN + GAP / 2:g},{HEAD + cell["y"] * ROW:g})">'
    yield f'<rect width="{width}" height="{height}" fill="{CARD}" stroke="{LINE}"/>'
    yield _text(8, 15, panel["title"], 11, INK, bold=True)
    yield from DRAWN[panel["type"]](panel, answers, width, height)
    yield "</g>"


def _stat(panel: Mapping[str, Any], answers: Sequence[Answer], width: int, height: int) -> Iterator[str]:
    unit, found = panel["fieldConfig"]["defaults"]["unit"], _last(answers[0])
    yield _text(width / 2, height / 2 + 18, shown(found, unit), 24, INK, anchor="middle")


def _graph(panel: Mapping[str, Any], answers: Sequence[Answer], width: int, height: int) -> Iterator[str]:
    series = [(_legend(panel, answer, each), known(each)) for answer in answers for each in answer.series]
    series = [(legend, finite(points)) for legend, points in series]
    points = [point for _, found in series for point in found]
    if not points:
        yield _text(width / 2, height / 2, "no finite value", 11, PALE, anchor="middle")
        return
    left, top, right, bottom = 56, 24, width - 8, height - 34
    times, high = [at for at, _ in points], max(value for _, value in points) or 1.0
    begin, length = min(times), max(times) - min(times) or 1.0
    unit = panel["fieldConfig"]["defaults"]["unit"]
    for share in (0.0, 0.5, 1.0):
        y = bottom - share * (bottom - top)
        yield f'<line x1="{left}" x2="{right}" y1="{y:g}" y2="{y:g}" stroke="{LINE}"/>'
        yield _text(left - 4, y + 3, shown(share * high, unit), 9, PALE, anchor="end")
    for index, (_, found) in enumerate(series):
        line = " ".join(
            f"{left + (at - begin) / length * (right - left):.0f},{bottom - max(0.0, value) / high * (bottom - top):.0f}"
            for at, value in found
        )
        yield f'<polyline points="{line}" fill="none" stroke="{_colour(index)}" stroke-width="1.5"/>'
    yield from _legends([legend for legend, _ in series], width, height)


def _legends(legends: Sequence[str], width: int, height: int) -> Iterator[str]:
    x, y = 8.0, height - 20
    for index, legend in enumerate(legends):
        long = 24 + 5.4 * len(legend)
        if x + long > width:
            x, y = 8.0, y + 13
        if y > height - 4:
            return
        yield f'<rect x="{x:g}" y="{y - 7}" width="10" height="3" fill="{_colour(index)}"/>'
        yield _text(x + 14, y - 2, legend, 9, PALE)
        x += long


def _table(panel: Mapping[str, Any], answers: Sequence[Answer], width: int, height: int) -> Iterator[str]:
    labels = answers[0].target.labels
    overrides = [each for each in panel["fieldConfig"]["overrides"] if each["properties"][0]["id"] == "unit"]
    heads = [*labels, *(each["matcher"]["options"] for each in overrides)]
    units = [each["properties"][0]["value"] for each in overrides]
    values = [{_key(labels, each): _number(each) for each in answer.series} for answer in answers]
    step, size = (width - 16) / len(heads), 10 if len(heads) < WIDE else 9
    keys = sorted({key for column in values for key in column})
    columns = list(zip(values, units, strict=True))
    rows = [heads, *([*key, *(shown(column.get(key), unit) for column, unit in columns)] for key in keys)]
    for line, row in enumerate(rows[: (height - 24) // 15]):
        for index, cell in enumerate(row):
            yield _text(8 + index * step, 34 + line * 15, cell, size, INK if line else PALE, bold=not line)


DRAWN: Final[Mapping[str, Draw]] = {"stat": _stat, "timeseries": _graph, "table": _table}


def finite(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Without infinities, which no axis holds."""
    return [(at, value) for at, value in points if math.isfinite(value)]


def shown(value: float | None, unit: str) -> str:
    """A value in a unit of Grafana's, short."""
    if value is None or math.isnan(value):
        return "–"
    if unit == "percentunit":
        return f"{value * 100:.3g} %"
    if unit == "bool_yes_no":
        return "Yes" if value else "No"
    if unit == "bytes":
        return f"{value / 2**20:.1f} MiB"
    suffix = {"s": " s", "cps": "/s"}.get(unit, "")
    if unit == "s" and abs(value) >= 2 * 86400:
        return f"{value / 86400:.0f} days"
    return f"{value:.3g}{suffix}" if abs(value) < 1000 else f"{value:.0f}{suffix}"


def _last(answer: Answer) -> float | None:
    return _number(answer.series[0]) if answer.series else None


def _number(series: Mapping[str, Any]) -> float | None:
    points = known(series)
    return points[-1][1] if points else None


def _key(labels: Sequence[str], series: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(series["metric"].get(label, "") for label in labels)


def _legend(panel: Mapping[str, Any], answer: Answer, series: Mapping[str, Any]) -> str:
    [legend] = [each["legendFormat"] for each in panel["targets"] if each["refId"] == answer.target.ref]
    for label in answer.target.labels:
        legend = legend.replace("{{" + label + "}}", series["metric"].get(label, ""))
    return str(legend)


def _colour(index: int) -> str:
    return COLOURS[index % len(COLOURS)]


def _text(x: float, y: float, text: str, size: int, fill: str, bold: bool = False, anchor: str = "start") -> str:
    weight = ' font-weight="bold"' if bold else ""
    where = f'x="{x:g}" y="{y:g}" font-size="{size}" fill="{fill}" text-anchor="{anchor}"{weight}'
    return f"<text {where}>{escape(text)}</text>"


def main() -> None:
    """Draw the dashboards of a Prometheus."""
    parser = argparse.ArgumentParser(prog="plantwright_dashboards.preview", description=__doc__)
    parser.add_argument("prometheus", help="its URL")
    parser.add_argument("folder", type=Path, help="where to draw into")
    parser.add_argument("chosen", nargs="*", help="what a variable stands for, such as machine=lathe-01")
    parser.add_argument("--minutes", type=float, default=30.0, help="how far back")
    given = parser.parse_intermixed_args()
    now, chosen = time.time(), dict(each.split("=", 1) for each in given.chosen)
    write(at(given.prometheus), given.folder, now - given.minutes * 60, now, {**EVERYTHING, **chosen})


if __name__ == "__main__":
    main()
