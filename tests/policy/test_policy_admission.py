"""The table of cases on a real API server, with the ValidatingAdmissionPolicies that we render: the same verdicts.

The answer tells the first refusal, Warning headers tell the rules under Warn, and the audit log those under Audit.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client, config
from policy_cases import BASE, CASES, MODELS, NOW, POLICIES, Case, compiled, laid_over

from plantwright_api.v1alpha1 import GovernancePolicy
from plantwright_cluster import Cluster, control_plane
from plantwright_operator.decide.policy import admission
from plantwright_operator.decide.policy.analysis import MOST_COST, analyse
from plantwright_operator.decide.policy.compiling import Compiled, compile_policy
from plantwright_operator.decide.policy.judging import Others, Verdict, evaluate
from plantwright_operator.decide.policy.shapes import canonical, variables
from plantwright_operator.decide.policy.tree import read

pytestmark = pytest.mark.apiserver

ROOT = Path(__file__).parents[2]
AUDIT_POLICY = """
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - {level: Metadata, resources: [{group: plantwright.io}]}
  - {level: None}
"""
FAILURE_ANNOTATION = "validation.policy.admission.k8s.io/validation_failure"
SENTINEL = """
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: sentinel}
spec:
  matchConstraints:
    resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [configmaps]}]
  validations: [{expression: "object.metadata.name != 'sentinel'"}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: sentinel}
spec: {policyName: sentinel, validationActions: [Deny]}
"""
Obj = dict[str, Any]


@dataclass
class Answer:
    """What the API server said to one object."""

    status: int
    message: str
    warnings: str
    audited: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    policy = tmp_path_factory.mktemp("audit") / "policy.yaml"
    policy.write_text(AUDIT_POLICY)
    with control_plane(audit_policy=policy) as running:
        for path in sorted((ROOT / "crds").glob("*.yaml")):
            running.kubectl("apply", "--server-side", "-f", str(path))
        running.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
        yield running


@pytest.fixture(scope="module")
def enforced(cluster: Cluster) -> Cluster:
    """The cluster with every policy of the table rendered for the namespaces of its cases."""
    where: dict[str, set[str]] = {}
    for case in CASES:
        where.setdefault(case.policy, set()).add(case.namespace)
    objects: list[Obj] = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        for name in sorted(set().union(*where.values()))
    ]
    for policy, namespaces in where.items():
        objects += admission.render(compiled(policy), sorted(namespaces), NOW.date())
    cluster.kubectl("apply", "--server-side", "-f", "-", stdin=yaml.safe_dump_all(objects))
    cluster.kubectl("apply", "-f", "-", stdin=SENTINEL)
    wait_until_enforced(cluster)
    return cluster


def wait_until_enforced(cluster: Cluster) -> None:
    """The sentinel is the last policy: once it refuses, all are known."""
    with config.new_client_from_config(str(cluster.kubeconfig)) as api:
        core = client.CoreV1Api(api)
        body = {"metadata": {"name": "sentinel"}}
        wait_for_refusal(lambda: core.create_namespaced_config_map("default", body, dry_run="All"))


def wait_for_refusal(action: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while status_of(action) != 422:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def status_of(action: Callable[[], object]) -> int:
    try:
        action()
    except client.ApiException as refused:
        return int(refused.status)
    return 200


@pytest.fixture(scope="module")
def answers(enforced: Cluster) -> dict[str, Answer]:
    """Every object of the table, sent once as a dry run."""
    found: dict[str, Answer] = {}
    audit_ids: dict[str, str] = {}
    with config.new_client_from_config(str(enforced.kubeconfig)) as api:
        for case in CASES:
            found[case.name], audit_ids[case.name] = send(client.CustomObjectsApi(api), case)
    entries = audit_entries(enforced.audit_log, set(audit_ids.values()))
    for name, audit_id in audit_ids.items():
        failures = json.loads(entries[audit_id].get("annotations", {}).get(FAILURE_ANNOTATION, "[]"))
        found[name].audited = [failure["message"] for failure in failures if failure["validationActions"] == ["Audit"]]
    return found


def send(api: client.CustomObjectsApi, case: Case) -> tuple[Answer, str]:
    group, version = case.body["apiVersion"].split("/")
    where = (group, version, case.namespace, MODELS[case.kind].crd.plural)
    try:
        _, status, headers = api.create_namespaced_custom_object_with_http_info(
            *where, case.body, dry_run="All", field_validation="Strict"
        )
        message = ""
    except client.ApiException as refused:
        status, headers, message = refused.status, refused.headers, json.loads(refused.body)["message"]
    warnings = headers.get("Warning", "").replace('\\"', '"')
    return Answer(status, message, warnings), headers["Audit-Id"]


def audit_entries(log: Path, wanted: set[str]) -> dict[str, Obj]:
    deadline = time.monotonic() + 15
    while True:
        entries = {entry["auditID"]: entry for entry in map(json.loads, log.read_text().splitlines())}
        if wanted <= entries.keys():
            return entries
        assert time.monotonic() < deadline
        time.sleep(0.2)


def said(verdict: Verdict, text: str) -> bool:
    """Whether the API server's text tells this verdict; an error has the server's own words and the rule's expression."""
    if verdict.result == "Failed":
        return verdict.sentence in text
    policy = compiled(verdict.policy.split("/")[1])
    rule = next(each for each in policy.rules if each.rule.name == verdict.rule).rule
    return rule.expression.strip() in text and "resulted in error" in text


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case.name))
def test_admission_judges_as_the_operator_does(answers: dict[str, Answer], case: Case) -> None:
    verdicts = evaluate([compiled(case.policy)], canonical(case.model), Others(), NOW)
    violated = {mode: [v for v in verdicts if v.violated and v.mode == mode] for mode in ("Enforce", "Warn", "Audit")}
    answer = answers[case.name]
    if violated["Enforce"]:
        assert answer.status == 422, answer
        assert said(violated["Enforce"][0], answer.message), answer
    else:
        assert answer.status == 201, answer
    assert answer.warnings.count("Validation failed for ValidatingAdmissionPolicy") == len(violated["Warn"])
    assert all(said(verdict, answer.warnings) for verdict in violated["Warn"]), answer
    assert len(answer.audited) == len(violated["Audit"])
    for verdict, message in zip(violated["Audit"], answer.audited, strict=True):
        assert said(verdict, message), answer


def test_verdicts_are_counted(answers: dict[str, Answer]) -> None:
    """The table holds enough of each kind; what is deferred is counted apart."""
    counts = Counter(
        verdict.result
        for case in CASES
        for verdict in evaluate([compiled(case.policy)], canonical(case.model), Others(), NOW)
    )
    print(f"\n{len(answers)} cases: {dict(counts)}")
    assert min(counts[result] for result in ("Passed", "Failed", "Excused", "Error", "Deferred")) >= 5


def test_each_rule_that_admission_can_judge_is_rendered(enforced: Cluster) -> None:
    found = json.loads(enforced.kubectl("get", "validatingadmissionpolicies", "-o", "json"))["items"]
    messages = {v.get("message") for each in found for v in each["spec"]["validations"]}
    for name in POLICIES:
        for rule in compiled(name).rules:
            assert (rule.sentence in messages) == (not rule.others), rule.rule.name


@pytest.fixture(scope="module")
def api(enforced: Cluster) -> Iterator[client.CustomObjectsApi]:
    with config.new_client_from_config(str(enforced.kubeconfig)) as connected:
        yield client.CustomObjectsApi(connected)


def late_policy(cluster: Cluster, namespace: str, rule: Obj) -> Compiled:
    """A policy that comes after its objects."""
    body = {
        "apiVersion": "plantwright.io/v1alpha1",
        "kind": "GovernancePolicy",
        "metadata": {"name": "late", "namespace": namespace},
        "spec": {"owner": {"team": "T"}, "rules": [{"name": "r", "message": "m", **rule}]},
    }
    made = compile_policy(GovernancePolicy.model_validate(body))
    assert isinstance(made, Compiled), made.broken
    objects = admission.render(made, [namespace], NOW.date())
    cluster.kubectl("apply", "--server-side", "-f", "-", stdin=yaml.safe_dump_all(objects))
    return made


def test_a_finalizer_comes_off_an_object_that_breaks_a_rule(enforced: Cluster, api: client.CustomObjectsApi) -> None:
    enforced.kubectl("create", "namespace", "late")
    where = ("plantwright.io", "v1alpha1", "late", "machines")
    bodies = [
        laid_over(BASE["Machine"], {"metadata.name": name, "metadata.finalizers": ["test/finalizer"]})
        for name in ("going", "staying")
    ]
    for body in bodies:
        api.create_namespaced_custom_object(*where, body)
    api.delete_namespaced_custom_object(*where, "going")
    late_policy(enforced, "late", {"kinds": ["Machine"], "expression": "has(object.spec.owner)"})
    wait_for_refusal(lambda: api.create_namespaced_custom_object(*where, BASE["Machine"], dry_run="All"))
    off = {"metadata": {"finalizers": None}}
    assert status_of(lambda: api.patch_namespaced_custom_object(*where, "staying", off)) == 422
    assert status_of(lambda: api.patch_namespaced_custom_object(*where, "going", off)) == 200


def test_a_rule_near_the_bound_is_judged_on_the_largest_object(enforced: Cluster, api: client.CustomObjectsApi) -> None:
    """What passes our bound on cost stays within the API server's, where it counts while it runs."""
    enforced.kubectl("create", "namespace", "large")
    pattern = "(one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)+"
    rule = {
        "kinds": ["DataContract"],
        "expression": f"!object.spec.fields.exists(f, f.description.matches('{pattern}'))",
    }
    made = late_policy(enforced, "large", rule)
    cost = analyse(read(made.rules[0].expression.serialized), variables("DataContract")).cost
    assert 0.85 * MOST_COST < cost <= MOST_COST
    fields = [{"name": f"f{n}", "type": "Integer", "description": "o" * 1024} for n in range(500)]
    body = laid_over(BASE["DataContract"], {"spec.fields": fields, "metadata.namespace": "large"})
    (verdict,) = evaluate([made], canonical(MODELS["DataContract"].model_validate(body)), Others(), NOW)
    assert verdict.result == "Passed"
    where = ("plantwright.io", "v1alpha1", "large", "datacontracts")
    broken = laid_over(BASE["DataContract"], {"spec.fields.0.description": "one", "metadata.namespace": "large"})
    wait_for_refusal(lambda: api.create_namespaced_custom_object(*where, broken, dry_run="All"))
    assert status_of(lambda: api.create_namespaced_custom_object(*where, body, dry_run="All")) == 200


@pytest.mark.parametrize(
    ("exception", "words"),
    [
        ({"expires": None}, "spec.exceptions[0].expires: Required value"),
        ({"rule": "corporate"}, "an exception from another policy's rule is granted in that policy"),
        ({"kind": "Plant"}, "exceptions[].kind one of that rule's kinds"),
    ],
)
def test_the_api_server_refuses_an_exception_that_cannot_count(
    api: client.CustomObjectsApi, exception: Obj, words: str
) -> None:
    given = {"name": "e", "rule": "r", "kind": "Machine", "names": ["m"], "owner": {"team": "t"}, "reason": "r"}
    given = {key: value for key, value in {**given, "expires": "2027-01-31", **exception}.items() if value is not None}
    rule = {"name": "r", "kinds": ["Machine"], "expression": "true", "message": "m"}
    body = {
        "apiVersion": "plantwright.io/v1alpha1",
        "kind": "GovernancePolicy",
        "metadata": {"name": "p"},
        "spec": {"owner": {"team": "T"}, "rules": [rule], "exceptions": [given]},
    }
    where = ("plantwright.io", "v1alpha1", "default", "governancepolicies")
    with pytest.raises(client.ApiException) as refused:
        api.create_namespaced_custom_object(*where, body, dry_run="All", field_validation="Strict")
    assert words in json.loads(refused.value.body)["message"]
