"""Judge a Git tree as the cluster would: every policy that holds, and whatever would keep the operator from acting. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

from plantwright_api.v1alpha1 import DataContract, GovernancePolicy, KubernetesObject, Machine, MachineProfile, Plant
from plantwright_api.v1alpha1.governancepolicy import PolicyException
from plantwright_cli.manifests import Manifest, of_kind
from plantwright_cli.plan.tree import Tree
from plantwright_operator.decide import catalog, plants, references
from plantwright_operator.decide.policy import compiling, judging, scope
from plantwright_operator.decide.policy.judging import Others, Policy, Verdict, in_force
from plantwright_operator.decide.policy.shapes import canonical
from plantwright_operator.model import Obj, Refusal, Resolved

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
    manifests: Sequence[Manifest], now: datetime, everywhere: Iterable[str] = (), soon: timedelta = timedelta(days=30)
) -> Report:
    """Judge all objects of a tree.

    Args:
        manifests: the tree.
        now: decides which exceptions are in force; aware.
        everywhere: namespaces whose policies hold in all others.
        soon: how long before its end an exception is announced.
    """
    judge = _Judge(manifests, now, tuple(everywhere))
    report = Report(objects=len(manifests), policies=len(of_kind(manifests, GovernancePolicy)))
    for manifest in manifests:
        verdicts = judge.verdicts(manifest.obj)
        report.counts.update(verdict.result for verdict in verdicts)
        report.findings += [_violation(manifest, v) for v in verdicts if v.result != "Passed" and v.rule]
        refusal = judge.refusal(manifest.obj)
        if refusal is not None:
            report.findings.append(_stall(manifest, refusal))
        if isinstance(manifest.obj, GovernancePolicy):
            report.waivers += _waivers(manifest.path, manifest.obj, now, soon)
    return report


class _Judge:
    """The tree with all policies compiled and all references resolved, each once."""

    def __init__(self, manifests: Sequence[Manifest], now: datetime, everywhere: tuple[str, ...]) -> None:
        self._tree = Tree(tuple(manifest.obj for manifest in manifests))
        self._now = now
        self._everywhere = everywhere
        self._policies = of_kind(manifests, GovernancePolicy)
        self._compiled = {id(policy): compiling.compile_policy(policy) for policy in self._policies}
        self._reached = scope.reach(self._tree.plants.values())
        self._contracts = of_kind(manifests, DataContract)
        self._effective: dict[str, list[Policy]] = {}
        self._canonical: dict[int, Obj] = {}

    def verdicts(self, obj: KubernetesObject) -> list[Verdict]:
        """What all policies that hold say of an object; policies themselves are under none."""
        if isinstance(obj, GovernancePolicy):
            return []
        policies = self._effective_in(scope.namespace(obj))
        return judging.evaluate(policies, self._body(obj), self._others(obj), self._now) if policies else []

    def refusal(self, obj: KubernetesObject) -> Refusal | None:
        """What would keep the operator from acting on the object."""
        if isinstance(obj, Machine):
            judged = self._tree.verdict(obj)
            return judged if isinstance(judged, Refusal) else None
        if isinstance(obj, MachineProfile):
            return catalog.judge_profile(obj, self._contracts, self._namespaces_of(obj))
        if isinstance(obj, Plant):
            return plants.judge(obj)
        if isinstance(obj, DataContract):
            return catalog.judge_contract(obj)
        return self._compiled[id(obj)].broken

    def _effective_in(self, namespace: str) -> list[Policy]:
        if namespace not in self._effective:
            found = scope.effective(self._policies, namespace, self._reached, self._everywhere)
            self._effective[namespace] = [self._compiled[id(policy)] for policy in found]
        return self._effective[namespace]

    def _others(self, obj: KubernetesObject) -> Others:
        """What the object's references lead to; a machine that the operator refuses is judged by what there is."""
        if isinstance(obj, Machine):
            return self._others_of_machine(obj)
        if isinstance(obj, MachineProfile):
            found = [references.find(ref, self._contracts, self._namespaces_of(obj)) for ref in obj.spec.contract_refs]
            contracts = [contract for contract in found if isinstance(contract, DataContract)]
            complete = len(contracts) == len(found)
            return Others(contracts=tuple(self._body(c) for c in contracts) if complete else None)
        return Others()

    def _others_of_machine(self, machine: Machine) -> Others:
        judged = self._tree.verdict(machine)
        if isinstance(judged, Resolved):
            contracts = tuple(self._body(contract) for contract in judged.contracts)
            return Others(self._body(judged.plant), self._body(judged.profile), contracts)
        plant = self._tree.plant_of(machine)
        return Others(plant=self._body(plant) if plant is not None else None)

    def _namespaces_of(self, profile: MachineProfile) -> tuple[str, ...]:
        return references.reachable(profile.metadata.namespace, self._tree.plants.values())

    def _body(self, obj: KubernetesObject) -> Obj:
        if id(obj) not in self._canonical:
            self._canonical[id(obj)] = canonical(obj)
        return self._canonical[id(obj)]


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
    meta = manifest.obj.metadata
    severity: Severity = "error" if refusal.stalled else "warning"
    result = "Stalled" if refusal.stalled else "Waiting"
    kind = manifest.obj.kind
    return Finding(
        manifest.path, kind, meta.namespace, meta.name, refusal.reason, result, "Operator", severity, refusal.message
    )


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
