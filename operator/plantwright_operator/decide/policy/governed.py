"""What verdicts come to: a refusal, or a condition."""

from collections.abc import Iterable

from plantwright_operator.decide.conditions import Judgement
from plantwright_operator.decide.policy.judging import Verdict
from plantwright_operator.model import Refusal

SHOWN = 3
"""A message names this many violations; `plantwright lint` and the policies' owners see them all."""

Found = Iterable[tuple[str, list[Verdict]]]
"""What messages call an object, and the verdicts on it."""


def refusal(found: Found) -> Refusal | None:
    """The first violation of a rule that is enforced, as a refusal."""
    told = next(((where, v) for where, verdicts in found for v in verdicts if v.refuses), None)
    if told is None:
        return None
    where, verdict = told
    return Refusal("PolicyViolated", f"{where}policy {verdict.policy}: {verdict.sentence}{_owner(verdict)}")


def judgement(found: Found) -> Judgement | None:
    """The condition PolicyMet; None where no rule speaks of any of the objects."""
    listed = [(where, verdict) for where, verdicts in found for verdict in verdicts]
    if not listed:
        return None
    violated = [(where, verdict) for where, verdict in listed if verdict.violated]
    if violated:
        lines = [f"{where}policy {v.policy} ({v.mode}): {v.sentence}{_owner(v)}" for where, v in violated[:SHOWN]]
        more = [f"and {len(violated) - SHOWN} more"] if len(violated) > SHOWN else []
        return Judgement("False", "RulesViolated", "; ".join([*lines, *more]))
    excused = [v for _, v in listed if v.exception is not None]
    if excused:
        until = min(v.exception.expires for v in excused if v.exception is not None)
        rules = ", ".join(dict.fromkeys(v.rule for v in excused))
        return Judgement("True", "Excused", f"excused from {rules}, the first until {until}")
    return Judgement("True", "AllRulesHold")


def _owner(verdict: Verdict) -> str:
    return f" (owner of the policy: {verdict.owner.team})"
