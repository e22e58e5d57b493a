"""When the provisioner makes a volume, what it looks like, and when it is wiped."""

from pathlib import Path
from typing import Any

import pytest

from plantwright_cluster.storage import PROVISIONER, STORAGE_CLASS, is_released, is_wanted, volume

NODE = {"volume.kubernetes.io/selected-node": "n"}


def _claim(spec: dict[str, Any], annotations: dict[str, str]) -> dict[str, Any]:
    requested = {"resources": {"requests": {"storage": "1Gi"}}, "accessModes": ["ReadWriteOnce"]}
    return {
        "metadata": {"name": "c", "namespace": "ns", "uid": "u1", "annotations": annotations},
        "spec": {"storageClassName": STORAGE_CLASS, **requested, **spec},
    }


@pytest.mark.parametrize(
    ("spec", "annotations", "wanted"),
    [
        pytest.param({}, NODE, True, id="its pod is placed"),
        pytest.param({}, {}, False, id="no pod yet"),
        pytest.param({"volumeName": "v"}, NODE, False, id="bound"),
        pytest.param({"storageClassName": "other"}, NODE, False, id="another class"),
    ],
)
def test_a_claim_gets_a_volume_once_its_pod_is_placed(
    spec: dict[str, Any], annotations: dict[str, str], wanted: bool
) -> None:
    assert is_wanted(_claim(spec, annotations)) is wanted


def test_a_volume_can_be_taken_by_its_claim_only() -> None:
    made = volume(_claim({}, NODE), Path("/volumes"), "n")
    assert made["spec"]["claimRef"]["uid"] == "u1"
    assert made["spec"]["local"]["path"] == "/volumes/pvc-u1"


@pytest.mark.parametrize(
    ("phase", "owner", "policy", "released"),
    [
        pytest.param("Released", PROVISIONER, "Delete", True, id="released"),
        pytest.param("Bound", PROVISIONER, "Delete", False, id="in use"),
        pytest.param("Released", "other", "Delete", False, id="not ours"),
        pytest.param("Released", PROVISIONER, "Retain", False, id="to be kept"),
    ],
)
def test_only_released_volumes_of_ours_are_wiped(phase: str, owner: str, policy: str, released: bool) -> None:
    found = {
        "metadata": {"annotations": {"pv.kubernetes.io/provisioned-by": owner}},
        "spec": {"persistentVolumeReclaimPolicy": policy},
        "status": {"phase": phase},
    }
    assert is_released(found) is released
