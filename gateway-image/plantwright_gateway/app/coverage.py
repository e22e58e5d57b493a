"""Watches once a second whether each contract of a machine is complete, and counts the time."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from plantwright_api.wire.config import Machine
from plantwright_gateway.app.clock import Clock
from plantwright_gateway.app.facts import Connection
from plantwright_gateway.check.completeness import FieldState, complete_contracts
from plantwright_gateway.check.coverage import Buckets, Coverage, dump, load
from plantwright_gateway.context.calendar import WorkCalendar
from plantwright_gateway.context.times import SECOND

STATE_COVERAGE: Final = "coverage"
TICK_SECONDS: Final = 1.0


class Watched(NamedTuple):
    """What is known of a machine at a tick; monotonic ns."""

    fields: Iterable[FieldState]
    link: Connection
    alive_ns: int | None


class Coverages:
    """The contracts of one machine."""

    def __init__(self, machine: Machine, clock: Clock, kept: bytes | None) -> None:
        self._clock, self._known = clock, load(kept)
        self.contracts: list[Coverage] = []
        self.configure(machine)

    def configure(self, machine: Machine) -> None:
        """Count under another configuration from now on; what was counted of a contract stays."""
        now, before = self._clock.wall(), {each.name: each for each in self.contracts}
        names = {contract.name for contract in machine.contracts}
        self._known = {name: known for name, known in self._known.items() if name in names}
        self._calendar = WorkCalendar(machine.calendar)
        self.contracts = []
        for contract in machine.contracts:
            coverage = Coverage(contract, self._known.setdefault(contract.name, Buckets(at_ns=now)))
            old = before.get(contract.name)
            if old is not None and old.version == coverage.version:
                coverage.planned_ns, coverage.complete_ns = old.planned_ns, old.complete_ns
            self.contracts.append(coverage)

    def tick(self, watched: Watched) -> None:
        """Count the time since the last tick."""
        since = watched.link.since_ns if watched.link.status == "True" else None
        complete = complete_contracts(watched.fields, since, watched.alive_ns, self._clock.mono())
        now = self._clock.wall()
        for coverage in self.contracts:
            stretch = self._calendar.segments(coverage.known.at_ns, now)
            planned = sum(length for length, segment in stretch if segment.planned)
            coverage.advance(now, planned, complete.get(coverage.name, since is not None))

    def state(self) -> dict[str, bytes]:
        """What must survive a restart."""
        return {STATE_COVERAGE: dump(self._known)}

    def short(self) -> tuple[str, ...]:
        """Contracts that were incomplete for longer than they allow, each with its terms."""
        return tuple(
            f"{each.name} (complete for {each.percent} % of {each.window_ns // SECOND} s of planned time)"
            for each in self.contracts
            if each.short
        )
