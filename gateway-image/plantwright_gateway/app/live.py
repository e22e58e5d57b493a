"""What /live tells of a machine, made from what the gateway knows at the moment."""

import msgspec

from plantwright_api.wire.live import Live
from plantwright_gateway.app.machine import MachineRuntime
from plantwright_gateway.app.receiver import MachineReceiver
from plantwright_gateway.context.situation import Situation
from plantwright_gateway.context.so_far import figures
from plantwright_gateway.context.times import rfc3339


def live(machine: MachineRuntime) -> Live:
    """One machine now."""
    config, receiver = (machine.current or machine.wanted).machine, machine.receiver
    now_ns = machine.now_ns()
    bare = Live(
        plant=config.plant,
        area=config.location.area,
        line=config.location.line,
        machine=config.name,
        time=rfc3339(now_ns),
        trouble="the gateway is starting",
    )
    if receiver is None:
        return bare
    machine.advance()
    told = _told(bare, receiver, now_ns)
    job_good = _job_good(receiver, told.job_order) if config.parts and config.parts.good else None
    return msgspec.structs.replace(told, job_good=job_good, **_figures(receiver, bool(config.parts)))


def _told(bare: Live, receiver: MachineReceiver, now_ns: int) -> Live:
    """State, order and person as they are now."""
    around = receiver.situation
    context = around.at(now_ns, by_gateway=True)
    since, _ = around.latest("State")
    link, inference = receiver.link, receiver.inference
    order = context.get("jobOrder", "")
    return msgspec.structs.replace(
        bare,
        state=receiver.kpis.effective(now_ns)[0],
        since=rfc3339(since) if since else "",
        connected=link.status == "True",
        inferred=inference is not None,
        confidence=round(inference.now.confidence, 3) if inference and inference.now.word else None,
        trouble=_trouble(receiver),
        reason=context.get("reason", ""),
        shift=receiver.so_far.shift,
        work_request=context.get("workRequest", ""),
        job_order=order,
        material_definition=context.get("materialDefinition", ""),
        person=receiver.shown_person(context.get("person", "")),
        wanted=_wanted(around, order),
        cycle_seconds=inference.cycle_seconds() if inference else None,
    )


def _trouble(receiver: MachineReceiver) -> str:
    link = receiver.link
    if link.status != "True":
        return f"{link.reason}: {link.message}".removesuffix(": ")
    return receiver.inference.trouble() if receiver.inference else ""


def _wanted(around: Situation, order: str) -> float | None:
    return around.orders.wanted.get(order)


def _job_good(receiver: MachineReceiver, job_order: str) -> int | None:
    return receiver.kpis.totals.good - receiver.so_far.job_good_before if job_order else None


def _figures(receiver: MachineReceiver, counts: bool) -> dict[str, float | int | None]:
    before = receiver.so_far.before
    if before is None:
        return {}
    found: dict[str, float | int | None] = msgspec.structs.asdict(figures(before, receiver.kpis.totals))
    if not (counts and receiver.kpis.knows_run_time):
        found["planned_production"] = None
    if receiver.inference is None:
        found["cycles"] = None
    return found
