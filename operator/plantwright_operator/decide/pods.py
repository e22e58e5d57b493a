"""Read a gateway's pod and StatefulSet as the API server gives them, and say what keeps a pod from running."""

from collections.abc import Iterable, Mapping
from typing import Any

from plantwright_operator.model import (
    TEMPLATE_ANNOTATION,
    TOUCH_ANNOTATION,
    Obj,
    PodFacts,
    Refusal,
    Workload,
)

_PULL = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"})
_CRASH = frozenset({"CrashLoopBackOff", "RunContainerError", "CreateContainerError", "CreateContainerConfigError"})
_STRANDED = (
    "node {pod.node} does not answer for pod {pod.name}: what the buffer holds stays there until the node is back, and no "
    "second gateway starts meanwhile; if the node is off for good, taint it node.kubernetes.io/out-of-service"
)
REVISION_LABEL = "controller-revision-hash"


def workload(stateful_set: Obj | None, pods: Iterable[Obj], machine_uid: str) -> Workload:
    """State of a machine's gateway, from its StatefulSet and the pods that name the machine.

    The StatefulSet of a former machine of that name goes with it, or is taken over in a moment: it is not there yet.
    """
    pod = pod_facts(_newest(pods))
    if stateful_set is None or _controller(stateful_set) != machine_uid:
        return Workload(pod=pod)
    meta, status = stateful_set["metadata"], stateful_set.get("status", {})
    return Workload(
        exists=True,
        uid=meta.get("uid", ""),
        settled=not is_rolling(stateful_set),
        template_hash=meta.get("annotations", {}).get(TEMPLATE_ANNOTATION, ""),
        update_revision=status.get("updateRevision", ""),
        pod=pod,
    )


def is_rolling(stateful_set: Obj) -> bool:
    """Whether the StatefulSet's pod is being replaced. A first start is none: both revisions are the same then."""
    status = stateful_set.get("status", {})
    seen = bool(status.get("observedGeneration", 0) >= stateful_set["metadata"].get("generation", 0))
    return not seen or status.get("currentRevision", "") != status.get("updateRevision", "")


def was_started(stateful_set: Obj) -> bool:
    """Whether its controller has acted on the StatefulSet at least once."""
    return bool(stateful_set.get("status", {}).get("updateRevision"))


def pod_facts(pod: Obj | None) -> PodFacts | None:
    """What matters of a pod."""
    if pod is None:
        return None
    meta, status = pod["metadata"], pod.get("status", {})
    conditions = {c["type"]: c for c in status.get("conditions", [])}
    container: dict[str, Any] = next(iter(status.get("containerStatuses", [])), {})
    waiting = container.get("state", {}).get("waiting", {})
    scheduled = conditions.get("PodScheduled", {})
    touches = str(meta.get("annotations", {}).get(TOUCH_ANNOTATION, "0"))
    return PodFacts(
        name=meta["name"],
        uid=meta.get("uid", ""),
        ip=status.get("podIP", ""),
        ready=conditions.get("Ready", {}).get("status") == "True",
        deleting="deletionTimestamp" in meta,
        revision=meta.get("labels", {}).get(REVISION_LABEL, ""),
        unscheduled=scheduled.get("message", "") if scheduled.get("status") == "False" else "",
        waiting_reason=waiting.get("reason", ""),
        waiting_message=waiting.get("message", ""),
        restarts=container.get("restartCount", 0),
        touches=int(touches) if touches.isdecimal() else 0,
        farewell=_farewell(container),
        node=pod.get("spec", {}).get("nodeName", ""),
        stranded=_is_stranded({type_: c.get("status") for type_, c in conditions.items()}),
        controller=_controller(pod),
    )


def problem(pod: PodFacts | None) -> Refusal | None:
    """What keeps the pod from running, in words of the catalogue; None where it runs or merely starts."""
    if pod is None or pod.ready:
        return None
    if pod.stranded:
        return Refusal("NodeLost", _STRANDED.format(pod=pod), stalled=False)
    if pod.deleting:
        return None
    if pod.unscheduled:
        return Refusal("PodNotScheduled", f"pod {pod.name}: {pod.unscheduled}", stalled=False)
    if pod.waiting_reason in _PULL:
        detail = pod.waiting_message or pod.waiting_reason
        return Refusal("ImagePullFailed", f"pod {pod.name}: {detail}; mend the Plant's spec.gateway.image", False)
    if pod.waiting_reason in _CRASH:
        detail = f"{pod.waiting_reason}: {pod.waiting_message}".rstrip(": ")
        return Refusal(
            "GatewayCrashing", f"pod {pod.name} restarted {pod.restarts} times ({detail}); see its log", False
        )
    return None


def is_stuck_on_old_revision(state: Workload) -> bool:
    """A pod of a former revision that is not ready: a StatefulSet waits for it for ever, so it is deleted."""
    pod = state.pod
    if pod is None or pod.ready or pod.deleting or not state.update_revision or not pod.revision:
        return False
    return pod.revision != state.update_revision


def _controller(obj: Obj) -> str:
    """Uid of the object that this one belongs to; empty where it names none."""
    owners = obj["metadata"].get("ownerReferences", [])
    return str(next((owner.get("uid", "") for owner in owners if owner.get("controller")), ""))


def _newest(pods: Iterable[Obj]) -> Obj | None:
    """The pod that counts: one that is not ending before one that is."""
    return max(
        pods,
        key=lambda p: ("deletionTimestamp" not in p["metadata"], p["metadata"].get("creationTimestamp", "")),
        default=None,
    )


def _is_stranded(conditions: Mapping[str, str | None]) -> bool:
    """Whether the node of a pod is lost, told from the pod alone: the operator has no right on nodes.

    A kubelet takes Ready back together with ContainersReady. Only the node controller, which answers for a kubelet that
    is silent, takes Ready alone; so it stays when the pod is then evicted and nobody confirms its end.
    """
    return conditions.get("Ready") == "False" and conditions.get("ContainersReady") == "True"


def _farewell(container: dict[str, Any]) -> str:
    """The termination message of a container that has ended for good; one that runs again has more to say."""
    ended = container.get("state", {}).get("terminated") or {}
    return str(ended.get("message", ""))
