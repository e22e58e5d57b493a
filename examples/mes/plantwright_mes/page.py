"""The page people look at: which machines deliver, how much, and their last values. Pure: data in, HTML out."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any

_HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="2">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Reference MES</title><style>
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:76rem;padding:0 1rem;color:#1b1f24;background:#fff}
h1{font-size:1.4rem;margin-bottom:.2rem}h2{font-size:1.1rem;margin-top:2rem}p{margin:.2rem 0 1rem;color:#57606a}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.45rem .7rem;border-bottom:1px solid #d8dee4;
vertical-align:top;white-space:nowrap;font-variant-numeric:tabular-nums}th{font-weight:600;background:#f6f8fa}
th:last-child,td:last-child{width:100%}
dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(14rem,1fr));gap:0 1.6rem;margin:0}
dl div{display:flex;justify-content:space-between;gap:.6rem}dt{color:#57606a}dd{margin:0;font-variant-numeric:tabular-nums}
.old{color:#b35900;font-weight:600}
</style></head><body>"""

STALE_SECONDS = 15.0


_FIGURES = (
    ("dataCoverage", "Coverage"),
    ("availability", "Availability"),
    ("effectiveness", "Effectiveness"),
    ("qualityRatio", "Quality"),
    ("oee", "OEE"),
)
_COUNTS = (("goodQuantity", "Good"), ("scrapQuantity", "Scrap"), ("failureEvents", "Stops"))


def render(
    machines: Sequence[Mapping[str, Any]],
    totals: Mapping[str, Mapping[str, int]],
    now: datetime,
    figures: Sequence[Mapping[str, Any]] = (),
    faults: Sequence[Mapping[str, str]] = (),
) -> str:
    """The whole page; `machines` and `totals` as `queries` gives them, `now` with a time zone.

    Args:
        figures: of each machine in the last day, as `kpis` gives them.
        faults: what is wrong in schedules, calendars and lines: reason, subject, message.
    """
    rows = "".join(_row(machine, now) for machine in machines)
    body = rows or '<tr><td colspan="5">No machine has delivered anything yet.</td></tr>'
    return (
        f"{_HEAD}<h1>Reference MES</h1><p>{escape(_summary(totals))} &middot; {now:%H:%M:%S} UTC</p>"
        "<table><thead><tr><th>Plant</th><th>Machine</th><th>Stored</th><th>Last stored</th>"
        f"<th>Last values</th></tr></thead><tbody>{body}</tbody></table>{_figures(figures)}{_faults(faults)}</body></html>"
    )


def _figures(figures: Sequence[Mapping[str, Any]]) -> str:
    if not figures:
        return ""
    names = "".join(f"<th>{name}</th>" for _, name in (*_FIGURES, *_COUNTS))
    rows = "".join(
        f"<tr><td>{escape(row.get('plant', ''))}</td><td><strong>{escape(row.get('machine', ''))}</strong></td>"
        + "".join(f"<td>{_percent(row[key])}</td>" for key, _ in _FIGURES)
        + "".join(f"<td>{_shown(row[key])}</td>" for key, _ in _COUNTS)
        + "</tr>"
        for row in figures
    )
    head = f"<tr><th>Plant</th><th>Machine</th>{names}</tr>"
    return f"<h2>Last 24 hours (ISO 22400-2)</h2><table><thead>{head}</thead><tbody>{rows}</tbody></table>"


def _faults(faults: Sequence[Mapping[str, str]]) -> str:
    rows = "".join(
        f"<tr><td class=old>{escape(row['reason'])}</td><td>{escape(row['subject'])}</td><td>{escape(row['message'])}</td></tr>"
        for row in faults
    )
    if not rows:
        return ""
    head = "<tr><th>What</th><th>Of</th><th>Why</th></tr>"
    return f"<h2>Wrong in orders, log-ons and calendars</h2><table><thead>{head}</thead><tbody>{rows}</tbody></table>"


def _percent(ratio: float | None) -> str:
    return "–" if ratio is None else f"{100 * ratio:.1f} %"


def _summary(totals: Mapping[str, Mapping[str, int]]) -> str:
    parts = [
        f"{sink.upper()}: {counts['stored']:,} stored, {counts['ignored']:,} repeated and ignored, "
        f"{counts['rejected']:,} rejected, {counts['holes']:,} holes"
        for sink, counts in totals.items()
    ]
    return " · ".join(parts) or "nothing received"


def _row(machine: Mapping[str, Any], now: datetime) -> str:
    age = max(0.0, (now - machine["lastStoredTime"]).total_seconds())
    counts = "<br>".join(f"{escape(sink)} {count:,}" for sink, count in machine["observations"].items())
    mark = ' class="old"' if age > STALE_SECONDS else ""
    return (
        f"<tr><td>{escape(machine['plant'])}</td><td><strong>{escape(machine['machine'])}</strong></td>"
        f"<td>{counts}</td><td{mark}>{age:.0f} s ago</td><td>{_values(machine['latest'])}</td></tr>"
    )


def _values(latest: Mapping[str, Mapping[str, Any]]) -> str:
    fields = {name: value for contract in latest.values() for name, value in contract["fields"].items()}
    cells = (
        f"<div><dt>{escape(name)}</dt><dd>{escape(_shown(value))}</dd></div>" for name, value in sorted(fields.items())
    )
    return f"<dl>{''.join(cells)}</dl>"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.2f}"
    return "–" if value is None else str(value)
