"""What a machine does now, for boards and `plantwright top`.

A gateway answers `GET /live` with a stream of server-sent events (text/event-stream): one `Live` per machine at once, then one
whenever it changes (a state at once, numbers at most once a second), and a comment every 15 seconds while nothing does.
"""

import msgspec

from plantwright_api.wire.delivery import State


class Live(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One machine. Times are RFC 3339, durations seconds.

    The figures are those of the shift that began last (of the local day where the plant has no shifts), as sums of the elements of
    ISO 22400, so that lines can be added up: `planned_busy` PBT, `production` APT within planned time, `all_production` APT,
    `planned_production` PRI x parts, `good` GQ, `rejected` SQ, `planned` and `known_planned` for the data coverage. `wanted` is the
    quantity of the job order and `job_good` what of it is made. `cycles` of the shift and `cycle_seconds`, how long one takes, are there where the
    state is inferred from a load that shows them.
    """

    plant: str
    area: str
    line: str
    machine: str
    time: str
    state: State = "Unknown"
    since: str = ""
    inferred: bool = False
    confidence: float | None = None
    connected: bool = False
    trouble: str = ""
    """Why nothing is known, in words; "" while data flows."""
    reason: str = ""
    """Why the machine stands, as it, the MES or a person said."""
    shift: str = ""
    work_request: str = ""
    job_order: str = ""
    material_definition: str = ""
    person: str = ""
    wanted: float | None = None
    job_good: int | None = None
    cycles: int | None = None
    cycle_seconds: float | None = None
    good: int = 0
    rejected: int = 0
    planned: float = 0.0
    known_planned: float = 0.0
    planned_busy: float = 0.0
    production: float = 0.0
    all_production: float = 0.0
    planned_production: float | None = None
