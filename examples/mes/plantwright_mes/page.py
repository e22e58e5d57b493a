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
h1{font-size:1.4rem;margin-bottom:.2rem}p{margin:.2rem 0 1rem;color:#57606a}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.45rem .7rem;border-bottom:1px solid #d8dee4;
vertical-align:top;white-space:nowrap;font-variant-numeric:tabular-nums}th{font-weight:600;background:#f6f8fa}
th:last-child,td:last-child{width:100%}
dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(14rem,1fr));gap:0 1.6rem;margin:0}
dl div{display:flex;justify-content:space-between;gap:.6rem}dt{color:#57606a}dd{margin:0;font-variant-numeric:tabular-nums}
.old{color:#b35900;font-weight:600}
</style></head><body>"""

STALE_SECONDS = 15.0


def render(machines: Sequence[Mapping[str, Any]], totals: Mapping[str, Mapping[str, int]], now: datetime) -> str:
    """The whole page; `machines` and `totals` as `queries` gives them, `now` with a time zone."""
    rows = "".join(_row(machine, now) for machine in machines)
    body = rows or '<tr><td colspan="5">No machine has delivered anything yet.</td></tr>'
    return (
        f"{_HEAD}<h1>Reference MES</h1><p>{escape(_summary(totals))} &middot; {now:%H:%M:%S} UTC</p>"
        "<table><thead><tr><th>Plant</th><th>Machine</th><th>Stored</th><th>Last stored</th>"
        f"<th>Last values</th></tr></thead><tbody>{body}</tbody></table></body></html>"
    )


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
