"""Says whether a packet passes a set of NetworkPolicies, by what the Kubernetes API documents of them.

Written from the API's documentation (`kubectl explain networkpolicy.spec`) and nothing of Plantwright, so that it can judge what
Plantwright renders where no engine enforces it. The rules, in the API's own words shortened:

* A pod is isolated in a direction once a policy of its namespace selects it and has that direction among its policyTypes; absent,
  these are Ingress, and Egress where there are egress rules. What isolates it allows only what any such policy's rules allow.
* A connection needs both ends: the source's egress and the destination's ingress. Answers to it always pass.
* A rule without peers means all peers, one without ports all ports; peers and ports must both match.
* A peer of selectors is a pod: of the policy's own namespace where no namespaceSelector is given. An empty selector matches
  everything, a missing one is not asked.
* An ipBlock matches an address within `cidr` and outside each `except`. It is meant for what is outside of the cluster; whether it
  also matches pods is left to the engine, so that this evaluator lets it match them: it never says "refused" of what one may let pass.
* What a pod sends to itself, and what its own node sends it, always passes; the latter is not modelled.
"""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Obj = Mapping[str, Any]
Labels = Mapping[str, str]


@dataclass(frozen=True)
class Pod:
    """A pod: where it is, and its named ports as name -> (protocol, number)."""

    namespace: str
    labels: Labels
    address: str
    ports: Mapping[str, tuple[str, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Outside:
    """An address outside of the cluster: a machine, an MES, the API server, the internet."""

    address: str


End = Pod | Outside


@dataclass(frozen=True)
class Cluster:
    """Policies as JSON objects, and the labels of namespaces by name."""

    policies: Sequence[Obj]
    namespaces: Mapping[str, Labels]

    def passes(self, source: End, destination: End, port: int, protocol: str = "TCP") -> bool:
        """Whether `source` may open a connection to this port of `destination`."""
        if source == destination:
            return True
        return self._allows("Egress", source, destination, (protocol, port), destination) and self._allows(
            "Ingress", destination, source, (protocol, port), destination
        )

    def _allows(self, direction: str, pod: End, peer: End, port: tuple[str, int], destination: End) -> bool:
        """Whether `pod`'s policies of one direction let it talk with `peer`."""
        isolating = [policy for policy in self.policies if _isolates(policy, direction, pod)]
        return not isolating or any(
            self._matches(policy, rule, direction, peer, port, destination)
            for policy in isolating
            for rule in policy["spec"].get(direction.lower()) or ()
        )

    def _matches(
        self, policy: Obj, rule: Obj, direction: str, peer: End, port: tuple[str, int], destination: End
    ) -> bool:
        peers = rule.get("to" if direction == "Egress" else "from") or ()
        ports = rule.get("ports") or ()
        home = policy["metadata"]["namespace"]
        return (not peers or any(self._is(each, peer, home) for each in peers)) and (
            not ports or any(_covers(each, port, destination) for each in ports)
        )

    def _is(self, peer: Obj, end: End, home: str) -> bool:
        """Whether `end` is what a peer of a policy in namespace `home` describes."""
        if "ipBlock" in peer:
            return _within(end.address, peer["ipBlock"])
        if not isinstance(end, Pod):
            return False
        wanted = peer.get("namespaceSelector")
        here = end.namespace == home if wanted is None else selects(wanted, self.namespaces[end.namespace])
        return here and selects(peer.get("podSelector") or {}, end.labels)


def selects(selector: Obj, labels: Labels) -> bool:
    """Whether a LabelSelector matches; all of its parts must."""
    exact = all(labels.get(key) == value for key, value in (selector.get("matchLabels") or {}).items())
    return exact and all(_expression(each, labels) for each in selector.get("matchExpressions") or ())


def _expression(expression: Obj, labels: Labels) -> bool:
    key, values = expression["key"], expression.get("values") or ()
    return {
        "In": key in labels and labels[key] in values,
        "NotIn": key not in labels or labels[key] not in values,
        "Exists": key in labels,
        "DoesNotExist": key not in labels,
    }[expression["operator"]]


def _isolates(policy: Obj, direction: str, pod: End) -> bool:
    if not isinstance(pod, Pod) or policy["metadata"]["namespace"] != pod.namespace:
        return False
    spec = policy["spec"]
    types = spec.get("policyTypes") or ["Ingress", *(["Egress"] if spec.get("egress") else [])]
    return direction in types and selects(spec.get("podSelector") or {}, pod.labels)


def _covers(entry: Obj, port: tuple[str, int], destination: End) -> bool:
    """Whether an entry of `ports` covers a protocol and number; a name means the destination pod's port of that name."""
    protocol, number = port
    wanted = entry.get("port")
    if isinstance(wanted, str):
        named = destination.ports.get(wanted) if isinstance(destination, Pod) else None
        return named == port and entry.get("protocol", "TCP") == protocol
    if entry.get("protocol", "TCP") != protocol:
        return False
    return wanted is None or wanted <= number <= entry.get("endPort", wanted)


def _within(address: str, block: Obj) -> bool:
    """Whether an address lies in a block and in none of its exceptions; families never mix."""
    found = ipaddress.ip_address(address)
    excluded = any(found in ipaddress.ip_network(each) for each in block.get("except") or ())
    return found in ipaddress.ip_network(block["cidr"]) and not excluded
