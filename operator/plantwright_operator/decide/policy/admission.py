"""Render a policy as ValidatingAdmissionPolicy and Binding objects, for Git to hold and GitOps to apply.

The API server then judges what it can see: one object. Rules that need others are left out and named in an annotation; the
operator and `plantwright lint` judge them. Each mode is a ValidatingAdmissionPolicy of its own, since the action belongs to
the binding. The API server has no clock for rules, so exceptions are those in force on the day of rendering.
"""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import date

from plantwright_api import GROUP
from plantwright_api.v1alpha1 import KINDS
from plantwright_api.v1alpha1.governancepolicy import Mode, PolicyException
from plantwright_operator.decide.policy.cel import parses, quoted
from plantwright_operator.decide.policy.compiling import Compiled, CompiledRule
from plantwright_operator.decide.policy.judging import in_force
from plantwright_operator.decide.policy.scope import namespace
from plantwright_operator.model import Obj

API_VERSION = "admissionregistration.k8s.io/v1"
POLICY_ANNOTATION = "plantwright.io/policy"
OWNER_ANNOTATION = "plantwright.io/owner"
DEFERRED_ANNOTATION = "plantwright.io/deferred-rules"
"""Rules that admission cannot judge."""
RENDERED_ANNOTATION = "plantwright.io/exceptions-as-of"
"""Day for which exceptions were judged."""
AGAIN_ANNOTATION = "plantwright.io/render-again-after"
"""Last day on which every exception that was rendered is in force."""

_ACTIONS: dict[Mode, str] = {"Enforce": "Deny", "Warn": "Warn", "Audit": "Audit"}
_PLURALS = {model.model_fields["kind"].default: model.crd.plural for model in KINDS}
_LONGEST_NAME = 253


def render(compiled: Compiled, namespaces: Sequence[str] | None, today: date) -> list[Obj]:
    """One ValidatingAdmissionPolicy and Binding per mode that has a rule for admission.

    Args:
        compiled: the policy.
        namespaces: where it holds; None is every namespace.
        today: decides which exceptions are in force.
    """
    rendered: list[Obj] = []
    for mode in _ACTIONS:
        rules = [rule for rule in compiled.rules if rule.mode == mode and not rule.others]
        if rules:
            name = object_name(compiled, mode)
            metadata = {"name": name, "annotations": _annotations(compiled, rules, today)}
            rendered.append(_policy(metadata, rules, today))
            rendered.append(_binding(metadata, mode, namespaces))
    return rendered


def object_name(compiled: Compiled, mode: Mode) -> str:
    """Name of both objects: they are cluster-wide, so it holds namespace, policy and mode."""
    policy = compiled.policy
    name = f"{namespace(policy)}.{policy.metadata.name}"
    suffix = f".{mode.lower()}"
    if len(name) + len(suffix) > _LONGEST_NAME:
        digest = hashlib.sha256(name.encode()).hexdigest()[:8]
        name = f"{name[: _LONGEST_NAME - len(suffix) - len(digest) - 1].rstrip('.-')}.{digest}"
    return name + suffix


def deferred(compiled: Compiled) -> list[str]:
    """Names of the rules that need other objects."""
    return [rule.rule.name for rule in compiled.rules if rule.others]


def _annotations(compiled: Compiled, rules: Iterable[CompiledRule], today: date) -> dict[str, str]:
    policy = compiled.policy
    exceptions = [e for rule in rules for e in rule.exceptions if in_force(e, today)]
    found = {
        POLICY_ANNOTATION: f"{namespace(policy)}/{policy.metadata.name}",
        OWNER_ANNOTATION: policy.spec.owner.team,
        DEFERRED_ANNOTATION: ", ".join(deferred(compiled)),
        RENDERED_ANNOTATION: today.isoformat() if exceptions else "",
        AGAIN_ANNOTATION: min((e.expires for e in exceptions), default=""),
    }
    return {key: value for key, value in found.items() if value}


def _policy(metadata: Obj, rules: Sequence[CompiledRule], today: date) -> Obj:
    kinds = [kind for kind in _PLURALS if any(kind in rule.rule.kinds for rule in rules)]
    exceptions = [e for rule in rules for e in rule.exceptions if in_force(e, today)]
    resources = {
        "apiGroups": [GROUP],
        "apiVersions": ["*"],
        "operations": ["CREATE", "UPDATE"],
        "resources": [_PLURALS[kind] for kind in kinds],
    }
    spec: Obj = {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": [resources]},
        # A finalizer must come off an object that breaks a rule, too.
        "matchConditions": [{"name": "not-being-deleted", "expression": "!has(object.metadata.deletionTimestamp)"}],
        "validations": [_validation(rule, kinds, today) for rule in rules],
    }
    if exceptions:
        spec["variables"] = [{"name": _variable(e), "expression": _excused(e)} for e in exceptions]
    return {"apiVersion": API_VERSION, "kind": "ValidatingAdmissionPolicy", "metadata": metadata, "spec": spec}


def _binding(metadata: Obj, mode: Mode, namespaces: Sequence[str] | None) -> Obj:
    spec: Obj = {"policyName": metadata["name"], "validationActions": [_ACTIONS[mode]]}
    if namespaces is not None:
        chosen = {"key": "kubernetes.io/metadata.name", "operator": "In", "values": list(namespaces)}
        spec["matchResources"] = {"namespaceSelector": {"matchExpressions": [chosen]}}
    return {"apiVersion": API_VERSION, "kind": "ValidatingAdmissionPolicyBinding", "metadata": metadata, "spec": spec}


def _validation(rule: CompiledRule, kinds: Sequence[str], today: date) -> Obj:
    """The conditional is not commutative in errors as || is: a `when` without a result fails, as it does in `judging`."""
    spoken_of = []
    if set(rule.rule.kinds) != set(kinds):
        spoken_of.append(f"object.kind in {_list(rule.rule.kinds)}")
    if rule.rule.when:
        spoken_of.append(_enclosed(rule.rule.when))
    holds = _enclosed(rule.rule.expression)
    if spoken_of:
        holds = f"({' && '.join(spoken_of)} ? {holds} : true)"
    excused = [f"variables.{_variable(e)}" for e in rule.exceptions if in_force(e, today)]
    found = {"expression": " || ".join([*excused, holds]), "message": rule.sentence, "reason": "Invalid"}
    if rule.rule.message_expression:
        prefix = quoted(f"{rule.rule.name}: ")
        found["messageExpression"] = f"{prefix} + {_enclosed(rule.rule.message_expression)}"
    return found


def _enclosed(text: str) -> str:
    """In brackets, on a line of their own where a comment at the end would swallow them."""
    enclosed = f"({text.strip()})"
    return enclosed if parses(enclosed) else f"({text.strip()}\n)"


def _variable(exception: PolicyException) -> str:
    return "excused_" + exception.name.replace("-", "_")


def _excused(exception: PolicyException) -> str:
    tests = [f"object.kind == {quoted(exception.kind)}", f"object.metadata.name in {_list(exception.names)}"]
    if exception.namespaces:
        tests.append(f"object.metadata.namespace in {_list(exception.namespaces)}")
    return " && ".join(tests)


def _list(texts: Iterable[str]) -> str:
    return f"[{', '.join(quoted(text) for text in texts)}]"
