"""All children of a machine, and the service account of a plant."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from plantwright_api.v1alpha1 import Machine, Plant
from plantwright_api.wire import config as wire
from plantwright_operator import quantities
from plantwright_operator.desired import config, names, network
from plantwright_operator.desired.render import render
from plantwright_operator.model import (
    CONFIG_ANNOTATION,
    ENDPOINT_ANNOTATION,
    GATEWAY_UID_ANNOTATION,
    HASH_ANNOTATION,
    IMAGE_ANNOTATION,
    ON_DELETE_ANNOTATION,
    PLANT_ANNOTATION,
    TEMPLATE_ANNOTATION,
    Desired,
    Facts,
    Obj,
    Resolved,
)


def build(resolved: Resolved, facts: Facts) -> Desired:
    """The machine's children, ready to apply.

    Raises:
        BadTemplateError: a template is at fault.
    """
    content = wire.encode(config.build(resolved, facts)).decode()
    config_hash = wire.decode(content.encode()).hash
    stateful_set = _stateful_set(resolved, facts)
    template_hash = digest(stateful_set["spec"]["template"])
    stateful_set["metadata"]["annotations"][TEMPLATE_ANNOTATION] = template_hash
    objects = {
        "ConfigMap": _config_map(resolved, content, config_hash),
        "PersistentVolumeClaim": _claim(resolved, facts) if _on_claim(resolved, facts) else None,
        "NetworkPolicy": _network_policy(resolved, facts),
        "StatefulSet": stateful_set,
    }
    return Desired(
        objects={kind: sealed(child) for kind, child in objects.items() if child is not None},
        config_hash=config_hash,
        template_hash=template_hash,
        revision=digest([config_hash, template_hash])[:12],
    )


def service_account(plant: Plant, pull_secrets: Sequence[str] = ()) -> Obj:
    """The account all gateways of a plant run under: no token, no rights, the Secrets their image is pulled with."""
    meta = {
        "name": names.service_account_name(plant.metadata.name),
        "namespace": plant.metadata.namespace,
        "labels": names.plant_labels(plant),
        "annotations": {PLANT_ANNOTATION: plant.metadata.name},
        "owner": {"kind": "Plant", "name": plant.metadata.name, "uid": plant.metadata.uid},
    }
    return sealed(render("serviceaccount", {"meta": meta, "pull_secrets": list(pull_secrets)}))


def digest(value: Any) -> str:
    """A short hash of a JSON value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def sealed(child: Obj) -> Obj:
    """The object with a hash of itself, so that a field which is wanted no longer is noticed."""
    child["metadata"].setdefault("annotations", {})[HASH_ANNOTATION] = digest(child)
    return child


def _on_claim(resolved: Resolved, facts: Facts) -> bool:
    """A medium once in use stays: the buffer may hold data."""
    return (facts.medium or resolved.buffer.medium) == "PersistentVolumeClaim"


def _meta(machine: Machine, annotations: dict[str, str], owned: bool = True) -> dict[str, Any]:
    owner = {"kind": "Machine", "name": machine.metadata.name, "uid": machine.metadata.uid}
    return {
        "name": names.child_name(machine.metadata.name),
        "namespace": machine.metadata.namespace,
        "labels": names.labels(machine),
        "annotations": {**names.annotations(machine), **annotations},
        "owner": owner if owned else None,
    }


def _config_map(resolved: Resolved, content: str, config_hash: str) -> Obj:
    annotations = {CONFIG_ANNOTATION: config_hash, ENDPOINT_ANNOTATION: resolved.endpoint.device}
    meta = _meta(resolved.machine, annotations)
    return render("configmap", {"meta": meta, "file": wire.CONFIG_FILE, "content": content})


def _network_policy(resolved: Resolved, facts: Facts) -> Obj:
    return render(
        "networkpolicy",
        {
            "meta": _meta(resolved.machine, {}),
            "selector": names.selector(resolved.machine),
            "http_port": wire.HTTP_PORT,
            **network.values(resolved, facts.operator_namespace),
        },
    )


def _claim(resolved: Resolved, facts: Facts) -> Obj:
    """The claim has no owner: it outlives its machine until the backlog is delivered."""
    annotations = {
        GATEWAY_UID_ANNOTATION: facts.gateway_uid,
        ON_DELETE_ANNOTATION: resolved.machine.spec.buffer_on_delete,
    }
    return render(
        "persistentvolumeclaim",
        {
            "meta": _meta(resolved.machine, annotations, owned=False),
            "size": quantities.larger(resolved.buffer.size, facts.claim_size),
            "storage_class": _storage_class(resolved, facts),
        },
    )


def _storage_class(resolved: Resolved, facts: Facts) -> str | None:
    """The class that is asked for. One in use stays, since it cannot be changed; one that was a default is not ours."""
    asked = resolved.buffer.storage_class_name
    return facts.claim_class if asked and facts.claim_size else asked


def _stateful_set(resolved: Resolved, facts: Facts) -> Obj:
    machine, pod = resolved.machine, pod_inputs(resolved, facts)
    own = {
        "meta": _meta(machine, {IMAGE_ANNOTATION: pod["image"]}),
        "replicas": facts.replicas,
        "selector": names.selector(machine),
    }
    return render("statefulset", own | pod)


def pod_inputs(resolved: Resolved, facts: Facts) -> dict[str, Any]:
    """All that the pod's template is made of: two machines' pods differ only where these do."""
    machine, gateway = resolved.machine, resolved.plant.spec.gateway
    mounted = [
        {"name": name, "volume": names.secret_volume_name(name), "path": f"{wire.SECRETS_DIR}/{name}"}
        for name in config.secrets(resolved)
    ]
    return {
        "pod_labels": names.pod_labels(machine),
        "pod_annotations": names.annotations(machine),
        "service_account": names.service_account_name(resolved.plant.metadata.name),
        "image": gateway.image or facts.running_image or facts.default_image,
        "pull_policy": facts.pull_policy,
        "http_port": wire.HTTP_PORT,
        "resources": gateway.resources.model_dump(),
        "config_dir": wire.CONFIG_DIR,
        "buffer_dir": wire.BUFFER_DIR,
        "claim": names.child_name(machine.metadata.name) if _on_claim(resolved, facts) else None,
        "buffer_size": resolved.buffer.size,
        "secrets": mounted,
    }
