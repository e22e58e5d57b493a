"""The comparison of an audit log with granted rights finds what was refused and what nobody used."""

import json
from typing import Any

from rights import EXCEPTIONS, Right, Verdict, compare, granted

WHO = "system:serviceaccount:s:operator"
PODS, MAPS = Right("", "pods", "list"), Right("", "configmaps", "patch")


def event(verb: str, resource: str, code: int = 200, user: str = WHO, **target: str) -> str:
    reference = {"resource": resource, "apiGroup": target.pop("group", ""), **target}
    return json.dumps(
        {"user": {"username": user}, "verb": verb, "objectRef": reference, "responseStatus": {"code": code}}
    )


def role(**rule: list[str]) -> dict[str, Any]:
    return {"kind": "Role", "rules": [{"apiGroups": [""], **rule}]}


def test_rules_are_taken_apart() -> None:
    found = granted([role(resources=["pods", "pods/log"], verbs=["get", "list"]), {"kind": "Service"}])
    assert found == {Right("", name, verb) for name in ("pods", "pods/log") for verb in ("get", "list")}


def test_what_was_used_is_no_matter() -> None:
    assert compare({PODS, MAPS}, [event("list", "pods"), event("patch", "configmaps")], WHO) == Verdict((), ())


def test_what_nobody_used_is_told() -> None:
    assert compare({PODS, MAPS}, [event("list", "pods")], WHO).unused == (MAPS,)


def test_what_was_refused_is_told_and_counts_as_unused() -> None:
    verdict = compare({PODS}, [event("list", "pods", 403), event("get", "secrets", 403)], WHO)
    assert verdict == Verdict((PODS, Right("", "secrets", "get")), (PODS,))


def test_what_came_too_late_for_a_namespace_is_no_refusal() -> None:
    late = json.loads(event("patch", "configmaps", 403))
    late["responseStatus"]["message"] = "unable to create new content in namespace a because it is being terminated"
    assert compare({MAPS}, [json.dumps(late)], WHO) == Verdict((), ())


def test_what_others_did_does_not_count() -> None:
    assert compare({PODS}, [event("list", "pods", user="admin")], WHO).unused == (PODS,)


def test_a_subresource_is_not_its_resource() -> None:
    status = Right("g", "machines/status", "patch")
    assert compare({status}, [event("patch", "machines", group="g")], WHO).unused == (status,)
    assert compare({status}, [event("patch", "machines", group="g", subresource="status")], WHO).unused == ()


def test_an_apply_that_makes_its_object_creates_it() -> None:
    create = MAPS._replace(verb="create")
    assert compare({create}, [event("patch", "configmaps", 200)], WHO).unused == (create,)
    assert compare({create}, [event("patch", "configmaps", 201)], WHO).unused == ()


def test_requests_without_an_object_are_passed_over() -> None:
    line = json.dumps({"user": {"username": WHO}, "verb": "get", "requestURI": "/version"})
    assert compare(set(), [line], WHO) == Verdict((), ())


def test_exceptions_need_no_use() -> None:
    assert compare(set(EXCEPTIONS), [], WHO).unused == ()
    assert all(EXCEPTIONS.values())
