"""B1: any object at all, through the schema and straight into what the operator decides: words, never a traceback.

Objects are drawn from the schema of their kind, each part with a chance of being something else: another type, a text that is
too long, strange or hostile, a field left out or unheard of. What the schema lets through the operator must be able to judge;
what it would refuse the operator must survive too, for the schema in a cluster may be an older one.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from plantwright_api.schema.structural import object_schema
from plantwright_api.v1alpha1 import (
    MODELS,
    DataContract,
    GovernancePolicy,
    KubernetesObject,
    Machine,
    MachineProfile,
    Plant,
)
from plantwright_api.v1alpha1.reasons import REASON_NAMES
from plantwright_api.wire import config as wire
from plantwright_operator.decide import catalog, machines, plants
from plantwright_operator.decide.policy import compiling, crds
from plantwright_operator.desired import children
from plantwright_operator.model import Facts, Refusal
from plantwright_operator.reconcile.catalog import parse

Obj = dict[str, Any]
NOW = "2026-01-01T00:00:00Z"
FACTS = Facts(
    gateway_uid="uid", default_image="gateway:1", pull_policy="IfNotPresent", operator_namespace="plantwright-system"
)
WORDS = (
    *(
        "press",
        "press-1",
        "stuttgart",
        "machine-state",
        "state",
        "temperature",
        "machining",
        "line-1",
        "a",
        "1.0.0",
        "^1",
    ),
    *("1", "0.1", "-20", "90.5", "1e3", "1e-999", "1e999", "-0", "Cel", "s", "06:00", "10Gi", "50m", "2027-03-31"),
    *("opc.tcp://10.2.3.4:4840", "modbus+tcp://10.2.3.4:502", "http://10.9.0.1:8090/v1", "mqtts://10.9.0.1:8883"),
    *(
        "nsu=http://acme.example/;s=a",
        "ns=2;i=7",
        "10.0.0.0/8",
        "Europe/Berlin",
        "state > 1",
        "temperature / 0.0 > 1.0",
    ),
    *("object.spec.x == 1", "[A-Z]+$", "(a+)+$", "DE"),
)
HOSTILE = (
    *("", " ", "\x00", "\u202e", "\U0001f600", "ü" * 300, "x" * 5000, "{{ 7 * 7 }}", "$(id)", "a\nb: c"),
    *("../../etc/passwd", "9" * 400, "NaN", "Infinity", "-1", "0x10", "null", "(((((", "object.", "1/0", "a b", "%00"),
    *("opc.tcp://169.254.169.254", "modbus+tcp://[::", "http://[1", "opc.tcp://host:99999", "1.0.0.0", "--", "[", "\\"),
)
ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=True),
    st.sampled_from(HOSTILE),
    st.just([]),
    st.just({}),
)


def texts(schema: Obj) -> st.SearchStrategy[Any]:
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    fits = [word for word in WORDS if not list(crds._fields(word, schema, "x"))]
    drawn = st.sampled_from(fits) if fits else st.from_regex(schema.get("pattern", "."), fullmatch=True)
    return st.one_of(
        drawn, drawn, drawn, st.text(max_size=schema.get("maxLength", 20)), st.sampled_from(WORDS + HOSTILE)
    )


def integers(schema: Obj) -> st.SearchStrategy[Any]:
    low, high = schema.get("minimum", 0), schema.get("maximum", 2**31)
    return st.one_of(st.integers(low, high), st.sampled_from([low, high, low - 1, high + 1, 2**63]))


def lists(schema: Obj) -> st.SearchStrategy[Any]:
    return st.lists(drawn_from(schema["items"]), min_size=min(schema.get("minItems", 0), 2), max_size=3)


def objects(schema: Obj) -> st.SearchStrategy[Any]:
    known = {name: drawn_from(part) for name, part in schema.get("properties", {}).items()}
    required = {name: known[name] for name in schema.get("required", ())}
    optional = {name: part for name, part in known.items() if name not in required}
    return st.one_of(
        st.fixed_dictionaries(required, optional=optional),
        st.fixed_dictionaries(required),
        st.fixed_dictionaries({}, optional={**known, "unheardOf": ANYTHING}),
    )


DRAWN: dict[str, Callable[[Obj], st.SearchStrategy[Any]]] = {
    "string": texts,
    "integer": integers,
    "boolean": lambda _: st.booleans(),
    "array": lists,
    "object": objects,
}


def drawn_from(schema: Obj) -> st.SearchStrategy[Any]:
    """Values of a schema, mostly."""
    right = DRAWN[schema["type"]](schema)
    return st.integers(0, 39).flatmap(lambda dice: ANYTHING if dice == 0 else right)


def spec_of(kind: str) -> st.SearchStrategy[Any]:
    return drawn_from(object_schema(MODELS[kind])["properties"]["spec"])


class Judge:
    """Judges an object of one kind among the base objects, and counts what came of it."""

    def __init__(self, raw: Callable[..., Obj]) -> None:
        self.raw = raw
        self.counts: Counter[str] = Counter()
        self.plant = Plant.model_validate(raw("Plant"))
        self.profile = MachineProfile.model_validate(raw("MachineProfile"))
        self.contract = DataContract.model_validate(raw("DataContract"))
        self.machine = Machine.model_validate(raw("Machine"))

    def admission(self, body: Obj) -> bool:
        """Whether the schema takes it; each refusal names a field of the object."""
        problems = crds.problems(body)
        for problem in problems:
            assert problem.field.startswith(("spec", "metadata")), problem
            assert problem.message, problem
        self.counts["refused by the schema" if problems else "admitted"] += 1
        return not problems

    def operator(self, body: Obj, admitted: bool) -> None:
        """What is admitted comes without fields that are null: the API server prunes them."""
        obj = parse(MODELS[body["kind"]], crds.without_nulls(body) if admitted else body)
        if isinstance(obj, Refusal):
            assert not admitted, f"the schema takes what the model does not: {obj}"
            self.check(obj)
        else:
            self.check(self.verdict(obj))

    def check(self, verdict: Refusal | None) -> None:
        if verdict is not None:
            assert verdict.reason in REASON_NAMES, verdict
            assert verdict.message, verdict
        self.counts["refused by the operator" if verdict else "usable"] += 1

    def verdict(self, obj: KubernetesObject) -> Refusal | None:
        """All that is decided of such an object, and of the base machine with it."""
        if isinstance(obj, GovernancePolicy):
            return compiling.compile_policy(obj).broken
        own = self.alone(obj)
        judged = machines.judge(
            obj if isinstance(obj, Machine) else self.machine,
            obj if isinstance(obj, Plant) else self.plant,
            [obj if isinstance(obj, MachineProfile) else self.profile],
            [obj if isinstance(obj, DataContract) else self.contract],
        )
        if isinstance(judged, Refusal):
            return own or judged
        built = children.build(judged, FACTS)
        wire.decode(built.objects["ConfigMap"]["data"][wire.CONFIG_FILE].encode())
        return own

    def alone(self, obj: KubernetesObject) -> Refusal | None:
        """What the operator says of a plant, profile or contract by itself, its conditions included."""
        within = (obj.metadata.namespace,)
        if isinstance(obj, Plant):
            catalog.plant_conditions(obj, NOW)
            return plants.judge(obj)
        if isinstance(obj, MachineProfile):
            catalog.profile_conditions(obj, [self.contract], within, NOW)
            return catalog.judge_profile(obj, [self.contract], within)
        if isinstance(obj, DataContract):
            catalog.contract_conditions(obj, [obj], within, NOW)
            return catalog.judge_contract(obj, [obj], within)
        return None


def envelope(kind: str, raw: Callable[..., Obj], spec: Any) -> Obj:
    meta = {"name": "policy", "namespace": "plant-stuttgart"} if kind == "GovernancePolicy" else raw(kind)["metadata"]
    return {"apiVersion": "plantwright.io/v1alpha1", "kind": kind, "metadata": meta, "spec": spec}


def judge_many(kind: str, examples: int, raw: Callable[..., Obj]) -> str:
    judge = Judge(raw)

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(spec=spec_of(kind))
    def run(spec: Any) -> None:
        body = envelope(kind, raw, spec)
        judge.operator(body, judge.admission(body))

    run()
    assert judge.counts["refused by the schema"], "nothing wrong was drawn"
    counted = ", ".join(f"{count} {what}" for what, count in sorted(judge.counts.items()))
    return f"{kind}: {examples} objects, 0 unhandled exceptions ({counted})"


@pytest.mark.slow
@pytest.mark.row("B1")
@pytest.mark.parametrize("kind", sorted(MODELS))
def test_any_object_is_judged_in_words(kind: str, raw: Callable[..., Obj], measured: Callable[[str], None]) -> None:
    measured(judge_many(kind, 500, raw))


@pytest.mark.slow
@pytest.mark.row("B1")
@pytest.mark.parametrize("kind", sorted(MODELS))
def test_one_field_changed_is_judged_in_words(
    kind: str, raw: Callable[..., Obj], measured: Callable[[str], None]
) -> None:
    """Objects that are right but for one field get further into the operator than wholly random ones."""
    if kind == "GovernancePolicy":
        pytest.skip("there is no base policy")
    judge, schema = Judge(raw), object_schema(MODELS[kind])["properties"]["spec"]["properties"]
    changes = st.one_of(*(st.tuples(st.just(name), drawn_from(part)) for name, part in schema.items()))

    @settings(max_examples=300, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(change=changes)
    def run(change: tuple[str, Any]) -> None:
        body = raw(kind, **dict([change]))
        judge.operator(body, judge.admission(body))

    run()
    counted = ", ".join(f"{count} {what}" for what, count in sorted(judge.counts.items()))
    measured(f"{kind} with one field changed: 300 objects, 0 unhandled exceptions ({counted})")


@pytest.mark.row("B1")
@pytest.mark.parametrize("size", ["1" * 29, "9" * 30 + "Ti", "1" * 15 + "." + "1" * 14 + "Gi", "0.1m"])
def test_a_size_of_any_number_is_judged(size: str, raw: Callable[..., Obj]) -> None:
    judge, body = Judge(raw), raw("Machine", buffer={"size": size})
    judge.operator(body, judge.admission(body))
    assert judge.counts["usable"] == 1
