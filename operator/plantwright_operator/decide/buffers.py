"""What becomes of a buffer's claim when its machine is gone."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from plantwright_api.wire.status import GatewayStatus

Fate = Literal["Keep", "Remove", "Wait"]


@dataclass(frozen=True, slots=True)
class Remains:
    """What is known of the claim of a machine that is gone.

    `farewell` is what the gateway left in its termination message, `last_reports` its answers since its pod began to
    end, oldest first.
    """

    on_delete: str
    bound: bool
    pod_exists: bool
    farewell: str = ""
    last_reports: Sequence[GatewayStatus] = ()


def fate(remains: Remains) -> Fate:
    """Remove where the spec says discard, where nothing was ever stored, or where all was delivered; else keep.

    What is not known counts as undelivered: a claim is cheaper than a lost batch record.
    """
    if remains.on_delete == "Discard" or not remains.bound:
        return "Remove"
    if remains.pod_exists:
        return "Wait"
    return "Remove" if drained(remains) else "Keep"


def drained(remains: Remains) -> bool:
    """Whether every value accepted was delivered, as the gateway itself said at its end."""
    said = _farewell(remains.farewell)
    if said is not None:
        return said == 0
    return len(remains.last_reports) >= 2 and _at_rest(remains.last_reports[-2], remains.last_reports[-1])


def _farewell(text: str) -> int | None:
    """The backlog a gateway named when it ended: `{"backlog": 0}`; None where it said nothing that can be read."""
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return None
    backlog = said.get("backlog") if isinstance(said, dict) else None
    return backlog if isinstance(backlog, int) and not isinstance(backlog, bool) else None


def _at_rest(before: GatewayStatus, after: GatewayStatus) -> bool:
    """Two answers of an ending gateway with nothing left to deliver and nothing accepted in between."""
    empty = all(sink.backlog == 0 for m in (*before.machines, *after.machines) for sink in m.sinks)
    same = [m.sequence for m in before.machines] == [m.sequence for m in after.machines]
    return bool(after.machines) and empty and same
