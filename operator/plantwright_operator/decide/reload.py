"""When to touch a pod so that the kubelet refreshes its mounted configuration.

Under kubelet's defaults a changed ConfigMap reaches a pod 60 to 90 s later; a changed annotation makes the kubelet look at
the pod at once. The kubelet's own copy of the ConfigMap may lag by a moment, so the touch is repeated, ever less often,
until the gateway reports the new hash.
"""

from dataclasses import dataclass

from plantwright_operator.model import PodFacts, Report

_PAUSES = (0.0, 2.0, 4.0, 8.0, 16.0, 32.0)
_LONGEST = 60.0
_ENOUGH = 3


@dataclass(frozen=True, slots=True)
class Touched:
    """Touches made for one configuration so far, and when the last was, on the operator's monotonic clock."""

    config_hash: str = ""
    count: int = 0
    at: float = 0.0


def is_wanted(pod: PodFacts | None, report: Report | None, config_hash: str, touched: Touched) -> bool:
    """Whether the gateway runs another configuration than the one that is applied.

    Only an answer of this very pod counts: a pod that starts reads the current file anyway. One that still refuses a
    configuration after some touches has read it.
    """
    if pod is None or not pod.ready or pod.deleting or not config_hash:
        return False
    if report is None or report.status is None or report.pod_uid != pod.uid:
        return False
    if report.status.config_error and touched.config_hash == config_hash and touched.count >= _ENOUGH:
        return False
    return report.status.config_hash != config_hash


def wait(touched: Touched, config_hash: str, now: float) -> float:
    """Seconds until the next touch; 0 or less: now."""
    if touched.config_hash != config_hash:
        return 0.0
    pause = _PAUSES[touched.count] if touched.count < len(_PAUSES) else _LONGEST
    return touched.at + pause - now
