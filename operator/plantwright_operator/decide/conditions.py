"""The conditions of a machine, from what was decided, what runs and what its gateway says of itself.

`Ready` is the operator's own judgement; Connected, DataFresh, ContractMet, Buffered and Durable are the gateway's, and go
Unknown when it is silent. A gateway that has not been heard yet (the operator just started, its pod just moved) keeps what
was known of it for `SILENT_AFTER` seconds, so that neither costs a write.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from plantwright_api.v1alpha1.base import Condition
from plantwright_api.v1alpha1.machine import MachineStatus
from plantwright_api.wire.status import Certificate
from plantwright_api.wire.status import MachineStatus as GatewayMachine
from plantwright_operator.decide import pods
from plantwright_operator.model import Refusal, Report, Resolved, Workload

SILENT_AFTER = 30.0
MESSAGE_LENGTH = 1024
TRANSIENT = ("Reconciling", "Stalled")
FROM_GATEWAY = ("Connected", "DataFresh", "ContractMet", "Buffered", "Durable")
WHERE_IT_APPLIES = ("ScheduleCurrent",)
"""Likewise the gateway's, and absent where it says nothing of them."""

Status = Literal["True", "False", "Unknown"]


class Judgement(NamedTuple):
    """Status, reason and message of one condition."""

    status: Status
    reason: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Observed:
    """All that a machine's conditions follow from.

    `governed` is what the policies in force say (None where there are none), `refusal` why the machine is not acted on, `wait` what a change waits for, `failure` what the API server said to
    the last apply, `config_hash` the configuration that is wanted and applied (empty where none is).
    """

    generation: int
    previous: MachineStatus
    resolved: Resolved | None = None
    refusal: Refusal | None = None
    governed: Judgement | None = None
    wait: Refusal | None = None
    failure: str = ""
    suspended: bool = False
    config_hash: str = ""
    template_hash: str = ""
    workload: Workload = field(default_factory=Workload)
    report: Report | None = None


def judge(observed: Observed) -> dict[str, Judgement]:
    """All conditions of the machine by type, without times."""
    ready = judge_ready(observed)
    found = {"Ready": ready, "Commissioned": _commissioned(observed), **_gateway_conditions(observed)}
    if observed.resolved is not None:
        found["Secure"] = _with_end(_secure(observed.resolved), observed)
        found |= {"PolicyMet": observed.governed} if observed.governed is not None else {}
    else:
        found.update(_previous(observed, ("Secure", "PolicyMet")))
    found.update(_transient(observed, ready))
    return found


def judge_ready(observed: Observed) -> Judgement:
    """Whether this generation is in force in a running gateway."""
    if observed.refusal is not None:
        return Judgement("False", observed.refusal.reason, observed.refusal.message)
    if observed.suspended:
        return _suspended(observed)
    if observed.failure:
        return Judgement("False", "ApplyFailed", observed.failure)
    if observed.wait is not None:
        return Judgement("False", observed.wait.reason, observed.wait.message)
    problem = pods.problem(observed.workload.pod)
    if problem is not None:
        return Judgement("False", problem.reason, problem.message)
    return _in_force(observed)


def gateway_machine(report: Report | None) -> GatewayMachine | None:
    """The one machine that a gateway reports on."""
    if report is None or report.status is None or not report.status.machines:
        return None
    return report.status.machines[0]


def reported_hash(observed: Observed) -> str:
    """The configuration that the gateway is known to run; empty where nothing is known.

    An answer of this very pod counts; without one (the operator just started) the status it was written to does, as
    long as the pod is ready.
    """
    pod, report = observed.workload.pod, observed.report
    if pod is None:
        return ""
    if report is not None and report.status is not None and report.pod_uid == pod.uid:
        return report.status.config_hash
    was_ready = any(c.type == "Ready" and c.status == "True" for c in observed.previous.conditions)
    unheard = report is None or report.status is None
    return (observed.previous.config_hash or "") if was_ready and pod.ready and unheard else ""


def merge(
    judgements: Mapping[str, Judgement], previous: Iterable[Condition], generation: int, now: str
) -> list[Condition]:
    """Conditions as they are written: the time of transition moves only where the status does.

    Args:
        judgements: by type, in the order in which they are to stand.
        previous: the conditions that are live.
        generation: the object's metadata.generation.
        now: RFC 3339 UTC.
    """
    before = {condition.type: condition for condition in previous}
    merged = []
    for type_, judgement in judgements.items():
        old = before.get(type_)
        since = old.last_transition_time if old is not None and old.status == judgement.status else now
        merged.append(
            Condition(
                type=type_,
                status=judgement.status,
                observed_generation=generation,
                last_transition_time=since,
                reason=judgement.reason,
                message=judgement.message[:MESSAGE_LENGTH],
            )
        )
    return merged


def _suspended(observed: Observed) -> Judgement:
    """Ready stays what it was: suspending stops changes, it breaks nothing."""
    before = _previous(observed, ("Ready",)).get("Ready")
    message = "spec.suspend of the machine or its plant is true; the gateway runs on unchanged"
    return Judgement(before.status if before else "Unknown", "Suspended", message)


def _in_force(observed: Observed) -> Judgement:
    state, pod = observed.workload, observed.workload.pod
    if not state.exists or pod is None:
        return Judgement("False", "Progressing", "the gateway's pod is being made")
    if observed.report is not None and observed.report.status is not None:
        error = observed.report.status.config_error
        if error and observed.report.pod_uid == pod.uid:
            return Judgement("False", "InvalidSpec", f"the gateway refuses its configuration: {error}")
    if state.template_hash != observed.template_hash or not state.settled or pod.controller != state.uid:
        return Judgement("False", "Progressing", "the gateway's pod is being replaced")
    if not pod.ready:
        return Judgement("False", "Progressing", f"pod {pod.name} is starting")
    if reported_hash(observed) != observed.config_hash:
        return Judgement("False", "Progressing", f"configuration {observed.config_hash} is on its way to the gateway")
    return Judgement("True", "InForce")


def _commissioned(observed: Observed) -> Judgement:
    """Sticky: once data was stored it stays True."""
    machine = gateway_machine(observed.report)
    before = _previous(observed, ("Commissioned",)).get("Commissioned")
    if (before and before.status == "True") or (machine and machine.first_stored_time):
        return Judgement("True", "FirstValueStored")
    return Judgement("False", "NothingStoredYet", "no value that meets the contract has been stored by the MES yet")


def _gateway_conditions(observed: Observed) -> dict[str, Judgement]:
    machine = gateway_machine(observed.report)
    if machine is not None and observed.report is not None and observed.report.silent_seconds < SILENT_AFTER:
        said: dict[str, Judgement] = {c.type: Judgement(c.status, c.reason, c.message) for c in machine.conditions}
        more = {type_: said[type_] for type_ in WHERE_IT_APPLIES if type_ in said}
        return _consistent({**{type_: said.get(type_, _UNHEARD) for type_ in FROM_GATEWAY}, **more})
    silent = observed.report is not None and observed.report.silent_seconds >= SILENT_AFTER
    before = _previous(observed, (*FROM_GATEWAY, *WHERE_IT_APPLIES))
    known = (*FROM_GATEWAY, *(type_ for type_ in WHERE_IT_APPLIES if type_ in before))
    if silent or not before:
        return dict.fromkeys(known, _silence(observed))
    return {type_: before.get(type_, _UNHEARD) for type_ in known}


_UNHEARD = Judgement("Unknown", "GatewayNotReady", "the gateway has not reported yet")


def _silence(observed: Observed) -> Judgement:
    pod = observed.workload.pod
    if pod is None or not pod.ready:
        return Judgement("Unknown", "GatewayNotReady", "the gateway does not run")
    return Judgement("Unknown", "GatewaySilent", f"pod {pod.name} does not answer /status; see its log")


def _consistent(said: dict[str, Judgement]) -> dict[str, Judgement]:
    """Without a session nothing is fresh: both flip in one write, whatever the gateway noticed first."""
    connected, fresh = said["Connected"], said["DataFresh"]
    if connected.status == "False" and fresh.status == "True":
        said["DataFresh"] = Judgement("False", "NotConnected", "no session with the machine, so no data")
    return said


def _secure(resolved: Resolved) -> Judgement:
    if resolved.endpoint.protocol == "ModbusTCP":
        return Judgement("False", "ProtocolHasNone", "Modbus TCP knows no security; the NetworkPolicy is its conduit")
    return {
        "SignAndEncrypt": Judgement("True", "SignAndEncrypt"),
        "Sign": Judgement("False", "SignOnly", "spec.endpoint.security.mode Sign: values can be read on the wire"),
        "None": Judgement("False", "InsecureAllowed", "spec.endpoint.security.mode None; remove it to be protected"),
    }[resolved.machine.spec.endpoint.security.mode]


def _with_end(secure: Judgement, observed: Observed) -> Judgement:
    """With what ends soon, as far as the gateway tells; while it is not heard what was known before stays."""
    machine = gateway_machine(observed.report)
    if machine is None:
        before = _previous(observed, ("Secure",)).get("Secure")
        return before if before is not None and before.status == secure.status else secure
    ending = sorted(
        {f"{_USES[each.use]} {_whose(each)} ends at {each.end_time}" for each in machine.certificates if each.ends_soon}
    )
    if not ending:
        return secure
    message = "; ".join([*([secure.message] if secure.message else []), *ending, "renew what ends"])
    return Judgement(secure.status, "CertificateEndsSoon" if secure.status == "True" else secure.reason, message)


_USES = {
    "Client": "the gateway's certificate",
    "User": "the certificate of the login",
    "Server": "the machine's certificate",
    "Authority": "the authority of the machine's certificate",
    "SinkClient": "the client certificate for the MES",
    "SinkAuthority": "the authority of the MES",
}


def _whose(certificate: Certificate) -> str:
    return f"in Secret {certificate.secret}" if certificate.secret else certificate.subject


def _transient(observed: Observed, ready: Judgement) -> dict[str, Judgement]:
    """Reconciling and Stalled stand only while true.

    A suspended machine has neither, nor has one whose reference leads nowhere yet: nothing is under way, and what it
    waits for may be applied a moment later.
    """
    if ready.status == "True" or (observed.suspended and observed.refusal is None):
        return {}
    held = observed.refusal or observed.wait
    if ready.reason == "InvalidSpec" or (held is not None and held.stalled):
        return {"Stalled": Judgement("True", ready.reason, ready.message)}
    if observed.refusal is not None:
        return {}
    return {"Reconciling": Judgement("True", ready.reason, ready.message)}


def _previous(observed: Observed, types: Iterable[str]) -> dict[str, Judgement]:
    wanted = set(types)
    return {c.type: Judgement(c.status, c.reason, c.message) for c in observed.previous.conditions if c.type in wanted}
