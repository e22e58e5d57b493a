"""Give verdicts: hold an object to the rules of all policies that hold for it.

The order is the one in which the API server runs what `admission` renders: does the rule speak of the object, is the
object excused, does the expression hold. An expression without a result, such as one that meets a missing field, fails: a
rule that cannot be judged must neither pass nor crash.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal

from plantwright_api.v1alpha1.base import Owner
from plantwright_api.v1alpha1.governancepolicy import Mode, PolicyException
from plantwright_operator.decide.policy import cel
from plantwright_operator.decide.policy.compiling import Broken, Compiled, CompiledRule
from plantwright_operator.model import Obj

Result = Literal["Passed", "Failed", "Excused", "Deferred", "Error"]
Policy = Compiled | Broken
Outcome = tuple[Result, str] | None
"""Result and message of a rule, exceptions left aside; None where it does not speak of the object."""
Memory = dict[tuple[object, ...], Outcome]
"""Outcomes of rules that do not look at the object itself, by rule and by the identity of what they look at: two hundred
machines of one profile have them in common. Whoever keeps it keeps those objects too, and drops it with them."""
LONGEST_MESSAGE = 5 * 1024
"""What the API server takes of a message that is made, in bytes."""


@dataclass(frozen=True, slots=True)
class Others:
    """What an object's references lead to, as `shapes.canonical` gives it; None where it is not there or not looked for."""

    plant: Obj | None = None
    profile: Obj | None = None
    contracts: tuple[Obj, ...] | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one rule says of an object. `policy` is namespace/name; `rule` is empty where the policy as a whole is broken.

    Failed: the rule does not hold. Error: it could not be judged, which counts as Failed. Excused: it does not hold and an
    exception is in force. Deferred: it needs an object that is not there.
    """

    policy: str
    rule: str
    result: Result
    mode: Mode
    message: str
    field_path: str
    owner: Owner
    exception: PolicyException | None = None

    @property
    def violated(self) -> bool:
        """Whether the object breaks the rule and nothing excuses it."""
        return self.result in ("Failed", "Error")

    @property
    def refuses(self) -> bool:
        """Whether the object must not be acted on because of this."""
        return self.violated and self.mode == "Enforce"

    @property
    def sentence(self) -> str:
        """Rule and message, as it is shown at admission, in a condition and in CI."""
        return f"{self.rule}: {self.message}".rstrip() if self.rule else self.message


def evaluate(
    policies: Iterable[Policy], obj: Obj, others: Others, now: datetime, memory: Memory | None = None
) -> list[Verdict]:
    """Verdicts of all rules that speak of the object, in the order of the policies.

    Args:
        policies: those that hold in the object's namespace (`scope.effective`).
        obj: the object, as `shapes.canonical` gives it.
        others: what it refers to; the empty one is what admission sees.
        now: decides which exceptions are in force; aware, its UTC date counts.
        memory: what is remembered from one object to the next.
    """
    subject = _Subject(obj, others, now, memory)
    return [verdict for policy in policies for verdict in subject.of_policy(policy)]


def refusing(verdicts: Sequence[Verdict]) -> Verdict | None:
    """The first verdict because of which the object must not be acted on, or None."""
    return next((verdict for verdict in verdicts if verdict.refuses), None)


def in_force(exception: PolicyException, today: date) -> bool:
    """Whether the exception counts on this day; its date is the last one."""
    return today <= date.fromisoformat(exception.expires)


def excuses(exception: PolicyException, obj: Obj) -> bool:
    """Whether the exception speaks of the object."""
    meta = obj["metadata"]
    somewhere = not exception.namespaces or meta["namespace"] in exception.namespaces
    return exception.kind == obj["kind"] and meta.get("name") in exception.names and somewhere


class _Subject:
    """One object under judgement; what rules see of it is converted once."""

    def __init__(self, obj: Obj, others: Others, now: datetime, memory: Memory | None) -> None:
        self._obj = obj
        self._others = others
        self._memory = memory
        self._today = now.astimezone(UTC).date()
        contracts = None if others.contracts is None else list(others.contracts)
        given = {"object": obj, "plant": others.plant, "profile": others.profile, "contracts": contracts}
        self._values = {name: value for name, value in given.items() if value is not None}
        self._bindings: dict[frozenset[str], cel.Bindings] = {}

    def of_policy(self, policy: Policy) -> list[Verdict]:
        """Verdicts of one policy."""
        if isinstance(policy, Broken):
            return self._of_broken(policy)
        kind = self._obj["kind"]
        verdicts = [self._of_rule(policy, rule) for rule in policy.rules if kind in rule.rule.kinds]
        return [verdict for verdict in verdicts if verdict is not None]

    def _of_broken(self, broken: Broken) -> list[Verdict]:
        spec = broken.policy.spec
        modes = [rule.mode or spec.mode for rule in spec.rules if self._obj["kind"] in rule.kinds]
        if not modes:
            return []
        mode = min(modes, key=_STRICTEST.index)
        return [Verdict(_name(broken), "", "Error", mode, broken.broken.message, "", spec.owner)]

    def _of_rule(self, policy: Compiled, rule: CompiledRule) -> Verdict | None:
        """None where the rule does not speak of the object."""
        found = self._judged(rule) if rule.own or self._memory is None else self._remembered(rule, self._memory)
        if found is None:
            return None
        result, message = found
        exception = self._exception(rule) if result in ("Failed", "Error") else None
        return Verdict(
            policy=_name(policy),
            rule=rule.rule.name,
            result="Excused" if exception is not None else result,
            mode=rule.mode,
            message=message,
            field_path=rule.rule.field_path or "",
            owner=policy.policy.spec.owner,
            exception=exception,
        )

    def _remembered(self, rule: CompiledRule, memory: Memory) -> Outcome:
        others = self._others
        seen = (id(others.plant), id(others.profile), *map(id, others.contracts or ()))
        key = (id(rule), others.contracts is None, *seen)
        if key not in memory:
            memory[key] = self._judged(rule)
        return memory[key]

    def _judged(self, rule: CompiledRule) -> Outcome:
        missing = sorted(rule.others - self._values.keys())
        if missing:
            return "Deferred", f"{rule.text} (judged once {', '.join(missing)} is there)"
        try:
            if rule.when is not None and not rule.when.run(self._bound(rule)):
                return None
            passed = rule.expression.run(self._bound(rule))
        except cel.EvaluationError as error:
            return "Error", f"{rule.text} (the rule could not be judged: {error})"
        return ("Passed", "") if passed else ("Failed", self._message(rule))

    def _exception(self, rule: CompiledRule) -> PolicyException | None:
        found = (e for e in rule.exceptions if excuses(e, self._obj) and in_force(e, self._today))
        return next(found, None)

    def _message(self, rule: CompiledRule) -> str:
        """The message as the API server chooses it: one that fails, breaks the line or is too long gives way."""
        if rule.message is None:
            return rule.text
        try:
            text = str(rule.message.run(self._bound(rule))).rstrip()
        except cel.EvaluationError:
            return rule.text
        size = len(f"{rule.rule.name}: {text}".encode())
        return text if size <= LONGEST_MESSAGE and "\n" not in text else rule.text

    def _bound(self, rule: CompiledRule) -> cel.Bindings:
        """Values of the variables that the rule uses; large ones cost time to convert."""
        names = rule.others | {"object"}
        if names not in self._bindings:
            self._bindings[names] = cel.Bindings({name: self._values[name] for name in names})
        return self._bindings[names]


_STRICTEST: tuple[Mode, ...] = ("Enforce", "Warn", "Audit")


def _name(policy: Policy) -> str:
    meta = policy.policy.metadata
    return f"{meta.namespace or 'default'}/{meta.name}"
