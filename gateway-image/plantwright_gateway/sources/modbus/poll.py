"""One poll under way: what is still to be asked, what was answered, who stayed silent. Pure but for the time stamp."""

import time
from collections import Counter, deque
from collections.abc import Sequence

from plantwright_gateway.sources.modbus.plan import Request

SILENCES_PER_UNIT = 2
"""So often a unit that answers nothing is asked in one poll: each silence costs a whole timeout."""


class Poll:
    """The requests of one poll, in an order that lets a silent unit hold up the others as little as possible."""

    def __init__(self, requests: Sequence[Request]) -> None:
        self._pending = deque(requests)
        self._silences: Counter[int] = Counter()
        self.answers: list[tuple[Request, bytes]] = []
        self.unanswered: list[Request] = []
        self.heard: set[int] = set()
        self.arrived_ns = 0

    def next(self) -> Request | None:
        """Take the next request; None when the poll is over."""
        return self._pending.popleft() if self._pending else None

    def answered(self, request: Request, data: bytes) -> None:
        """The values came."""
        self.heard.add(request.area.unit_id)
        self.answers.append((request, data))
        self.arrived_ns = time.time_ns()

    def refused(self, request: Request, narrower: Sequence[Request]) -> None:
        """The device answered, but not with values; the narrower reads come next."""
        self.heard.add(request.area.unit_id)
        self._pending.extendleft(reversed(narrower))

    def silent(self, request: Request) -> None:
        """No answer: other units come first now, and a unit that never answers is not asked again in this poll."""
        unit_id = request.area.unit_id
        self.unanswered.append(request)
        self._silences[unit_id] += 1
        same = [pending for pending in self._pending if pending.area.unit_id == unit_id]
        others = [pending for pending in self._pending if pending.area.unit_id != unit_id]
        given_up = unit_id not in self.heard and self._silences[unit_id] >= SILENCES_PER_UNIT
        self._pending = deque(others if given_up else others + same)

    def is_hopeless(self) -> bool:
        """Nothing was heard of the device and there is little left to ask: the connection is dead."""
        return not self.heard and (len(self.unanswered) >= SILENCES_PER_UNIT or not self._pending)
