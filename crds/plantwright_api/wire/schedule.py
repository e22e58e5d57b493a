"""What a machine is to make, who works at it and why it stands: as the central MES tells it to a gateway.

`GET <url>?plant=<Plant>&equipment=<Machine>` answers with a WorkSchedule as JSON. Names are those of B2MML's WorkSchedule
(ISA-95 part 4): a WorkRequest is a production order, a JobOrder the part of it that one machine does. Answers carry an ETag;
`If-None-Match` is answered with 304, and with `Prefer: wait=<seconds>` (RFC 7240) only once something has changed or the
time is over. By MQTT, which a Plant may choose instead, the same document is retained at
`<prefix>/<enterprise>/<site>/<area>/<line>/<machine>/_schedule`.

Times are RFC 3339. StartTime and EndTime are when the work really began and ended at the machine, not when it was planned to: an
order without EndTime is under way. All of the last `history` is told, so that late data finds the order of its time: what is no longer
told is forgotten and not taken back. A JobOrder is the same by its ID, others by what they name and their StartTime.
"""

import msgspec

CONTENT_TYPE = "application/json"


class B2mml(msgspec.Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    """Base: element names of B2MML."""


class MaterialRequirement(B2mml, frozen=True):
    """What the job makes; `quantity` is how many parts are wanted."""

    material_definition_id: str = msgspec.field(name="MaterialDefinitionID", default="")
    material_lot_id: str = msgspec.field(name="MaterialLotID", default="")
    material_use: str = "Material Produced"
    quantity: float | None = None


class JobOrder(B2mml, frozen=True):
    """One machine's part of a production order, and when it was done there."""

    id: str = msgspec.field(name="ID")
    start_time: str
    work_request_id: str = msgspec.field(name="WorkRequestID", default="")
    end_time: str | None = None
    priority: int | None = None
    material_requirement: list[MaterialRequirement] = []


class PersonnelActual(B2mml, frozen=True):
    """A person who was logged on at the machine."""

    person_id: str = msgspec.field(name="PersonID")
    start_time: str
    end_time: str | None = None


class EquipmentEvent(B2mml, frozen=True):
    """Why the machine stood, told by the MES or by a person; it holds until it ends."""

    reason: str
    start_time: str
    end_time: str | None = None


class WorkSchedule(B2mml, frozen=True):
    """All of this for one machine."""

    equipment_id: str = msgspec.field(name="EquipmentID")
    published_date: str
    job_order: list[JobOrder] = []
    personnel_actual: list[PersonnelActual] = []
    equipment_event: list[EquipmentEvent] = []


def decode(content: bytes) -> WorkSchedule:
    """Read a schedule.

    Raises:
        msgspec.ValidationError: naming the field that is wrong.
        msgspec.DecodeError: it is no JSON.
    """
    return msgspec.json.decode(content, type=WorkSchedule)


def encode(schedule: WorkSchedule) -> bytes:
    """As it goes over the wire."""
    return msgspec.json.encode(schedule)
