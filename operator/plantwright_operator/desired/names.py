"""Names and labels of children: deterministic, within Kubernetes' limits, never copied from what a user labelled."""

import hashlib
import re

from plantwright_api.v1alpha1 import Machine, Plant
from plantwright_operator.model import FIELD_MANAGER, MACHINE_ANNOTATION, MANAGED_BY_LABEL, PLANT_ANNOTATION

NAME_LENGTH = 52
"""A StatefulSet's name plus the eleven characters of a revision must fit into a label of 63."""
LABEL_LENGTH = 63
_HASH_LENGTH = 8
_LABEL_VALUE = re.compile(r"^[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$")


def child_name(machine: str) -> str:
    """Name of a machine's children. Dots would break the pod's host name, so they go and a hash keeps names apart."""
    return _fit(f"gw-{machine}", NAME_LENGTH)


def service_account_name(plant: str) -> str:
    """Name of the one service account of a plant's gateways."""
    return _fit(f"gateway-{plant}", LABEL_LENGTH)


def secret_volume_name(secret: str) -> str:
    """Name of the volume that mounts a Secret."""
    return _fit(f"secret-{secret}", LABEL_LENGTH)


def label_value(text: str) -> str:
    """A valid label value: the text itself where it is one, else cut and hashed."""
    return text if _LABEL_VALUE.match(text) else _fit(text, LABEL_LENGTH)


def selector(machine: Machine) -> dict[str, str]:
    """Labels that select a machine's pod; a StatefulSet's selector never changes, so there are few of them."""
    return {
        "app.kubernetes.io/name": "plantwright-gateway",
        "plantwright.io/machine": label_value(machine.metadata.name),
    }


def pod_labels(machine: Machine) -> dict[str, str]:
    """Labels of a machine's pod. Area and line are left out: moving a machine must not restart its gateway."""
    return {
        **selector(machine),
        **_common(child_name(machine.metadata.name)),
        "plantwright.io/plant": label_value(machine.spec.plant_ref.name),
    }


def labels(machine: Machine) -> dict[str, str]:
    """Labels of a machine's other children."""
    location = {"plantwright.io/area": machine.spec.location.area, "plantwright.io/line": machine.spec.location.line}
    valid = {key: value for key, value in location.items() if _LABEL_VALUE.match(value)}
    return {**pod_labels(machine), **valid}


def plant_labels(plant: Plant) -> dict[str, str]:
    """Labels of a plant's children."""
    return {
        "app.kubernetes.io/name": "plantwright-gateway",
        **_common(service_account_name(plant.metadata.name)),
        "plantwright.io/plant": label_value(plant.metadata.name),
    }


def annotations(machine: Machine) -> dict[str, str]:
    """Annotations that lead from a child back to its machine; unlike labels they hold the full name."""
    return {MACHINE_ANNOTATION: machine.metadata.name, PLANT_ANNOTATION: machine.spec.plant_ref.name}


def _common(instance: str) -> dict[str, str]:
    return {
        "app.kubernetes.io/instance": instance,
        "app.kubernetes.io/component": "gateway",
        "app.kubernetes.io/part-of": "plantwright",
        MANAGED_BY_LABEL: FIELD_MANAGER,
    }


def _fit(text: str, length: int) -> str:
    """A DNS label of at most `length`; what had to be changed ends in a hash of the whole."""
    plain = re.sub(r"[^a-z0-9-]+", "-", text.lower())
    if plain == text and len(text) <= length and not text.endswith("-"):
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:_HASH_LENGTH]
    head = plain[: length - _HASH_LENGTH - 1].strip("-")
    return f"{head}-{digest}" if head else f"x-{digest}"
