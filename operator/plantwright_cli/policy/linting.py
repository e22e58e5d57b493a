"""Judge a Git tree as the cluster would: what the API server would refuse, every policy that holds, and whatever would keep
the operator from acting. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

from plantwright_api.v1alpha1 import DataContract, GovernancePolicy, KubernetesObject, Machine, MachineProfile, Plant
from plantwright_api.v1alpha1.governancepolicy import PolicyException
from plantwright_cli.manifests import Manifest, Source, of_kind, of_source
from plantwright_cli.policy.verdicts import Governed
from plantwright_cli.tree import Tree
from plantwright_operator.decide import calendars, catalog, plants
from plantwright_operator.decide.policy import crds, scope
from plantwright_operator.decide.policy.judging import Verdict, in_force
from plantwright_operator.model import Refusal

Severity = Literal["error", "warning", "notice"]
_SEVERITY: dict[str, Severity] = {"Enforce": "error", "Warn": "warning", "Audit": "notice"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not well, or is let pass for now. `rule` is policy/rule, or the operator's own reason."""

    path: str
    kind: str
    namespace: str
    name: str
    rule: str
    result: str
    mode: str
    severity: Severity
    message: str
    field_path: str = ""
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Waiver:
    """An exception and how it stands: InForce, EndsSoon or Expired."""

    path: str
    policy: str
    state: str
    exception: PolicyException


@dataclass(slots=True)
class Report:
    """What a tree came to. `counts` is over the verdicts of all rules on all objects."""

    objects: int = 0
    policies: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    waivers: list[Waiver] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        """Whether something in the tree would be refused or stall in the cluster."""
        return any(finding.severity == "error" for finding in self.findings)


def lint(
    sources: Sequence[Source], now: datetime, everywhere: Iterable[str] = (), soon: timedelta = timedelta(days=30)
) -> Report:
    """Judge all objects of a tree. What the API server would refuse is not judged any further.

    Args:
        sources: the tree.
        now: decides which exceptions are in force; aware.
        everywhere: namespaces whose policies hold in all others.
        soon: how long before its end an exception is announced.

    Raises:
        UserError: an object that cannot be read though the API server would take it.
    """
    refused = [problem for source in sources for problem in _refused(source)]
    strange = {id(source.body) for source, _ in refused}
    manifests = [of_source(source) for source in sources if id(source.body) not in strange]
    governed = Governed(Tree(tuple(manifest.obj for manifest in manifests)), now, everywhere)
    report = Report(objects=len(sources), policies=len(of_kind(manifests, GovernancePolicy)))
    report.findings += [_refusal_of(source, problem) for source, problem in refused]
    for manifest in manifests:
        verdicts = governed.verdicts(manifest.obj)
        report.counts.update(verdict.result for verdict in verdicts)
        report.findings += [_violation(manifest, v) for v in verdicts if v.result != "Passed" and v.rule]
        refusal = _refusal(manifest.obj, governed)
        if refusal is not None:
            report.findings.append(_stall(manifest, refusal))
        elif isinstance(manifest.obj, Plant):
            report.findings += _calendar(manifest, manifest.obj)
        if isinstance(manifest.obj, GovernancePolicy):
            report.waivers += _waivers(manifest.path, manifest.obj, now, soon)
    return report


def _refused(source: Source) -> Iterator[tuple[Source, crds.Problem]]:
    return ((source, problem) for problem in crds.problems(source.body))


def _refusal(obj: KubernetesObject, governed: Governed) -> Refusal | None:
    """What would keep the operator from acting on the object."""
    tree = governed.tree
    if isinstance(obj, Machine):
        judged = tree.verdict(obj)
        return judged if isinstance(judged, Refusal) else None
    if isinstance(obj, GovernancePolicy):
        return governed.broken(obj)
    if isinstance(obj, Plant):
        return plants.judge(obj)
    within = tree.within(obj)
    if isinstance(obj, MachineProfile):
        return catalog.judge_profile(obj, tree.contracts_in(within), within)
    return catalog.judge_contract(obj, tree.contracts_in(within), within) if isinstance(obj, DataContract) else None


def _refusal_of(source: Source, problem: crds.Problem) -> Finding:
    meta = source.body.get("metadata")
    meta = meta if isinstance(meta, dict) else {}
    message = f"{problem.field}: {problem.message}"
    return Finding(
        path=source.path,
        kind=source.body["kind"],
        namespace=str(meta.get("namespace") or ""),
        name=str(meta.get("name") or "?"),
        rule="CustomResourceDefinition",
        result="Refused",
        mode="Admission",
        severity="error",
        message=message,
        field_path=problem.field,
    )


def _violation(manifest: Manifest, verdict: Verdict) -> Finding:
    meta = manifest.obj.metadata
    message, exception = verdict.message, verdict.exception
    if exception is not None:
        message = f"{message} (excused until {exception.expires} by {exception.owner.team}: {exception.reason})"
    return Finding(
        path=manifest.path,
        kind=manifest.obj.kind,
        namespace=meta.namespace,
        name=meta.name,
        rule=f"{verdict.policy}/{verdict.rule}",
        result=verdict.result,
        mode=verdict.mode,
        severity=_SEVERITY[verdict.mode] if verdict.violated else "notice",
        message=message,
        field_path=verdict.field_path,
        owner=verdict.owner.team,
    )


def _stall(manifest: Manifest, refusal: Refusal) -> Finding:
    """What is missing may lie in another tree, so it fails nothing; what cannot work does."""
    if refusal.stalled:
        return _by_operator(manifest, "error", "Stalled", refusal.reason, refusal.message)
    return _by_operator(manifest, "warning", "Waiting", refusal.reason, refusal.message)


def _calendar(manifest: Manifest, plant: Plant) -> Iterator[Finding]:
    """What is odd may be meant, so it fails nothing."""
    judged = calendars.judge(plant.spec.calendar)
    if judged.message:
        severity: Severity = "warning" if judged.status == "False" else "notice"
        yield _by_operator(manifest, severity, "Odd", judged.reason, judged.message)


def _by_operator(manifest: Manifest, severity: Severity, result: str, reason: str, message: str) -> Finding:
    obj = manifest.obj
    place = (manifest.path, obj.kind, obj.metadata.namespace, obj.metadata.name)
    return Finding(*place, reason, result, "Operator", severity, message)


def _waivers(path: str, policy: GovernancePolicy, now: datetime, soon: timedelta) -> Iterator[Waiver]:
    today = now.astimezone(UTC).date()
    for exception in policy.spec.exceptions:
        try:
            ends_soon = not in_force(exception, today + soon)
            state = "EndsSoon" if ends_soon else "InForce"
            state = state if in_force(exception, today) else "Expired"
        except ValueError:  # no date: the policy is refused for it
            continue
        yield Waiver(path, f"{scope.namespace(policy)}/{policy.metadata.name}", state, exception)
