"""What a shift and a job order have come to so far: the counters now, less what they were when these began. Pure."""

import msgspec

from plantwright_gateway.context.kpi import Totals, busy_ns, known_planned_ns, planned_ns
from plantwright_gateway.context.times import SECOND

STATE_SO_FAR = "so_far"


class SoFar(msgspec.Struct, rename="camel"):
    """Where the shift and the job order under way began: instants in ns, and the counters of then."""

    shift: str = ""
    shift_start_ns: int = 0
    before: Totals | None = None
    job_order: str = ""
    job_good_before: int = 0

    def shift_is(self, name: str, start_ns: int, totals: Totals) -> bool:
        """The shift that began last, with the counters of now: taken as its beginning, and True, where it is another one."""
        if self.before is not None and (name, start_ns) == (self.shift, self.shift_start_ns):
            return False
        self.shift, self.shift_start_ns = name, start_ns
        self.before = msgspec.convert(msgspec.to_builtins(totals), Totals)
        return True

    def job_is(self, job_order: str, totals: Totals) -> bool:
        """The job order under way; True where it is another one."""
        if job_order == self.job_order:
            return False
        self.job_order, self.job_good_before = job_order, totals.good
        return True


class Figures(msgspec.Struct, frozen=True):
    """Elements of ISO 22400 of a stretch; seconds and whole parts. Named as in `wire.live.Live`."""

    cycles: int
    good: int
    rejected: int
    planned: float
    known_planned: float
    planned_busy: float
    production: float
    all_production: float
    planned_production: float


def figures(before: Totals, now: Totals) -> Figures:
    """What came between two readings of the counters."""
    planned, unplanned = [
        now.states.get("Production", (0, 0))[place] - before.states.get("Production", (0, 0))[place] for place in (0, 1)
    ]
    return Figures(
        cycles=now.cycles - before.cycles,
        good=now.good - before.good,
        rejected=now.rejected - before.rejected,
        planned=(planned_ns(now) - planned_ns(before)) / SECOND,
        known_planned=(known_planned_ns(now) - known_planned_ns(before)) / SECOND,
        planned_busy=(busy_ns(now) - busy_ns(before)) / SECOND,
        production=planned / SECOND,
        all_production=(planned + unplanned) / SECOND,
        planned_production=(now.planned_production_ns - before.planned_production_ns) / SECOND,
    )


def load(content: bytes | None) -> SoFar:
    """Read back what was kept; nothing that can be read begins anew."""
    try:
        return msgspec.json.decode(content, type=SoFar) if content else SoFar()
    except msgspec.MsgspecError:
        return SoFar()


def dump(so_far: SoFar) -> bytes:
    """As it is kept."""
    return msgspec.json.encode(so_far)
