"""The evaluator of NetworkPolicies keeps to the API's documentation, case by case."""

from typing import Any

import pytest
from evaluator import Cluster, Outside, Pod

Obj = dict[str, Any]
WEB = Pod("a", {"app": "web", "tier": "front"}, "10.1.0.1", {"http": ("TCP", 8080)})
DB = Pod("a", {"app": "db"}, "10.1.0.2")
OTHER = Pod("b", {"app": "web"}, "10.1.0.3")
FAR = Outside("192.0.2.7")
SIX = Outside("2001:db8::7")
NAMESPACES = {"a": {"team": "one", "name": "a"}, "b": {"team": "two", "name": "b"}}


def policy(namespace: str = "a", **spec: Any) -> Obj:
    return {"metadata": {"name": "p", "namespace": namespace}, "spec": {"podSelector": {}, **spec}}


def to(*peers: Obj, **rule: Any) -> Obj:
    return policy(policyTypes=["Egress"], egress=[{"to": list(peers), **rule}])


def coming(*peers: Obj, **rule: Any) -> Obj:
    return policy(policyTypes=["Ingress"], ingress=[{"from": list(peers), **rule}])


def pods(**labels: str) -> Obj:
    return {"podSelector": {"matchLabels": labels}}


def label(operator: str, key: str, *values: str) -> Obj:
    return {"podSelector": {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}}


def block(cidr: str, *excepted: str) -> Obj:
    return {"ipBlock": {"cidr": cidr, "except": list(excepted)}}


ANY_NAMESPACE: Obj = {"namespaceSelector": {}}
ONE: Obj = {"namespaceSelector": {"matchLabels": {"team": "one"}}}
CASES: dict[str, tuple[list[Obj], Any, Any, int, bool]] = {
    "no policy": ([], WEB, DB, 5432, True),
    "a policy of another namespace": ([policy("b", policyTypes=["Egress"])], WEB, FAR, 443, True),
    "a policy that selects others": ([policy(podSelector={"matchLabels": {"app": "db"}})], OTHER, WEB, 80, True),
    "policy types absent: ingress": ([policy()], OTHER, WEB, 80, False),
    "policy types absent: no egress rules, no isolation": ([policy()], WEB, FAR, 80, True),
    "policy types absent: egress rules isolate": ([policy(egress=[{"ports": [{"port": 1}]}])], WEB, FAR, 80, False),
    "isolated without rules": ([policy(policyTypes=["Egress"])], WEB, FAR, 443, False),
    "egress says nothing of ingress": ([policy(policyTypes=["Egress"])], OTHER, WEB, 80, True),
    "itself": ([policy(policyTypes=["Ingress", "Egress"])], WEB, WEB, 80, True),
    "an empty rule": ([policy(policyTypes=["Egress"], egress=[{}])], WEB, FAR, 443, True),
    "a rule with an empty list of peers": ([to()], WEB, FAR, 443, True),
    "policies add up": ([policy(policyTypes=["Egress"]), to(block("192.0.2.0/24"))], WEB, FAR, 443, True),
    "both ends must agree": ([to(pods(app="db")), policy(policyTypes=["Ingress"])], WEB, DB, 5432, False),
    "a block": ([to(block("192.0.2.7/32"))], WEB, FAR, 443, True),
    "outside of a block": ([to(block("192.0.2.8/32"))], WEB, FAR, 443, False),
    "an exception": ([to(block("192.0.2.0/24", "192.0.2.0/29"))], WEB, FAR, 443, False),
    "beside an exception": ([to(block("192.0.2.0/24", "192.0.2.8/29"))], WEB, FAR, 443, True),
    "IPv6": ([to(block("2001:db8::/32"))], WEB, SIX, 443, True),
    "all of IPv4 is no IPv6": ([to(block("0.0.0.0/0"))], WEB, SIX, 443, False),
    "a block may match a pod": ([to(block("10.1.0.0/16"))], WEB, DB, 5432, True),
    "a selector matches nothing outside": ([to(ANY_NAMESPACE)], WEB, FAR, 443, False),
    "pods of the own namespace": ([to(pods(app="db"))], WEB, DB, 5432, True),
    "a pod selector alone ends at the namespace": ([to(pods(app="web"))], DB, OTHER, 80, False),
    "any namespace": ([to(ANY_NAMESPACE)], WEB, OTHER, 80, True),
    "a namespace by its labels": ([coming(ONE)], OTHER, WEB, 80, False),
    "both selectors must match": ([coming({**ONE, **pods(app="db")})], OTHER, WEB, 80, False),
    "both selectors match": ([coming({**ONE, **pods(app="db")})], DB, WEB, 80, True),
    "two peers are alternatives": ([coming(ONE, {"namespaceSelector": {}, **pods(app="web")})], OTHER, WEB, 80, True),
    "In": ([to(label("In", "app", "db", "x"))], WEB, DB, 1, True),
    "In, label missing": ([to(label("In", "tier", "front"))], WEB, DB, 1, False),
    "NotIn": ([to(label("NotIn", "app", "db"))], WEB, DB, 1, False),
    "NotIn, label missing": ([to(label("NotIn", "tier", "front"))], WEB, DB, 1, True),
    "Exists": ([to(label("Exists", "tier"))], WEB, DB, 1, False),
    "DoesNotExist": ([to(label("DoesNotExist", "tier"))], WEB, DB, 1, True),
    "a port": ([to(block("192.0.2.7/32"), ports=[{"port": 443}])], WEB, FAR, 443, True),
    "another port": ([to(block("192.0.2.7/32"), ports=[{"port": 443}])], WEB, FAR, 80, False),
    "another protocol": ([to(block("192.0.2.7/32"), ports=[{"port": 53, "protocol": "UDP"}])], WEB, FAR, 53, False),
    "within a range": ([to(ports=[{"port": 4000, "endPort": 4100}])], WEB, FAR, 4100, True),
    "beyond a range": ([to(ports=[{"port": 4000, "endPort": 4100}])], WEB, FAR, 4101, False),
    "a protocol without port": ([to(ports=[{"protocol": "TCP"}])], WEB, FAR, 9, True),
    "a named port": ([coming(ports=[{"port": "http"}])], OTHER, WEB, 8080, True),
    "a named port is a number": ([coming(ports=[{"port": "http"}])], OTHER, WEB, 8081, False),
    "a named port that the pod lacks": ([coming(ports=[{"port": "sql"}])], OTHER, WEB, 8080, False),
    "the right peer at another rule's port": (
        [
            policy(
                policyTypes=["Egress"],
                egress=[
                    {"to": [block("192.0.2.7/32")], "ports": [{"port": 443}]},
                    {"to": [block("192.0.2.8/32")], "ports": [{"port": 80}]},
                ],
            )
        ],
        WEB,
        FAR,
        80,
        False,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_evaluator_keeps_to_the_documentation(case: str) -> None:
    policies, source, destination, port, passes = CASES[case]
    assert Cluster(policies, NAMESPACES).passes(source, destination, port) is passes
