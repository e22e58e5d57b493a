"""What the gateway knows of one machine at a moment, and what follows from it. Pure: `now_ns` is a monotonic clock's."""

import math
from collections.abc import Iterable, Mapping
from typing import Final, Literal, NamedTuple

from plantwright_api.wire.status import Condition, Tri
from plantwright_gateway.buffer.outlook import words
from plantwright_gateway.buffer.records import Stats
from plantwright_gateway.check.completeness import CURES, FieldState, judge
from plantwright_gateway.check.reasons import INCOMPLETE

NEARLY_FULL: Final = 0.9
SHOWN_FAULTS: Final = 3
_TRI: Final[Mapping[str, Tri]] = {"True": "True", "False": "False", "Unknown": "Unknown"}
FAILING_SECONDS: Final = 5.0
"""A sink that fails for less is not worth a condition."""


class Connection(NamedTuple):
    """What the source last said of its session; `since_ns` when it came up."""

    status: Literal["True", "False", "Unknown"] = "Unknown"
    reason: str = "Connecting"
    message: str = ""
    since_ns: int | None = None


class ContractData(NamedTuple):
    """When data of a contract arrived last, and for how long that counts."""

    name: str
    window_ns: int
    seen_ns: int | None


class SinkFacts(NamedTuple):
    """A sink's failures."""

    name: str
    error: str
    failing_seconds: float
    rejecting: bool


class ScheduleFacts(NamedTuple):
    """What is known of the MES's schedule: whether one was told, why there is no newer one, what contradicts itself in it."""

    known: bool
    error: str
    faults: tuple[str, ...]


class Facts(NamedTuple):
    """Everything that conditions are made of."""

    now_ns: int
    connection: Connection
    alive_ns: int | None
    contracts: tuple[ContractData, ...]
    fields: tuple[FieldState, ...]
    buffer: Stats
    durable: bool
    sinks: tuple[SinkFacts, ...] = ()
    incomplete: tuple[str, ...] = ()
    """Contracts that were incomplete for longer than they allow, as a person reads it."""
    seconds_to_overflow: float = math.inf
    schedule: ScheduleFacts | None = None


def conditions(facts: Facts) -> list[Condition]:
    """The five conditions, and that of the schedule where there is one. Messages hold no ages or counts: whoever stores them writes only when one changes."""
    found = [_connected(facts), _data_fresh(facts), _contract_met(facts), _buffered(facts), _durable(facts)]
    return [*found, _schedule_current(facts.schedule)] if facts.schedule else found


def _connected(facts: Facts) -> Condition:
    link = facts.connection
    return Condition(type="Connected", status=link.status, reason=link.reason, message=link.message)


def _data_fresh(facts: Facts) -> Condition:
    status, reason, message = _freshness(facts)
    return Condition(type="DataFresh", status=status, reason=reason, message=message)


def _freshness(facts: Facts) -> tuple[Tri, str, str]:
    link = facts.connection
    if link.status != "True":
        return ("False" if link.status == "False" else "Unknown"), "NotConnected", ""
    since = link.since_ns or facts.now_ns
    never = [data for data in facts.contracts if data.seen_ns is None]
    late = [data for data in never if facts.now_ns - since > data.window_ns]
    if never:
        return ("False" if late else "Unknown"), "NoData", _of(late or never)
    stale = [data for data in facts.contracts if _age(facts, data) > data.window_ns]
    if stale:
        return "False", "Stale", _of(stale)
    return "True", "Flowing", ""


def _age(facts: Facts, data: ContractData) -> int:
    """Since when nothing was heard: a machine that confirmed it is idle is fresh."""
    return facts.now_ns - max(data.seen_ns or 0, facts.alive_ns or 0)


def _of(contracts: Iterable[ContractData]) -> str:
    return ", ".join(f"{data.name} (fresh within {data.window_ns // 1_000_000_000} s)" for data in contracts)


def _contract_met(facts: Facts) -> Condition:
    since = facts.connection.since_ns if facts.connection.status == "True" else None
    verdict = judge(facts.fields, since, facts.alive_ns, facts.now_ns)
    if verdict.status == "True" and facts.incomplete:
        message = f"{', '.join(facts.incomplete)}: {CURES[INCOMPLETE]}"
        return Condition(type="ContractMet", status="False", reason=INCOMPLETE, message=message)
    return Condition(type="ContractMet", status=_TRI[verdict.status], reason=verdict.reason, message=verdict.message)


def _buffered(facts: Facts) -> Condition:
    status, reason, message = _room(facts)
    return Condition(type="Buffered", status=status, reason=reason, message=message)


def _room(facts: Facts) -> tuple[Tri, str, str]:
    buffer = facts.buffer
    if not buffer.writable:
        return ("False", "NotWritable", buffer.error) if buffer.error else ("Unknown", "NotWritable", "opening")
    if buffer.blocked or buffer.fill >= 1:
        return "False", "Full", _errors(facts.sinks)
    if buffer.fill > NEARLY_FULL:
        return "False", "NearlyFull", _outlook(facts, facts.sinks)
    failing = [sink for sink in facts.sinks if sink.failing_seconds > FAILING_SECONDS]
    if failing:
        return "True", "MesRejects" if any(s.rejecting for s in failing) else "MesUnreachable", _outlook(facts, failing)
    return "True", "RoomLeft", _outlook(facts, ())


def _outlook(facts: Facts, sinks: Iterable[SinkFacts]) -> str:
    return "; ".join(filter(None, (_errors(sinks), words(facts.seconds_to_overflow))))


def _errors(sinks: Iterable[SinkFacts]) -> str:
    return "; ".join(f"{sink.name}: {sink.error}" for sink in sinks if sink.error)


def _schedule_current(schedule: ScheduleFacts) -> Condition:
    status, reason, message = "True", "Told", ""
    if schedule.faults:
        shown = ", ".join(schedule.faults[:SHOWN_FAULTS])
        more = len(schedule.faults) - SHOWN_FAULTS
        status, reason, message = "False", "ScheduleContradicts", f"{shown} and {more} more" if more > 0 else shown
    elif schedule.error:
        status, reason, message = "False", "ScheduleUnavailable", schedule.error
    elif not schedule.known:
        status, reason = "Unknown", "NotTold"
    return Condition(type="ScheduleCurrent", status=_TRI[status], reason=reason, message=message)


def _durable(facts: Facts) -> Condition:
    reason = "PersistentVolumeClaim" if facts.durable else "EmptyDir"
    return Condition(type="Durable", status="True" if facts.durable else "False", reason=reason)
