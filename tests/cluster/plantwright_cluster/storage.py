"""The cluster's volume provisioner: a folder per claim, made when the claim's pod is placed, wiped when it is released.

The volumes are of type `local` and not `hostPath`: only for `local` does the kubelet give the files to the pod's
fsGroup, and a pod that is not root can write. The folder is root's and not open to all, so that a pod whose author
forgot fsGroup fails here as it would on a real disk.

It runs as one of the cluster's programs and keeps no state: what it did is in the API server, what it has to do follows
from it, and a restart changes nothing.
"""

from __future__ import annotations

import argparse
import http.client
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from plantwright_cluster.api import Api, ApiError
from plantwright_cluster.certificates import Authority

__all__ = ["PROVISIONER", "STORAGE_CLASS", "is_released", "is_wanted", "volume"]

Object = dict[str, Any]
PROVISIONER = "plantwright.dev/local-volumes"
STORAGE_CLASS = "standard"
_PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
_SELECTED_NODE = "volume.kubernetes.io/selected-node"
_VOLUMES = "/api/v1/persistentvolumes"
_CLAIMS = "/api/v1/persistentvolumeclaims"
_RETRY_SECONDS = 0.3


def is_wanted(claim: Object) -> bool:
    """Say whether a claim waits for a volume of ours: the scheduler has chosen the node and nothing is bound yet."""
    spec, annotations = claim["spec"], claim["metadata"].get("annotations", {})
    return (
        spec.get("storageClassName") == STORAGE_CLASS and not spec.get("volumeName") and _SELECTED_NODE in annotations
    )


def is_released(volume: Object) -> bool:
    """Say whether a volume of ours has lost its claim and is to be wiped and removed."""
    ours: bool = volume["metadata"].get("annotations", {}).get(_PROVISIONED_BY) == PROVISIONER
    deletes: bool = volume["spec"].get("persistentVolumeReclaimPolicy") == "Delete"
    released: bool = volume.get("status", {}).get("phase") == "Released"
    return ours and deletes and released


def volume(claim: Object, folder: Path, node: str) -> Object:
    """Return the volume for a claim; it names the claim, so that nothing else can take it."""
    meta, spec = claim["metadata"], claim["spec"]
    name = f"pvc-{meta['uid']}"
    owner = {"apiVersion": "v1", "kind": "PersistentVolumeClaim"}
    on_node = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name, "annotations": {_PROVISIONED_BY: PROVISIONER}},
        "spec": {
            "capacity": {"storage": spec["resources"]["requests"]["storage"]},
            "accessModes": spec["accessModes"],
            "volumeMode": "Filesystem",
            "storageClassName": STORAGE_CLASS,
            "persistentVolumeReclaimPolicy": "Delete",
            "claimRef": {**owner, "namespace": meta["namespace"], "name": meta["name"], "uid": meta["uid"]},
            "local": {"path": str(folder / name)},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [on_node]}]}},
        },
    }


def _provision(api: Api, folder: Path, node: str, claim: Object) -> None:
    if not is_wanted(claim):
        return
    wanted = volume(claim, folder, node)
    Path(wanted["spec"]["local"]["path"]).mkdir(mode=0o755, exist_ok=True)
    try:
        api.request("POST", _VOLUMES, wanted)
    except ApiError as error:
        if error.status != http.client.CONFLICT:
            raise


def _reclaim(api: Api, folder: Path, found: Object) -> None:
    """Wipe a released volume; the folder follows from the volume's name and never from what somebody wrote into it."""
    if not is_released(found):
        return
    shutil.rmtree(folder / found["metadata"]["name"], ignore_errors=True)
    try:
        api.request("DELETE", f"{_VOLUMES}/{found['metadata']['name']}")
    except ApiError as error:
        if error.status != http.client.NOT_FOUND:
            raise


def _follow(connect: Callable[[], Api], path: str, handle: Callable[[Api, Object], None]) -> None:
    """Handle every object of a kind, then every change to one, until the server ends the watch."""
    with connect() as api:
        listed = api.request("GET", path)
        for item in listed["items"]:
            handle(api, item)
        for event in api.watch(path, listed["metadata"]["resourceVersion"]):
            if event["type"] in {"ADDED", "MODIFIED"}:
                handle(api, event["object"])


def _follow_for_ever(connect: Callable[[], Api], path: str, handle: Callable[[Api, Object], None]) -> None:
    while True:
        try:
            _follow(connect, path, handle)
        except (OSError, ValueError, http.client.HTTPException, ApiError) as error:
            print(f"{path}: {error}; beginning again", flush=True)
        time.sleep(_RETRY_SECONDS)


def main() -> None:
    """Run until ended."""
    parser = argparse.ArgumentParser(description="volume provisioner of a plantwright_cluster")
    parser.add_argument("--server", required=True)
    parser.add_argument("--certificates", type=Path, required=True)
    parser.add_argument("--user", required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--node", required=True)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)

    def connect() -> Api:
        return Api(options.server, Authority(options.certificates), options.user)

    def provision(api: Api, claim: Object) -> None:
        _provision(api, options.folder, options.node, claim)

    def reclaim(api: Api, found: Object) -> None:
        _reclaim(api, options.folder, found)

    threading.Thread(target=_follow_for_ever, args=(connect, _VOLUMES, reclaim), daemon=True).start()
    _follow_for_ever(connect, _CLAIMS, provision)


if __name__ == "__main__":
    main()
