"""A fleet: many simulated machines in one pod, and the objects that bring them onto the plant."""

import json
from typing import Any, NamedTuple

import yaml

from plantwright_demo.stage import EXAMPLES, FLOOR, PLANT_NAMESPACE

Object = dict[str, Any]
FIRST_PORT = 15001
SIGNALS = 20


class Fleet(NamedTuple):
    """Machines `<prefix>-001` and on, all of one profile."""

    prefix: str
    size: int
    profile: str = "load-lathe"


def names_of(fleet: Fleet) -> list[str]:
    """Names of the machines, in their order."""
    return [f"{fleet.prefix}-{number:03d}" for number in range(1, fleet.size + 1)]


def machine_objects(fleet: Fleet) -> list[Object]:
    """The Machines, each of what a person would write."""
    return [
        {
            "apiVersion": "plantwright.io/v1alpha1",
            "kind": "Machine",
            "metadata": {"name": name, "namespace": PLANT_NAMESPACE},
            "spec": {
                "plantRef": {"name": "stuttgart"},
                "profileRef": {"name": fleet.profile},
                "location": {"area": "machining", "line": "line-1"},
                "endpoint": {"url": f"modbus+tcp://fleet.{FLOOR[0]}.svc:{FIRST_PORT + number}"},
            },
        }
        for number, name in enumerate(names_of(fleet))
    ]


def profile_object(name: str, version: str, lifecycle: str) -> Object:
    """The example lathe's profile with its first twenty signals, read once a second."""
    found: Object = yaml.safe_load((EXAMPLES / "03-profiles" / "lathe.yaml").read_text(encoding="utf-8"))
    spec = {**found["spec"], "name": name, "version": version, "lifecycle": lifecycle}
    spec["signals"] = spec["signals"][:SIGNALS]
    return {**found, "metadata": {"name": f"{name}-{version}", "namespace": PLANT_NAMESPACE}, "spec": spec}


def fleet_objects(fleet: Fleet) -> list[Object]:
    """The simulators: the shop floor's own program, another configuration, a Service that leads to all its ports."""
    config = {
        "httpPort": 8080,
        "ledgerDir": "/ledger",
        "pace": 10,
        "fleets": [{"prefix": fleet.prefix, "count": fleet.size, "layout": "lathe", "firstPort": FIRST_PORT}],
    }
    labels = {"app.kubernetes.io/name": "fleet"}
    meta = {"name": "fleet", "namespace": FLOOR[0]}
    return [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"shopfloor.yaml": json.dumps(config)}},
        _deployment(meta, labels, fleet.prefix),
        # Without an address of its own the Service's name leads to the pod, whatever the port.
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": meta,
            "spec": {"clusterIP": "None", "selector": labels, "ports": [{"name": "http", "port": 8080}]},
        },
    ]


def _deployment(meta: Object, labels: Object, prefix: str) -> Object:
    found = next(
        document
        for document in yaml.safe_load_all((EXAMPLES / "05-shopfloor" / "2-shopfloor.yaml").read_text(encoding="utf-8"))
        if document["kind"] == "Deployment"
    )
    pod = found["spec"]["template"]["spec"]
    container = pod["containers"][0]
    container["ports"] = [port for port in container["ports"] if port["name"] == "http"]
    container["volumeMounts"] = [mount for mount in container["volumeMounts"] if mount["name"] in ("config", "ledger")]
    pod["volumes"] = [volume for volume in pod["volumes"] if volume["name"] in ("config", "ledger")]
    pod["volumes"][0]["configMap"]["name"] = "fleet"
    # A new fleet is a new pod with an empty ledger.
    template = {"metadata": {"labels": labels, "annotations": {"fleet": prefix}}, "spec": pod}
    spec = {**found["spec"], "selector": {"matchLabels": labels}, "template": template}
    return {**found, "metadata": meta, "spec": spec}
