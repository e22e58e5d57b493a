"""What was written to the API server, by whom and when, from the cluster's audit log."""

import json
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from plantwright_demo.stage import OPERATOR_NAMESPACE

OPERATOR = f"system:serviceaccount:{OPERATOR_NAMESPACE}:"
APART = ("leases", "events")
"""Writes that are counted apart: they say nothing about objects."""


class Write(NamedTuple):
    """One write; `time` in seconds since the epoch, at the request's arrival."""

    time: float
    user: str
    verb: str
    resource: str
    """Plural, with the subresource: machines/status."""
    namespace: str
    name: str
    code: int


def writes(log: Path, since: float) -> list[Write]:
    """All writes that arrived at or after `since`, seconds since the epoch, in the log's order."""
    found = [_write(json.loads(line)) for line in _complete_lines(log)]
    return [write for write in found if write.time >= since]


def by_operator(found: Iterable[Write]) -> list[Write]:
    """The operator's writes, Lease and events apart."""
    return [write for write in found if write.user.startswith(OPERATOR) and write.resource not in APART]


def counted(found: Iterable[Write]) -> Counter[str]:
    """How often each thing was done, as `patch machines/status`."""
    return Counter(f"{write.verb} {write.resource}" for write in found)


def told(counts: Counter[str]) -> str:
    """Counts as text, the most frequent first; `none` for none."""
    return ", ".join(f"{count} × {what}" for what, count in counts.most_common()) or "none"


def _complete_lines(log: Path) -> list[str]:
    lines = log.read_text(encoding="utf-8").splitlines(keepends=True)
    return [line for line in lines if line.endswith("\n")]


def _write(entry: dict[str, object]) -> Write:
    target: dict[str, str] = entry.get("objectRef") or {}  # type: ignore[assignment]
    user: dict[str, str] = entry["user"]  # type: ignore[assignment]
    status: dict[str, int] = entry.get("responseStatus") or {}  # type: ignore[assignment]
    resource = "/".join(filter(None, (target.get("resource", ""), target.get("subresource"))))
    return Write(
        time=datetime.fromisoformat(str(entry["requestReceivedTimestamp"])).timestamp(),
        user=user["username"],
        verb=str(entry["verb"]),
        resource=resource,
        namespace=target.get("namespace", ""),
        name=target.get("name", ""),
        code=int(status.get("code", 0)),
    )
