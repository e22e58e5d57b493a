"""Rules over several values: cross-field rules, and fields whose broken rule blocks their contract.

Values that arrive together are judged together, in steps: in order of their source times, a new step begins where a signal
that a rule needs comes again. So a state and a power that changed at once are never held against each other's past, however
the protocol grouped them, and nothing that came between is passed over.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Final, NamedTuple, Protocol

from plantwright_api.expression import Expression, ExpressionError, compile_expression
from plantwright_api.wire.config import Contract, CrossFieldRule, Signal
from plantwright_api.wire.delivery import Scalar
from plantwright_gateway.check import reasons
from plantwright_gateway.check.verdict import Verdict, may_block


class Reading(Protocol):
    """What is known of a value besides its verdict."""

    @property
    def signal(self) -> str:
        """Name of the signal."""

    @property
    def value(self) -> Scalar:
        """The raw value."""

    @property
    def source_ns(self) -> int:
        """Its source time, in ns since the epoch."""


class RuleError(ValueError):
    """A rule's expression cannot be used; the message names contract and rule."""


class Rule(NamedTuple):
    """A rule, its fields and the function over their last values, in the same order."""

    fields: tuple[str, ...]
    holds: Callable[..., Scalar]
    reason: str
    quarantines: bool
    last: dict[str, Scalar]
    expression: Expression
    contract: str


class _Watch(NamedTuple):
    """What a signal's value is needed for: the last values of its contract, its field there, and the rules over it."""

    last: dict[str, Scalar]
    field: str
    rules: tuple[Rule, ...]


Place = tuple[int, _Watch]
"""Where a value that rules need stands among the readings."""
REMEMBERED_PLANS: Final = 64
_SIGNAL: Final = attrgetter("signal")


class _Plan(NamedTuple):
    """What rules need of readings of certain signals: places, the rules over them, where blockers stand.

    `once`: no signal that rules need comes twice, so that all is one step.
    """

    places: list[Place]
    rules: list[Rule]
    blockers: tuple[int, ...]
    once: bool


class Latest:
    """The delivered values of the last record of one kind that was fine, not yet written to where rules look.

    A record that is fine costs one assignment here; the rest is done when something else asks for the last values.
    """

    __slots__ = ("_into", "values")

    def __init__(self, places: Iterable[Place]) -> None:
        self.values: tuple[Scalar, ...] | None = None
        self._into = tuple((watch.last, watch.field, index) for index, watch in places)

    def write(self) -> None:
        """Write what is not yet written."""
        if self.values is not None:
            for last, field, index in self._into:
                last[field] = self.values[index]
            self.values = None


class Across(NamedTuple):
    """What a function over a record must know of the rules over several values.

    `blocking`: sets of signals that keep back the contracts of the record; while all are empty, nothing is kept back.
    """

    rules: list[Rule]
    blocking: list[set[str]]
    latest: Latest


class ContractRules:
    """The rules of one machine under one configuration, with the last values that they need.

    The state lives as long as the configuration: after a start or a reload a rule is judged once all its fields have come.

    Raises:
        RuleError: naming the rule whose expression cannot be used.
    """

    def __init__(self, contracts: Sequence[Contract], signals: Sequence[Signal]) -> None:
        signals = [signal for signal in signals if not signal.internal]
        blocking = {(c.name, field.name) for c in contracts for field in c.fields if may_block(field)}
        rules = {contract.name: _by_field(contract) for contract in contracts}
        self._contract = {signal.name: signal.contract for signal in signals}
        self._blockers = {signal.name for signal in signals if (signal.contract, signal.field) in blocking}
        self._watched = {
            signal.name: _Watch(found[0].last, signal.field, found)
            for signal in signals
            if (found := rules[signal.contract].get(signal.field))
        }
        self._blocked: dict[str, set[str]] = {contract.name: set() for contract in contracts}
        self._plans: dict[tuple[str, ...], _Plan] = {}
        self._latest: Latest | None = None

    def across(self, names: tuple[str, ...]) -> Across:
        """The rules over readings of these signals, each of which comes once."""
        plan = self._planned(names)
        contracts = dict.fromkeys(self._contract[name] for name in names)
        return Across(plan.rules, [self._blocked[contract] for contract in contracts], Latest(plan.places))

    def follow(self, latest: Latest) -> None:
        """From now on the last values are those of this kind of record, until another is followed or readings are settled."""
        if self._latest is not latest:
            if self._latest is not None:
                self._latest.write()
            self._latest = latest

    def settle(
        self, readings: Sequence[Reading], verdicts: list[Verdict], names: tuple[str, ...] | None = None
    ) -> list[Verdict]:
        """The verdicts, one per reading and in its order, after the rules over several values.

        `names` are the readings' signals, where the caller has them already.
        """
        if not self._watched and not self._blockers:
            return verdicts
        if self._latest is not None:
            self._latest.write()
        plan = self._plan(names or tuple(map(_SIGNAL, readings)))
        settled = self._across(plan, readings, verdicts) if plan.places else verdicts
        if self._blockers and (any(self._blocked.values()) or any(verdicts[index].blocks for index in plan.blockers)):
            return self._keep_back(readings, settled)
        return settled

    def _plan(self, names: tuple[str, ...]) -> _Plan:
        """Sources read the same signals again and again: what is needed of them is looked up once."""
        plan = self._plans.get(names)
        if plan is None:
            plan = self._planned(names)
            if len(self._plans) >= REMEMBERED_PLANS:
                self._plans.clear()
            self._plans[names] = plan
        return plan

    def _planned(self, names: tuple[str, ...]) -> _Plan:
        places = [(index, self._watched[name]) for index, name in enumerate(names) if name in self._watched]
        blockers = tuple(index for index, name in enumerate(names) if name in self._blockers)
        once = len({names[index] for index, _ in places}) == len(places)
        return _Plan(places, _rules_over(places), blockers, once)

    def _across(self, plan: _Plan, readings: Sequence[Reading], verdicts: list[Verdict]) -> list[Verdict]:
        """The cross-field rules, step by step."""
        if plan.once:
            return _stepped(plan.places, plan.rules, readings, verdicts, verdicts)
        settled = verdicts
        for step in _split(sorted(plan.places, key=lambda place: readings[place[0]].source_ns)):
            settled = _stepped(step, _rules_over(step), readings, verdicts, settled)
        return settled

    def _keep_back(self, readings: Sequence[Reading], verdicts: list[Verdict]) -> list[Verdict]:
        """Values of one source time stand or fall together. A null says that nothing was read: it is not kept back."""
        settled = list(verdicts)
        by_time: dict[int, list[int]] = {}
        for index, reading in enumerate(readings):
            by_time.setdefault(reading.source_ns, []).append(index)
        for time_ns in sorted(by_time):
            for index in by_time[time_ns]:
                self._learn_block(readings[index].signal, verdicts[index])
            for index in by_time[time_ns]:
                verdict, reading = verdicts[index], readings[index]
                if self._blocked[self._contract[reading.signal]] and not verdict.refused and verdict.value is not None:
                    settled[index] = Verdict(reading.value, "", reasons.BLOCKED)
        return settled

    def _learn_block(self, signal: str, verdict: Verdict) -> None:
        """A null neither breaks a rule nor meets it."""
        blocked = self._blocked[self._contract[signal]]
        if verdict.blocks:
            blocked.add(signal)
        elif verdict.value is not None:
            blocked.discard(signal)


def _split(places: Sequence[Place]) -> Iterator[list[Place]]:
    """A new step begins where a field comes again."""
    step: list[Place] = []
    seen: set[tuple[int, str]] = set()
    for place in places:
        key = (id(place[1].last), place[1].field)
        if key in seen:
            yield step
            step, seen = [], set()
        step.append(place)
        seen.add(key)
    yield step


def _rules_over(step: Iterable[Place]) -> list[Rule]:
    """The rules in which a value of the step occurs, each once."""
    return list({id(rule): rule for _, watch in step for rule in watch.rules}.values())


def _stepped(
    step: list[Place], rules: list[Rule], readings: Sequence[Reading], verdicts: list[Verdict], settled: list[Verdict]
) -> list[Verdict]:
    """The rules over one step. What is refused or unreadable is not known; what is merely flagged is the machine's word."""
    for index, watch in step:
        verdict = verdicts[index]
        watch.last[watch.field] = None if verdict.refused else verdict.value
    broken = [rule for rule in rules if rule.holds(*map(rule.last.get, rule.fields)) is False]
    if broken:
        settled = list(settled)
        for rule in broken:
            _break(rule, step, readings, settled)
    return settled


def _break(rule: Rule, step: Iterable[Place], readings: Sequence[Reading], settled: list[Verdict]) -> None:
    """Those values of the step answer for the rule that occur in it; what a value answers for already stays."""
    for index, watch in step:
        verdict = settled[index]
        if watch.last is not rule.last or watch.field not in rule.fields or verdict.refused:
            continue
        if rule.quarantines:
            settled[index] = Verdict(readings[index].value, "", rule.reason)
        elif not verdict.flag:
            settled[index] = Verdict(verdict.value, rule.reason)


def _by_field(contract: Contract) -> dict[str, tuple[Rule, ...]]:
    """The rules of a contract by each field they need."""
    types = {field.name: field.type for field in contract.fields}
    last: dict[str, Scalar] = {}
    rules = [_compiled(contract.name, rule, types, last) for rule in contract.rules]
    fields = {field for rule in rules for field in rule.fields}
    return {field: tuple(rule for rule in rules if field in rule.fields) for field in fields}


def _compiled(contract: str, rule: CrossFieldRule, types: Mapping[str, str], last: dict[str, Scalar]) -> Rule:
    try:
        expression = compile_expression(rule.expression, types, "Boolean")
    except ExpressionError as error:
        raise RuleError(f"contract {contract} rule {rule.name}: {error}") from error
    reason = f"{reasons.RULE_VIOLATED}:{rule.name}"
    return Rule(
        expression.fields, expression.run, reason, rule.on_violation == "Quarantine", last, expression, contract
    )
