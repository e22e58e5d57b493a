"""Templates take values, never code; names fit; what is live is compared field by field."""

import copy
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plantwright_operator.desired import names
from plantwright_operator.desired.comparison import difference
from plantwright_operator.desired.render import BadTemplateError, render

META = {"name": "n", "namespace": "s", "labels": {}, "annotations": {}, "owner": None}
ATTACKS = [
    "{{ 7 * 7 }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{% for x in range(10**9) %}a{% endfor %}",
    "{# gone #}",
    '"}\nkind: Secret\n',
    "a: b\n---\nkind: Secret",
    "*anchor",
    "&a [*a]",
    "!!python/object/apply:os.system [id]",
    "# no comment",
    "\x00\x07\x7f\x85\u2028\ufeff\uffff",
    "\U0001f600 ümlaut",
    "yes",
    "0x10",
    "1e3",
    "~",
    "",
]


@pytest.mark.parametrize("text", ATTACKS)
def test_a_value_comes_out_as_it_went_in(text: str) -> None:
    found = render("configmap", {"meta": {**META, "labels": {"x": text}}, "file": "f", "content": text})
    assert found["data"] == {"f": text}
    assert found["metadata"]["labels"] == {"x": text}
    assert found["kind"] == "ConfigMap"


@settings(max_examples=500, deadline=None)
@given(st.text(st.characters(codec="utf-8"), max_size=40))
def test_any_text_comes_out_as_it_went_in(text: str) -> None:
    assert render("configmap", {"meta": META, "file": "f", "content": text})["data"]["f"] == text


def test_a_value_that_is_missing_is_a_fault_of_ours() -> None:
    with pytest.raises(BadTemplateError, match="configmap"):
        render("configmap", {"meta": META, "file": "f"})


def test_an_object_without_a_name_is_a_fault_of_ours() -> None:
    with pytest.raises(BadTemplateError, match=r"metadata\.name"):
        render("configmap", {"meta": {**META, "name": ""}, "file": "f", "content": ""})


object_names = st.from_regex(
    r"[a-z0-9]([-a-z0-9]{0,60}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,60}[a-z0-9])?){0,3}", fullmatch=True
)
LABEL = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"


@given(object_names)
def test_children_have_names_that_a_pod_can_bear(name: str) -> None:
    child = names.child_name(name)
    assert len(child) <= names.NAME_LENGTH
    assert re.match(LABEL, child)
    assert child == names.child_name(name)
    for made in (names.service_account_name(name), names.secret_volume_name(name)):
        assert len(made) <= names.LABEL_LENGTH
        assert re.match(LABEL, made)


@given(object_names, object_names)
def test_two_machines_never_share_a_child(one: str, other: str) -> None:
    assert (names.child_name(one) == names.child_name(other)) == (one == other)


def test_names_that_differ_in_a_dot_stay_apart() -> None:
    assert len({names.child_name(n) for n in ("a.b", "a-b", "a" * 60, "a" * 61)}) == 4
    assert names.child_name("press-1") == "gw-press-1"


WANTED: dict[str, Any] = {
    "metadata": {"labels": {"a": "1"}},
    "spec": {
        "replicas": 1,
        "containers": [{"name": "gateway", "image": "i", "resources": {"requests": {"cpu": "0.5"}}}],
        "egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.1/32"}}]}],
        "volumes": [{"name": "tmp", "emptyDir": {}}],
    },
}


def changed(change: Callable[[Any], Any]) -> dict[str, Any]:
    live = copy.deepcopy(WANTED)
    live["status"] = {"replicas": 1}
    live["spec"]["clusterIP"] = "10.0.0.9"
    live["spec"]["containers"][0]["terminationMessagePath"] = "/dev/termination-log"
    live["spec"]["containers"][0]["resources"]["requests"]["cpu"] = "500m"
    change(live)
    return live


@pytest.mark.parametrize(
    ("change", "path"),
    [
        pytest.param(lambda o: None, "", id="defaults, status and canonical quantities are no difference"),
        pytest.param(lambda o: o["metadata"]["labels"].update(b="2"), "", id="a label more"),
        pytest.param(lambda o: o["spec"]["containers"].append({"name": "sidecar"}), "", id="a container more"),
        pytest.param(lambda o: o["spec"]["containers"].insert(0, {"name": "sidecar"}), "", id="before ours"),
        pytest.param(lambda o: o["metadata"]["labels"].clear(), "metadata.labels.a", id="a label less"),
        pytest.param(lambda o: o["spec"].update(replicas=2), "spec.replicas", id="a number"),
        pytest.param(lambda o: o["spec"].update(replicas=True), "spec.replicas", id="a truth for a number"),
        pytest.param(
            lambda o: o["spec"]["containers"][0].update(image="j"),
            "spec.containers[gateway].image",
            id="in a keyed list",
        ),
        pytest.param(lambda o: o["spec"]["containers"].clear(), "spec.containers[gateway]", id="our container gone"),
        pytest.param(lambda o: o["spec"]["egress"].append({}), "spec.egress", id="a rule more"),
        pytest.param(
            lambda o: o["spec"]["egress"][0]["to"][0]["ipBlock"].update(cidr="0.0.0.0/0"),
            "spec.egress[0].to[0].ipBlock.cidr",
            id="a rule changed",
        ),
        pytest.param(
            lambda o: o["spec"]["containers"][0]["resources"]["requests"].update(cpu="501m"),
            "spec.containers[gateway].resources.requests.cpu",
            id="another quantity",
        ),
        pytest.param(lambda o: o["spec"].update(volumes="x"), "spec.volumes", id="another shape"),
    ],
)
def test_difference(change: Callable[[Any], Any], path: str) -> None:
    assert difference(WANTED, changed(change)) == path
