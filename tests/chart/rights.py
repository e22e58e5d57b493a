"""Compares what an account may do with what it did, by the API server's audit log.

    python tests/chart/rights.py AUDIT.LOG system:serviceaccount:plantwright-system:plantwright-operator < RENDERED.YAML

prints what was refused and what was granted and not used; ends with 1 where there is either, EXCEPTIONS apart.
"""

import json
import sys
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

import yaml

Obj = dict[str, Any]


class Right(NamedTuple):
    """One verb on one resource, with its subresource (`machines/status`)."""

    group: str
    resource: str
    verb: str


class Verdict(NamedTuple):
    """What was asked for and refused, and what was granted and not used."""

    refused: tuple[Right, ...]
    unused: tuple[Right, ...]


EXCEPTIONS: Final[dict[Right, str]] = {
    Right(
        "plantwright.io", "plants/finalizers", "update"
    ): "asked for by OwnerReferencesPermissionEnforcement (OpenShift)",
    Right(
        "plantwright.io", "machines/finalizers", "update"
    ): "asked for by OwnerReferencesPermissionEnforcement (OpenShift)",
    Right("", "pods", "delete"): "only a pod that never got ready on an old revision is deleted",
    Right("", "pods", "patch"): "only where a running gateway is to take up another configuration",
}
"""Rights that a run may leave unused, and why they stay."""


def granted(objects: Iterable[Obj]) -> set[Right]:
    """Everything that the Roles and ClusterRoles among rendered objects grant."""
    return {
        Right(group, resource, verb)
        for each in objects
        if each["kind"] in ("Role", "ClusterRole")
        for rule in each["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def compare(rights: set[Right], log: Iterable[str], user: str) -> Verdict:
    """Judge an account by the lines of an audit log (level Metadata, all of its verbs)."""
    events = [event for event in map(json.loads, log) if event["user"]["username"] == user and "objectRef" in event]
    refused = {asked for event in events if _is_refusal(event) for asked in _asked(event)}
    used = {asked for event in events if not _is_refusal(event) for asked in _asked(event)}
    unused = rights - used - EXCEPTIONS.keys()
    return Verdict(tuple(sorted(refused)), tuple(sorted(unused)))


def _asked(event: Obj) -> Iterator[Right]:
    """A server-side apply that makes its object needs the right to create it too, which the log does not name."""
    target = event["objectRef"]
    resource = "/".join(filter(None, (target["resource"], target.get("subresource"))))
    yield Right(target.get("apiGroup", ""), resource, event["verb"])
    if event["verb"] == "patch" and _code(event) == 201:
        yield Right(target.get("apiGroup", ""), resource, "create")


def _is_refusal(event: Obj) -> bool:
    """What comes too late for a namespace that is going is forbidden too, and no matter of rights."""
    message = event.get("responseStatus", {}).get("message", "")
    return _code(event) == 403 and "because it is being terminated" not in message


def _code(event: Obj) -> int:
    return int(event.get("responseStatus", {}).get("code", 0))


def main(path: str, user: str) -> int:
    """Compare a log with the objects on stdin, and say what was found."""
    objects = [each for each in yaml.safe_load_all(sys.stdin) if each]
    with open(path, encoding="utf-8") as log:
        verdict = compare(granted(objects), log, user)
    for word, rights in verdict._asdict().items():
        for group, resource, verb in rights:
            print(f"{word}: {verb} {resource}{f'.{group}' if group else ''}")
    return 1 if any(verdict) else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
