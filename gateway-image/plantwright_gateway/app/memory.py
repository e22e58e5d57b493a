"""What of a machine outlives configurations and restarts: read once at the start, written beside the rows that it follows from."""

from collections.abc import Mapping

from plantwright_gateway.app.violations import STATE_VIOLATIONS, Violations
from plantwright_gateway.buffer.records import STATE_KPI, STATE_LAST_OBSERVED
from plantwright_gateway.context.kpi import dump, load
from plantwright_gateway.context.retelling import STATE_RETELLING, Retelling
from plantwright_gateway.context.situation import STATE_TOLD, Situation
from plantwright_gateway.context.so_far import STATE_SO_FAR
from plantwright_gateway.context.so_far import dump as dump_so_far
from plantwright_gateway.context.so_far import load as load_so_far
from plantwright_gateway.derive import STATE_COUNTERS, RunningTotals
from plantwright_gateway.schedule.feed import STATE_SCHEDULE, recalled


class Memory:
    """`kept` is what the buffer's file holds; what of it cannot be read begins anew. `now_ns` is the wall clock.

    `clock_tolerance_ns` is how far the machine's clock may be off before the gateway's decides.
    """

    def __init__(self, kept: Mapping[str, bytes], now_ns: int, clock_tolerance_ns: int) -> None:
        self.totals = load(kept.get(STATE_KPI), now_ns)
        last = kept.get(STATE_LAST_OBSERVED, b"")
        self.last_observed_ns = int(last) if last.isdigit() else None
        self.violations = Violations(kept.get(STATE_VIOLATIONS, b""))
        self.counters = RunningTotals(kept.get(STATE_COUNTERS, b""))
        self.situation = Situation(kept.get(STATE_TOLD), clock_tolerance_ns, Retelling(kept.get(STATE_RETELLING)))
        self.situation.orders = recalled(kept.get(STATE_SCHEDULE)) or self.situation.orders
        self.so_far = load_so_far(kept.get(STATE_SO_FAR))
        self._so_far_unsaved = False

    def note_so_far(self, shift: tuple[str, int], job_order: str) -> None:
        """The shift that began last (its name and begin in ns) and the job order under way."""
        another_shift = self.so_far.shift_is(*shift, self.totals)
        another_job = self.so_far.job_is(job_order, self.totals)
        self._so_far_unsaved = self._so_far_unsaved or another_shift or another_job

    def dump(self) -> dict[str, bytes]:
        """What has to be written with the next rows: the totals always, the rest where it is otherwise than on disk."""
        kept = {STATE_KPI: dump(self.totals)}
        if self.last_observed_ns is not None:
            kept[STATE_LAST_OBSERVED] = str(self.last_observed_ns).encode()
        if self._so_far_unsaved:
            kept[STATE_SO_FAR] = dump_so_far(self.so_far)
        return kept | {name: part.dump() for name, part in self._parts().items() if part.unsaved}

    def saved(self) -> None:
        """What `dump` gave last is on disk."""
        self._so_far_unsaved = False
        for part in self._parts().values():
            part.unsaved = False

    def _parts(self) -> dict[str, Situation | Retelling | RunningTotals | Violations]:
        return {
            STATE_TOLD: self.situation,
            STATE_RETELLING: self.situation.retelling,
            STATE_COUNTERS: self.counters,
            STATE_VIOLATIONS: self.violations,
        }
