"""Write a report: a table for people, JSON for programs, workflow commands for GitHub."""

import dataclasses
import io
import json
from collections.abc import Callable
from typing import Literal

from rich.console import Console
from rich.table import Table

from plantwright_cli.policy.linting import Finding, Report, Waiver
from plantwright_cli.tables import plain, table

Output = Literal["text", "json", "github"]
WIDTH = 160
"""Of the table where the terminal does not say: a log in CI."""

_ORDER = {"error": 0, "warning": 1, "notice": 2}


def text(report: Report) -> str:
    """A table of findings, one of exceptions, and a last line that sums up."""
    out = io.StringIO()
    console = Console(file=out, width=WIDTH, highlight=False, emoji=False)
    if report.findings:
        console.print(_findings(sorted(report.findings, key=lambda f: (_ORDER[f.severity], f.path))))
    if report.waivers:
        console.print(_waivers(report.waivers))
    console.print(_summary(report), markup=False)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def as_json(report: Report) -> str:
    """Everything, for programs."""
    waivers = [
        {
            "path": w.path,
            "policy": w.policy,
            "state": w.state,
            **w.exception.model_dump(by_alias=True, exclude_none=True),
        }
        for w in report.waivers
    ]
    found = {
        "failed": report.failed,
        "objects": report.objects,
        "policies": report.policies,
        "verdicts": dict(sorted(report.counts.items())),
        "findings": [_camel(dataclasses.asdict(finding)) for finding in report.findings],
        "exceptions": waivers,
    }
    return json.dumps(found, indent=2, ensure_ascii=False)


def github(report: Report) -> str:
    """One workflow command per finding and per exception that ended or will soon."""
    lines = [
        f"::{f.severity} file={_property(f.path)},title={_property(f.rule)}::{_data(f'{f.kind} {f.name}: {f.message}')}"
        for f in report.findings
    ]
    lines += [
        f"::warning file={_property(w.path)},title={_property(w.policy)}::{_data(_ending(w))}"
        for w in report.waivers
        if w.state != "InForce"
    ]
    return "\n".join([*lines, _summary(report)])


RENDERERS: dict[str, Callable[[Report], str]] = {"text": text, "json": as_json, "github": github}


def _findings(findings: list[Finding]) -> Table:
    made = table("file", "object", "rule", "mode", "result", "message")
    for f in findings:
        where = f"{f.namespace}/{f.name}" if f.namespace else f.name
        owner = f" [{f.owner}]" if f.owner else ""
        cells = (f.path, f"{f.kind} {where}", f.rule, f.mode, f.result, f.message + owner)
        made.add_row(*map(plain, cells))
    return made


def _waivers(waivers: list[Waiver]) -> Table:
    made = table("exception", "state", "until", "rule", "objects", "owner", "reason")
    for w in waivers:
        e = w.exception
        objects = f"{e.kind} {', '.join(e.names)}"
        cells = (f"{w.policy}/{e.name}", w.state, e.expires, e.rule, objects, e.owner.team, e.reason)
        made.add_row(*map(plain, cells))
    return made


def _summary(report: Report) -> str:
    counts = ", ".join(f"{number} {result}" for result, number in sorted(report.counts.items())) or "no verdicts"
    verdict = "refused" if report.failed else "well"
    return f"{report.objects} objects, {report.policies} policies: {counts}; {verdict}"


def _ending(waiver: Waiver) -> str:
    e = waiver.exception
    word = "ended on" if waiver.state == "Expired" else "ends on"
    return f"exception {e.name} from {e.rule} {word} {e.expires} ({e.owner.team}: {e.reason})"


def _camel(found: dict[str, str]) -> dict[str, str]:
    return {("fieldPath" if key == "field_path" else key): value for key, value in found.items()}


def _data(message: str) -> str:
    return message.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(value: str) -> str:
    return _data(value).replace(":", "%3A").replace(",", "%2C")
