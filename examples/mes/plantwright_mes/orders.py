"""What comes in of orders, log-ons and stop reasons: B2MML names in, checked entries and faults out. Pure.

A body that is none of its kind is refused as a whole. Of many orders each is judged alone: what can be accepted is, and what was wrong
is told with the field's name.
"""

from collections.abc import Container, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

import msgspec

from plantwright_api.wire.schedule import MaterialRequirement
from plantwright_mes.rows import MAX_NAME, RefusedError, timestamp

MATERIAL_PRODUCED = "Material Produced"


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with one thing; `accepted` says whether it was taken all the same."""

    reason: str
    subject: str
    message: str
    field: str = ""
    accepted: bool = False


class InvalidError(Exception):
    """This is refused."""

    def __init__(self, reason: str, subject: str, field: str, message: str, status: int = 422) -> None:
        super().__init__(message)
        self.fault = Fault(reason=reason, subject=subject, field=field, message=message)
        self.status = status


class B2mml(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """Base: element names of B2MML."""


class HierarchyScope(B2mml, frozen=True):
    """Which part of the enterprise is meant; here the plant."""

    equipment_id: str = msgspec.field(name="EquipmentID")


class EquipmentRequirement(B2mml, frozen=True):
    """The machine that does the job."""

    equipment_id: str = msgspec.field(name="EquipmentID")


class JobOrderRequest(B2mml, frozen=True):
    """One machine's part of a production order; StartTime and EndTime only where the work has really begun and ended."""

    id: str = msgspec.field(name="ID")
    equipment_requirement: list[EquipmentRequirement]
    priority: int | None = None
    material_requirement: list[MaterialRequirement] = []
    start_time: str | None = None
    end_time: str | None = None


class WorkRequest(B2mml, frozen=True):
    """A production order. Its job orders are read one by one."""

    hierarchy_scope: HierarchyScope
    id: str = msgspec.field(name="ID", default="")
    description: str = ""
    job_order: list[msgspec.Raw] = []


class Moment(B2mml, frozen=True):
    """When a job order really began or ended."""

    time: str


class LogOn(B2mml, frozen=True):
    """A person logs on at a machine, or off."""

    hierarchy_scope: HierarchyScope
    equipment_id: str = msgspec.field(name="EquipmentID")
    person_id: str = msgspec.field(name="PersonID")
    action: Literal["LogOn", "LogOff"]
    time: str


class EquipmentEventRequest(B2mml, frozen=True):
    """Why a machine stands. The same reason and start with an EndTime ends it."""

    hierarchy_scope: HierarchyScope
    equipment_id: str = msgspec.field(name="EquipmentID")
    reason: str
    start_time: str
    end_time: str | None = None


class MaterialDefinition(B2mml, frozen=True):
    """A product that is known."""

    id: str = msgspec.field(name="ID")
    description: str = ""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """How a line's figures are made: Parallel sums its machines; Serial takes time at `bottleneck` and parts at `exit`."""

    plant: str
    area: str
    line: str
    flow: Literal["Parallel", "Serial"] = "Parallel"
    bottleneck: str = ""
    exit: str = ""


class JobOrderRow(NamedTuple):
    """A job order as it is stored."""

    id: str
    work_request_id: str
    plant: str
    equipment: str
    priority: int | None
    material_definition_id: str
    material_lot_id: str
    quantity: float | None
    start_time: datetime | None
    end_time: datetime | None


def read(body: bytes, kind: Any, subject: str = "") -> Any:
    """A body of one of the kinds above.

    Raises:
        InvalidError: naming the field.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at ")
        raise InvalidError("Invalid", subject, path.strip("`") or _missing(message), message) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidError("NotJson", subject, "$", str(error), 400) from error


def name(told: str, field: str, subject: str = "") -> str:
    """A name that can be kept: 1 to 512 characters, none of them a control character.

    Raises:
        InvalidError: it is none.
    """
    if not 1 <= len(told) <= MAX_NAME or any(ord(char) < 32 for char in told):
        raise InvalidError("Invalid", subject, field, f"1 to {MAX_NAME} characters, no control characters")
    return told


def text(told: str) -> str:
    """PostgreSQL's text takes no NUL."""
    return told.replace("\x00", "\\x00")


def moment(told: str, field: str, subject: str) -> datetime:
    """An RFC 3339 time with a zone.

    Raises:
        InvalidError: it is none.
    """
    try:
        return timestamp(told)
    except RefusedError as error:
        raise InvalidError("TimeUnreadable", subject, field, str(error)) from error


def job_orders(request: WorkRequest, request_id: str) -> tuple[list[JobOrderRow], list[Fault]]:
    """The job orders that can be stored, and what is wrong with the others.

    Raises:
        InvalidError: the request itself is wrong.
    """
    plant = name(request.hierarchy_scope.equipment_id, "$.HierarchyScope.EquipmentID", request_id)
    if request.id not in ("", request_id):
        raise InvalidError("Invalid", request_id, "$.ID", "is not the one of the address")
    rows: dict[str, JobOrderRow] = {}
    faults: list[Fault] = []
    for place, raw in enumerate(request.job_order):
        try:
            row = _job_order(raw, f"$.JobOrder[{place}]", request_id, plant)
            _check_new(row.id, rows, f"$.JobOrder[{place}].ID")
            rows[row.id] = row
        except InvalidError as error:
            faults.append(error.fault)
    return list(rows.values()), faults


def check_lines(lines: Sequence[Line]) -> None:
    """Hold lines against their rules.

    Raises:
        InvalidError: naming the field.
    """
    for place, line in enumerate(lines):
        for field in ("plant", "area", "line"):
            name(getattr(line, field), f"$[{place}].{field}", line.line)
        missing = next((field for field in ("bottleneck", "exit") if not getattr(line, field)), None)
        if line.flow == "Serial" and missing:
            raise InvalidError("Invalid", line.line, f"$[{place}].{missing}", "a serial line needs it")


def stretch(start: datetime | None, end: datetime | None, path: str, subject: str) -> None:
    """What ends must have begun before.

    Raises:
        InvalidError: it has not.
    """
    if end is not None and start is None:
        raise InvalidError("NotStarted", subject, f"{path}.StartTime", "it ends and has never begun")
    if start is not None and end is not None and end <= start:
        raise InvalidError("EndsBeforeStart", subject, f"{path}.EndTime", "it ends before it begins")


def _job_order(raw: msgspec.Raw, path: str, request_id: str, plant: str) -> JobOrderRow:
    try:
        order = read(bytes(raw), JobOrderRequest)
    except InvalidError as error:
        fault = error.fault
        raise InvalidError(fault.reason, _id_of(raw), path + fault.field.removeprefix("$"), fault.message) from error
    identity = name(order.id, f"{path}.ID")
    if len(order.equipment_requirement) != 1:
        raise InvalidError("Invalid", identity, f"{path}.EquipmentRequirement", "exactly one machine is needed")
    equipment = name(
        order.equipment_requirement[0].equipment_id, f"{path}.EquipmentRequirement[0].EquipmentID", identity
    )
    made = next((m for m in order.material_requirement if m.material_use == MATERIAL_PRODUCED), MaterialRequirement())
    if made.quantity is not None and not 0 <= made.quantity < 2**53:
        raise InvalidError("Invalid", identity, f"{path}.MaterialRequirement.Quantity", "is below 0, or too large")
    start = moment(order.start_time, f"{path}.StartTime", identity) if order.start_time else None
    end = moment(order.end_time, f"{path}.EndTime", identity) if order.end_time else None
    stretch(start, end, path, identity)
    if order.priority is not None and abs(order.priority) >= 2**63:
        raise InvalidError("Invalid", identity, f"{path}.Priority", "is too large")
    return JobOrderRow(
        id=identity,
        work_request_id=request_id,
        plant=plant,
        equipment=equipment,
        priority=order.priority,
        material_definition_id=text(made.material_definition_id),
        material_lot_id=text(made.material_lot_id),
        quantity=made.quantity,
        start_time=start,
        end_time=end,
    )


def _check_new(identity: str, rows: Container[str], field: str) -> None:
    if identity in rows:
        raise InvalidError("Duplicate", identity, field, "is named twice; the first was taken")


def _missing(message: str) -> str:
    """The field in msgspec's word of one that is missing, such as "Object missing required field `ID`"."""
    quoted = message.split("`")
    return f"$.{quoted[1]}" if len(quoted) == 3 and "missing" in message else "$"


def _id_of(raw: msgspec.Raw) -> str:
    try:
        return str(msgspec.json.decode(raw, type=dict[str, Any]).get("ID", ""))[:MAX_NAME]
    except msgspec.DecodeError:
        return ""
