"""Make a policy ready to judge, or say which rule cannot be used and what mends it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from plantwright_api.v1alpha1 import GovernancePolicy
from plantwright_api.v1alpha1.governancepolicy import Mode, PolicyException, PolicyRule
from plantwright_operator.decide.policy import analysis, cel, shapes, tree
from plantwright_operator.model import Refusal

MOST_POLICY_COST = 10_000_000
"""Of all rules of a policy together: what the API server gives it."""


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """A rule, its programs and the variables besides `object` that they use. `own`: they use `object` as well."""

    rule: PolicyRule
    mode: Mode
    when: cel.Program | None
    expression: cel.Program
    message: cel.Program | None
    others: frozenset[str]
    own: bool
    exceptions: tuple[PolicyException, ...]

    @property
    def text(self) -> str:
        """The fixed message on one line, as the API server wants it."""
        return " ".join(self.rule.message.split())

    @property
    def sentence(self) -> str:
        """Rule and message, as it is shown everywhere."""
        return f"{self.rule.name}: {self.text}"


@dataclass(frozen=True, slots=True)
class Compiled:
    """A policy that can judge. `broken` is None."""

    policy: GovernancePolicy
    rules: tuple[CompiledRule, ...]
    broken: None = None


@dataclass(frozen=True, slots=True)
class Broken:
    """A policy that cannot judge, and why. What it speaks of is not let through: a rule that is lost must not be missed."""

    policy: GovernancePolicy
    broken: Refusal
    rules: tuple[CompiledRule, ...] = ()


def judge(policy: GovernancePolicy) -> Refusal | None:
    """What keeps the policy from being used, for its own status; None where nothing does."""
    return compile_policy(policy).broken


def compile_policy(policy: GovernancePolicy) -> Compiled | Broken:
    """Compile all rules; the first one that cannot be used is the refusal."""
    rules: list[CompiledRule] = []
    cost = 0
    try:
        _check_dates(policy.spec.exceptions)
        for rule in policy.spec.rules:
            compiled, spent = _rule(rule, policy)
            rules.append(compiled)
            cost += spent
    except _RefusedError as error:
        return Broken(policy, Refusal("InvalidSpec", str(error)))
    if cost > MOST_POLICY_COST:
        message = f"spec.rules: together they may cost {cost} units (at most {MOST_POLICY_COST}); split the policy"
        return Broken(policy, Refusal("InvalidSpec", message))
    return Compiled(policy, tuple(rules))


class _RefusedError(ValueError):
    """Names the field of the policy and the cure."""


def _check_dates(exceptions: Iterable[PolicyException]) -> None:
    for exception in exceptions:
        try:
            date.fromisoformat(exception.expires)
        except ValueError as error:
            raise _RefusedError(
                f"spec.exceptions[{exception.name}].expires: {exception.expires} is no date; write one such as 2027-03-31"
            ) from error


def _rule(rule: PolicyRule, policy: GovernancePolicy) -> tuple[CompiledRule, int]:
    texts: tuple[tuple[str, str | None, cel.ResultType], ...] = (
        ("when", rule.when, "bool"),
        ("expression", rule.expression, "bool"),
        ("messageExpression", rule.message_expression, "string"),
    )
    used: set[str] = set()
    cost = 0
    programs: list[cel.Program | None] = []
    for field, text, wanted in texts:
        program, found = _program(f"spec.rules[{rule.name}].{field}", text, wanted, rule) if text else (None, None)
        programs.append(program)
        if found is not None:
            used |= found.used
            cost += found.cost
    when, expression, message = programs
    assert expression is not None  # noqa: S101  (the model demands it)
    compiled = CompiledRule(
        rule=rule,
        mode=rule.mode or policy.spec.mode,
        when=when,
        expression=expression,
        message=message,
        others=frozenset(used - {"object"}),
        own="object" in used,
        exceptions=tuple(e for e in policy.spec.exceptions if e.rule == rule.name),
    )
    return compiled, cost


def _program(where: str, text: str, wanted: cel.ResultType, rule: PolicyRule) -> tuple[cel.Program, analysis.Findings]:
    """Compile one expression and hold it to every kind the rule speaks of; the dearest kind's findings count."""
    try:
        program = cel.compile_text(text, wanted)
    except cel.CompileError as error:
        raise _RefusedError(f"{where}: {error}") from error
    root = tree.read(program.serialized)
    findings = []
    for kind in rule.kinds:
        try:
            findings.append(analysis.analyse(root, shapes.variables(kind)))
        except analysis.AnalysisError as error:
            several = f" ({kind}; a rule for several kinds uses what all of them have)" if len(rule.kinds) > 1 else ""
            raise _RefusedError(f"{where}{several}: {error}") from error
    return program, max(findings, key=lambda found: found.cost)
