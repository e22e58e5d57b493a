"""B3, B4, B5, B19: texts that want to be code, documents that want to be endless, names that want to be others'."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from plantwright_api.pattern import compile_pattern
from plantwright_api.v1alpha1 import DataContract, GovernancePolicy, Machine, MachineProfile, Plant
from plantwright_api.wire.config import CONFIG_FILE, SECRETS_DIR
from plantwright_cli import manifests
from plantwright_cli.errors import UserError
from plantwright_operator.decide import catalog, machines
from plantwright_operator.decide.policy import compiling, crds
from plantwright_operator.desired import children, names
from plantwright_operator.model import Facts, Refusal, Resolved

Obj = dict[str, Any]
FACTS = Facts(
    gateway_uid="uid", default_image="gateway:1", pull_policy="IfNotPresent", operator_namespace="plantwright-system"
)
PAYLOADS = (
    *(
        "{{ 7 * 7 }}",
        "{{''.__class__.__mro__[1].__subclasses__()}}",
        "{{ config }}",
        "{{ self._TemplateReference__context }}",
    ),
    *(
        "{% for x in range(10**9) %}a{% endfor %}",
        "{% include '/etc/passwd' %}",
        "{% import os %}",
        "{# gone #}",
        "{{ x|attr('y') }}",
    ),
    *(
        "{0.__class__.__init__.__globals__}",
        "%(password)s",
        "${jndi:ldap://x}",
        "$(id)",
        "`id`",
        "#{7*7}",
        "<%= 7*7 %>",
    ),
    *("{{ [].__class__.__base__ }}", "{{ lipsum.__globals__.os.popen('id').read() }}", "{% raw %}{% endraw %}", "{{"),
)


def judged(raw: Callable[..., Obj], **machine: Any) -> Resolved | Refusal:
    return machines.judge(
        Machine.model_validate(raw("Machine", **machine)),
        Plant.model_validate(raw("Plant")),
        [MachineProfile.model_validate(raw("MachineProfile"))],
        [DataContract.model_validate(raw("DataContract"))],
    )


def inert(payload: str, raw: Callable[..., Obj]) -> bool:
    """Whether a text comes out as it went in, and nothing else has changed by it."""
    plain, laced = judged(raw, asset={"model": "plain"}), judged(raw, asset={"model": payload})
    assert isinstance(plain, Resolved)
    assert isinstance(laced, Resolved)
    one, other = children.build(plain, FACTS).objects, children.build(laced, FACTS).objects
    config = json.loads(other["ConfigMap"]["data"][CONFIG_FILE])
    return one["StatefulSet"] == other["StatefulSet"] and config["machines"][0]["asset"]["model"] == payload


def refused_in_contract(payload: str, raw: Callable[..., Obj]) -> bool:
    rule = {"name": "r", "expression": payload, "message": "m"}
    return catalog.judge_contract(DataContract.model_validate(raw("DataContract", rules=[rule]))) is not None


def refused_in_policy(payload: str, _raw: Callable[..., Obj]) -> bool:
    rule = {"name": "r", "kinds": ["Machine"], "expression": payload, "message": "m"}
    spec = {"owner": {"team": "T"}, "rules": [rule]}
    body = {"kind": "GovernancePolicy", "metadata": {"name": "p", "namespace": "n"}, "spec": spec}
    return compiling.compile_policy(GovernancePolicy.model_validate(body)).broken is not None


@pytest.mark.slow
@pytest.mark.row("B3")
def test_a_text_is_never_a_template(raw: Callable[..., Obj], memory: Any, measured: Callable[[str], None]) -> None:
    inert("warm", raw)
    memory.mark()
    longest = 0.0
    for judge in (inert, refused_in_contract, refused_in_policy):
        for payload in PAYLOADS:
            began = time.process_time()
            assert judge(payload, raw), (judge.__name__, payload)
            longest = max(longest, time.process_time() - began)
    count = 3 * len(PAYLOADS)
    assert longest < 0.15
    assert memory.grown_mb() < 20
    measured(
        f"{count}/{count} payloads inert or refused, the slowest in {longest * 1000:.0f} ms, {memory.grown_mb():.0f} MB more"
    )


HEAD = "apiVersion: plantwright.io/v1alpha1\nkind: DataContract\nmetadata: {name: a, namespace: n}\n"
SPEC = "spec: {version: 1.0.0, fields: [{name: a, type: Number}]}\n"
BOMBS: dict[str, str] = {
    "aliases that multiply": HEAD
    + "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)),
    "an alias of itself": HEAD + "spec: &a [*a]\n",
    "YAML 10,000 deep": HEAD + "spec: " + "[" * 10_000 + "]" * 10_000,
    "JSON 10,000 deep": '{"a":' * 10_000 + "1" + "}" * 10_000,
    "NaN for a number": HEAD + SPEC.replace("}\n", ", retentionDays: .nan}\n"),
    "Infinity for a number": HEAD + SPEC.replace("}\n", ", retentionDays: .inf}\n"),
    "a key twice": HEAD + SPEC.replace("version: 1.0.0", "version: 1.0.0, version: 2.0.0"),
    "the spec twice": HEAD + SPEC + SPEC,
    "an object of 1.4 MB": HEAD + SPEC.replace("}\n", f", description: {'x' * 1_400_000}}}\n"),
    "annotations of 300 KiB": HEAD.replace("namespace: n", f"namespace: n, annotations: {{a: {'x' * 300 * 1024}}}")
    + SPEC,
    "10,000 fields": HEAD + "spec: {version: 1.0.0, fields: [" + ", ".join(["{name: a, type: Number}"] * 10_000) + "]}",
    "a tag that makes objects": HEAD + "spec: !!python/object/apply:os.system [id]\n",
}


def refused(path: Path) -> str:
    """What lint says of a file, or nothing."""
    try:
        found = [problem for source in manifests.sources([str(path)]) for problem in crds.problems(source.body)]
    except UserError as error:
        return str(error)
    return found[0].message if found else ""


@pytest.mark.slow
@pytest.mark.row("B4")
def test_a_bomb_is_refused_at_once(tmp_path: Path, measured: Callable[[str], None]) -> None:
    crds.problems(yaml.safe_load(HEAD + SPEC))
    slowest = reading = 0.0
    for name, text in BOMBS.items():
        (tmp_path / "x.yaml").write_text(text)
        began = time.process_time()
        said = refused(tmp_path / "x.yaml")
        seconds = time.process_time() - began
        assert said, name
        if "fields" in name:  # no trap, but half a megabyte of YAML to be read
            reading = seconds
        else:
            slowest = max(slowest, seconds)
        print(f"{name}: {seconds * 1000:.0f} ms: {said[:80]}")
    (tmp_path / "x.yaml").write_text(HEAD + SPEC)
    assert refused(tmp_path / "x.yaml") == ""
    measured(
        f"{len(BOMBS)}/{len(BOMBS)} refused with their file or field, the slowest in {slowest * 1000:.0f} ms; 10,000 fields of plain YAML are read in {reading * 1000:.0f} ms"
    )
    assert slowest < 0.2
    assert reading < 5


NAMES = ("a" * 253, ".".join(["a" * 60] * 4), "a" * 62 + ".b", "0", "a.b.c", "x-" * 100 + "x", "gw-" + "a" * 200)
NO_NAMES = ("A", "ü", "a_b", "-a", "a-", ".a", "a..b", "a" * 254, "a b", "a/b", "../a", "\u202ea", "①", "", "a\n")


@pytest.mark.row("B5")
def test_names_fit_stay_apart_and_stay_at_home(raw: Callable[..., Obj], measured: Callable[[str], None]) -> None:
    taken: set[str] = set()
    for name in (*NAMES, "a-b", "a.b", "a" * 63, "a" * 64):
        body = raw("Machine", name)
        assert crds.problems(body) == []
        found = machines.judge(
            Machine.model_validate(body),
            Plant.model_validate(raw("Plant")),
            [MachineProfile.model_validate(raw("MachineProfile"))],
            [DataContract.model_validate(raw("DataContract"))],
        )
        assert isinstance(found, Resolved)
        built = children.build(found, FACTS).objects
        assert built == children.build(found, FACTS).objects, "not deterministic"
        child = names.child_name(name)
        assert {obj["metadata"]["name"] for obj in built.values()} == {child}
        assert len(child) <= 63
        labels = [value for obj in built.values() for value in obj["metadata"]["labels"].values()]
        assert max(map(len, labels)) <= 63
        assert child not in taken, "two machines share a child"
        taken.add(child)
    for name in NO_NAMES:
        assert crds.problems(raw("Machine", name) | {"metadata": {"name": name}}), name
    measured(
        f"{len(taken)} names up to 253 characters: as many names of children ≤ 63; {len(NO_NAMES)}/{len(NO_NAMES)} that are none refused"
    )


@pytest.mark.row("B5")
@pytest.mark.parametrize(
    ("kind", "reason"), [("MachineProfile", "ProfileNotFound"), ("DataContract", "ContractNotFound")]
)
def test_what_lies_in_another_namespace_is_not_there(kind: str, reason: str, raw: Callable[..., Obj]) -> None:
    bodies = {each: raw(each) for each in ("Machine", "Plant", "MachineProfile", "DataContract")}
    bodies[kind]["metadata"]["namespace"] = "plant-elsewhere"
    found = machines.judge(
        Machine.model_validate(bodies["Machine"]),
        Plant.model_validate(bodies["Plant"]),
        [MachineProfile.model_validate(bodies["MachineProfile"])],
        [DataContract.model_validate(bodies["DataContract"])],
    )
    assert isinstance(found, Refusal)
    assert found.reason == reason


@pytest.mark.row("B5")
@pytest.mark.parametrize("name", ["../other", "plant-elsewhere/login", "/etc/passwd", "a/../../b", "..", "."])
def test_a_secret_is_named_and_no_path(name: str, raw: Callable[..., Obj]) -> None:
    security = {"credentialsSecretRef": {"name": name}}
    found = crds.problems(raw("Machine", endpoint={"url": "opc.tcp://10.2.3.4", "security": security}))
    assert [problem.field for problem in found] == ["spec.endpoint.security.credentialsSecretRef.name"]
    assert SECRETS_DIR.startswith("/")


ODD_CONTRACTS: dict[str, tuple[Obj, str]] = {
    "extends itself": ({"extends": {"name": "machine-state"}}, "comes back to itself"),
    "unknown unit": ({"fields": [{"name": "a", "type": "Number", "unit": "rpm"}]}, "did you mean 1/min"),
    "pattern that no engine takes": ({"fields": [{"name": "a", "type": "String", "pattern": "(?=x)("}]}, "pattern"),
    "pattern without bounds": (
        {"fields": [{"name": "a", "type": "String", "pattern": "((a{1,100}){1,100}){1,100}"}]},
        "pattern",
    ),
    "10,000 fields": ({"fields": [{"name": f"f{n}", "type": "Number"} for n in range(10_000)]}, "Too many"),
    "minimum above maximum": (
        {"fields": [{"name": "a", "type": "Number", "minimum": "2", "maximum": "1"}]},
        "above maximum",
    ),
    "rule that divides by nothing": (
        {"rules": [{"name": "r", "expression": "state / 0 > 1.0", "message": "m"}]},
        "zero",
    ),
}


@pytest.mark.slow
@pytest.mark.row("B19")
def test_contracts_that_nobody_can_meet(raw: Callable[..., Obj], measured: Callable[[str], None]) -> None:
    longest = 0.0
    for name, (change, says) in ODD_CONTRACTS.items():
        body = raw("DataContract", **change)
        began = time.process_time()
        problems = crds.problems(body)
        contract = DataContract.model_validate(body) if not problems else None
        refusal = catalog.judge_contract(contract, [contract], (contract.metadata.namespace,)) if contract else None
        longest = max(longest, time.process_time() - began)
        said = problems[0].message if problems else refusal.message if refusal else ""
        assert says in said, (name, said)
    hanging = compile_pattern("(a+)+$")
    began = time.process_time()
    assert not hanging("a" * 60_000 + "b")
    matched = time.process_time() - began
    assert matched < 0.05
    assert longest < 1
    count = len(ODD_CONTRACTS)
    measured(
        f"{count}/{count} refused in {longest * 1000:.0f} ms at most; a pattern built to hang took {matched * 1000:.1f} ms on 60,000 characters"
    )


@pytest.mark.row("B19")
def test_a_contract_that_goes_while_in_use_is_a_condition(raw: Callable[..., Obj]) -> None:
    machine, plant = Machine.model_validate(raw("Machine")), Plant.model_validate(raw("Plant"))
    profile = MachineProfile.model_validate(raw("MachineProfile"))
    found = machines.judge(machine, plant, [profile], [])
    assert isinstance(found, Refusal)
    assert (found.reason, found.stalled) == ("ContractNotFound", False), "what comes back is taken up again"
